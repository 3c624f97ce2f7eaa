//! Where something stands in a manifest.

use std::fmt;

/// A JSON path in the normal form that people write: `$.nodes[1].params['odd name']`.
///
/// Source: RFC 9535 §2.5.1 (shorthand names), §2.3.1 (quoted names).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonPath(String);

impl JsonPath {
    pub(super) fn root() -> Self {
        Self("$".to_owned())
    }

    #[must_use]
    pub(super) fn field(&self, name: &str) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match name.chars().all(plain) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
            true => Self(format!("{}.{name}", self.0)),
            false => Self(format!("{}['{}']", self.0, name.replace('\\', "\\\\").replace('\'', "\\'"))),
        }
    }

    #[must_use]
    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_follow_a_dot_and_others_stand_in_quotes() {
        let path = JsonPath::root().field("nodes").index(2).field("edge_feather");
        assert_eq!(path.to_string(), "$.nodes[2].edge_feather");
        assert_eq!(JsonPath::root().field("it's").field("").field("3d").to_string(), "$['it\\'s']['']['3d']");
    }
}
