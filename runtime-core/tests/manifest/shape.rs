//! Missing fields, wrong types, unknown fields, limits of lists.

use remotemedia_runtime_core::manifest::{Manifest, ManifestDocument, Severity};
use serde_json::{Value, json};

use crate::fixture::{
    assert_fault, assert_faults, assert_hint, assert_valid, assert_warnings, pipeline, registry, valid,
    valid_but,
};

#[test]
fn the_fixture_has_no_fault_and_no_warning() {
    assert_valid(&valid());
}

#[test]
fn what_is_no_object_is_refused() {
    for manifest in [json!([]), json!("v1"), json!(null), json!(7)] {
        assert_fault(&manifest, "wrong_type", "$");
    }
}

#[test]
fn a_missing_field_is_named() {
    for field in ["version", "nodes"] {
        let fault = assert_faults(
            &valid_but(&format!("/{field}"), None),
            &[("missing_field", &format!("$.{field}"))],
        );
        assert_hint(&fault[0], "add");
    }
    assert_fault(&valid_but("/transport/kind", None), "missing_field", "$.transport.kind");
    assert_fault(
        &valid_but("/transport/ice_servers/0/urls", None),
        "missing_field",
        "$.transport.ice_servers[0].urls",
    );
    assert_fault(&valid_but("/routes/1/output", None), "missing_field", "$.routes[1].output");
    assert_fault(&valid_but("/routes/1/to", None), "missing_field", "$.routes[1].to");
    assert_fault(&valid_but("/connections/0/to", None), "missing_field", "$.connections[0].to");
    assert_fault(&valid_but("/nodes/1/node_type", None), "missing_field", "$.nodes[1].node_type");
}

#[test]
fn a_missing_field_is_found_under_its_misspelling() {
    let mut manifest = valid_but("/connections", None);
    manifest["transport"] = Value::Null;
    manifest["conections"] = json!([]);
    let warnings = assert_warnings(&manifest, &[("unknown_field", "$.conections")]);
    assert_hint(&warnings[0], "did you mean \"connections\"?");

    let manifest = pipeline(json!([{"id": "a", "type": "Any"}]), json!([]));
    let expected = [("missing_field", "$.nodes[0].node_type"), ("unknown_field", "$.nodes[0].type")];
    let faults = assert_faults(&manifest, &expected);
    assert_hint(&faults[0], "did you mean it by \"type\"?");
}

#[test]
fn every_field_of_a_wrong_type_is_named() {
    let cases = [
        ("/version", json!(["v1"]), "unsupported_version", "$.version"),
        ("/metadata", json!("a call"), "wrong_type", "$.metadata"),
        ("/metadata/name", json!(7), "wrong_type", "$.metadata.name"),
        ("/metadata/description", json!({}), "wrong_type", "$.metadata.description"),
        ("/nodes", json!({"id": "a"}), "wrong_type", "$.nodes"),
        ("/nodes/1/is_streaming", json!("yes"), "wrong_type", "$.nodes[1].is_streaming"),
        ("/nodes/1/scope", json!(1), "wrong_type", "$.nodes[1].scope"),
        ("/nodes/1/node_type", json!(1), "wrong_type", "$.nodes[1].node_type"),
        ("/nodes/0/params", json!([1]), "wrong_type", "$.nodes[0].params"),
        ("/connections", json!("blur -> flip"), "wrong_type", "$.connections"),
        ("/connections/0", json!("blur -> flip"), "wrong_type", "$.connections[0]"),
        ("/connections/0/from", json!(0), "wrong_type", "$.connections[0].from"),
        ("/connections/1/from_port", json!(0), "wrong_type", "$.connections[1].from_port"),
        ("/connections/1/to_port", json!(0), "wrong_type", "$.connections[1].to_port"),
        ("/connections/0/policy", json!(true), "wrong_type", "$.connections[0].policy"),
        ("/connections/0/capacity", json!("2"), "wrong_type", "$.connections[0].capacity"),
        ("/connections/0/capacity", json!(2.5), "wrong_type", "$.connections[0].capacity"),
        ("/routes", json!({}), "wrong_type", "$.routes"),
        ("/routes/1", json!([]), "wrong_type", "$.routes[1]"),
        ("/routes/1/output", json!(1), "wrong_type", "$.routes[1].output"),
        ("/routes/1/to", json!(["all"]), "wrong_type", "$.routes[1].to"),
        ("/transport", json!("webrtc"), "wrong_type", "$.transport"),
        ("/transport/kind", json!(1), "wrong_type", "$.transport.kind"),
        ("/transport/topology", json!(1), "wrong_type", "$.transport.topology"),
        ("/transport/max_peers", json!("4"), "wrong_type", "$.transport.max_peers"),
        ("/transport/video_codecs", json!("H264"), "wrong_type", "$.transport.video_codecs"),
        ("/transport/video_codecs/0", json!(264), "wrong_type", "$.transport.video_codecs[0]"),
        ("/transport/ice_servers", json!({}), "wrong_type", "$.transport.ice_servers"),
        ("/transport/ice_servers/0", json!("stun:x"), "wrong_type", "$.transport.ice_servers[0]"),
        ("/transport/ice_servers/0/urls", json!(1), "wrong_type", "$.transport.ice_servers[0].urls"),
        ("/transport/ice_servers/0/urls/0", json!(1), "wrong_type", "$.transport.ice_servers[0].urls[0]"),
        ("/transport/ice_servers/1/username", json!(1), "wrong_type", "$.transport.ice_servers[1].username"),
        (
            "/transport/ice_servers/1/credential",
            json!([]),
            "wrong_type",
            "$.transport.ice_servers[1].credential",
        ),
        ("/transport/signaling_url", json!(1), "wrong_type", "$.transport.signaling_url"),
    ];
    for (pointer, value, code, path) in cases {
        assert_fault(&valid_but(pointer, value), code, path);
    }
}

