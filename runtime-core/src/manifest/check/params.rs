//! A node's params against its type's schema.

use std::collections::HashMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use super::super::fault::{FaultCode, ManifestFault};
use super::super::param_spec::{describe, integer_bounds};
use super::fields::{Fields, written_twice, wrong_type};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::nearest::{did_you_mean, nearest};
use super::nodes::NodeKind;
use crate::node::{NodeFactory, ParamError, snake_case};

/// The schemas of the node types met so far, each compiled once.
#[derive(Default)]
pub(super) struct ParamSchemas {
    by_type: HashMap<&'static str, Result<ParamSchema, String>>,
}

struct ParamSchema {
    schema: Value,
    validator: Validator,
    /// Names of all params; `None` if the schema takes others besides.
    names: Option<Vec<String>>,
}

/// A node's params with their keys in snake_case, and what the keys are in the manifest.
struct GivenParams<'a> {
    params: Value,
    keys: HashMap<String, &'a str>,
    path: JsonPath,
}

impl ParamSchemas {
    /// Checks a node's `params` and returns them with snake_case keys; `None`: they do not fit.
    pub(super) fn check(
        &mut self,
        kind: &NodeKind,
        node: &Fields<'_>,
        findings: &mut Findings,
    ) -> Option<Value> {
        let mut given = GivenParams::read(node, findings)?;
        let node_type = kind.spec.node_type;
        let compiled = self.by_type.entry(node_type).or_insert_with(|| {
            ParamSchema::compile(kind.factory.param_schema()).map_err(|error| error.to_string())
        });
        match compiled {
            Ok(schema) => {
                let params = schema.check(&mut given, node_type, findings);
                params.filter(|params| accept(&*kind.factory, params, &given, findings))
            }
            Err(reason) => {
                findings.error(|| {
                    ManifestFault::error(FaultCode::UnusableSchema, node.path_of("node_type"))
                        .expected("a node type with a valid JSON schema for its params")
                        .got(format!("{node_type:?}, whose schema does not compile: {reason}"))
                        .hint("this is a mistake of the node type's author, not of the manifest")
                });
                None
            }
        }
    }
}

impl<'a> GivenParams<'a> {
    fn read(node: &Fields<'a>, findings: &mut Findings) -> Option<Self> {
        let path = node.path_of("params");
        let Some((value, _)) = node.optional("params") else {
            return Some(Self { params: Value::Object(Map::new()), keys: HashMap::new(), path });
        };
        let Value::Object(fields) = value else {
            findings.error(|| wrong_type(&path, "an object of params", value));
            return None;
        };
        let mut params = Map::new();
        let mut keys = HashMap::new();
        for (key, value) in fields {
            let snake = snake_case(key);
            if let Some(other) = keys.insert(snake.clone(), key.as_str()) {
                findings.error(|| written_twice(&path, &snake, if *key == snake { other } else { key }));
            }
            params.insert(snake, value.clone());
        }
        Some(Self { params: Value::Object(params), keys, path })
    }

    /// Returns the path of a place within the params.
    fn path_of<'s>(&self, segments: impl IntoIterator<Item = LocationSegment<'s>>) -> JsonPath {
        let mut path = self.path.clone();
        for (depth, segment) in segments.into_iter().enumerate() {
            path = match segment {
                LocationSegment::Property(name) if depth == 0 => path.field(self.written(&name)),
                LocationSegment::Property(name) => path.field(&name),
                LocationSegment::Index(index) => path.index(index),
            };
        }
        path
    }

    /// Returns a param's key as it stands in the manifest.
    fn written<'k>(&self, name: &'k str) -> &'k str
    where
        'a: 'k,
    {
        self.keys.get(name).copied().unwrap_or(name)
    }
}

