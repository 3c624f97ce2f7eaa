//! What breaks a rule.

use std::fmt;
use std::path::Path;

use crate::SourceFile;
use crate::paths::{NamedPath, named_paths};
use crate::rules::{
    EMPTY_NAMES, FLOORS, FORBIDDEN_PATHS, Floors, HOMES, LONG_FILES, MAX_LINES, MAX_LINES_WITH_TESTS,
    OUR_CRATES, OURS, UNSAFE,
};
use crate::tokens::{Token, tokens_of};

/// One breach, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: String,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}: {}", self.path, self.what)
    }
}

/// Imports of a floor above, of one beside, or through the crate's root.
pub(crate) fn upward_imports(file: &SourceFile) -> Vec<Fault> {
    let Some((floors, module)) = place_in_floors(file) else { return Vec::new() };
    let Some(own) = module.first() else { return Vec::new() };
    let Some(own_floor) = floor_of(floors, own) else {
        return vec![fault(file, format!("module {own} has no floor in rules.rs"))];
    };
    let imports = named_paths(&file.text, &module).into_iter().filter_map(|path| match path {
        NamedPath::Local(path) if path.first().is_some_and(|first| first != own) => Some(path),
        _ => None,
    });
    let faulty = imports.filter_map(|path| {
        let what = match floor_of(floors, &path[0]) {
            Some(floor) if floor > own_floor => return None,
            Some(floor) if floor == own_floor => "beside it",
            Some(_) => "a floor above",
            None if floors.root_items.contains(&&*path[0]) => return None,
            None => "through the crate's root",
        };
        Some(fault(file, format!("{own} imports {} from {what}", path.join("::"))))
    });
    faulty.collect()
}

/// Names of our own crates where they are not known, and other paths that a folder may not name.
pub(crate) fn foreign_floors(file: &SourceFile) -> Vec<Fault> {
    let known = OUR_CRATES.iter().find(|(folder, _)| lies_in(&file.path, folder));
    let forbidden = FORBIDDEN_PATHS.iter().find(|(folder, _)| lies_in(&file.path, folder));
    let faulty = foreign_paths(file).into_iter().filter(|path| {
        let unknown =
            path[0].starts_with(OURS) && known.is_some_and(|(_, known)| !known.contains(&&*path[0]));
        let joined = path.join("::");
        let named = |forbidden: &&str| joined == *forbidden || joined.starts_with(&format!("{forbidden}::"));
        unknown || forbidden.is_some_and(|(_, paths)| paths.iter().any(named))
    });
    faulty.map(|path| fault(file, format!("names {}, which it must not know", path.join("::")))).collect()
}

/// Foreign crates outside their folders.
pub(crate) fn strays(file: &SourceFile) -> Vec<Fault> {
    let home = |name: &str| HOMES.iter().find(|(foreign, _)| *foreign == name).map(|(_, folders)| *folders);
    let mut crates: Vec<_> = foreign_paths(file).into_iter().map(|path| path[0].clone()).collect();
    crates.dedup();
    let faulty = crates.into_iter().filter_map(|name| {
        let folders = home(&name)?;
        let at_home = folders.iter().any(|folder| lies_in(&file.path, folder));
        (!at_home)
            .then(|| fault(file, format!("names the crate {name}, which stays in {}", folders.join(", "))))
    });
    faulty.collect()
}

/// `unsafe` in any other file than those that are for it.
pub(crate) fn unsafety(file: &SourceFile) -> Vec<Fault> {
    let lifted =
        |token: &Token| matches!(token, Token::Name(name) if name == "unsafe" || name == "unsafe_code");
    let faulty = is_rust(file) && !UNSAFE.contains(&&*file.path) && tokens_of(&file.text).iter().any(lifted);
    faulty.then(|| fault(file, "has unsafe code".to_owned())).into_iter().collect()
}

/// Files of more lines than one noun needs.
pub(crate) fn too_long(file: &SourceFile) -> Vec<Fault> {
    if !is_rust(file) || !file.path.contains("/src/") {
        return Vec::new();
    }
    let all = file.text.lines().count();
    let code = file.text.split("#[cfg(test)]\nmod tests {").next().map_or(0, |code| code.lines().count());
    let most = LONG_FILES.iter().find(|(path, _)| *path == file.path).map_or(MAX_LINES, |(_, lines)| *lines);
    let mut faults = Vec::new();
    if code > most {
        faults.push(fault(file, format!("has {code} lines before its tests, at most {most}")));
    }
    if all > MAX_LINES_WITH_TESTS {
        faults.push(fault(file, format!("has {all} lines, at most {MAX_LINES_WITH_TESTS} with its tests")));
    }
    faults
}

/// Files, folders and modules whose name says nothing.
pub(crate) fn empty_names(file: &SourceFile) -> Vec<Fault> {
    let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or_default().to_owned());
    let tokens = if is_rust(file) { tokens_of(&file.text) } else { Vec::new() };
    let modules = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Name(keyword), Token::Name(name)] if keyword == "mod" => Some(name.clone()),
        _ => None,
    });
    let says_nothing = |name: &String| EMPTY_NAMES.contains(&&**name) || name.chars().count() == 1;
    let faulty = parts.chain(modules).filter(says_nothing);
    faulty.map(|name| fault(file, format!("the name {name:?} says nothing"))).collect()
}

fn fault(file: &SourceFile, what: String) -> Fault {
    Fault { path: file.path.clone(), what }
}

fn is_rust(file: &SourceFile) -> bool {
    file.path.ends_with(".rs")
}

fn lies_in(path: &str, folder: &str) -> bool {
    Path::new(path).starts_with(folder)
}

/// Returns the floors of the file's crate and the file's module in it; the root itself is no module.
fn place_in_floors(file: &SourceFile) -> Option<(&'static Floors, Vec<String>)> {
    let floors = FLOORS.iter().find(|floors| lies_in(&file.path, &format!("{}/src", floors.folder)))?;
    Some((floors, module_of(&file.path)))
}

/// Returns the module that a file is, from its crate's root: none for the root.
fn module_of(path: &str) -> Vec<String> {
    let in_crate = path.split_once("/src/").map_or(path, |(_, rest)| rest);
    let mut module: Vec<_> = in_crate.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    module.pop_if(|last| last == "mod" || last == "lib" || last == "main");
    module
}

fn floor_of(floors: &Floors, module: &str) -> Option<usize> {
    floors.floors.iter().position(|floor| floor.contains(&module))
}

fn foreign_paths(file: &SourceFile) -> Vec<Vec<String>> {
    if !is_rust(file) {
        return Vec::new();
    }
    let paths = named_paths(&file.text, &module_of(&file.path)).into_iter();
    let foreign = paths.filter_map(|path| match path {
        NamedPath::Foreign(path) => Some(path),
        NamedPath::Local(_) => None,
    });
    foreign.collect()
}
