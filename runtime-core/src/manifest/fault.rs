//! What is wrong with a manifest.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fault of a manifest: where, what was expected, what stands there, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestFault {
    /// What kind of fault; stable, for programs.
    pub code: FaultCode,
    /// Whether the manifest can run in spite of it.
    pub severity: Severity,
    /// Where: a JSON path (RFC 9535) such as `$.nodes[1].params.radius`.
    pub path: String,
    /// What would do.
    pub expected: String,
    /// What stands there; a value as JSON, cut after 80 characters.
    pub got: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether a manifest can run in spite of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is started.
    Error,
    /// It runs; what stands at the path has no effect.
    Warning,
}

/// All faults of a manifest, at least one of them an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ManifestFaults {
    faults: Vec<ManifestFault>,
    unlisted: usize,
}

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The kind of a fault. Its name is stable and stands in `--json` reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum FaultCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl FaultCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name as it stands in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

fault_codes! {
    /// The text is neither JSON nor YAML, or not of the format that its file's name says.
    Syntax = "syntax",
    /// The text is longer than a manifest may be.
    TooLarge = "too_large",
    /// A field that must be there is not.
    MissingField = "missing_field",
    /// A value is of another type.
    WrongType = "wrong_type",
    /// A field is there twice, in the same or in two spellings.
    DuplicateField = "duplicate_field",
    /// A field that the format does not have; a warning, and ignored.
    UnknownField = "unknown_field",
    /// The manifest is of another version.
    UnsupportedVersion = "unsupported_version",
    /// A value is none of those that the field can have.
    UnknownValue = "unknown_value",
    /// A number is too small or too large.
    OutOfRange = "out_of_range",
    /// A list is empty that must not be.
    Empty = "empty",
    /// A list is longer than it may be.
    TooMany = "too_many",
    /// A name has characters that names cannot have, or is too long.
    InvalidName = "invalid_name",
    /// Two nodes have the same id.
    DuplicateId = "duplicate_id",
    /// No node type of that name is registered.
    UnknownNodeType = "unknown_node_type",
    /// A param does not fit the node type's schema, or the other params.
    InvalidParam = "invalid_param",
    /// A param that the node type does not have; a warning, and ignored.
    UnknownParam = "unknown_param",
    /// The node type's own schema cannot be used.
    UnusableSchema = "unusable_schema",
    /// A connection names a node that the manifest does not have.
    UnknownNode = "unknown_node",
    /// A connection names a port that the node does not have.
    UnknownPort = "unknown_port",
    /// Two connected ports have no kind of data in common.
    KindMismatch = "kind_mismatch",
    /// Two connections join the same ports.
    DuplicateConnection = "duplicate_connection",
    /// A connection leads back to its own node.
    SelfLoop = "self_loop",
    /// Connections lead in a circle.
    Cycle = "cycle",
    /// A route names an output that no node has.
    UnknownOutput = "unknown_output",
    /// A route names an output that a connection takes.
    ConsumedOutput = "consumed_output",
    /// Two outputs have the same name.
    AmbiguousOutput = "ambiguous_output",
    /// Two routes are for the same output.
    DuplicateRoute = "duplicate_route",
    /// Two video outputs would go to the same peer, which shows one.
    VideoOutputsCollide = "video_outputs_collide",
    /// Something stands twice in a list.
    DuplicateEntry = "duplicate_entry",
    /// A URL cannot be used.
    InvalidUrl = "invalid_url",
    /// A TURN server has no user name or no password.
    MissingCredentials = "missing_credentials",
    /// The program's transport cannot do it: a codec that is not built in.
    Unsupported = "unsupported",
}

impl ManifestFault {
    pub(super) fn error(code: FaultCode, path: impl ToString) -> Self {
        Self::new(code, Severity::Error, path)
    }

    pub(super) fn warning(code: FaultCode, path: impl ToString) -> Self {
        Self::new(code, Severity::Warning, path)
    }

    fn new(code: FaultCode, severity: Severity, path: impl ToString) -> Self {
        let (expected, got) = (String::new(), String::new());
        Self { code, severity, path: cut(path.to_string(), MAX_WORDS), expected, got, hint: None }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = cut(expected.into(), MAX_WORDS);
        self
    }

