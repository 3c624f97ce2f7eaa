//! From a manifest's text to its tree of JSON values.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::ManifestFormat;
use super::fault::{FaultCode, ManifestFault, ManifestFaults};

/// Parses a text; `format`: `None`: JSON if it begins with `{` or `[`, else YAML.
pub(super) fn parse_tree(bytes: &[u8], format: Option<ManifestFormat>) -> Result<Value, ManifestFaults> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        syntax_fault("UTF-8 text", format!("other bytes from byte {} on", error.valid_up_to()))
    })?;
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(syntax_fault("a manifest", "an empty text".to_owned()).into());
    }
    match format.unwrap_or_else(|| sniff(text)) {
        ManifestFormat::Json => parse_json(text),
        ManifestFormat::Yaml => parse_yaml(text),
    }
}

fn sniff(text: &str) -> ManifestFormat {
    match text.trim_start().starts_with(['{', '[']) {
        true => ManifestFormat::Json,
        false => ManifestFormat::Yaml,
    }
}

fn parse_json(text: &str) -> Result<Value, ManifestFaults> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let tree = Tree.deserialize(&mut parser).and_then(|tree| parser.end().map(|()| tree));
    tree.map_err(|error| {
        let message = error.to_string();
        // The parser ends its messages with the place, which is told in our words below.
        let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
        let fault = syntax_fault("JSON", located(text, reason, error.line() as u64, error.column() as u64));
        fault.maybe_hint(json_hint(reason)).into()
    })
}

fn parse_yaml(text: &str) -> Result<Value, ManifestFaults> {
    let mut options = serde_saphyr::Options::default();
    options.with_snippet = false;
    options.strict_booleans = true;
    let tree =
        serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| Tree.deserialize(yaml));
    tree.map_err(|error| {
        let reason = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
        let got = match error.location() {
            Some(place) => {
                let reason = reason.split(" at line ").next().unwrap_or(&reason);
                located(text, reason, place.line(), place.column())
            }
            None => reason,
        };
        syntax_fault("YAML", got).into()
    })
}

fn syntax_fault(expected: &str, got: String) -> ManifestFault {
    ManifestFault::error(FaultCode::Syntax, "$").expected(expected).got(got)
}

/// Returns the reason with its place, counted from 1, and the text there.
fn located(text: &str, reason: &str, line: u64, column: u64) -> String {
    let before = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let shown = text.lines().nth(before).unwrap_or_default().trim_end();
    let start = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(MAX_SHOWN / 2);
    let around: String = shown.chars().skip(start).take(MAX_SHOWN).collect();
    format!("{reason} at line {line}, column {column}, near `{}`", around.trim())
}

fn json_hint(reason: &str) -> Option<String> {
    let hint = match reason {
        "trailing comma" => "remove the comma before the closing bracket",
        "key must be a string" => "write names in double quotes; for YAML let the file's name end in .yaml",
        "expected value" => "write text in double quotes; JSON has no comments",
        reason if reason.starts_with("EOF") => "the text ends too early: a bracket or quote is not closed",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Reads any value, and refuses what JSON values would lose: a key that stands there twice, and
/// numbers that are not finite.
struct Tree;

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is not a finite number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Tree)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice in one object")));
            }
            fields.insert(key, entries.next_value_seed(Tree)?);
        }
        Ok(Value::Object(fields))
    }
}

/// Longest piece of a line shown in a fault, characters.
const MAX_SHOWN: usize = 60;