#[test]
fn other_versions_are_refused() {
    for version in [json!("v2"), json!("2"), json!(1), json!("V1"), json!("")] {
        assert_fault(&valid_but("/version", version), "unsupported_version", "$.version");
    }
}

#[test]
fn unknown_fields_are_accepted_and_reported() {
    let mut manifest = valid();
    manifest["comment"] = json!("hello");
    manifest["$schema"] = json!("https://example.org/manifest.json");
    manifest["nodes"][1]["capabilities"] = json!({});
    manifest["connections"][0]["capcity"] = json!(3);
    manifest["routes"][1]["when"] = json!("always");
    manifest["transport"]["ice_servers"][0]["url"] = json!("stun:x");
    let expected = [
        ("unknown_field", "$.comment"),
        ("unknown_field", "$.nodes[1].capabilities"),
        ("unknown_field", "$.connections[0].capcity"),
        ("unknown_field", "$.transport.ice_servers[0].url"),
        ("unknown_field", "$.routes[1].when"),
    ];
    let warnings = assert_warnings(&manifest, &expected);
    assert_hint(&warnings[0], "no effect");
    assert_hint(&warnings[2], "did you mean \"capacity\"?");
}

#[test]
fn camel_case_is_read_as_snake_case() {
    let mut manifest = pipeline(
        json!([{"id": "a", "nodeType": "Blur", "isStreaming": false}, {"id": "b", "nodeType": "Flip"}]),
        json!([{"from": "a", "fromPort": "mask", "to": "b", "toPort": "in"}]),
    );
    manifest["transport"] = json!({"kind": "webrtc", "maxPeers": 2, "videoCodecs": ["VP9"], "videoBitrateBps": 90000,
        "iceServers": [{"urls": []}], "signalingUrl": "ws://"});
    manifest["routes"] = json!([{"output": "b", "to": "local"}]);
    let expected = [("empty", "$.transport.iceServers[0].urls"), ("invalid_url", "$.transport.signalingUrl")];
    assert_faults(&manifest, &expected);

    manifest["transport"]["iceServers"] = json!([]);
    manifest["transport"]["signalingUrl"] = json!("ws://host");
    let document = ManifestDocument::parse(&manifest.to_string(), None).expect("JSON");
    let checked = document.check(&registry()).expect("valid");
    let transport = checked.manifest.transport.expect("there");
    assert_eq!((transport.max_peers, transport.video_bitrate_bps), (Some(2), Some(90_000)));
    assert_eq!(checked.manifest.connections[0].from_port.as_deref(), Some("mask"));
}

#[test]
fn a_field_in_both_spellings_is_refused() {
    let mut manifest = valid();
    manifest["nodes"][1]["nodeType"] = json!("Flip");
    manifest["transport"]["maxPeers"] = json!(3);
    let expected = [("duplicate_field", "$.nodes[1].nodeType"), ("duplicate_field", "$.transport.maxPeers")];
    assert_faults(&manifest, &expected);
}

#[test]
fn null_means_absent() {
    let mut manifest = valid();
    for field in ["metadata", "connections", "routes", "transport"] {
        manifest[field] = Value::Null;
    }
    for field in ["params", "scope", "is_streaming"] {
        manifest["nodes"][1][field] = Value::Null;
    }
    assert_valid(&manifest);
    let mut manifest = valid();
    for field in
        ["topology", "max_peers", "video_codecs", "video_bitrate_bps", "ice_servers", "signaling_url"]
    {
        manifest["transport"][field] = Value::Null;
    }
    assert_valid(&manifest);
    assert_fault(&valid_but("/version", Value::Null), "missing_field", "$.version");
}

