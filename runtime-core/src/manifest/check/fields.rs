//! One object of a manifest, read field by field.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::super::fault::{FaultCode, ManifestFault};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::nearest::{did_you_mean, nearest};

/// One object of a manifest. A field may be written in snake_case or camelCase; `null` means absent.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: JsonPath,
}

impl<'a> Fields<'a> {
    /// Opens `value`, reports fields that are not among `known` (snake_case) and those that stand there
    /// in both spellings; `None`: it is no object.
    ///
    /// * `noun`: what the object is, with its article.
    pub(super) fn open(
        value: &'a Value,
        path: JsonPath,
        noun: &str,
        known: &[&str],
        findings: &mut Findings,
    ) -> Option<Self> {
        let Value::Object(object) = value else {
            findings.error(|| {
                let example = known.first().copied().unwrap_or_default();
                wrong_type(&path, &format!("{noun}, an object"), value)
                    .hint(format!("write it as {{ {example:?}: … }}"))
            });
            return None;
        };
        for key in object.keys().filter(|key| !known.iter().any(|name| is_spelling_of(key, name))) {
            findings.warning(|| unknown_field(&path, key, noun, known));
        }
        for name in known {
            let camel = camel_case(name);
            if camel != *name && object.contains_key(*name) && object.contains_key(&camel) {
                findings.error(|| written_twice(&path, name, &camel));
            }
        }
        Some(Self { object, path })
    }

    /// Returns where a field stands, or would stand.
    pub(super) fn path_of(&self, name: &str) -> JsonPath {
        self.path.field(self.find(name).map_or(name, |(key, _)| key))
    }

    /// Returns a field with its path.
    pub(super) fn optional(&self, name: &str) -> Option<(&'a Value, JsonPath)> {
        self.find(name).map(|(key, value)| (value, self.path.field(key)))
    }

    /// Returns a field with its path; reports its absence.
    pub(super) fn required(
        &self,
        name: &str,
        expected: &str,
        findings: &mut Findings,
    ) -> Option<(&'a Value, JsonPath)> {
        let found = self.optional(name);
        if found.is_none() {
            findings.error(|| {
                let near = nearest(name, self.object.keys().map(String::as_str));
                ManifestFault::error(FaultCode::MissingField, self.path.field(name))
                    .expected(expected)
                    .got("nothing")
                    .hint(match near.filter(|near| *near != name) {
                        Some(near) => format!("add {name:?}; did you mean it by {near:?}?"),
                        None => format!("add {name:?}"),
                    })
            });
        }
        found
    }

    /// Returns a string that must be there.
    pub(super) fn required_text(
        &self,
        name: &str,
        expected: &str,
        findings: &mut Findings,
    ) -> Option<(&'a str, JsonPath)> {
        let (value, path) = self.required(name, expected, findings)?;
        text(value, path, expected, findings)
    }

    /// Returns a string if it is there.
    pub(super) fn optional_text(
        &self,
        name: &str,
        expected: &str,
        findings: &mut Findings,
    ) -> Option<(&'a str, JsonPath)> {
        let (value, path) = self.optional(name)?;
        text(value, path, expected, findings)
    }

    /// Returns a list if it is there; `most`: how long it may be.
    pub(super) fn optional_list(
        &self,
        name: &str,
        expected: &str,
        most: usize,
        findings: &mut Findings,
    ) -> Option<(&'a [Value], JsonPath)> {
        let (value, path) = self.optional(name)?;
        list(value, path, expected, most, findings)
    }

    /// Checks that a field, if it is there, is a whole number in `range`, and returns it.
    pub(super) fn optional_integer(
        &self,
        name: &str,
        range: RangeInclusive<u32>,
        unit: &str,
        findings: &mut Findings,
    ) -> Option<u32> {
        let (value, path) = self.optional(name)?;
        let (least, most) = (*range.start(), *range.end());
        let expected = format!("a whole number from {least} to {most}{unit}");
        let whole = value.is_i64() || value.is_u64();
        if !whole {
            findings.error(|| wrong_type(&path, &expected, value));
            return None;
        }
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let inside = number.filter(|number| range.contains(number));
        if inside.is_none() {
            findings.error(|| {
                ManifestFault::error(FaultCode::OutOfRange, &path).expected(expected).got_value(value)
            });
        }
        inside
    }