impl ParamSchema {
    fn compile(mut schema: Value) -> Result<Self, ValidationError<'static>> {
        bound_integers(&mut schema, MAX_SCHEMA_DEPTH);
        let validator = jsonschema::validator_for(&schema)?;
        let names = param_names(&schema);
        Ok(Self { schema, validator, names })
    }

    fn check(&self, given: &mut GivenParams<'_>, node_type: &str, findings: &mut Findings) -> Option<Value> {
        self.write_whole_numbers_as_such(&mut given.params);
        let errors_before = findings.error_count();
        for error in self.validator.iter_errors(&given.params) {
            self.report(&error, given, findings);
        }
        self.warn_of_unknown(given, node_type, findings);
        (findings.error_count() == errors_before).then(|| given.params.clone())
    }

    fn report(&self, error: &ValidationError<'_>, given: &GivenParams<'_>, findings: &mut Findings) {
        let at = || given.path_of(error.instance_path());
        let fault = |path| ManifestFault::error(FaultCode::InvalidParam, path);
        match error.kind() {
            ValidationErrorKind::Required { property } => findings.error(|| {
                let name = property.as_str().unwrap_or_default();
                let wanted =
                    self.part_of(error).get("properties").and_then(|properties| properties.get(name));
                fault(at().field(name))
                    .expected(
                        wanted.map_or_else(|| "a value".to_owned(), |wanted| describe(wanted, &self.schema)),
                    )
                    .got("nothing")
                    .hint(format!("add {name:?}"))
            }),
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let wanted: Vec<_> =
                    self.part_of(error)["properties"].as_object().into_iter().flatten().collect();
                for name in unexpected {
                    findings.error(|| {
                        let names = || wanted.iter().map(|(name, _)| name.as_str());
                        fault(at().field(given.written(name)))
                            .expected(format!("one of {}", names().collect::<Vec<_>>().join(", ")))
                            .got_text(name)
                            .maybe_hint(did_you_mean(name, names()))
                    });
                }
            }
            ValidationErrorKind::AnyOf { context } if is_optional(self.part_of(error)) => {
                let branches =
                    context.iter().zip(self.part_of(error)["anyOf"].as_array().into_iter().flatten());
                let of_value = branches.filter(|(_, branch)| branch["type"] != "null");
                of_value.flat_map(|(errors, _)| errors).for_each(|error| self.report(error, given, findings));
            }
            _ => findings.error(|| {
                let wanted = self.part_of(error);
                fault(at())
                    .expected(describe(wanted, &self.schema))
                    .got_value(error.instance())
                    .maybe_hint(self.value_hint(error, wanted))
            }),
        }
    }

    /// Returns the part of the schema whose keyword failed.
    fn part_of(&self, error: &ValidationError<'_>) -> &Value {
        let keyword = error.schema_path().as_str();
        let part = keyword.rsplit_once('/').map_or("", |(part, _)| part);
        self.schema.pointer(part).unwrap_or(&Value::Null)
    }

    fn value_hint(&self, error: &ValidationError<'_>, wanted: &Value) -> Option<String> {
        let text = error.instance().as_str()?;
        let takes = |name: &str| match &wanted["type"] {
            Value::Array(names) => names.iter().any(|taken| taken == name),
            taken => taken == name,
        };
        let number = takes("number") || takes("integer");
        if (number && text.trim().parse::<f64>().is_ok())
            || (takes("boolean") && matches!(text, "true" | "false"))
        {
            return Some(format!("write {} without quotes", text.trim()));
        }
        let branches =
            wanted["oneOf"].as_array().into_iter().flatten().filter_map(|branch| branch.get("const"));
        let values = wanted["enum"].as_array().into_iter().flatten().chain(branches);
        did_you_mean(text, values.filter_map(Value::as_str))
    }

    fn warn_of_unknown(&self, given: &GivenParams<'_>, node_type: &str, findings: &mut Findings) {
        let Some(names) = &self.names else { return };
        let names = || names.iter().map(String::as_str);
        for name in given.params.as_object().into_iter().flat_map(Map::keys) {
            if names().any(|known| known == name) {
                continue;
            }
            findings.warning(|| {
                let expected = match names().collect::<Vec<_>>() {
                    none if none.is_empty() => format!("no params for {node_type}"),
                    known => format!("a param of {node_type}: {}", known.join(", ")),
                };
                ManifestFault::warning(FaultCode::UnknownParam, given.path.field(given.written(name)))
                    .expected(expected)
                    .got_text(given.written(name))
                    .hint(match nearest(name, names()) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => "it has no effect".to_owned(),
                    })
            });
        }
    }

    /// JSON schema takes 3.0 for a whole number, the node's type does not.
    fn write_whole_numbers_as_such(&self, params: &mut Value) {
        for (name, value) in params.as_object_mut().into_iter().flatten() {
            let wanted = &self.schema["properties"][name]["type"];
            let whole = wanted == "integer"
                || wanted.as_array().is_some_and(|types| types.iter().any(|t| t == "integer"));
            let number = value.as_f64().filter(|number| value.is_f64() && number.fract() == 0.0);
            if let Some(number) = number.filter(|number| whole && number.abs() <= EXACT_IN_F64) {
                *value = Value::from(number as i64);
            }
        }
    }
}

/// Whether the node type takes params that fit its schema; reports why not.
fn accept(
    factory: &dyn NodeFactory,
    params: &Value,
    given: &GivenParams<'_>,
    findings: &mut Findings,
) -> bool {
    let Err(error) = factory.check_params(params) else { return true };
    findings.error(|| match error {
        ParamError::Value { param, got, expected } => {
            let path = given.path.field(given.written(param));
            let fault = ManifestFault::error(FaultCode::InvalidParam, path).expected(expected);
            match params.get(param) {
                Some(value) => fault.got_value(value),
                None => fault.got(format!("{got}, the default")),
            }
        }
        ParamError::Shape(reason) => ManifestFault::error(FaultCode::InvalidParam, &given.path)
            .expected(format!("params that {} can read", factory.spec().node_type))
            .got(reason.to_string()),
    });
    false
}

/// Returns the names of all params that a schema has, or `None` if it takes others too.
fn param_names(schema: &Value) -> Option<Vec<String>> {
    let open = [
        "patternProperties",
        "additionalProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "$ref",
        "unevaluatedProperties",
    ];
    if !schema.is_object()
        || schema["type"] != "object"
        || open.iter().any(|keyword| schema.get(keyword).is_some())
    {
        return None;
    }
    Some(schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect())
}

/// Whether a schema is `anyOf` something and null.
fn is_optional(schema: &Value) -> bool {
    let branches = schema["anyOf"].as_array();
    branches
        .is_some_and(|branches| branches.len() == 2 && branches.iter().any(|branch| branch["type"] == "null"))
}

/// Writes the bounds of integer types, which the schema gives as `format` only, as minimum and maximum.
fn bound_integers(schema: &mut Value, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let bounds = integer_bounds(schema);
    match schema {
        Value::Object(keywords) => {
            if let Some((least, most)) = bounds {
                keywords.entry("minimum").or_insert(least.into());
                keywords.entry("maximum").or_insert(most.into());
            }
            keywords.values_mut().for_each(|part| bound_integers(part, depth));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| bound_integers(part, depth)),
        _ => {}
    }
}

/// How deep integer bounds are looked for; schemas made from types are far flatter.
const MAX_SCHEMA_DEPTH: usize = 32;

/// Largest magnitude up to which an `f64` holds every whole number: 2^53.
const EXACT_IN_F64: f64 = 9_007_199_254_740_992.0;
