//! The manifest's connections: endpoints, ports, kinds of data, queues.

use std::collections::HashMap;

use serde_json::Value;

use super::super::fault::{FaultCode, ManifestFault};
use super::fields::{Fields, one_of};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::nearest::{did_you_mean, nearest};
use super::nodes::Nodes;
use super::order::Order;
use crate::data::DataKind;
use crate::node::PortSpec;
use crate::queue::FullPolicy;

/// A connection as far as it could be read; what is missing has been reported.
#[derive(Debug)]
pub(super) struct DraftEdge {
    /// Where it stands in the manifest.
    pub(super) path: JsonPath,
    /// Position of the node that gives.
    pub(super) from: usize,
    /// Position of the node that takes.
    pub(super) to: usize,
    /// Its output and input port; `None`: the node's type is unknown, or has no such port.
    pub(super) ports: Option<(&'static PortSpec, &'static PortSpec)>,
    pub(super) policy: Option<FullPolicy>,
    pub(super) capacity: Option<u32>,
}

/// The connections that could be read.
#[derive(Debug)]
pub(super) struct Edges {
    pub(super) list: Vec<DraftEdge>,
    /// Whether they are all there, with their ports, so that what they leave open is certain.
    pub(super) complete: bool,
}

/// Reads the manifest's `connections` between `nodes` and reports their faults, circles included.
pub(super) fn read_connections(manifest: &Fields<'_>, nodes: &Nodes<'_>, findings: &mut Findings) -> Edges {
    let listed = manifest.optional_list("connections", "a list of connections", MAX_CONNECTIONS, findings);
    let Some((items, path)) = listed else {
        return Edges { list: Vec::new(), complete: manifest.optional("connections").is_none() };
    };
    let read = |(index, item)| read_edge(item, path.index(index), nodes, findings);
    let list: Vec<_> = items.iter().enumerate().filter_map(read).collect();
    report_duplicates(&list, findings);
    report_circles(&list, nodes, findings);
    let complete = list.len() == items.len() && list.iter().all(|edge| edge.ports.is_some());
    Edges { list, complete }
}

fn read_edge(item: &Value, path: JsonPath, nodes: &Nodes<'_>, findings: &mut Findings) -> Option<DraftEdge> {
    let fields = Fields::open(item, path.clone(), "a connection", CONNECTION_FIELDS, findings)?;
    let policy = fields.optional_choice("policy", &["block", "drop_oldest"], findings);
    let capacity = fields.optional_integer("capacity", 1..=MAX_CAPACITY, " items", findings);
    let from = read_end(&fields, &OUTGOING, nodes, findings);
    let to = read_end(&fields, &INCOMING, nodes, findings);
    let (from, to) = (from?, to?);
    if from.node == to.node {
        findings.error(|| {
            let id = nodes.list[from.node].id.unwrap_or_default();
            ManifestFault::error(FaultCode::SelfLoop, &path)
                .expected("two different nodes")
                .got(format!("{id} → {id}"))
                .hint("a pipeline flows one way; remove the connection")
        });
    }
    let ports = from.port.zip(to.port);
    if let Some((giving, taking)) = ports.filter(|(giving, taking)| !can_match(giving, taking)) {
        findings.error(|| kind_mismatch(&path, giving, taking, nodes, (from.node, to.node)));
    }
    let policy = policy.map(|policy| match policy {
        "block" => FullPolicy::Block,
        _ => FullPolicy::DropOldest,
    });
    Some(DraftEdge { path, from: from.node, to: to.node, ports, policy, capacity })
}

/// One end of a connection.
struct End {
    node: usize,
    port: Option<&'static PortSpec>,
}

/// What the two ends of a connection differ in.
struct Side {
    node_field: &'static str,
    port_field: &'static str,
    noun: &'static str,
    ports: fn(&crate::node::NodeSpec) -> &'static [PortSpec],
}

const OUTGOING: Side =
    Side { node_field: "from", port_field: "from_port", noun: "output", ports: |spec| spec.outputs };
const INCOMING: Side =
    Side { node_field: "to", port_field: "to_port", noun: "input", ports: |spec| spec.inputs };

fn read_end(fields: &Fields<'_>, side: &Side, nodes: &Nodes<'_>, findings: &mut Findings) -> Option<End> {
    let named_port =
        fields.optional_text(side.port_field, &format!("an {} port's name", side.noun), findings);
    let (id, path) = fields.required_text(side.node_field, "a node's id", findings)?;
    let Some(node) = nodes.by_id.get(id).copied() else {
        if nodes.listed {
            findings.error(|| unknown_node(&path, id, side, nodes));
        }
        return None;
    };
    let unread_port = fields.optional(side.port_field).is_some() && named_port.is_none();
    let Some(kind) = nodes.list[node].kind.as_ref().filter(|_| !unread_port) else {
        return Some(End { node, port: None });
    };
    let ports = (side.ports)(&kind.spec);
    let port = match &named_port {
        Some((name, _)) => ports.iter().find(|port| port.name == *name),
        None => ports.first(),
    };
    if port.is_none() {
        let (name, path) = named_port.unwrap_or(("", path));
        findings.error(|| unknown_port(&path, name, side, ports, id, kind.spec.node_type));
    }
    Some(End { node, port })
}

