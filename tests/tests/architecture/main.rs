//! The shape of the project, as its documentation gives it, checked against the source: imports go
//! down only, a foreign crate stays in its folder, a file is one noun of bearable length.
//!
//! `rules` is the table to edit when the shape changes; `faults` finds what breaks it; `paths` and
//! `tokens` read the source, without comments and strings; `samples` proves that each rule can fail.

mod faults;
mod paths;
mod rules;
mod samples;
mod tokens;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use faults::Fault;

#[test]
fn imports_go_down_only() {
    assert_none(&faults::upward_imports);
}

#[test]
fn crates_of_ours_know_only_those_below_them() {
    assert_none(&faults::foreign_floors);
}

#[test]
fn foreign_crates_stay_in_their_folders() {
    assert_none(&faults::strays);
}

#[test]
fn unsafe_code_stays_in_its_files() {
    assert_none(&faults::unsafety);
}

#[test]
fn no_file_is_too_long() {
    assert_none(&faults::too_long);
}

#[test]
fn every_name_says_something() {
    assert_none(&faults::empty_names);
}

#[test]
fn every_folder_of_the_rules_exists() {
    let folders = rules::HOMES.iter().flat_map(|(_, folders)| *folders);
    let floors = rules::FLOORS.iter().flat_map(|crate_| {
        crate_.floors.iter().copied().flatten().map(move |module| (crate_.folder, *module))
    });
    let missing: Vec<_> = folders
        .map(|folder| folder.to_string())
        .filter(|folder| !root().join(folder).exists())
        .chain(floors.filter_map(|(folder, module)| {
            let module = format!("{folder}/src/{module}");
            let found = root().join(&module).is_dir() || root().join(format!("{module}.rs")).is_file();
            (!found).then_some(module)
        }))
        .collect();
    assert!(missing.is_empty(), "named in rules.rs, but not there: {missing:#?}");
}

#[test]
fn every_foreign_crate_of_the_rules_is_a_dependency() {
    let folders = rules::FOLDERS.iter().map(|folder| root().join(folder).join("Cargo.toml"));
    let manifests = folders.filter(|path| path.is_file());
    let dependencies: BTreeSet<String> =
        manifests.flat_map(|path| dependencies_of(&std::fs::read_to_string(path).expect("text"))).collect();
    assert!(dependencies.len() > 20, "only {dependencies:?} found: the search is broken");
    let gone: Vec<_> =
        rules::HOMES.iter().map(|(name, _)| *name).filter(|name| !dependencies.contains(*name)).collect();
    assert!(gone.is_empty(), "in HOMES of rules.rs, but no crate depends on it: {gone:?}");
}

#[test]
fn dependencies_are_found_in_every_section_and_by_their_names_in_the_source() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\n# a line\nbytes.workspace = true\n\
        serde-saphyr = { version = \"2\" }\n\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n\
        [features]\ndefault = []\n[dev-dependencies]\ntokio = { workspace = true }\n[lints]\nworkspace = true\n";
    let expected = ["bytes", "serde_saphyr", "rustix", "tokio"].map(str::to_owned);
    assert_eq!(dependencies_of(manifest), expected);
}

/// Returns the crates that a `Cargo.toml` names as dependencies, as the source names them.
fn dependencies_of(manifest: &str) -> Vec<String> {
    let mut listed = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            listed = section.trim_end_matches(']').ends_with("dependencies");
        } else if listed && !line.starts_with('#') && !line.is_empty() {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            names.push(name.replace('-', "_"));
        }
    }
    names
}

/// A file of the project, its path relative to the root.
struct SourceFile {
    path: String,
    text: String,
}

fn assert_none(rule: &dyn Fn(&SourceFile) -> Vec<Fault>) {
    let files = project_files();
    assert!(files.len() > 50, "only {} files found: the walk is broken", files.len());
    let faults: Vec<_> = files.iter().flat_map(rule).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

fn project_files() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for folder in rules::FOLDERS {
        walk(&root().join(folder), &mut files);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(folder: &Path, files: &mut Vec<SourceFile>) {
    // Not every folder exists in every crate.
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !rules::SKIPPED.contains(&&*name) {
                walk(&path, files);
            }
        } else if rules::EXTENSIONS.iter().any(|extension| name.ends_with(extension)) {
            let relative = path.strip_prefix(root()).expect("walked from the root");
            let text = std::fs::read_to_string(&path).expect("text");
            files.push(SourceFile { path: relative.to_string_lossy().into_owned(), text });
        }
    }
}
