//! The manifests that ship, and those that stand in the documentation.

use std::fs;
use std::path::PathBuf;

use remotemedia_runtime_core::manifest::{ManifestDocument, ManifestFormat};
use remotemedia_runtime_core::node::NodeRegistry;

const FORMAT: &str = include_str!("../../../docs/manifest.md");
const README: &str = include_str!("../../../README.md");

fn shipped() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests");
    let entries = fs::read_dir(folder).expect("the folder of manifests");
    entries.map(|entry| entry.expect("a readable entry").path()).collect()
}

/// Returns the blocks of code whose first line is exactly "```" and `kind`.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    let parts = page.split(fence.as_str()).skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn every_manifest_that_ships_has_neither_faults_nor_warnings() {
    let manifests = shipped();
    assert!(!manifests.is_empty());
    for path in manifests {
        let document = ManifestDocument::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let checked = document.check(&NodeRegistry::with_builtins());
        let checked = checked.unwrap_or_else(|faults| panic!("{path:?}: {faults}"));
        assert!(checked.warnings.is_empty(), "{path:?}: {:?}", checked.warnings);
    }
}

#[test]
fn every_manifest_that_ships_is_named_where_people_look_for_it() {
    for path in shipped() {
        let name = path.file_name().expect("a file").to_string_lossy();
        let named = format!("manifests/{name}");
        assert!(
            FORMAT.contains(&named) || README.contains(&named),
            "{named} stands neither in docs/manifest.md nor in README.md"
        );
    }
}

#[test]
fn every_manifest_in_the_documentation_is_valid() {
    let whole = [blocks(FORMAT, "json"), blocks(README, "json"), blocks(FORMAT, "yaml")].concat();
    assert!(whole.len() > 5, "{} examples", whole.len());
    for text in whole {
        let checked =
            ManifestDocument::parse(text, None).expect("a manifest").check(&NodeRegistry::with_builtins());
        let checked = checked.unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        assert!(checked.warnings.is_empty(), "{:?}\n{text}", checked.warnings);
    }
}

#[test]
fn the_faulty_manifest_in_the_documentation_has_the_faults_that_stand_below_it() {
    let faulty = blocks(FORMAT, "json faulty");
    let [text] = faulty[..] else { panic!("{} faulty examples", faulty.len()) };
    let document = ManifestDocument::parse(text, Some(ManifestFormat::Json)).expect("JSON");
    let faults = document.check(&NodeRegistry::with_builtins()).expect_err("faults");
    let found: Vec<String> =
        faults.iter().map(|fault| format!("error[{}] {}", fault.code, fault.path)).collect();
    let printed = blocks(FORMAT, "text")[0].lines().filter(|line| line.starts_with("error["));
    assert_eq!(found, printed.collect::<Vec<_>>());
}
