//! The manifest's routes: who gets which open output.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::super::fault::{FaultCode, ManifestFault};
use super::super::{EdgeSettings, NodeSettings, RouteTarget};
use super::connections::{DraftEdge, Edges};
use super::fields::{Fields, list, one_of, text, unknown_value, wrong_type};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::nearest::did_you_mean;
use super::nodes::Nodes;
use crate::data::{DataKind, PeerId};
use crate::node::{NodeScope, PortSpec};

/// An output port of the pipeline.
#[derive(Debug)]
pub(super) struct DraftOutput {
    /// `node` or `node.port`.
    pub(super) name: Arc<str>,
    /// Position of the node that gives it.
    pub(super) node: usize,
    pub(super) port: &'static PortSpec,
    /// Who gets it, if a route says so.
    route: Option<RouteTarget>,
    /// Whether no edge takes from it.
    open: bool,
    first_port: bool,
}

/// Reads the manifest's `routes`, reports their faults, and returns the open outputs, in the nodes' order.
pub(super) fn read_routes(
    manifest: &Fields<'_>,
    nodes: &Nodes<'_>,
    edges: &Edges,
    over_webrtc: bool,
    findings: &mut Findings,
) -> Vec<DraftOutput> {
    let errors_before = findings.error_count();
    let mut outputs = outputs_of(nodes, &edges.list);
    report_ambiguous(&outputs, findings);
    let list = manifest.optional_list("routes", "a list of routes", MAX_ROUTES, findings);
    let (items, path) = list.unwrap_or((&[], manifest.path_of("routes")));
    let mut routed = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        read_route(item, path.index(index), nodes, &mut outputs, &mut routed, findings);
    }
    outputs.retain(|output| output.open);
    // What is open, and who asked for it, is only certain if nothing is wrong up to here.
    if over_webrtc && edges.complete && findings.error_count() == errors_before {
        report_colliding_pictures(&outputs, &path, findings);
    }
    outputs
}

/// Returns who gets an output: as its route says; else, of a node's first port, the sender or, of what no
/// single peer sent, all; of its further ports this process's own user alone.
pub(super) fn target_of(output: &DraftOutput, made_from_one_stream: bool) -> RouteTarget {
    output.route.clone().unwrap_or(match made_from_one_stream {
        _ if !output.first_port => RouteTarget::Local,
        true => RouteTarget::Sender,
        false => RouteTarget::All,
    })
}

/// Returns for every node whether what it gives out is made from the stream of one peer: it has an instance
/// for each, and takes from a port that peers send to or from such a node.
///
/// * `nodes`: givers before takers, which `edges` refer to.
pub(super) fn made_from_one_stream(nodes: &[NodeSettings], edges: &[EdgeSettings]) -> Vec<bool> {
    let mut made: Vec<bool> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let takes = || edges.iter().filter(|edge| edge.to == at);
        let is_free = |port: &PortSpec| takes().all(|edge| edge.to_port != port.name);
        let from_a_peer = node.spec.inputs.iter().any(is_free) || takes().any(|edge| made[edge.from]);
        made.push(node.scope == NodeScope::Stream && from_a_peer);
    }
    made
}

fn outputs_of(nodes: &Nodes<'_>, edges: &[DraftEdge]) -> Vec<DraftOutput> {
    let taken: HashSet<_> = edges.iter().filter_map(|edge| Some((edge.from, edge.ports?.0.name))).collect();
    let mut outputs = Vec::new();
    for (node, id) in nodes.ids() {
        let Some(kind) = &nodes.list[node].kind else { continue };
        for (position, port) in kind.spec.outputs.iter().enumerate() {
            let first_port = position == 0;
            let name: Arc<str> = if first_port { id.into() } else { format!("{id}.{}", port.name).into() };
            let open = !taken.contains(&(node, port.name));
            outputs.push(DraftOutput { name, node, port, route: None, open, first_port });
        }
    }
    outputs
}