fn unknown_node(path: &JsonPath, id: &str, side: &Side, nodes: &Nodes<'_>) -> ManifestFault {
    let written_with_port = id.rsplit_once('.').filter(|(node, _)| nodes.by_id.contains_key(node));
    let hint = match written_with_port {
        Some((node, port)) => {
            Some(format!("write {:?}: {node:?}, {:?}: {port:?}", side.node_field, side.port_field))
        }
        None => did_you_mean(id, nodes.ids().map(|(_, id)| id)).or_else(|| {
            let ids: Vec<_> = nodes.ids().map(|(_, id)| id).take(MAX_SUGGESTED).collect();
            (!ids.is_empty()).then(|| format!("the nodes are: {}", ids.join(", ")))
        }),
    };
    ManifestFault::error(FaultCode::UnknownNode, path)
        .expected("the id of a node")
        .got_text(id)
        .maybe_hint(hint)
}

fn unknown_port(
    path: &JsonPath,
    name: &str,
    side: &Side,
    ports: &[PortSpec],
    id: &str,
    node_type: &str,
) -> ManifestFault {
    let names: Vec<_> = ports.iter().map(|port| port.name).collect();
    let fault = ManifestFault::error(FaultCode::UnknownPort, path);
    if names.is_empty() {
        let verb = if side.noun == "input" { "takes nothing in" } else { "gives nothing out" };
        return fault
            .expected(format!("a node with {} ports", side.noun))
            .got(format!("{id:?}, a {node_type}, which {verb}"));
    }
    fault
        .expected(format!("an {} port of {node_type}: {}", side.noun, one_of(&names)))
        .got_text(name)
        .maybe_hint(nearest(name, names.iter().copied()).map(|near| format!("did you mean {near:?}?")))
}

/// Whether some kind of data can pass from one port to the other; a port that names none takes all.
fn can_match(giving: &PortSpec, taking: &PortSpec) -> bool {
    giving.kinds.is_empty() || giving.kinds.iter().any(|kind| taking.takes(*kind))
}

fn kind_mismatch(
    path: &JsonPath,
    giving: &PortSpec,
    taking: &PortSpec,
    nodes: &Nodes<'_>,
    ends: (usize, usize),
) -> ManifestFault {
    let id = |node: usize| nodes.list[node].id.unwrap_or_default();
    let kinds = |port: &PortSpec| port.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
    ManifestFault::error(FaultCode::KindMismatch, path)
        .expected(format!("{}, which {}.{} takes", kinds(taking), id(ends.1), taking.name))
        .got(format!("{} from {}.{}", kinds(giving), id(ends.0), giving.name))
        .hint("connect ports of the same kind, or put a node between them that converts")
}

fn report_duplicates(edges: &[DraftEdge], findings: &mut Findings) {
    let mut first = HashMap::new();
    for edge in edges {
        let Some((giving, taking)) = edge.ports else { continue };
        let ends = (edge.from, giving.name, edge.to, taking.name);
        let Some(earlier) = first.insert(ends, edge) else { continue };
        findings.error(|| {
            ManifestFault::error(FaultCode::DuplicateConnection, &edge.path)
                .expected("every pair of ports connected once")
                .got(format!("the same ports as {}", earlier.path))
                .hint("remove one of them; both would deliver every item twice")
        });
        first.insert(ends, earlier);
    }
}

fn report_circles(edges: &[DraftEdge], nodes: &Nodes<'_>, findings: &mut Findings) {
    let between: Vec<_> = edges.iter().filter(|edge| edge.from != edge.to).collect();
    let ends: Vec<_> = between.iter().map(|edge| (edge.from, edge.to)).collect();
    for circle in Order::of(nodes.list.len(), &ends).arrange().err().unwrap_or_default() {
        findings.error(|| {
            let id = |node: usize| nodes.list[node].id.unwrap_or_default();
            let mut names: Vec<_> = circle.iter().take(MAX_SUGGESTED).map(|edge| id(ends[*edge].0)).collect();
            if circle.len() > MAX_SUGGESTED {
                names.push("…");
            }
            names.extend(circle.first().map(|edge| id(ends[*edge].0)));
            let closing = circle.last().map_or_else(JsonPath::root, |edge| between[*edge].path.clone());
            ManifestFault::error(FaultCode::Cycle, closing)
                .expected("connections that lead in no circle")
                .got(names.join(" → "))
                .hint("remove one of these connections")
        });
    }
}

/// Returns what an edge does when it is full, and how many items wait on it.
///
/// Media, which lose their worth while they wait, are dropped; a few frames even out the pace of two
/// nodes, more would only add latency. Data waits.
pub(super) fn queue_of(edge: &DraftEdge, giving: &PortSpec, taking: &PortSpec) -> (FullPolicy, usize) {
    let carried = |kind: &DataKind| giving.takes(*kind) && taking.takes(*kind);
    let some = if giving.kinds.is_empty() { taking.kinds } else { giving.kinds };
    let mut kinds = some.iter().filter(|kind| carried(kind)).peekable();
    let media = kinds.peek().is_some() && kinds.all(|kind| kind.is_media());
    let (policy, capacity) = match media {
        true => (FullPolicy::DropOldest, MEDIA_CAPACITY),
        false => (FullPolicy::Block, DATA_CAPACITY),
    };
    (edge.policy.unwrap_or(policy), edge.capacity.unwrap_or(capacity) as usize)
}

const CONNECTION_FIELDS: &[&str] = &["from", "to", "from_port", "to_port", "policy", "capacity"];

/// Most connections of a manifest.
const MAX_CONNECTIONS: usize = 4000;

/// Most items that may wait on an edge: half a minute of video, ten seconds of 10 ms audio frames.
const MAX_CAPACITY: u32 = 1024;

/// Items that wait on an edge of media unless the manifest says otherwise: at 30 frames per second
/// 133 ms of video, in 10 ms frames 40 ms of audio.
const MEDIA_CAPACITY: u32 = 4;

/// Items that wait on an edge of data unless the manifest says otherwise.
const DATA_CAPACITY: u32 = 64;

/// Most names in one hint.
const MAX_SUGGESTED: usize = 20;