    /// Sets what stands there, in words.
    pub(super) fn got(mut self, got: impl Into<String>) -> Self {
        self.got = cut(got.into(), MAX_WORDS);
        self
    }

    /// Sets what stands there, as JSON.
    pub(super) fn got_value(self, value: &Value) -> Self {
        self.got(json_text(value))
    }

    /// Sets the text that stands there.
    pub(super) fn got_text(self, text: &str) -> Self {
        self.got(quoted(text))
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        self.maybe_hint(Some(hint.into()))
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.map(|hint| cut(hint, MAX_WORDS));
        self
    }
}

impl ManifestFaults {
    pub(super) fn new(faults: Vec<ManifestFault>, unlisted: usize) -> Self {
        Self { faults, unlisted }
    }

    /// Returns the faults, errors and warnings, in the manifest's order.
    pub fn iter(&self) -> std::slice::Iter<'_, ManifestFault> {
        self.faults.iter()
    }

    /// Returns how many more faults there are than are listed; above 0 only for manifests with more
    /// than 500.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Returns the number of listed errors, warnings not counted; at least 1.
    pub fn error_count(&self) -> usize {
        self.iter().filter(|fault| fault.severity == Severity::Error).count()
    }
}

impl From<ManifestFault> for ManifestFaults {
    fn from(fault: ManifestFault) -> Self {
        Self::new(vec![fault], 0)
    }
}

impl<'a> IntoIterator for &'a ManifestFaults {
    type Item = &'a ManifestFault;
    type IntoIter = std::slice::Iter<'a, ManifestFault>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ManifestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.path, self.expected, self.got)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ManifestFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("manifest is invalid")?;
        let mut errors = self.iter().filter(|fault| fault.severity == Severity::Error);
        for (separator, fault) in
            [": "].into_iter().chain(std::iter::repeat("; ")).zip(errors.by_ref().take(8))
        {
            write!(f, "{separator}{fault}")?;
        }
        match errors.count() + self.unlisted {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Longest value shown in a fault, characters.
const MAX_SHOWN: usize = 80;

/// Longest path or sentence of a fault, characters: names out of the manifest stand in them, and its
/// author may have made them as long as the whole text.
const MAX_WORDS: usize = 500;

/// Returns text in quotes, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    let beginning: String = text.chars().take(MAX_SHOWN).collect();
    match beginning.len() == text.len() {
        true => format!("{text:?}"),
        false => format!("{beginning:?}…"),
    }
}

/// Returns a value as JSON; long lists and objects as their type and size.
fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) if items.len() > 8 => format!("an array of {} items", items.len()),
        Value::Object(fields) if fields.len() > 8 => format!("an object of {} fields", fields.len()),
        small => cut(small.to_string(), MAX_SHOWN),
    }
}

fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_80_characters_is_shown_whole_and_of_81_cut() {
        let shown =
            |length| ManifestFault::error(FaultCode::Empty, "$").got_value(&"ü".repeat(length).into()).got;
        assert_eq!(shown(80), format!("\"{}\"", "ü".repeat(80)));
        assert_eq!(shown(81), format!("\"{}\"…", "ü".repeat(80)));
    }

    #[test]
    fn a_sentence_of_500_characters_is_kept_whole_and_one_of_501_cut() {
        let kept = |length| ManifestFault::error(FaultCode::Empty, "x".repeat(length)).path;
        assert_eq!(kept(500), "x".repeat(500));
        assert_eq!(kept(501), format!("{}…", "x".repeat(500)));
    }

    #[test]
    fn every_code_is_reported_under_its_name() {
        for code in FaultCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("a string"), code.name());
        }
    }

    #[test]
    fn the_message_of_many_faults_names_the_first_and_counts_the_rest() {
        let fault = |n| ManifestFault::error(FaultCode::Empty, format!("$[{n}]")).expected("x").got("y");
        let message = ManifestFaults::new((0..10).map(fault).collect(), 3).to_string();
        assert!(message.starts_with("manifest is invalid: $[0]: expected x, got y; $[1]"), "{message}");
        assert!(message.ends_with("; and 5 more"), "{message}");
    }
}
