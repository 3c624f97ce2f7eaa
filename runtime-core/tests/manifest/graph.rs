//! What the executor gets of a manifest without faults.

use remotemedia_runtime_core::manifest::{Manifest, PipelineGraph, RouteTarget, Topology};
use remotemedia_runtime_core::node::{NodeRegistry, NodeScope};
use remotemedia_runtime_core::queue::FullPolicy;
use serde_json::{Value, json};

use crate::fixture::{document, pipeline, registry, valid};

fn graph(manifest: &Value) -> PipelineGraph {
    document(manifest).check(&registry()).unwrap_or_else(|faults| panic!("{faults}")).graph
}

#[test]
fn nodes_stand_givers_before_takers_and_edges_name_their_places() {
    let manifest = pipeline(
        json!(["last", "mid", "side", "first"].map(|id| json!({"id": id, "node_type": "Any"}))),
        json!([{"from": "mid", "to": "last"}, {"from": "first", "to": "mid"}]),
    );
    let graph = graph(&manifest);
    let ids: Vec<_> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids, ["side", "first", "mid", "last"]);
    let ends: Vec<_> = graph.edges.iter().map(|edge| (edge.from, edge.to)).collect();
    assert_eq!(ends, [(2, 3), (1, 2)]);
    let outputs: Vec<_> = graph.routes.iter().map(|route| (&*route.output, route.node)).collect();
    assert_eq!(outputs, [("side", 0), ("last", 3)]);
}

#[test]
fn scopes_are_the_types_unless_the_manifest_says_otherwise() {
    let manifest = pipeline(
        json!([
            {"id": "a", "node_type": "Gain"},
            {"id": "b", "node_type": "Mixer"},
            {"id": "c", "node_type": "Gain", "scope": "session"},
            {"id": "d", "node_type": "Mixer", "scope": "stream"}
        ]),
        json!([]),
    );
    let scopes: Vec<_> = graph(&manifest).nodes.iter().map(|node| node.scope).collect();
    assert_eq!(scopes, [NodeScope::Stream, NodeScope::Session, NodeScope::Session, NodeScope::Stream]);
}

#[test]
fn media_edges_drop_the_oldest_of_four_and_others_hold_sixty_four() {
    let manifest = pipeline(
        json!([
            {"id": "blur", "node_type": "Blur"},
            {"id": "x", "node_type": "Any"},
            {"id": "y", "node_type": "Any"},
            {"id": "gain", "node_type": "Gain"},
            {"id": "mixer", "node_type": "Mixer"},
            {"id": "save", "node_type": "Save", "params": {"path": "p"}}
        ]),
        json!([
            {"from": "blur", "to": "x"},
            {"from": "x", "to": "y"},
            {"from": "y", "to": "gain"},
            {"from": "gain", "to": "mixer", "policy": "block"},
            {"from": "mixer", "from_port": "levels", "to": "save", "policy": "drop_oldest", "capacity": 7},
            {"from": "blur", "from_port": "mask", "to": "y", "capacity": 1024}
        ]),
    );
    let queues: Vec<_> = graph(&manifest).edges.iter().map(|edge| (edge.policy, edge.capacity)).collect();
    let (block, drop) = (FullPolicy::Block, FullPolicy::DropOldest);
    assert_eq!(queues, [(drop, 4), (block, 64), (drop, 4), (block, 4), (drop, 7), (drop, 1024)]);
}

#[test]
fn outputs_go_to_the_sender_or_to_all_unless_routed() {
    let mut manifest = valid();
    manifest["routes"] = json!([{"output": "blur.mask", "to": {"peers": ["ada"]}}]);
    let graph = graph(&manifest);
    let routes: Vec<_> =
        graph.routes.iter().map(|route| (&*route.output, route.port, route.to.clone())).collect();
    let ada = RouteTarget::Peers(vec!["ada".parse().expect("a name")]);
    assert_eq!(
        routes,
        [
            ("blur.mask", "mask", ada),
            ("flip", "out", RouteTarget::Sender),
            ("mixer", "out", RouteTarget::All)
        ]
    );
}

#[test]
fn what_no_single_peer_sent_goes_to_all() {
    let cases = [
        (json!([{"id": "x", "node_type": "TestPattern"}]), json!([]), RouteTarget::All),
        (
            json!([{"id": "camera", "node_type": "TestPattern"}, {"id": "x", "node_type": "VideoFlip"}]),
            json!([{"from": "camera", "to": "x"}]),
            RouteTarget::All,
        ),
        (
            json!([{"id": "all", "node_type": "PassThrough", "scope": "session"}, {"id": "x", "node_type": "VideoFlip"}]),
            json!([{"from": "all", "to": "x"}]),
            RouteTarget::All,
        ),
        (
            json!([{"id": "one", "node_type": "VideoBlur"}, {"id": "x", "node_type": "VideoFlip"}]),
            json!([{"from": "one", "to": "x"}]),
            RouteTarget::Sender,
        ),
        (
            json!([
                {"id": "camera", "node_type": "TestPattern"},
                {"id": "one", "node_type": "VideoBlur"},
                {"id": "x", "node_type": "VideoFlip"}
            ]),
            json!([{"from": "camera", "to": "x"}, {"from": "one", "to": "x"}]),
            RouteTarget::Sender,
        ),
    ];
    for (nodes, connections, expected) in cases {
        let document = json!({"version": "v1", "nodes": nodes, "connections": connections});
        let manifest = Manifest::parse(&document.to_string()).expect("a valid document");
        let graph = manifest.check(&NodeRegistry::with_builtins()).expect("a valid manifest");
        let target = graph.routes.iter().find(|route| &*route.output == "x").map(|route| &route.to);
        assert_eq!(target, Some(&expected), "{document}");
    }
}

#[test]
fn the_transport_reaches_the_graph_with_its_defaults() {
    let transport = graph(&valid()).transport.expect("there");
    assert_eq!(transport.max_peers, Some(4));
    assert_eq!(transport.ice_servers[1].urls, ["turn:turn.example.org?transport=udp"]);
    assert_eq!((Topology::Mesh.max_peers_default(), Topology::Host.max_peers_default()), (10, 100));
}

#[test]
fn a_manifest_made_in_the_program_is_checked_alike() {
    let mut manifest: Manifest = serde_json::from_value(valid()).expect("the document's types");
    let (made, read) = (manifest.check(&registry()).expect("valid"), graph(&valid()));
    assert_eq!((made.edges, made.routes, made.transport), (read.edges, read.routes, read.transport));
    manifest.version = "v2".to_owned();
    manifest.connections[0].capacity = Some(0);
    let faults = manifest.check(&registry()).expect_err("two faults");
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["$.version", "$.connections[0].capacity"]);
}

#[test]
fn a_manifest_survives_being_written_and_read_again() {
    let manifest: Manifest = serde_json::from_value(valid()).expect("the document's types");
    let text = serde_json::to_string(&manifest).expect("JSON");
    assert_eq!(Manifest::parse(&text).expect("valid"), manifest);
}
