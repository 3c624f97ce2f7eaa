//! Ids and types of nodes.

use serde_json::json;

use crate::fixture::{assert_fault, assert_faults, assert_hint, assert_valid, pipeline};

fn named(id: &str) -> serde_json::Value {
    pipeline(json!([{"id": id, "node_type": "Any"}]), json!([]))
}

#[test]
fn ids_are_taken_at_the_limit_and_refused_beyond() {
    assert_valid(&named("a"));
    assert_valid(&named("a_B-9.x:y"));
    assert_valid(&named(&"a".repeat(64)));
    for id in ["", "a b", "ä", "a/b", "a\n", &"a".repeat(65)] {
        assert_fault(&named(id), "invalid_name", "$.nodes[0].id");
    }
    let numbered = pipeline(json!([{"id": 7, "node_type": "Any"}]), json!([]));
    assert_fault(&numbered, "wrong_type", "$.nodes[0].id");
}

#[test]
fn two_equal_ids_are_refused_once_each() {
    let node = json!({"id": "a", "node_type": "Any"});
    let manifest = pipeline(json!([node, node, node]), json!([]));
    let faults =
        assert_faults(&manifest, &[("duplicate_id", "$.nodes[1].id"), ("duplicate_id", "$.nodes[2].id")]);
    assert_eq!(faults[1].got, "\"a\", which nodes[0] has");
}

#[test]
fn an_unknown_type_is_refused_with_the_nearest_and_the_list() {
    let of_type = |node_type| pipeline(json!([{"id": "a", "node_type": node_type}]), json!([]));
    for (given, meant) in [("blur", "Blur"), ("Blurr", "Blur"), ("AudioMixer", "Mixer")] {
        let fault = assert_fault(&of_type(given), "unknown_node_type", "$.nodes[0].node_type");
        assert_hint(&fault, &format!("did you mean {meant:?}? registered are: Any, Blur, "));
    }
    let fault = assert_fault(&of_type("Whisper"), "unknown_node_type", "$.nodes[0].node_type");
    assert!(fault.hint.is_some_and(|hint| hint.starts_with("registered are: Any")));
}

#[test]
fn an_unknown_type_hides_neither_its_connections_nor_its_routes() {
    let mut manifest = pipeline(
        json!([{"id": "a", "node_type": "Nope"}, {"id": "b", "node_type": "Gain"}]),
        json!([{"from": "a", "from_port": "x", "to": "b"}, {"from": "a", "to": "c"}]),
    );
    manifest["routes"] = json!([{"output": "a.side", "to": "all"}]);
    let expected = [("unknown_node_type", "$.nodes[0].node_type"), ("unknown_node", "$.connections[1].to")];
    assert_faults(&manifest, &expected);
}
