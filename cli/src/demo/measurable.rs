//! Whether a pipeline can be measured: video goes in, and comes back to who sent it.

use remotemedia_runtime_core::data::DataKind;
use remotemedia_runtime_core::manifest::{PipelineGraph, RouteTarget};
use remotemedia_runtime_core::node::PortSpec;

use super::director::SOURCE;

/// Why a pipeline cannot be measured; reads on from the manifest's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unmeasurable {
    /// No input port takes what a camera sends.
    #[error(
        "takes no video, expected a node with a free input for it: the demo sends a clip through the pipeline"
    )]
    TakesNoVideo,
    /// What is made of it goes to nobody, or to others.
    #[error(
        "gives no video back to its sender, expected a route for it to the sender or to all: it could not be measured"
    )]
    GivesNoVideoBack,
}

/// Checks that a pipeline takes video and gives what it makes of it back to the sender.
pub(crate) fn check_measurable(graph: &PipelineGraph) -> Result<(), Unmeasurable> {
    let carries_video = |ports: &[PortSpec], name: &str| {
        ports.iter().any(|port| port.name == name && port.takes(DataKind::Video))
    };
    let is_fed =
        |node: usize, port: &str| graph.edges.iter().any(|edge| edge.to == node && edge.to_port == port);
    let takes_video = |(at, inputs): (usize, &[PortSpec])| {
        inputs.iter().any(|port| port.takes(DataKind::Video) && !is_fed(at, port.name))
    };
    let inputs = graph.nodes.iter().map(|node| node.spec.inputs).enumerate();
    let mut reached: Vec<bool> = inputs.map(takes_video).collect();
    if !reached.contains(&true) {
        return Err(Unmeasurable::TakesNoVideo);
    }
    // Givers stand before takers: one pass goes all the way.
    for at in 0..graph.nodes.len() {
        let fed = graph.edges.iter().any(|edge| {
            edge.to == at
                && reached[edge.from]
                && carries_video(graph.nodes[edge.from].spec.outputs, edge.from_port)
                && carries_video(graph.nodes[at].spec.inputs, edge.to_port)
        });
        reached[at] |= fed;
    }
    let gives_back = graph.routes.iter().any(|route| {
        let to_sender = match &route.to {
            RouteTarget::Local | RouteTarget::Others => false,
            RouteTarget::Peers(peers) => peers.iter().any(|peer| peer.as_str() == SOURCE),
            _ => true,
        };
        to_sender && reached[route.node] && carries_video(graph.nodes[route.node].spec.outputs, route.port)
    });
    if gives_back { Ok(()) } else { Err(Unmeasurable::GivesNoVideoBack) }
}

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::manifest::Manifest;
    use remotemedia_runtime_core::node::NodeRegistry;
    use serde_json::{Value, json};

    use super::*;

    fn checked(nodes: &Value, connections: &Value, routes: &Value) -> Result<(), Unmeasurable> {
        let manifest = json!({
            "version": "v1", "nodes": nodes, "connections": connections, "routes": routes,
            "transport": {"kind": "webrtc"},
        });
        let manifest: Manifest = serde_json::from_value(manifest).expect("a manifest");
        check_measurable(&manifest.check(&NodeRegistry::with_builtins()).expect("a valid one"))
    }

    #[test]
    fn video_that_comes_back_can_be_measured_and_what_only_starts_or_ends_here_cannot() {
        let node = |node_type: &str| json!([{"id": "node", "node_type": node_type}]);
        for (node_type, expected) in [
            ("VideoBlur", Ok(())),
            ("PassThrough", Ok(())),
            ("Calculator", Err(Unmeasurable::TakesNoVideo)),
            ("AudioGain", Err(Unmeasurable::TakesNoVideo)),
            ("TestPattern", Err(Unmeasurable::TakesNoVideo)),
        ] {
            assert_eq!(checked(&node(node_type), &json!([]), &json!([])), expected, "{node_type}");
        }
    }

    #[test]
    fn the_route_decides_whether_the_sender_gets_its_video_back() {
        let nodes =
            json!([{"id": "blur", "node_type": "VideoBlur"}, {"id": "flip", "node_type": "VideoFlip"}]);
        let connections = json!([{"from": "blur", "to": "flip"}]);
        for (to, fits) in [
            (json!("sender"), true),
            (json!("all"), true),
            (json!("tagged"), true),
            (json!({"peers": ["ada", SOURCE]}), true),
            (json!({"peers": ["ada"]}), false),
            (json!("others"), false),
            (json!("local"), false),
        ] {
            let routes = json!([{"output": "flip", "to": to}]);
            let expected = if fits { Ok(()) } else { Err(Unmeasurable::GivesNoVideoBack) };
            assert_eq!(checked(&nodes, &connections, &routes), expected, "{to}");
        }
    }

    #[test]
    fn video_of_a_source_beside_the_senders_is_not_the_senders() {
        let nodes =
            json!([{"id": "eye", "node_type": "VideoBlur"}, {"id": "pattern", "node_type": "TestPattern"}]);
        let routes = json!([{"output": "eye", "to": "local"}, {"output": "pattern", "to": "all"}]);
        assert_eq!(checked(&nodes, &json!([]), &routes), Err(Unmeasurable::GivesNoVideoBack));
    }
}