fn read_route<'a>(
    item: &'a Value,
    path: JsonPath,
    nodes: &Nodes<'a>,
    outputs: &mut [DraftOutput],
    routed: &mut HashMap<usize, JsonPath>,
    findings: &mut Findings,
) {
    let Some(fields) = Fields::open(item, path.clone(), "a route", &["output", "to"], findings) else {
        return;
    };
    let named = fields.required_text("output", OUTPUT_EXPECTED, findings);
    let target = fields.required("to", TARGET_EXPECTED, findings);
    let target = target.and_then(|(value, path)| read_target(value, path, findings));
    let Some((name, output_path)) = named else { return };
    let found = outputs.iter().position(|output| *output.name == *name);
    let found = found.or_else(|| outputs.iter().position(|output| is_first_port(name, output)));
    let Some(position) = found else {
        let of_unknown_type =
            |id: &str| nodes.by_id.get(id).is_some_and(|node| nodes.list[*node].kind.is_none());
        let node = name.rsplit_once('.').map_or(name, |(node, _)| node);
        if nodes.listed && !of_unknown_type(name) && !of_unknown_type(node) {
            findings.error(|| unknown_output(&output_path, name, outputs));
        }
        return;
    };
    if !outputs[position].open {
        findings.error(|| {
            ManifestFault::error(FaultCode::ConsumedOutput, &output_path)
                .expected(open_outputs(outputs))
                .got(format!("{name:?}, which a connection takes"))
                .hint("to route it as well, put a PassThrough behind it and route that")
        });
        return;
    }
    if let Some(earlier) = routed.get(&position) {
        findings.error(|| {
            ManifestFault::error(FaultCode::DuplicateRoute, &output_path)
                .expected("one route for each output")
                .got(format!("{name:?}, which {earlier} routes already"))
                .hint("remove one of them; several peers go into one {\"peers\": […]}")
        });
        return;
    }
    routed.insert(position, path);
    outputs[position].route = target;
}

/// Whether `name` is the output's `node.port`, which its first port may be called too.
fn is_first_port(name: &str, output: &DraftOutput) -> bool {
    let port = name.strip_prefix(&*output.name).and_then(|rest| rest.strip_prefix('.'));
    output.first_port && port == Some(output.port.name)
}

fn read_target(value: &Value, path: JsonPath, findings: &mut Findings) -> Option<RouteTarget> {
    match value {
        Value::String(name) => {
            let target = match name.as_str() {
                "sender" => Some(RouteTarget::Sender),
                "all" => Some(RouteTarget::All),
                "others" => Some(RouteTarget::Others),
                "tagged" => Some(RouteTarget::Tagged),
                "by_bandwidth" => Some(RouteTarget::ByBandwidth),
                "local" => Some(RouteTarget::Local),
                _ => None,
            };
            if target.is_none() {
                findings.error(|| {
                    let fault = unknown_value(&path, name, TARGETS);
                    match fault.hint {
                        Some(_) => fault,
                        None => fault.hint(format!("to name a peer, write {{\"peers\": [{name:?}]}}")),
                    }
                });
            }
            target
        }
        Value::Object(_) => {
            let fields = Fields::open(value, path, "a route's target", &["peers"], findings)?;
            let (peers, path) = fields.required("peers", "a list of peer ids", findings)?;
            read_peers(peers, path, findings).map(RouteTarget::Peers)
        }
        other => {
            findings.error(|| wrong_type(&path, TARGET_EXPECTED, other));
            None
        }
    }
}

fn read_peers(value: &Value, path: JsonPath, findings: &mut Findings) -> Option<Vec<PeerId>> {
    let (items, path) = list(value, path, "a list of peer ids", MAX_PEERS, findings)?;
    if items.is_empty() {
        findings.error(|| {
            ManifestFault::error(FaultCode::Empty, &path)
                .expected("at least 1 peer id")
                .got("none")
                .hint("for an output that no peer gets, write \"local\"")
        });
        return None;
    }
    let mut peers: Vec<PeerId> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Some((name, path)) = text(item, path.index(index), PEER_EXPECTED, findings) else { continue };
        match PeerId::new(name) {
            Ok(peer) if peers.contains(&peer) => findings.error(|| {
                ManifestFault::error(FaultCode::DuplicateEntry, &path)
                    .expected("every peer once")
                    .got(format!("{name:?} again"))
                    .hint("remove one of them")
            }),
            Ok(peer) => peers.push(peer),
            Err(_) => findings.error(|| {
                ManifestFault::error(FaultCode::InvalidName, &path).expected(PEER_EXPECTED).got_text(name)
            }),
        }
    }
    Some(peers)
}

