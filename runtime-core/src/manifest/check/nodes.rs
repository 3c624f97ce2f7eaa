//! The manifest's nodes: ids, types, scopes.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::fault::{FaultCode, ManifestFault};
use super::fields::{Fields, list};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::nearest::nearest;
use super::params::ParamSchemas;
use crate::data::NodeId;
use crate::node::{NodeFactory, NodeRegistry, NodeScope, NodeSpec};

/// The nodes that could be read, in the manifest's order, and where each id stands.
#[derive(Default)]
pub(super) struct Nodes<'a> {
    /// One per item of the manifest's list.
    pub(super) list: Vec<DraftNode<'a>>,
    /// Position of the first node of each id, as written.
    pub(super) by_id: HashMap<&'a str, usize>,
    /// Whether there is a list at all; without one, nothing can be said about names of nodes.
    pub(super) listed: bool,
}

/// A node as far as it could be read; what is missing has been reported.
#[derive(Default)]
pub(super) struct DraftNode<'a> {
    /// The id as written.
    pub(super) id: Option<&'a str>,
    /// Its type.
    pub(super) kind: Option<NodeKind>,
    /// What the graph needs, if all of the node is right.
    pub(super) settings: Option<DraftSettings>,
}

/// A registered node type.
#[derive(Clone)]
pub(super) struct NodeKind {
    pub(super) spec: NodeSpec,
    pub(super) factory: Arc<dyn NodeFactory>,
}

/// What the graph needs of a node besides its type.
pub(super) struct DraftSettings {
    pub(super) id: NodeId,
    pub(super) params: Value,
    pub(super) scope: NodeScope,
}

impl<'a> Nodes<'a> {
    /// Reads the manifest's `nodes` and reports their faults.
    pub(super) fn read(
        manifest: &Fields<'a>,
        registry: Option<&NodeRegistry>,
        findings: &mut Findings,
    ) -> Self {
        let mut nodes = Self::default();
        let given = manifest.required("nodes", NODES_EXPECTED, findings);
        let listed = given.and_then(|(value, path)| list(value, path, NODES_EXPECTED, MAX_NODES, findings));
        let Some((items, path)) = listed else { return nodes };
        nodes.listed = true;
        if items.is_empty() {
            findings.error(|| {
                ManifestFault::error(FaultCode::Empty, &path)
                    .expected("at least 1 node")
                    .got("none")
                    .hint("for a pipeline that changes nothing use the node type \"PassThrough\"")
            });
        }
        let mut schemas = ParamSchemas::default();
        for (index, item) in items.iter().enumerate() {
            let node = DraftNode::read(item, path.index(index), registry, &mut schemas, findings);
            nodes.add(index, node, &path, findings);
        }
        nodes
    }

    /// Returns the ids with their nodes' positions, each once.
    pub(super) fn ids(&self) -> impl Iterator<Item = (usize, &'a str)> + '_ {
        let ids = self.list.iter().enumerate().filter_map(|(index, node)| Some((index, node.id?)));
        ids.filter(|(index, id)| self.by_id.get(id) == Some(index))
    }

    fn add(&mut self, index: usize, node: DraftNode<'a>, path: &JsonPath, findings: &mut Findings) {
        if let Some(id) = node.id {
            match self.by_id.get(id) {
                Some(first) => findings.error(|| {
                    ManifestFault::error(FaultCode::DuplicateId, path.index(index).field("id"))
                        .expected("an id that no other node has")
                        .got(format!("{id:?}, which nodes[{first}] has"))
                        .hint("rename one of them, and the connections and routes that mean it")
                }),
                None => {
                    self.by_id.insert(id, index);
                }
            }
        }
        self.list.push(node);
    }
}

impl<'a> DraftNode<'a> {
    fn read(
        item: &'a Value,
        path: JsonPath,
        registry: Option<&NodeRegistry>,
        schemas: &mut ParamSchemas,
        findings: &mut Findings,
    ) -> Self {
        let Some(fields) = Fields::open(item, path, "a node", NODE_FIELDS, findings) else {
            return Self::default();
        };
        let errors_before = findings.error_count();
        fields.check_boolean("is_streaming", findings);
        let id = fields.required_text("id", ID_EXPECTED, findings);
        let checked_id = id.as_ref().and_then(|(id, path)| check_id(id, path, findings));
        let kind = read_kind(&fields, registry, findings);
        let scope = fields.optional_choice("scope", &["stream", "session"], findings);
        let params = kind.as_ref().and_then(|kind| schemas.check(kind, &fields, findings));
        let settings = match (checked_id, &kind, params) {
            (Some(id), Some(kind), Some(params)) if findings.error_count() == errors_before => {
                Some(DraftSettings {
                    id,
                    params,
                    scope: scope_named(scope).unwrap_or(kind.spec.default_scope),
                })
            }
            _ => None,
        };
        Self { id: id.map(|(id, _)| id), kind, settings }
    }
}

fn read_kind(
    fields: &Fields<'_>,
    registry: Option<&NodeRegistry>,
    findings: &mut Findings,
) -> Option<NodeKind> {
    let (name, path) = fields.required_text("node_type", "the name of a node type", findings)?;
    let registry = registry?;
    if let Some(factory) = registry.factory(name) {
        return Some(NodeKind { spec: factory.spec(), factory: factory.clone() });
    }
    findings.error(|| {
        let names: Vec<_> = registry.factories().map(|factory| factory.spec().node_type).collect();
        let suggestion = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean {near:?}? "),
            None => String::new(),
        };
        ManifestFault::error(FaultCode::UnknownNodeType, &path)
            .expected("a registered node type")
            .got_text(name)
            .hint(format!("{suggestion}registered are: {}", names.join(", ")))
    });
    None
}

fn check_id(id: &str, path: &JsonPath, findings: &mut Findings) -> Option<NodeId> {
    let checked = NodeId::new(id).ok();
    if checked.is_none() {
        findings
            .error(|| ManifestFault::error(FaultCode::InvalidName, path).expected(ID_EXPECTED).got_text(id));
    }
    checked
}

fn scope_named(name: Option<&str>) -> Option<NodeScope> {
    match name? {
        "stream" => Some(NodeScope::Stream),
        "session" => Some(NodeScope::Session),
        _ => None,
    }
}

const NODE_FIELDS: &[&str] = &["id", "node_type", "params", "is_streaming", "scope"];
const NODES_EXPECTED: &str = "a list of nodes";
const ID_EXPECTED: &str = "1 to 64 letters, digits, '_', '-', '.' or ':'";

/// Most nodes of a manifest: a task, a queue or a thread each.
const MAX_NODES: usize = 1000;