#[test]
fn lists_are_taken_at_their_limit_and_refused_one_past_it() {
    let nodes = |count| {
        let nodes: Vec<_> = (0..count).map(|n| json!({"id": format!("n{n}"), "node_type": "Any"})).collect();
        pipeline(json!(nodes), json!([]))
    };
    assert_valid(&nodes(1000));
    assert_fault(&nodes(1001), "too_many", "$.nodes");
    assert_valid(&nodes(1));
    assert_fault(&nodes(0), "empty", "$.nodes");

    let routes = |count| {
        let mut manifest = nodes(1000);
        let routes: Vec<_> =
            (0..count).map(|n| json!({"output": format!("n{}", n % 1000), "to": "all"})).collect();
        manifest["routes"] = json!(routes);
        manifest
    };
    assert_valid(&routes(1000));
    assert_fault(&routes(1001), "too_many", "$.routes");

    let connections = |count: usize| {
        let mut manifest = nodes(1000);
        let edge = |n: usize| json!({"from": format!("n{}", n / 4), "to": format!("n{}", n / 4 + 1 + n % 4)});
        manifest["connections"] = json!((0..count).map(edge).collect::<Vec<_>>());
        manifest
    };
    assert_valid(&connections(3980));
    let mut most = connections(3980);
    let first = most["connections"].as_array_mut().expect("a list");
    first.extend((0..20).map(|n| json!({"from": format!("n{n}"), "to": format!("n{}", n + 500)})));
    assert_valid(&most);
    most["connections"].as_array_mut().expect("a list").push(json!({"from": "n40", "to": "n700"}));
    assert_fault(&most, "too_many", "$.connections");
}

#[test]
fn one_awful_manifest_yields_every_fault_in_one_answer() {
    let manifest = json!({
        "metadta": {},
        "nodes": [
            {"id": "a", "node_type": "Blurr"},
            {"id": "blur", "node_type": "Blur", "params": {"radius": 700, "radus": 3, "mode": "god"}},
            {"id": "blur", "node_type": "Flip"},
            {"id": "a gain", "node_type": "Gain", "scope": "peer"},
            {"node_type": "Mixer"},
            "Tone",
            {"id": "x", "node_type": "Any"},
            {"id": "y", "node_type": "Any", "params": 3}
        ],
        "connections": [
            {"from": "blur", "to": "nobody"},
            {"from": "blur", "from_port": "msk", "to": "x"},
            {"from": "blur", "to": "a gain", "capacity": 0},
            {"from": "x", "to": "y"},
            {"from": "y", "to": "x", "policy": "drop"},
            {"from": "x", "to": "y"},
            {"from": "y", "to": "y"}
        ],
        "transport": {"kind": "webrct", "max_peers": 0, "ice_servers": [{"urls": "stun://x"}], "signaling_url": "x"},
        "routes": [{"output": "z", "to": "sendr"}, {"output": "x", "to": {"peers": ["b c"]}}]
    });
    let expected = [
        ("missing_field", "$.version"),
        ("unknown_node_type", "$.nodes[0].node_type"),
        ("invalid_param", "$.nodes[1].params.mode"),
        ("invalid_param", "$.nodes[1].params.radius"),
        ("duplicate_id", "$.nodes[2].id"),
        ("invalid_name", "$.nodes[3].id"),
        ("unknown_value", "$.nodes[3].scope"),
        ("missing_field", "$.nodes[4].id"),
        ("wrong_type", "$.nodes[5]"),
        ("wrong_type", "$.nodes[7].params"),
        ("unknown_node", "$.connections[0].to"),
        ("unknown_port", "$.connections[1].from_port"),
        ("out_of_range", "$.connections[2].capacity"),
        ("kind_mismatch", "$.connections[2]"),
        ("unknown_value", "$.connections[4].policy"),
        ("self_loop", "$.connections[6]"),
        ("duplicate_connection", "$.connections[5]"),
        ("cycle", "$.connections[4]"),
        ("unknown_value", "$.transport.kind"),
        ("out_of_range", "$.transport.max_peers"),
        ("invalid_url", "$.transport.ice_servers[0].urls"),
        ("invalid_url", "$.transport.signaling_url"),
        ("unknown_value", "$.routes[0].to"),
        ("unknown_output", "$.routes[0].output"),
        ("invalid_name", "$.routes[1].to.peers[0]"),
        ("consumed_output", "$.routes[1].output"),
        ("unknown_field", "$.metadta"),
        ("unknown_param", "$.nodes[1].params.radus"),
    ];
    let faults = assert_faults(&manifest, &expected);
    let warnings = faults.iter().filter(|fault| fault.severity == Severity::Warning).count();
    assert_eq!(warnings, 2);
}

#[test]
fn shape_is_checked_without_knowing_any_node_type() {
    let text = r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "NotHere", "params": {"x": 1}}]}"#;
    let manifest = Manifest::parse(text).expect("of the right shape");
    assert_eq!(manifest.nodes[0].node_type, "NotHere");
    let faults =
        Manifest::parse(r#"{"nodes": [{"id": "a"}, {"id": "a", "node_type": 3}]}"#).expect_err("faults");
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["$.version", "$.nodes[0].node_type", "$.nodes[1].node_type", "$.nodes[1].id"]);
}