fn unknown_output(path: &JsonPath, name: &str, outputs: &[DraftOutput]) -> ManifestFault {
    let open = outputs.iter().filter(|output| output.open).map(|output| &*output.name);
    ManifestFault::error(FaultCode::UnknownOutput, path)
        .expected(open_outputs(outputs))
        .got_text(name)
        .maybe_hint(did_you_mean(name, open))
}

fn open_outputs(outputs: &[DraftOutput]) -> String {
    let mut names: Vec<&str> =
        outputs.iter().filter(|output| output.open).map(|output| &*output.name).collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    names.truncate(MAX_NAMED);
    match (names.is_empty(), more) {
        (true, _) => "an open output, of which this pipeline has none".to_owned(),
        (false, 0) => format!("an open output: {}", one_of(&names)),
        (false, _) => format!("an open output: {} and {more} more", names.join(", ")),
    }
}

/// Ids may have dots, and so `a.b` may be node `a.b` or port `b` of node `a`.
fn report_ambiguous(outputs: &[DraftOutput], findings: &mut Findings) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for output in outputs {
        let Some(other) = seen.insert(&output.name, output.node) else { continue };
        findings.error(|| {
            let node = other.max(output.node);
            let path = JsonPath::root().field("nodes").index(node).field("id");
            ManifestFault::error(FaultCode::AmbiguousOutput, path)
                .expected("ids under which every output has a name of its own")
                .got(format!("two outputs called {:?}", output.name))
                .hint("rename one of the nodes, without a dot")
        });
    }
}

/// A peer shows one picture: two video outputs that would go to it unasked are a mistake.
fn report_colliding_pictures(outputs: &[DraftOutput], path: &JsonPath, findings: &mut Findings) {
    let to_all_alike = |output: &&DraftOutput| match &output.route {
        None => output.first_port,
        Some(target) => matches!(target, RouteTarget::Sender | RouteTarget::All),
    };
    let is_picture = |output: &&DraftOutput| output.port.kinds == [DataKind::Video];
    let pictures: Vec<_> = outputs.iter().filter(is_picture).filter(to_all_alike).collect();
    let Some(spare) = pictures.iter().rfind(|output| output.route.is_none()) else { return };
    if pictures.len() < 2 {
        return;
    }
    findings.error(|| {
        let names: Vec<_> = pictures.iter().map(|output| &*output.name).collect();
        ManifestFault::error(FaultCode::VideoOutputsCollide, path)
            .expected("one video output for each peer")
            .got(format!("{} video outputs: {}", names.len(), names.join(", ")))
            .hint(format!(
                "say who gets which, for example {{\"output\": {:?}, \"to\": \"local\"}} in \"routes\"",
                spare.name
            ))
    });
}

const TARGETS: &[&str] = &["sender", "all", "others", "tagged", "by_bandwidth", "local"];
const TARGET_EXPECTED: &str =
    "\"sender\", \"all\", \"others\", \"tagged\", \"by_bandwidth\", \"local\" or {\"peers\": […]}";
const OUTPUT_EXPECTED: &str = "an open output, `node` or `node.port`";
const PEER_EXPECTED: &str = "1 to 64 letters, digits, '_', '-', '.' or ':'";

/// Most routes of a manifest.
const MAX_ROUTES: usize = 1000;

/// Most peers of one route: as many as a session takes.
const MAX_PEERS: usize = 1000;

/// Most names in one fault.
const MAX_NAMED: usize = 20;