    /// Checks that a field, if it is there, is one of `values`, and returns it.
    pub(super) fn optional_choice(
        &self,
        name: &str,
        values: &[&str],
        findings: &mut Findings,
    ) -> Option<&'a str> {
        let expected = one_of(values);
        let (given, path) = self.optional_text(name, &expected, findings)?;
        if values.contains(&given) {
            return Some(given);
        }
        findings.error(|| unknown_value(&path, given, values));
        None
    }

    /// Checks that a field, if it is there, is `true` or `false`.
    pub(super) fn check_boolean(&self, name: &str, findings: &mut Findings) {
        if let Some((value, path)) = self.optional(name).filter(|(value, _)| !value.is_boolean()) {
            findings.error(|| wrong_type(&path, "true or false", value));
        }
    }

    fn find(&self, name: &str) -> Option<(&'a str, &'a Value)> {
        let found = self.object.get_key_value(name).or_else(|| self.object.get_key_value(&camel_case(name)));
        found.filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.as_str(), value))
    }
}

/// Returns `value` as a string, or reports that it is none.
pub(super) fn text<'a>(
    value: &'a Value,
    path: JsonPath,
    expected: &str,
    findings: &mut Findings,
) -> Option<(&'a str, JsonPath)> {
    match value {
        Value::String(text) => Some((text, path)),
        other => {
            findings.error(|| wrong_type(&path, expected, other));
            None
        }
    }
}

/// Returns `value` as a list, or reports that it is none or too long.
pub(super) fn list<'a>(
    value: &'a Value,
    path: JsonPath,
    expected: &str,
    most: usize,
    findings: &mut Findings,
) -> Option<(&'a [Value], JsonPath)> {
    let Value::Array(items) = value else {
        findings.error(|| wrong_type(&path, expected, value).maybe_hint(list_hint(value)));
        return None;
    };
    if items.len() > most {
        findings.error(|| {
            ManifestFault::error(FaultCode::TooMany, &path)
                .expected(format!("at most {most} items"))
                .got(format!("{} items", items.len()))
        });
        return None;
    }
    Some((items, path))
}

/// A value of another type than expected.
pub(super) fn wrong_type(path: &JsonPath, expected: &str, value: &Value) -> ManifestFault {
    ManifestFault::error(FaultCode::WrongType, path).expected(expected).got_value(value)
}

/// A string that is none of `values`.
pub(super) fn unknown_value(path: &JsonPath, given: &str, values: &[&str]) -> ManifestFault {
    ManifestFault::error(FaultCode::UnknownValue, path)
        .expected(one_of(values))
        .got_text(given)
        .maybe_hint(did_you_mean(given, values.iter().copied()))
}

/// Returns `"a", "b" or "c"`.
pub(super) fn one_of(values: &[&str]) -> String {
    match values {
        [] => "nothing".to_owned(),
        [only] => format!("{only:?}"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|value| format!("{value:?}")).collect();
            format!("{} or {last:?}", first.join(", "))
        }
    }
}

/// A field that stands there in snake_case and in camelCase.
pub(super) fn written_twice(path: &JsonPath, snake: &str, camel: &str) -> ManifestFault {
    ManifestFault::error(FaultCode::DuplicateField, path.field(camel))
        .expected(format!("either {snake:?} or {camel:?}"))
        .got("both")
        .hint("remove one of them")
}

fn is_spelling_of(key: &str, name: &str) -> bool {
    key == name || key == camel_case(name)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel.chars().chain(capital).chain(letters).collect()
    })
}

fn unknown_field(path: &JsonPath, key: &str, noun: &str, known: &[&str]) -> ManifestFault {
    ManifestFault::warning(FaultCode::UnknownField, path.field(key))
        .expected(format!("a field of {noun}: {}", one_of(known)))
        .got_text(key)
        .hint(did_you_mean(key, known.iter().copied()).unwrap_or_else(|| "it has no effect".to_owned()))
}

fn list_hint(value: &Value) -> Option<String> {
    value.is_object().then(|| "put it in [ ], even if it is only one".to_owned())
}
