//! Manifests that cannot be run: every fault in one answer, exit code 2, nothing started.

use crate::folder::{Folder, text};
use crate::program::{Ended, Program, run};

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
    assert!(ended.out.trim_end().ends_with("faulty.json: invalid, 6 errors"), "{ended:?}");
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

/// Params that fit their schema but not each other, and a codec of another build, beside a plain fault.
const BEYOND_THE_SCHEMA: &str = r#"{
  "version": "v1",
  "nodes": [
    {"id": "tone", "node_type": "TestTone", "params": {"sampleRate": 8000, "frequency": 4001}},
    {"id": "blur", "node_type": "VideoBlur", "params": {"radius": 65}}
  ],
  "transport": {"kind": "webrtc", "videoCodecs": ["VP8", "H264"], "max_peers": 11}
}"#;

#[test]
fn what_only_a_peer_could_find_is_found_before_anything_starts() {
    let folder = Folder::new();
    let (manifest, out) = (folder.write("beyond.json", BEYOND_THE_SCHEMA.as_bytes()), folder.path("out"));
    let manifest = text(&manifest);
    for arguments in [
        &["validate", manifest][..],
        &["serve", manifest, "--listen", "127.0.0.1:0"],
        &["demo", manifest, "--out", text(&out)],
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for (fault, expected, got) in [
            ("[invalid_param] $.nodes[0].params.frequency", "half the sample rate (4000 Hz)", "4001"),
            ("[invalid_param] $.nodes[1].params.radius", "from 0 to 64", "65"),
            ("[out_of_range] $.transport.max_peers", "at most 10", "11"),
            ("[unsupported] $.transport.videoCodecs[0]", "built in: H264", "\"VP8\""),
        ] {
            let told = ended.out.split("error").find(|told| told.starts_with(fault));
            let told = told.unwrap_or_else(|| panic!("{fault} is not in {ended:?}"));
            assert!(told.contains(expected) && told.contains(got), "{told}");
        }
        assert!(!ended.out.contains("signaling at"), "{ended:?}");
        assert!(!out.exists());
    }
}

#[test]
fn a_session_or_a_name_that_no_server_takes_is_found_before_serve_starts_one() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/video_blur.json");
    for (option, value) in [("--session", "a b"), ("--peer-id", "")] {
        let ended = run(&["serve", manifest, "--listen", "127.0.0.1:0", option, value]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error.contains(&format!("{value:?}")), "{ended:?}");
        assert_eq!(ended.out, "");
    }
}

#[test]
fn the_demo_refuses_what_gives_no_video_back_and_says_what_to_do() {
    let folder = Folder::new();
    let out = folder.path("out");
    let shipped = |name| format!("{}/../manifests/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let audio = r#"{"version": "v1", "nodes": [{"id": "gain", "node_type": "AudioGain"}]}"#;
    let elsewhere = r#"{"version": "v1", "nodes": [{"id": "blur", "node_type": "VideoBlur"}],
        "routes": [{"output": "blur", "to": "others"}]}"#;
    for (manifest, words) in [
        (shipped("calculator"), "takes no video"),
        (shipped("test_pattern"), "takes no video"),
        (text(&folder.write("audio.json", audio.as_bytes())).to_owned(), "takes no video"),
        (text(&folder.write("elsewhere.json", elsewhere.as_bytes())).to_owned(), "gives no video back"),
    ] {
        let ended = run(&["demo", &manifest, "--out", text(&out)]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for words in [&manifest, words, "expected", "hint: give one such as manifests/video_blur.json"] {
            assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
        }
        assert!(!out.exists());
    }
}

#[test]
fn a_field_without_effect_is_told_of_by_who_runs_the_manifest_too() {
    let folder = Folder::new();
    let manifest = folder.write(
        "typo.json",
        br#"{"version": "v1", "nodes": [{"id": "echo", "node_type": "PassThrough", "paramz": {}}]}"#,
    );
    let mut serve = Program::start(&["serve", text(&manifest), "--listen", "127.0.0.1:0"]);
    serve.says("warning[unknown_field] $.nodes[0].paramz");
    serve.says("did you mean \"params\"?");
    serve.says("signaling at ");
    serve.interrupt();
    assert_eq!(serve.ended().code, Some(0));
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
