//! "Did you mean …?".

/// Least likeness of a suggestion. By trial: `Blur` → `VideoBlur` and one or two wrong letters in a
/// word of five pass, words that share only their ending do not.
const MIN_LIKENESS: f64 = 0.6;

/// Longest name worth comparing, characters; names in a manifest end at 64.
const MAX_COMPARED: usize = 64;

/// Returns the candidate most like `name`, letter case aside, if any is like enough.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > MAX_COMPARED {
        return None;
    }
    let name = name.to_lowercase();
    let scored = candidates.into_iter().filter(|candidate| candidate.len() <= MAX_COMPARED);
    scored
        .map(|candidate| (likeness(&name, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Returns `did you mean …?` with the candidate most like `name`, letter case aside, if any is like
/// enough: for the hint of an error that names something unknown.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean {candidate:?}?"))
}

/// Likeness, 0..=1: few edits, or one the end or the beginning of the other.
fn likeness(name: &str, candidate: &str) -> f64 {
    let edits = strsim::normalized_damerau_levenshtein(name, candidate);
    let (short, long) = if name.len() < candidate.len() { (name, candidate) } else { (candidate, name) };
    let part = short.len() >= 3 && (long.starts_with(short) || long.ends_with(short));
    if part { MIN_LIKENESS + (1.0 - MIN_LIKENESS) * edits } else { edits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_the_one_that_was_meant() {
        let types = ["AudioGain", "BackgroundBlur", "VideoBlur", "VideoScale"];
        let cases = [
            ("BackgroundBlr", Some("BackgroundBlur")),
            ("backgroundblur", Some("BackgroundBlur")),
            ("Blur", Some("VideoBlur")),
            ("VideoSclae", Some("VideoScale")),
            ("Whisper", None),
            ("", None),
        ];
        for (given, meant) in cases {
            assert_eq!(nearest(given, types), meant, "{given}");
        }
    }

    #[test]
    fn a_name_of_64_characters_is_compared_and_one_of_65_is_not() {
        let name = "a".repeat(64);
        assert_eq!(nearest(&name, [name.as_str()]), Some(name.as_str()));
        let longer = "a".repeat(65);
        assert_eq!(nearest(&longer, [name.as_str()]), None);
    }
}
