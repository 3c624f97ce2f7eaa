//! Which paths a file names, and what they mean there.

use std::collections::HashSet;

use crate::tokens::{Token, tokens_of};

/// A path as a file means it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum NamedPath {
    /// Within the crate, from its root.
    Local(Vec<String>),
    /// Of another crate, whose name comes first.
    Foreign(Vec<String>),
}

/// A path as it is written, and the inline modules around it.
struct Written {
    absolute: bool,
    segments: Vec<String>,
    modules: Vec<String>,
    /// The name under which a `use` makes it known.
    bound: Option<String>,
}

/// Returns all paths of more than one name, and all imports, of a file whose module is `module`.
///
/// A path that begins with a name that the file imports from its own crate, or declares as a module, is
/// not foreign, and left out.
pub(crate) fn named_paths(source: &str, module: &[String]) -> Vec<NamedPath> {
    let tokens = tokens_of(source);
    let written = Reader { tokens: &tokens, at: 0, braces: Vec::new(), found: Vec::new() }.read();
    let mut local: HashSet<&str> = HashSet::from(["Self", "self"]);
    local.extend(declared_modules(&tokens));
    for path in &written {
        let from_here = ["crate", "self", "super"].contains(&&*path.segments[0]) && !path.absolute;
        if let Some(bound) = path.bound.as_deref().filter(|_| from_here) {
            local.insert(bound);
        }
    }
    let mut named: Vec<_> = written
        .iter()
        .filter(|path| path.bound.is_some() || path.segments.len() > 1)
        .filter_map(|path| meaning(path, module, &local))
        .collect();
    named.sort();
    named.dedup();
    named
}

fn meaning(path: &Written, module: &[String], local: &HashSet<&str>) -> Option<NamedPath> {
    let mut segments = path.segments.as_slice();
    if path.absolute {
        return Some(NamedPath::Foreign(segments.to_vec()));
    }
    let mut base: Vec<String> = module.iter().chain(&path.modules).cloned().collect();
    match &*segments[0] {
        "crate" => base.clear(),
        "self" | "super" => {}
        name if local.contains(name) => return None,
        _ => return Some(NamedPath::Foreign(segments.to_vec())),
    }
    while let Some(first) =
        segments.first().filter(|name| ["crate", "self", "super"].contains(&name.as_str()))
    {
        if first == "super" {
            base.pop();
        }
        segments = &segments[1..];
    }
    base.extend_from_slice(segments);
    Some(NamedPath::Local(base))
}

