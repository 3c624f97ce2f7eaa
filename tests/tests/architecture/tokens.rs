//! Rust source as tokens: enough of them to see names, paths and braces, and no comments or strings.

/// What is left of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword.
    Name(String),
    /// `::`
    Separator,
    /// Any other character, numbers and strings left out.
    Sign(char),
}

/// Reads `source` into tokens. Source that does not compile gives some tokens, and never fails.
pub(crate) fn tokens_of(source: &str) -> Vec<Token> {
    let mut rest = source;
    let mut tokens = Vec::new();
    while let Some(next) = rest.chars().next() {
        if let Some(len) = skipped_len(rest) {
            rest = &rest[len..];
        } else if is_name_start(next) {
            let raw = rest.strip_prefix("r#").unwrap_or(rest);
            let len = raw.find(|c: char| !is_name_part(c)).unwrap_or(raw.len());
            tokens.push(Token::Name(raw[..len].to_owned()));
            rest = &raw[len..];
        } else if let Some(after) = rest.strip_prefix("::") {
            tokens.push(Token::Separator);
            rest = after;
        } else {
            tokens.push(Token::Sign(next));
            rest = &rest[next.len_utf8()..];
        }
    }
    tokens
}

/// What may stand before the quote of a string; with an `r`, hashes may stand in between.
const STRING_PREFIXES: &[&str] = &["", "b", "c", "r", "br", "cr"];

/// Returns how many bytes of the start of `rest` are of no interest.
fn skipped_len(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_len(rest));
    }
    if first.is_ascii_digit() {
        return Some(rest.find(|c: char| !is_name_part(c)).unwrap_or(rest.len()));
    }
    if first == '\'' {
        return Some(quote_len(rest));
    }
    let prefix = STRING_PREFIXES
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix)?.starts_with(['"', '#']).then_some(prefix.len()))?;
    let raw = rest[..prefix].ends_with('r');
    let hashes = rest[prefix..].chars().take_while(|c| *c == '#').count();
    let body = prefix + hashes + 1;
    if !rest[prefix + hashes..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    match raw {
        true => Some(rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len())),
        false => Some(body + escaped_len(&rest[body..], '"')),
    }
}

/// Block comments nest.
fn block_comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A character in quotes, or the quote of a lifetime, whose name then follows as a name would.
fn quote_len(rest: &str) -> usize {
    let mut after = rest[1..].chars();
    match (after.next(), after.next()) {
        (Some('\\'), _) => 1 + escaped_len(&rest[1..], '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => rest[1..].find(|c: char| !is_name_part(c)).map_or(rest.len(), |len| 1 + len),
    }
}

/// Returns the length up to and with the closing `quote`.
fn escaped_len(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    body.len()
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        let named = |token| match token {
            Token::Name(name) => Some(name),
            _ => None,
        };
        tokens_of(source).into_iter().filter_map(named).collect()
    }

    #[test]
    fn comments_and_strings_are_left_out_and_what_follows_them_is_not() {
        for (source, expected) in [
            ("a // b\nc", vec!["a", "c"]),
            ("a /* b /* c */ d */ e", vec!["a", "e"]),
            ("/// [`a`](b::c)\nd", vec!["d"]),
            (r#"a("b \" c") d"#, vec!["a", "d"]),
            (r##"a(r#"b " c"#) d"##, vec!["a", "d"]),
            (r#"a(b"c", c"d", br"e\") f"#, vec!["a", "f"]),
            ("a('b') c('\\'') d('\"') e", vec!["a", "c", "d", "e"]),
            ("fn a<'b>(c: &'b d)", vec!["fn", "a", "c", "d"]),
            ("1_000u64 0xff 1.5e3 0..b a", vec!["b", "a"]),
            ("r#type rest break", vec!["type", "rest", "break"]),
            ("\"never closed", vec![]),
            ("/* never closed", vec![]),
        ] {
            assert_eq!(names(source), expected, "{source}");
        }
    }

    #[test]
    fn a_path_keeps_its_separators() {
        let name = |name: &str| Token::Name(name.to_owned());
        assert_eq!(
            tokens_of("::a::b:c"),
            [Token::Separator, name("a"), Token::Separator, name("b"), Token::Sign(':'), name("c"),]
        );
    }
}
