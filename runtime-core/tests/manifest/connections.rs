//! Endpoints, ports, kinds, circles.

use serde_json::{Value, json};

use crate::fixture::{assert_fault, assert_faults, assert_hint, assert_valid, pipeline};

/// A pipeline of nodes `a` (Blur), `b` (Flip), `g` (Gain), `x`, `y`, `z` (Any), `s` (Save), `t` (Tone).
fn connected(connections: Value) -> Value {
    let nodes = json!([
        {"id": "a", "node_type": "Blur"},
        {"id": "b", "node_type": "Flip"},
        {"id": "g", "node_type": "Gain"},
        {"id": "x", "node_type": "Any"},
        {"id": "y", "node_type": "Any"},
        {"id": "z", "node_type": "Any"},
        {"id": "s", "node_type": "Save", "params": {"path": "x"}},
        {"id": "t", "node_type": "Tone"}
    ]);
    pipeline(nodes, connections)
}

#[test]
fn unknown_endpoints_are_refused_with_the_nearest() {
    let nodes = json!([{"id": "camera", "node_type": "Any"}, {"id": "screen", "node_type": "Any"}]);
    let manifest = pipeline(nodes.clone(), json!([{"from": "camra", "to": "sceren"}]));
    let expected = [("unknown_node", "$.connections[0].from"), ("unknown_node", "$.connections[0].to")];
    let faults = assert_faults(&manifest, &expected);
    assert_hint(&faults[0], "did you mean \"camera\"?");
    assert_hint(&faults[1], "did you mean \"screen\"?");
    let manifest = pipeline(nodes, json!([{"from": "camera", "to": "q"}]));
    assert_hint(&assert_fault(&manifest, "unknown_node", "$.connections[0].to"), "camera, screen");
}

#[test]
fn an_endpoint_with_its_port_in_the_name_is_explained() {
    let manifest = connected(json!([{"from": "a.mask", "to": "b"}]));
    let fault = assert_fault(&manifest, "unknown_node", "$.connections[0].from");
    assert_hint(&fault, "write \"from\": \"a\", \"from_port\": \"mask\"");
}

#[test]
fn unknown_ports_are_refused_with_the_list() {
    assert_valid(&connected(json!([{"from": "a", "from_port": "mask", "to": "b", "to_port": "in"}])));
    let manifest = connected(json!([{"from": "a", "from_port": "maks", "to": "b", "to_port": "input"}]));
    let expected =
        [("unknown_port", "$.connections[0].from_port"), ("unknown_port", "$.connections[0].to_port")];
    let faults = assert_faults(&manifest, &expected);
    assert_eq!(faults[0].expected, "an output port of Blur: \"out\" or \"mask\"");
    assert_hint(&faults[0], "did you mean \"mask\"?");
    assert_eq!(faults[1].expected, "an input port of Flip: \"in\"");
}

#[test]
fn a_source_takes_nothing_in_and_a_sink_gives_nothing_out() {
    let fault =
        assert_fault(&connected(json!([{"from": "g", "to": "t"}])), "unknown_port", "$.connections[0].to");
    assert_eq!(fault.got, "\"t\", a Tone, which takes nothing in");
    let fault =
        assert_fault(&connected(json!([{"from": "s", "to": "x"}])), "unknown_port", "$.connections[0].from");
    assert_eq!(fault.got, "\"s\", a Save, which gives nothing out");
}

#[test]
fn ports_without_a_kind_in_common_are_refused() {
    let fault =
        assert_fault(&connected(json!([{"from": "a", "to": "g"}])), "kind_mismatch", "$.connections[0]");
    assert_eq!(
        fault.to_string().split(" (").next(),
        Some("$.connections[0]: expected audio, which g.in takes, got video from a.out")
    );
    let fault =
        assert_fault(&connected(json!([{"from": "t", "to": "s"}])), "kind_mismatch", "$.connections[0]");
    assert!(fault.expected.starts_with("json or text"));
    assert_valid(&connected(json!([{"from": "a", "to": "x"}, {"from": "x", "to": "g"}])));
}

