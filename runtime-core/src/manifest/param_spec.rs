//! A node type's params as people read them.

use serde::Serialize;
use serde_json::Value;

use crate::node::NodeFactory;

/// One param of a node type, taken from its JSON schema.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParamSpec {
    /// Name, in snake_case.
    pub name: String,
    /// What it can be, such as `a whole number from 1 to 99`.
    pub expected: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it is if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it does, as its author documents it.
    pub doc: String,
}

impl ParamSpec {
    /// Returns the params of a node type, by name; none if its schema has no named ones.
    pub fn all_of(factory: &dyn NodeFactory) -> Vec<Self> {
        let schema = factory.param_schema();
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        let properties = schema["properties"].as_object().into_iter().flatten();
        properties
            .map(|(name, property)| Self {
                name: name.clone(),
                expected: describe(property, &schema),
                required: required.iter().any(|required| *required == name),
                default: property
                    .get("default")
                    .filter(|default| !default.is_null())
                    .map(|given| tidy(given, property)),
                doc: property["description"].as_str().unwrap_or_default().to_owned(),
            })
            .collect()
    }
}

/// Returns what a value must be to fit `schema`, in words.
///
/// * `root`: the whole schema, for its `$ref`s.
pub(super) fn describe(schema: &Value, root: &Value) -> String {
    describe_nested(schema, root, MAX_DEPTH)
}

fn describe_nested(schema: &Value, root: &Value, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else { return ANY.to_owned() };
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or_else(|| ANY.to_owned(), |target| describe_nested(target, root, depth));
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter(|value| !value.is_null());
        return alternatives(values.map(Value::to_string).collect());
    }
    if let Some(branches) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let branches = branches.iter().filter(|branch| branch["type"] != "null");
        return alternatives(branches.map(|branch| describe_nested(branch, root, depth)).collect());
    }
    match &schema["type"] {
        Value::String(name) => describe_type(name, schema, root, depth),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            alternatives(names.map(|name| describe_type(name, schema, root, depth)).collect())
        }
        _ => ANY.to_owned(),
    }
}

