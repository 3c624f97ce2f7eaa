//! What the documents say is so: commands are there, links lead somewhere, snippets are real.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;

/// A complete two-peer program may have as many lines.
const PROGRAM_LINES: usize = 40;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Documents, by their path from the root.
fn documents() -> Vec<String> {
    let in_folder = |folder: &'static str| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        entries.map(move |entry| {
            let name = entry.expect("readable").file_name().into_string().expect("a plain name");
            if folder.is_empty() { name } else { format!("{folder}/{name}") }
        })
    };
    let all = in_folder("").chain(in_folder("docs")).filter(|path| path.ends_with(".md"));
    all.collect()
}

/// The code blocks of a document in one language.
fn blocks<'a>(document: &'a str, language: &'a str) -> Vec<&'a str> {
    let parts = document.split("\n```").skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[test]
fn links_to_files_lead_somewhere() {
    let mut links = 0;
    for path in documents() {
        let document = text(&path);
        let folder = root().join(&path).parent().expect("a file has a folder").to_owned();
        for target in document.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            assert!(folder.join(file).exists(), "{path} links to {target}, which is not there");
        }
    }
    assert!(links >= 8, "only {links} links found: the search is broken");
}

#[test]
fn every_dev_command_that_a_document_names_is_one() {
    let help = Command::new("bash").arg(root().join("dev")).arg("help").output().expect("bash runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let known: BTreeSet<_> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_ascii_whitespace().next()).collect();
    for needed in ["demo", "test"] {
        assert!(known.contains(needed), "{needed} is not in: {help}");
    }
    for path in documents() {
        for rest in text(&path).split("./dev ").skip(1) {
            let name = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            assert!(known.contains(name), "{path} names ./dev {name}, there are {known:?}");
        }
    }
}

#[test]
fn the_shortest_program_is_as_short_as_said_and_its_core_is_in_it() {
    let readme = text("README.md");
    let program = text("examples/examples/two_peers.rs");
    let lines = program.lines().count();
    assert!(lines <= PROGRAM_LINES, "{lines} lines, at most {PROGRAM_LINES}");
    assert!(
        readme.contains(&format!("in {lines} lines")),
        "README.md says another number than {lines} lines"
    );
    let snippet = blocks(&readme, "rust,ignore");
    assert_eq!(snippet.len(), 1);
    for line in snippet[0].lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(program.contains(line), "README.md shows a line that is not in the program: {line}");
    }
}

#[test]
fn the_manifest_of_the_readme_is_valid() {
    let readme = text("README.md");
    let manifests = blocks(&readme, "json");
    assert_eq!(manifests.len(), 1);
    let manifest = Manifest::parse(manifests[0]).expect("it parses");
    PipelineRunner::new(NodeRegistry::with_builtins()).validate(&manifest).expect("it is valid");
}

#[test]
fn every_example_is_named_in_a_document() {
    let all: String = documents().iter().map(|path| text(path)).collect();
    for entry in fs::read_dir(root().join("examples/examples")).expect("the folder is there") {
        let name = entry.expect("readable").file_name().into_string().expect("a plain name");
        assert!(all.contains(&name), "no document names the example {name}");
    }
}

/// Text of every Rust file of a folder, tests left out, its lines joined.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = fs::read_to_string(&path).expect("text");
            all += file.split("#[cfg(test)]").next().unwrap_or_default();
        }
    }
    all
}

#[test]
fn every_error_of_the_fault_table_is_one_that_the_code_gives() {
    let folders = ["runtime-core/src", "signaling/src", "transport-webrtc/src", "cli/src"];
    let code: String = folders.iter().map(|folder| sources(&root().join(folder))).collect();
    let table = text("docs/faults.md");
    let errors: Vec<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(errors.len() > 30, "only {} errors found: the search is broken", errors.len());
    for error in errors {
        // Around the values.
        for part in error.split('…').map(str::trim).filter(|part| part.len() > 3) {
            assert!(
                code.contains(part),
                "docs/faults.md has {error:?}, but nothing in the code says {part:?}"
            );
        }
    }
}