#[test]
fn two_edges_into_one_input_merge() {
    assert_valid(&connected(
        json!([{"from": "a", "to": "b"}, {"from": "a", "from_port": "mask", "to": "b"}]),
    ));
    assert_valid(&connected(json!([{"from": "x", "to": "z"}, {"from": "y", "to": "z"}])));
}

#[test]
fn the_same_ports_connected_twice_are_refused_however_they_are_named() {
    let manifest = connected(json!([
        {"from": "a", "to": "b"},
        {"from": "x", "to": "y"},
        {"from": "a", "from_port": "out", "to": "b", "to_port": "in"},
        {"from": "a", "to": "b"}
    ]));
    let expected =
        [("duplicate_connection", "$.connections[2]"), ("duplicate_connection", "$.connections[3]")];
    let faults = assert_faults(&manifest, &expected);
    assert!(faults.iter().all(|fault| fault.got == "the same ports as $.connections[0]"));
}

#[test]
fn a_connection_to_itself_is_refused() {
    let fault = assert_fault(&connected(json!([{"from": "x", "to": "x"}])), "self_loop", "$.connections[0]");
    assert_eq!(fault.got, "x → x");
}

#[test]
fn a_cycle_is_shown_as_a_path() {
    let two = json!([{"from": "x", "to": "y"}, {"from": "y", "to": "x"}]);
    assert_eq!(assert_fault(&connected(two), "cycle", "$.connections[1]").got, "x → y → x");
    let three = json!([
        {"from": "a", "to": "x"}, {"from": "z", "to": "x"}, {"from": "x", "to": "y"}, {"from": "y", "to": "z"},
        {"from": "z", "to": "g"}
    ]);
    assert_eq!(assert_fault(&connected(three), "cycle", "$.connections[1]").got, "x → y → z → x");
}

#[test]
fn separate_cycles_are_each_shown() {
    let manifest = pipeline(
        json!(["p", "q", "r", "s"].map(|id| json!({"id": id, "node_type": "Any"}))),
        json!(
            [["p", "q"], ["q", "p"], ["r", "s"], ["s", "r"], ["q", "r"]]
                .map(|[from, to]| json!({"from": from, "to": to}))
        ),
    );
    let faults = assert_faults(&manifest, &[("cycle", "$.connections[1]"), ("cycle", "$.connections[3]")]);
    assert_eq!((faults[0].got.as_str(), faults[1].got.as_str()), ("p → q → p", "r → s → r"));
}

#[test]
fn a_cycle_of_a_thousand_nodes_is_found_and_cut_short() {
    let nodes: Vec<_> = (0..1000).map(|n| json!({"id": format!("n{n}"), "node_type": "Any"})).collect();
    let edges: Vec<_> =
        (0..1000).map(|n| json!({"from": format!("n{n}"), "to": format!("n{}", (n + 1) % 1000)})).collect();
    let fault = assert_fault(&pipeline(json!(nodes), json!(edges)), "cycle", "$.connections[999]");
    assert!(fault.got.starts_with("n0 → n1 → ") && fault.got.ends_with("n19 → … → n0"), "{}", fault.got);
}

#[test]
fn capacities_are_taken_at_their_limits_and_refused_one_past_them() {
    let holding = |capacity: i64| connected(json!([{"from": "x", "to": "y", "capacity": capacity}]));
    assert_valid(&holding(1));
    assert_valid(&holding(1024));
    for capacity in [0, 1025, -1, i64::MAX] {
        assert_fault(&holding(capacity), "out_of_range", "$.connections[0].capacity");
    }
}

#[test]
fn policies_are_taken_by_name() {
    let with = |policy: &str| connected(json!([{"from": "x", "to": "y", "policy": policy}]));
    assert_valid(&with("block"));
    assert_valid(&with("drop_oldest"));
    let fault = assert_fault(&with("dropOldest"), "unknown_value", "$.connections[0].policy");
    assert_hint(&fault, "did you mean \"drop_oldest\"?");
}
