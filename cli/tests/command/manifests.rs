//! Manifests that cannot be run: every fault in one answer, exit code 2, nothing started.

use crate::folder::{Folder, text};
use crate::program::{Ended, run};

/// One of each: version, unknown type, bad param, equal ids, unknown endpoint, cycle.
const ALL_FAULTS: &str = r#"{
  "version": "2",
  "nodes": [
    {"id": "blur", "node_type": "VideoBlr"},
    {"id": "wide", "node_type": "VideoBlur", "params": {"radius": -3}},
    {"id": "a", "node_type": "PassThrough"},
    {"id": "b", "node_type": "PassThrough"},
    {"id": "twice", "node_type": "PassThrough"},
    {"id": "twice", "node_type": "PassThrough"}
  ],
  "connections": [
    {"from": "a", "to": "b"},
    {"from": "b", "to": "a"},
    {"from": "a", "to": "nowhere"}
  ]
}"#;

/// Codes of all that is wrong with it, and words of its values.
const EXPECTED: [(&str, &str); 6] = [
    ("unsupported_version", "\"2\""),
    ("unknown_node_type", "did you mean \"VideoBlur\"?"),
    ("invalid_param", "-3"),
    ("duplicate_id", "twice"),
    ("unknown_node", "\"nowhere\""),
    ("cycle", "a → b → a"),
];

fn lists_all_faults(ended: &Ended) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for (code, words) in EXPECTED {
        assert!(
            ended.out.contains(&format!("error[{code}]")) && ended.out.contains(words),
            "{code}: {ended:?}"
        );
    }
}

#[test]
fn every_command_lists_all_faults_of_a_manifest_and_starts_nothing() {
    let folder = Folder::new();
    let (manifest, out) = (folder.write("faulty.json", ALL_FAULTS.as_bytes()), folder.path("out"));
    lists_all_faults(&run(&["validate", text(&manifest)]));
    let served = run(&["serve", text(&manifest), "--listen", "127.0.0.1:0"]);
    lists_all_faults(&served);
    assert!(!served.out.contains("signaling at"), "{served:?}");
    lists_all_faults(&run(&["demo", text(&manifest), "--out", text(&out)]));
    assert!(!out.exists());
}

#[test]
fn a_text_that_is_no_manifest_is_named_with_line_and_column() {
    let folder = Folder::new();
    for (name, content, words) in [
        ("cut.json", &b"{\"version\": \"v1\", \"nodes\": ["[..], "line 1"),
        ("prose.json", b"hello", "line 1"),
        ("empty.json", b"", "empty"),
        ("binary.json", b"\xff\xfe\x00", "UTF-8"),
        ("list.yaml", b"- 1\n- 2\n", "object"),
    ] {
        let path = folder.write(name, content);
        for command in [&["validate"][..], &["demo"], &["serve", "--listen", "127.0.0.1:0"]] {
            let ended = run(&[command, &[text(&path)]].concat());
            assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
            assert!(ended.out.contains("error[") && ended.out.contains(words), "{name}: {ended:?}");
        }
    }
}

#[test]
fn a_manifest_that_is_not_there_is_named() {
    for command in ["validate", "demo", "serve"] {
        let ended = run(&[command, "/no/such/manifest.json"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error.contains("/no/such/manifest.json"), "{ended:?}");
        assert!(ended.error.contains("No such file"), "{ended:?}");
    }
}
