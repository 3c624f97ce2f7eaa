//! What may be a name on the wire.

/// Longest peer id or session name, characters.
const MAX_NAME_LEN: usize = 64;

/// Longest handshake or call id, characters.
const MAX_LABEL_LEN: usize = 128;

/// How much of a bad name an error repeats, characters: enough to recognise it.
const QUOTED_LEN: usize = 64;

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value:?} must be {expected}")]
pub struct NameError {
    /// The field that holds it.
    pub field: &'static str,
    /// The name, cut to 64 characters.
    pub value: String,
    /// What a name in this field looks like.
    pub expected: &'static str,
}

/// Checks a peer id or a session name: 1 to 64 of `A-Z a-z 0-9 _ . : -`.
///
/// # Errors
/// [`NameError`] naming the field and the value.
pub fn check_name(field: &'static str, value: &str) -> Result<(), NameError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if (1..=MAX_NAME_LEN).contains(&value.len()) && value.chars().all(fits) {
        return Ok(());
    }
    Err(refuse(field, value, "1 to 64 letters, digits, '_', '.', ':' or '-'"))
}

/// Checks a handshake id or a call id: 1 to 128 printable ASCII characters without spaces.
///
/// # Errors
/// [`NameError`] naming the field and the value.
pub fn check_label(field: &'static str, value: &str) -> Result<(), NameError> {
    if (1..=MAX_LABEL_LEN).contains(&value.len()) && value.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    Err(refuse(field, value, "1 to 128 printable ASCII characters without spaces"))
}

fn refuse(field: &'static str, value: &str, expected: &'static str) -> NameError {
    NameError { field, value: value.chars().take(QUOTED_LEN).collect(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_64_characters() {
        assert!(check_name("session", "").is_err());
        assert!(check_name("session", "a").is_ok());
        assert!(check_name("session", &"a".repeat(64)).is_ok());
        assert!(check_name("session", &"a".repeat(65)).is_err());
    }

    #[test]
    fn a_name_holds_nothing_that_needs_escaping() {
        assert!(check_name("peer_id", "Ab9_.:-").is_ok());
        for bad in ["a b", "a/b", "ü", "a\n", "<a>", "a\0"] {
            let error = check_name("peer_id", bad).expect_err(bad);
            assert_eq!((error.field, error.value.as_str()), ("peer_id", bad));
        }
    }

    #[test]
    fn a_label_has_1_to_128_printable_characters() {
        assert!(check_label("call_id", "").is_err());
        assert!(check_label("call_id", "a->b#3/{x}").is_ok());
        assert!(check_label("call_id", &"a".repeat(128)).is_ok());
        assert!(check_label("call_id", &"a".repeat(129)).is_err());
        assert!(check_label("call_id", "a b").is_err());
    }

    #[test]
    fn a_bad_name_is_quoted_in_part_only() {
        let error = check_name("session", &"é".repeat(100_000)).expect_err("too long");
        assert_eq!(error.value.chars().count(), 64);
    }
}
