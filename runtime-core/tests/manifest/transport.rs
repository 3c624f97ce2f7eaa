//! The transport section.

use remotemedia_runtime_core::manifest::{IceServer, TransportSupport, Unsupported};
use serde_json::{Value, json};

use crate::fixture::{
    assert_fault, assert_faults, assert_hint, assert_valid, document, registry, valid, valid_but,
};

fn with(field: &str, value: Value) -> Value {
    valid_but(&format!("/transport/{field}"), value)
}

#[test]
fn other_kinds_and_topologies_are_refused() {
    let mut manifest = with("kind", json!("grpc"));
    assert_hint(&assert_fault(&manifest, "unknown_value", "$.transport.kind"), "without \"transport\"");
    manifest["transport"] = json!({"kind": "webrtc", "topology": "star"});
    assert_fault(&manifest, "unknown_value", "$.transport.topology");
}

#[test]
fn peers_are_counted_by_topology() {
    let peers = |topology: &str, most: i64| {
        let mut manifest = valid();
        manifest["transport"]["topology"] = json!(topology);
        manifest["transport"]["max_peers"] = json!(most);
        manifest
    };
    for (topology, most) in [("mesh", 1), ("mesh", 10), ("host", 1), ("host", 1000)] {
        assert_valid(&peers(topology, most));
    }
    for (topology, most) in
        [("mesh", 0), ("mesh", -1), ("mesh", 11), ("mesh", 1001), ("host", 0), ("host", 1001)]
    {
        assert_fault(&peers(topology, most), "out_of_range", "$.transport.max_peers");
    }
    let fault = assert_fault(&peers("mesh", 11), "out_of_range", "$.transport.max_peers");
    assert_hint(&fault, "\"topology\": \"host\"");
}

#[test]
fn bitrates_are_taken_at_their_limits_and_refused_one_past_them() {
    for bitrate in [50_000, 50_000_000] {
        assert_valid(&with("video_bitrate_bps", json!(bitrate)));
    }
    for bitrate in [json!(49_999), json!(50_000_001), json!(-1), json!(u64::MAX)] {
        assert_fault(&with("video_bitrate_bps", bitrate), "out_of_range", "$.transport.video_bitrate_bps");
    }
}

#[test]
fn codecs_are_taken_by_their_names() {
    assert_valid(&with("video_codecs", json!([])));
    assert_valid(&with("video_codecs", json!(["VP9", "H264", "VP8"])));
    let manifest = with("video_codecs", json!(["h264", "opus", "VP8", "VP8"]));
    let at = |index: usize| format!("$.transport.video_codecs[{index}]");
    let expected = [("unknown_value", &*at(0)), ("unknown_value", &*at(1)), ("duplicate_entry", &*at(3))];
    let faults = assert_faults(&manifest, &expected);
    assert_hint(&faults[0], "did you mean \"H264\"?");
    assert_hint(&faults[1], "Opus carries audio");
}

/// A transport that knows one codec and one server.
struct OneOfEach;

impl TransportSupport for OneOfEach {
    fn check_video_codec(&self, name: &str) -> Result<(), Unsupported> {
        let unsupported = Unsupported { expected: "H264".to_owned(), hint: Some("remove it".to_owned()) };
        if name == "H264" { Ok(()) } else { Err(unsupported) }
    }

    fn check_ice_server(&self, server: &IceServer) -> Result<(), Unsupported> {
        let unsupported = Unsupported { expected: "stun:a".to_owned(), hint: None };
        if server.urls == ["stun:a"] { Ok(()) } else { Err(unsupported) }
    }
}

#[test]
fn what_the_transport_cannot_do_is_reported_beside_other_faults_of_its_section() {
    let section = json!({
        "kind": "webrtc", "max_peers": 11,
        "videoCodecs": ["VP8", "H264", "AV1", "VP9"],
        "iceServers": [{"urls": "stun:a"}, {"urls": ["stun:b"]}, {"urls": "http:c"}],
    });
    let manifest = valid_but("/transport", section);
    let faults = document(&manifest).check_for(&registry(), &OneOfEach).expect_err("faults");
    let found: Vec<_> = faults.iter().map(|fault| (fault.code.name(), fault.path.as_str())).collect();
    let expected = [
        ("out_of_range", "$.transport.max_peers"),
        ("unsupported", "$.transport.videoCodecs[0]"),
        ("unknown_value", "$.transport.videoCodecs[2]"),
        ("unsupported", "$.transport.videoCodecs[3]"),
        ("unsupported", "$.transport.iceServers[1].urls"),
        ("invalid_url", "$.transport.iceServers[2].urls"),
    ];
    assert_eq!(found, expected);
    let of_codec = faults.iter().nth(1).expect("listed");
    assert_eq!((of_codec.expected.as_str(), of_codec.got.as_str()), ("H264", "\"VP8\""));
    assert_hint(of_codec, "remove it");

    let fits = valid_but("/transport", json!({"kind": "webrtc", "video_codecs": ["H264"]}));
    document(&fits).check_for(&registry(), &OneOfEach).expect("no fault");
    document(&fits).check(&registry()).expect("nor without a transport");
}

#[test]
fn turn_servers_need_a_login_and_stun_servers_do_not() {
    let server = |server: Value| with("ice_servers", json!([server]));
    assert_valid(&server(json!({"urls": ["stun:a", "stun:b"]})));
    assert_valid(&server(json!({"urls": ["stun:a", "turns:b"], "username": "u", "credential": "c"})));
    let at = |field: &str| format!("$.transport.ice_servers[0].{field}");
    let (username, credential) = (at("username"), at("credential"));
    assert_faults(
        &server(json!({"urls": ["stun:a", "turn:b"]})),
        &[("missing_credentials", &username), ("missing_credentials", &credential)],
    );
    let half = server(json!({"urls": "turn:b", "username": "u", "credential": ""}));
    assert_fault(&half, "missing_credentials", &credential);
}

#[test]
fn ice_servers_are_counted() {
    let servers = |count: usize| with("ice_servers", json!(vec![json!({"urls": "stun:a"}); count]));
    assert_valid(&servers(16));
    assert_fault(&servers(17), "too_many", "$.transport.ice_servers");
    let urls = |count: usize| with("ice_servers", json!([{"urls": vec!["stun:a"; count]}]));
    assert_valid(&urls(8));
    assert_fault(&urls(9), "too_many", "$.transport.ice_servers[0].urls");
    assert_fault(&urls(0), "empty", "$.transport.ice_servers[0].urls");
}

#[test]
fn urls_are_refused_with_the_reason() {
    let manifest = with("ice_servers", json!([{"urls": ["http:a", "stun:a", "stun:a:0"]}]));
    let at = |index: usize| format!("$.transport.ice_servers[0].urls[{index}]");
    let faults = assert_faults(&manifest, &[("invalid_url", &at(0)), ("invalid_url", &at(2))]);
    assert_hint(&faults[1], "from 1 to 65535");
    let fault = assert_fault(
        &with("signaling_url", json!("http://host/ws")),
        "invalid_url",
        "$.transport.signaling_url",
    );
    assert_hint(&fault, "ws://");
}
