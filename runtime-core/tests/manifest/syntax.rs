//! Texts that are no manifest, and the two formats.

use std::io::{self, Read};

use remotemedia_runtime_core::manifest::{
    FaultCode, Manifest, ManifestDocument, ManifestFault, ManifestFormat, ManifestReadError,
};

use crate::fixture::{registry, valid};

fn syntax_fault(text: &str, format: Option<ManifestFormat>) -> ManifestFault {
    let faults = ManifestDocument::parse(text, format).expect_err(text);
    let fault = faults.iter().next().expect("one").clone();
    assert_eq!((fault.code, fault.path.as_str(), faults.iter().len()), (FaultCode::Syntax, "$", 1));
    fault
}

#[test]
fn broken_json_is_refused_with_line_and_column() {
    let cases = [
        ("{\"a\": 1,\n}", "line 2, column 1", "remove the comma"),
        ("{a: 1}", "line 1, column 2", "double quotes"),
        ("{\"a\": // why\n1}", "line 1, column 7", "no comments"),
        ("{\"a\": [1", "line 1, column 8", "ends too early"),
    ];
    for (text, place, hint) in cases {
        let fault = syntax_fault(text, None);
        assert!(fault.got.contains(place), "{fault:?}");
        assert!(fault.hint.as_deref().is_some_and(|given| given.contains(hint)), "{fault:?}");
        assert_eq!(fault.expected, "JSON");
    }
    assert!(syntax_fault("{} {}", None).got.contains("trailing characters"));
    assert!(syntax_fault("{\"a\": 1e999}", None).got.contains("number out of range"));
}

#[test]
fn broken_yaml_is_refused_with_line_and_column() {
    let fault = syntax_fault("version: v1\nnodes:\n  - id: a\n   node_type: b\n", None);
    assert!(fault.got.contains("line 4"), "{fault:?}");
    assert_eq!(fault.expected, "YAML");
    assert!(syntax_fault("a: .nan", None).got.contains("line 1"));
    assert!(syntax_fault("a: [1", Some(ManifestFormat::Yaml)).got.contains("line"));
}

#[test]
fn a_key_that_stands_twice_is_refused_in_both_formats() {
    let fault = syntax_fault("{\"a\": 1,\n \"a\": 2}", None);
    assert!(fault.got.contains("\"a\" stands twice") && fault.got.contains("line 2"), "{fault:?}");
    let fault = syntax_fault("a: 1\na: 2\n", None);
    assert!(fault.got.contains('a') && fault.got.contains("line 2"), "{fault:?}");
}

#[test]
fn an_empty_text_is_named_as_that() {
    for text in ["", " \n\t", "\u{feff}"] {
        assert_eq!(syntax_fault(text, None).got, "an empty text");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    assert!(syntax_fault(&deep("[", "]"), None).got.contains("recursion limit"));
    syntax_fault(&deep("[", "]"), Some(ManifestFormat::Yaml));
}

#[test]
fn yaml_aliases_cannot_multiply_without_bound() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
    }
    syntax_fault(&text, None);
}

#[test]
fn yaml_and_json_of_the_same_manifest_are_the_same() {
    let yaml = "
version: v1
nodes:
  - id: blur        # a comment
    node_type: Blur
    params: { radius: 12, edge_feather: 0.5 }
  - { id: flip, node_type: Flip }
connections:
  - from: blur
    to: flip
routes:
  - output: blur.mask
    to: { peers: [ada, bob] }
transport:
";
    let json = r#"{"version": "v1", "nodes": [
        {"id": "blur", "node_type": "Blur", "params": {"radius": 12, "edge_feather": 0.5}},
        {"id": "flip", "node_type": "Flip"}], "connections": [{"from": "blur", "to": "flip"}],
        "routes": [{"output": "blur.mask", "to": {"peers": ["ada", "bob"]}}]}"#;
    let [yaml, json] = [yaml, json].map(|text| {
        ManifestDocument::parse(text, None).expect("parses").check(&registry()).expect("valid").manifest
    });
    assert_eq!(yaml, json);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let text = format!("\u{feff}{}", valid());
    assert!(ManifestDocument::parse(&text, None).is_ok());
}

#[test]
fn a_text_of_one_mebibyte_is_read_and_one_byte_more_refused() {
    let padded = |length: usize| {
        let text = valid().to_string();
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    assert!(ManifestDocument::parse(&padded(1024 * 1024), None).is_ok());
    let faults = ManifestDocument::parse(&padded(1024 * 1024 + 1), None).expect_err("too long");
    assert_eq!(faults.iter().next().map(|fault| fault.code), Some(FaultCode::TooLarge));
}

#[test]
fn an_endless_stream_is_refused_once_it_is_too_long() {
    let endless = io::repeat(b' ');
    let refused = ManifestDocument::read_stream(endless, "the standard input").expect_err("too long");
    assert_eq!(refused.to_string(), "could not use manifest the standard input");
    let ManifestReadError::Invalid { source, .. } = refused else { panic!("{refused}") };
    assert_eq!(source.iter().next().map(|fault| fault.code), Some(FaultCode::TooLarge));
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_place() {
    let refused = ManifestDocument::read_stream(&b"{\"a\": \"\xff\"}"[..], "x").expect_err("not UTF-8");
    let ManifestReadError::Invalid { source, .. } = refused else { panic!("{refused}") };
    assert_eq!(source.iter().next().map(|fault| fault.got.as_str()), Some("other bytes from byte 7 on"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = Manifest::read("/nowhere/at/all.json").expect_err("not there");
    assert_eq!(missing.to_string(), "could not read manifest /nowhere/at/all.json");
    assert!(
        matches!(missing, ManifestReadError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    );
    let folder = Manifest::read(env!("CARGO_MANIFEST_DIR")).expect_err("a folder");
    assert!(matches!(folder, ManifestReadError::Read { .. }), "{folder}");
}

#[test]
fn a_stream_that_fails_is_named() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let refused = ManifestDocument::read_stream(Failing, "the socket").expect_err("fails");
    assert_eq!(refused.to_string(), "could not read manifest the socket");
}

#[test]
fn the_files_name_says_its_format() {
    let cases = [
        ("a.json", Some(ManifestFormat::Json)),
        ("a.YAML", Some(ManifestFormat::Yaml)),
        ("a.b.yml", Some(ManifestFormat::Yaml)),
        ("a.txt", None),
        ("json", None),
    ];
    for (name, format) in cases {
        assert_eq!(ManifestFormat::of_path(name.as_ref()), format, "{name}");
    }
    assert_eq!(syntax_fault("version: v1", Some(ManifestFormat::Json)).expected, "JSON");
}
