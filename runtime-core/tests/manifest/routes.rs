//! Who gets which output.

use serde_json::{Value, json};

use crate::fixture::{assert_fault, assert_faults, assert_hint, assert_valid, pipeline};

/// `blur` (out, mask) and `flip` behind it, `mixer` (out, levels).
fn routed(routes: Value) -> Value {
    let mut manifest = pipeline(
        json!([
            {"id": "blur", "node_type": "Blur"},
            {"id": "flip", "node_type": "Flip"},
            {"id": "mixer", "node_type": "Mixer"}
        ]),
        json!([{"from": "blur", "to": "flip"}]),
    );
    manifest["routes"] = routes;
    manifest
}

fn over_webrtc(mut manifest: Value) -> Value {
    manifest["transport"] = json!({"kind": "webrtc"});
    manifest
}

#[test]
fn every_target_is_taken() {
    for to in ["sender", "all", "others", "tagged", "by_bandwidth", "local"] {
        assert_valid(&routed(json!([{"output": "flip", "to": to}])));
    }
    assert_valid(&routed(json!([{"output": "mixer.levels", "to": {"peers": ["ada", "bob"]}}])));
}

#[test]
fn unknown_targets_are_refused_with_the_nearest_or_as_a_peer() {
    let fault =
        assert_fault(&routed(json!([{"output": "flip", "to": "other"}])), "unknown_value", "$.routes[0].to");
    assert_hint(&fault, "did you mean \"others\"?");
    let fault =
        assert_fault(&routed(json!([{"output": "flip", "to": "ada"}])), "unknown_value", "$.routes[0].to");
    assert_hint(&fault, "{\"peers\": [\"ada\"]}");
    let manifest = routed(json!([{"output": "flip", "to": {"peer": ["ada"]}}]));
    assert_faults(
        &manifest,
        &[("missing_field", "$.routes[0].to.peers"), ("unknown_field", "$.routes[0].to.peer")],
    );
}

#[test]
fn unknown_outputs_are_refused_with_the_open_ones() {
    let fault = assert_fault(
        &routed(json!([{"output": "mixr", "to": "all"}])),
        "unknown_output",
        "$.routes[0].output",
    );
    assert_eq!(fault.expected, "an open output: \"blur.mask\", \"flip\", \"mixer\" or \"mixer.levels\"");
    assert_hint(&fault, "did you mean \"mixer\"?");
    assert_fault(
        &routed(json!([{"output": "flip.in", "to": "all"}])),
        "unknown_output",
        "$.routes[0].output",
    );
    let mut sink = pipeline(json!([{"id": "s", "node_type": "Save", "params": {"path": "x"}}]), json!([]));
    sink["routes"] = json!([{"output": "s", "to": "all"}]);
    let fault = assert_fault(&sink, "unknown_output", "$.routes[0].output");
    assert!(fault.expected.contains("has none"));
}

#[test]
fn an_output_that_a_connection_takes_is_refused() {
    for name in ["blur", "blur.out"] {
        let manifest = routed(json!([{"output": name, "to": "all"}]));
        assert_fault(&manifest, "consumed_output", "$.routes[0].output");
    }
}

#[test]
fn an_output_routed_twice_is_refused_however_it_is_named() {
    let manifest = routed(json!([{"output": "flip", "to": "all"}, {"output": "flip.out", "to": "sender"}]));
    let fault = assert_fault(&manifest, "duplicate_route", "$.routes[1].output");
    assert!(fault.got.contains("$.routes[0]"));
}

#[test]
fn peers_are_refused_when_none_named_twice_or_wrongly() {
    let to = |peers: Value| routed(json!([{"output": "flip", "to": {"peers": peers}}]));
    let at = |index: usize| format!("$.routes[0].to.peers[{index}]");
    assert_fault(&to(json!([])), "empty", "$.routes[0].to.peers");
    assert_fault(&to(json!("ada")), "wrong_type", "$.routes[0].to.peers");
    assert_faults(
        &to(json!(["ada", "a b", 7, "ada", "", "x".repeat(65)])),
        &[
            ("invalid_name", &at(1)),
            ("wrong_type", &at(2)),
            ("duplicate_entry", &at(3)),
            ("invalid_name", &at(4)),
            ("invalid_name", &at(5)),
        ],
    );
    let many = |count: usize| to(json!((0..count).map(|n| format!("p{n}")).collect::<Vec<_>>()));
    assert_valid(&many(1000));
    assert_fault(&many(1001), "too_many", "$.routes[0].to.peers");
}

#[test]
fn ids_with_dots_that_make_two_outputs_alike_are_refused() {
    let nodes = json!([{"id": "a", "node_type": "Blur"}, {"id": "a.mask", "node_type": "Flip"}]);
    assert_fault(&pipeline(nodes, json!([])), "ambiguous_output", "$.nodes[1].id");
}

#[test]
fn two_pictures_for_one_peer_are_refused_over_webrtc_and_nowhere_else() {
    let to_sender = || routed(json!([{"output": "blur.mask", "to": "sender"}]));
    assert_valid(&to_sender());
    let fault = assert_fault(&over_webrtc(to_sender()), "video_outputs_collide", "$.routes");
    assert_eq!(fault.got, "2 video outputs: blur.mask, flip");
    assert_hint(&fault, "\"to\": \"local\"");
}

#[test]
fn a_further_output_of_a_node_goes_to_no_peer_unasked() {
    assert_valid(&over_webrtc(routed(json!([]))));
}

#[test]
fn a_route_for_one_of_two_pictures_settles_it() {
    for to in [json!("local"), json!("others"), json!("tagged"), json!({"peers": ["ada"]})] {
        assert_valid(&over_webrtc(routed(json!([{"output": "blur.mask", "to": to}]))));
    }
    let asked = json!([{"output": "blur.mask", "to": "sender"}, {"output": "flip", "to": "sender"}]);
    assert_valid(&over_webrtc(routed(asked)));
    for to in ["sender", "all"] {
        let manifest = over_webrtc(routed(json!([{"output": "blur.mask", "to": to}])));
        assert_hint(&assert_fault(&manifest, "video_outputs_collide", "$.routes"), "\"flip\"");
    }
}