fn declared_modules(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.windows(2).filter_map(|pair| match pair {
        [Token::Name(keyword), Token::Name(name)] if keyword == "mod" => Some(name.as_str()),
        _ => None,
    })
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// For each open brace, the module that it opens, if it is one.
    braces: Vec<Option<String>>,
    found: Vec<Written>,
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Written> {
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Name(name) if name == "use" => {
                    self.at += 1;
                    let absolute = self.take(&Token::Separator);
                    self.read_import(&[], absolute);
                }
                Token::Name(name) if name == "mod" => self.read_module(),
                Token::Name(_) | Token::Separator => self.read_path(),
                Token::Sign(sign) => {
                    match sign {
                        '{' => self.braces.push(None),
                        '}' => drop(self.braces.pop()),
                        _ => {}
                    }
                    self.at += 1;
                }
            }
        }
        self.found
    }

    fn read_module(&mut self) {
        self.at += 1;
        let Some(name) = self.take_name() else { return };
        if self.take(&Token::Sign('{')) {
            self.braces.push(Some(name));
        }
    }

    fn read_path(&mut self) {
        let absolute = self.take(&Token::Separator);
        let mut segments = Vec::new();
        while let Some(name) = self.take_name() {
            segments.push(name);
            if !self.take(&Token::Separator) {
                break;
            }
        }
        // `<T>::name` has no beginning that could be looked up.
        let after_type = self.at > segments.len() && absolute && self.follows_type(segments.len());
        if !segments.is_empty() && !after_type {
            self.push(segments, absolute, None);
        }
    }

    /// Whether the path of `len` names that was just read began after a `>`, a `)` or a name.
    fn follows_type(&self, len: usize) -> bool {
        let start = self.at.saturating_sub(2 * len);
        matches!(start.checked_sub(1).and_then(|at| self.tokens.get(at)), Some(Token::Sign('>' | ')' | ']')))
    }

    /// Reads one branch of a `use`, whose stem is `stem`.
    fn read_import(&mut self, stem: &[String], absolute: bool) {
        let mut segments = stem.to_vec();
        loop {
            if self.take(&Token::Sign('{')) {
                while !self.take(&Token::Sign('}')) && self.at < self.tokens.len() {
                    self.read_import(&segments, absolute);
                    self.take(&Token::Sign(','));
                }
                return;
            }
            if self.take(&Token::Sign('*')) {
                self.push(segments, absolute, Some("*".to_owned()));
                return;
            }
            let Some(name) = self.take_name() else {
                self.at += 1;
                return;
            };
            segments.push(name);
            if self.take(&Token::Separator) {
                continue;
            }
            let own =
                segments.last().filter(|name| *name != "self").or(segments.iter().rev().nth(1)).cloned();
            let renamed = match self.tokens.get(self.at) {
                Some(Token::Name(keyword)) if keyword == "as" => {
                    self.at += 1;
                    self.take_name()
                }
                _ => None,
            };
            self.push(segments, absolute, renamed.or(own));
            return;
        }
    }

    fn push(&mut self, mut segments: Vec<String>, absolute: bool, bound: Option<String>) {
        if segments.len() > 1 && segments.last().is_some_and(|name| name == "self") {
            segments.pop();
        }
        if segments.is_empty() {
            return;
        }
        let modules = self.braces.iter().flatten().cloned().collect();
        self.found.push(Written { absolute, segments, modules, bound });
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(found);
        found
    }

    fn take_name(&mut self) -> Option<String> {
        match self.tokens.get(self.at) {
            Some(Token::Name(name)) => {
                self.at += 1;
                Some(name.clone())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(path: &str) -> NamedPath {
        NamedPath::Local(path.split("::").map(str::to_owned).collect())
    }

    fn foreign(path: &str) -> NamedPath {
        NamedPath::Foreign(path.split("::").map(str::to_owned).collect())
    }

    fn named(source: &str) -> Vec<NamedPath> {
        named_paths(source, &["floor".to_owned(), "file".to_owned()])
    }

    #[test]
    fn every_way_to_name_a_path_is_found() {
        for (source, expected) in [
            ("use crate::a::B;", vec![local("a::B")]),
            ("use crate::{a::{self, B}, c::*};", vec![local("a"), local("a::B"), local("c")]),
            ("use super::sibling::A;", vec![local("floor::sibling::A")]),
            ("use super::super::other::A;", vec![local("other::A")]),
            ("use self::below::A as B;", vec![local("floor::file::below::A")]),
            (
                "mod tests { use super::super::other::A; use super::*; }",
                vec![local("floor::file"), local("floor::other::A")],
            ),
            ("mod a { mod b { } } use super::c::D;", vec![local("floor::c::D")]),
            ("fn f() -> crate::a::B { crate::c::d() }", vec![local("a::B"), local("c::d")]),
            ("#[tokio::main] fn f() { webrtc::go(); }", vec![foreign("tokio::main"), foreign("webrtc::go")]),
            ("use ::rtc::A; use rtc as engine; extern crate opus;", vec![foreign("rtc"), foreign("rtc::A")]),
            ("vec![opus::Encoder::new()]", vec![foreign("opus::Encoder::new")]),
            ("<A as b::C>::d()", vec![foreign("b::C")]),
        ] {
            assert_eq!(named(source), expected, "{source}");
        }
    }

    #[test]
    fn a_module_of_ours_is_not_taken_for_the_crate_of_its_name() {
        assert_eq!(named("use crate::rtc; fn f() { rtc::connect() }"), [local("rtc")]);
        assert_eq!(named("mod rtc; pub use rtc::Connection;"), []);
        assert_eq!(
            named("use super::rtc as engine; fn f() { engine::a(); rtc::b() }"),
            [local("floor::rtc"), foreign("rtc::b"),]
        );
    }
}