fn describe_type(name: &str, schema: &Value, root: &Value, depth: usize) -> String {
    match name {
        "integer" => format!("a whole number{}", describe_range(schema)),
        "number" => format!("a number{}", describe_range(schema)),
        "boolean" => "true or false".to_owned(),
        "string" => match schema["pattern"].as_str() {
            Some(pattern) => format!("text that fits /{pattern}/"),
            None => format!("text{}", describe_count(schema, "minLength", "maxLength", "characters")),
        },
        "array" => {
            let count = describe_count(schema, "minItems", "maxItems", "items");
            match schema.get("items").map(|items| describe_nested(items, root, depth)) {
                Some(item) if item != ANY => format!("a list{count}, each {item}"),
                _ => format!("a list{count}"),
            }
        }
        "object" => match schema["properties"].as_object() {
            Some(properties) => {
                let names: Vec<_> = properties.keys().map(String::as_str).collect();
                format!("an object of {}", names.join(", "))
            }
            None => "an object".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn describe_range(schema: &Value) -> String {
    let bound = |name| schema.get(name).filter(|bound| bound.is_number()).map(|bound| tidy(bound, schema));
    let whole = || integer_bounds(schema).map(|(least, most)| (Value::from(least), Value::from(most)));
    let least = bound("minimum").or_else(|| whole().map(|(least, _)| least));
    let most = bound("maximum").or_else(|| whole().map(|(_, most)| most));
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    match (least, above, most, below) {
        (_, Some(above), _, Some(below)) => format!(" above {above} and below {below}"),
        (_, Some(above), Some(most), _) => format!(" above {above} and at most {most}"),
        (_, Some(above), None, None) => format!(" above {above}"),
        (Some(least), _, _, Some(below)) => format!(" from {least} to below {below}"),
        (Some(least), _, Some(most), _) => format!(" from {least} to {most}"),
        (Some(least), _, None, None) => format!(" of {least} or more"),
        (None, _, _, Some(below)) => format!(" below {below}"),
        (None, _, Some(most), _) => format!(" of at most {most}"),
        (None, None, None, None) => String::new(),
    }
}

fn describe_count(schema: &Value, least: &str, most: &str, noun: &str) -> String {
    match (schema[least].as_u64().filter(|least| *least > 0), schema[most].as_u64()) {
        (Some(least), Some(most)) if least == most => format!(" of {least} {noun}"),
        (Some(least), Some(most)) => format!(" of {least} to {most} {noun}"),
        (Some(least), None) => format!(" of {least} or more {noun}"),
        (None, Some(most)) => format!(" of at most {most} {noun}"),
        (None, None) => String::new(),
    }
}

/// Returns the bounds of the integer type that a schema's `format` names, if it is below 64 bits.
pub(super) fn integer_bounds(schema: &Value) -> Option<(i64, i64)> {
    match schema["format"].as_str()? {
        "uint8" => Some((0, u8::MAX.into())),
        "int8" => Some((i8::MIN.into(), i8::MAX.into())),
        "uint16" => Some((0, u16::MAX.into())),
        "int16" => Some((i16::MIN.into(), i16::MAX.into())),
        "uint32" => Some((0, u32::MAX.into())),
        "int32" => Some((i32::MIN.into(), i32::MAX.into())),
        _ => None,
    }
}

/// Returns a number as its author wrote it: 0.3 in place of the `f32` 0.30000001192092896, 1 for 1.0.
fn tidy(value: &Value, schema: &Value) -> Value {
    let Some(number) = value.as_f64().filter(|_| value.is_f64()) else { return value.clone() };
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Value::from(number as i64);
    }
    let narrow = (schema["format"] == "float").then(|| (number as f32).to_string().parse().ok()).flatten();
    Value::from(narrow.unwrap_or(number))
}

fn alternatives(mut values: Vec<String>) -> String {
    match values.pop() {
        None => "null".to_owned(),
        Some(only) if values.is_empty() => only,
        Some(last) => format!("{} or {last}", values.join(", ")),
    }
}

const ANY: &str = "any value";

/// How deep a description goes into a schema, which may refer to itself.
const MAX_DEPTH: usize = 6;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_put_into_words() {
        let cases = [
            (json!({"type": "integer", "minimum": 1, "maximum": 99}), "a whole number from 1 to 99"),
            (json!({"type": "integer", "format": "uint8"}), "a whole number from 0 to 255"),
            (json!({"type": "integer", "format": "uint64", "minimum": 0}), "a whole number of 0 or more"),
            (
                json!({"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1.5}),
                "a number above 0 and at most 1.5",
            ),
            (json!({"type": "number", "minimum": 0.0, "exclusiveMaximum": 1}), "a number from 0 to below 1"),
            (json!({"type": "boolean"}), "true or false"),
            (json!({"type": "string", "minLength": 1, "maxLength": 8}), "text of 1 to 8 characters"),
            (json!({"type": "string", "pattern": "^a"}), "text that fits /^a/"),
            (json!({"enum": ["a", "b", "c"]}), "\"a\", \"b\" or \"c\""),
            (json!({"oneOf": [{"const": "a"}, {"const": "b"}]}), "\"a\" or \"b\""),
            (json!({"anyOf": [{"$ref": "#/$defs/Mode"}, {"type": "null"}]}), "\"fast\" or \"good\""),
            (
                json!({"type": "array", "items": {"type": "boolean"}, "maxItems": 2}),
                "a list of at most 2 items, each true or false",
            ),
            (json!({"type": "object", "properties": {"x": {}, "y": {}}}), "an object of x, y"),
            (json!(true), "any value"),
            (json!({"$ref": "#/nowhere"}), "any value"),
            (json!({"$ref": "#/$defs/Loop"}), "any value"),
        ];
        let root = json!({"$defs": {"Mode": {"enum": ["fast", "good"]}, "Loop": {"$ref": "#/$defs/Loop"}}});
        for (schema, words) in cases {
            assert_eq!(describe(&schema, &root), words, "{schema}");
        }
    }

    #[test]
    fn a_default_of_a_short_float_is_shown_as_written() {
        let schema = json!({"format": "float"});
        assert_eq!(tidy(&json!(0.3_f32), &schema).to_string(), "0.3");
        assert_eq!(tidy(&json!(2.0), &schema).to_string(), "2");
        assert_eq!(tidy(&json!("text"), &schema), "text");
    }
}
