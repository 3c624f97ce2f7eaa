//! A manifest's tree, checked as a whole.

use serde::Deserialize;
use serde_json::Value;

use super::super::fault::{FaultCode, ManifestFault, ManifestFaults};
use super::super::{
    EdgeSettings, Manifest, NodeSettings, PipelineGraph, RouteSettings, TransportSection, TransportSupport,
};
use super::connections::{Edges, queue_of, read_connections};
use super::fields::{Fields, text, wrong_type};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::nodes::Nodes;
use super::order::Order;
use super::routes::{DraftOutput, made_from_one_stream, read_routes, target_of};
use super::transport::read_transport;
use crate::node::NodeRegistry;

/// A manifest in which nothing is wrong.
#[derive(Debug, Clone)]
pub struct CheckedManifest {
    /// The document.
    pub manifest: Manifest,
    /// What the executor runs.
    pub graph: PipelineGraph,
    /// What has no effect: unknown fields and params.
    pub warnings: Vec<ManifestFault>,
}

/// What a manifest is checked against, as far as it is known.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Known<'a> {
    /// The node types; without them, types, params and ports are not looked at.
    pub(in super::super) nodes: Option<&'a NodeRegistry>,
    /// The transport; without it, the transport's section is checked for its form alone.
    pub(in super::super) transport: Option<&'a dyn TransportSupport>,
}

/// Finds every fault of a manifest's tree.
pub(in super::super) fn check_tree(
    tree: &Value,
    known: Known<'_>,
) -> Result<CheckedManifest, ManifestFaults> {
    let mut findings = Findings::default();
    let draft = Draft::read(tree, known, &mut findings);
    let manifest = read_document(tree, &mut findings);
    match (draft.and_then(Draft::into_graph), manifest) {
        (Some(graph), Some(manifest)) if findings.error_count() == 0 => {
            Ok(CheckedManifest { manifest, graph, warnings: findings.into_warnings() })
        }
        _ => Err(findings.into_faults()),
    }
}

/// Finds the faults of a manifest's tree that show without knowing any node type.
pub(in super::super) fn check_shape(tree: &Value) -> Result<Manifest, ManifestFaults> {
    let mut findings = Findings::default();
    Draft::read(tree, Known::default(), &mut findings);
    match read_document(tree, &mut findings) {
        Some(manifest) if findings.error_count() == 0 => Ok(manifest),
        _ => Err(findings.into_faults()),
    }
}

/// What could be read of a manifest; what is missing has been reported.
struct Draft<'a> {
    nodes: Nodes<'a>,
    edges: Edges,
    outputs: Vec<DraftOutput>,
    transport: Option<TransportSection>,
}

impl<'a> Draft<'a> {
    fn read(tree: &'a Value, known: Known<'_>, findings: &mut Findings) -> Option<Self> {
        let manifest = Fields::open(tree, JsonPath::root(), "a manifest", MANIFEST_FIELDS, findings)?;
        check_version(&manifest, findings);
        check_metadata(&manifest, findings);
        let nodes = Nodes::read(&manifest, known.nodes, findings);
        let edges = read_connections(&manifest, &nodes, findings);
        let transport = read_transport(&manifest, known.transport, findings);
        let over_webrtc =
            manifest.optional("transport").is_some_and(|(section, _)| section["kind"] == "webrtc");
        let outputs = read_routes(&manifest, &nodes, &edges, over_webrtc, findings);
        Some(Self { nodes, edges, outputs, transport })
    }

    /// Puts the graph together; `None` if a part is missing.
    fn into_graph(self) -> Option<PipelineGraph> {
        let ends: Vec<_> = self.edges.list.iter().map(|edge| (edge.from, edge.to)).collect();
        let order = Order::of(self.nodes.list.len(), &ends).arrange().ok()?;
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, node)| place[*node] = at);

        let mut edges = Vec::with_capacity(self.edges.list.len());
        for edge in &self.edges.list {
            let (giving, taking) = edge.ports?;
            let (policy, capacity) = queue_of(edge, giving, taking);
            let (from, to) = (place[edge.from], place[edge.to]);
            edges.push(EdgeSettings {
                from,
                from_port: giving.name,
                to,
                to_port: taking.name,
                policy,
                capacity,
            });
        }
        let mut nodes: Vec<_> = Vec::with_capacity(order.len());
        for (at, draft) in self.nodes.list.into_iter().enumerate() {
            let (kind, settings) = (draft.kind?, draft.settings?);
            let (spec, factory) = (kind.spec, kind.factory);
            let node = NodeSettings {
                id: settings.id,
                spec,
                factory,
                params: settings.params,
                scope: settings.scope,
            };
            nodes.push((place[at], node));
        }
        nodes.sort_by_key(|(place, _)| *place);
        let nodes: Vec<_> = nodes.into_iter().map(|(_, node)| node).collect();
        let from_one = made_from_one_stream(&nodes, &edges);
        let mut routes: Vec<_> = self
            .outputs
            .iter()
            .map(|output| {
                let node = place[output.node];
                let to = target_of(output, from_one[node]);
                RouteSettings { output: output.name.clone(), node, port: output.port.name, to }
            })
            .collect();
        routes.sort_by_key(|route| route.node);
        Some(PipelineGraph { nodes, edges, routes, transport: self.transport })
    }
}

/// Reads the document itself; what the checks above let pass and this does not is reported as it is.
fn read_document(tree: &Value, findings: &mut Findings) -> Option<Manifest> {
    match Manifest::deserialize(tree) {
        Ok(manifest) => Some(manifest),
        Err(error) => {
            if findings.error_count() == 0 {
                findings.error(|| wrong_type(&JsonPath::root(), "a manifest", tree).hint(error.to_string()));
            }
            None
        }
    }
}

fn check_version(manifest: &Fields<'_>, findings: &mut Findings) {
    let expected = format!("{VERSION:?}");
    let Some((value, path)) = manifest.required("version", &expected, findings) else { return };
    if value != VERSION {
        findings.error(|| {
            ManifestFault::error(FaultCode::UnsupportedVersion, &path)
                .expected(expected)
                .got_value(value)
                .hint(format!("this program reads version {VERSION:?} only"))
        });
    }
}

/// Metadata is for people: anything may stand there besides name and description.
fn check_metadata(manifest: &Fields<'_>, findings: &mut Findings) {
    let Some((value, path)) = manifest.optional("metadata") else { return };
    let Value::Object(fields) = value else {
        return findings.error(|| wrong_type(&path, "an object", value));
    };
    for name in ["name", "description"] {
        if let Some(value) = fields.get(name) {
            text(value, path.field(name), "text", findings);
        }
    }
}

/// The only version there is.
const VERSION: &str = "v1";

/// `$schema` is for editors.
const MANIFEST_FIELDS: &[&str] =
    &["version", "metadata", "nodes", "connections", "transport", "routes", "$schema"];
