//! How a node type describes itself.

use crate::data::DataKind;

/// What a node type is, for validation, for the executor and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeSpec {
    /// Name in manifests (`node_type`), unique in a registry.
    pub node_type: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Input ports; none: a source, whose `produce` is called. The first is the default port.
    pub inputs: &'static [PortSpec],
    /// Output ports; none: a sink that gives nothing out. The first is the default port.
    pub outputs: &'static [PortSpec],
    /// Where it runs.
    pub weight: NodeWeight,
    /// One instance per incoming stream, or one for the session, unless the manifest says otherwise.
    pub default_scope: NodeScope,
}

/// One port of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PortSpec {
    /// Name in manifests (`from_port`, `to_port`).
    pub name: &'static str,
    /// Kinds of data it carries; empty: every kind.
    pub kinds: &'static [DataKind],
    /// What it carries more exactly, as a sentence; empty: whatever the kinds say.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub doc: &'static str,
}

/// How much time `process` takes, and so where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeWeight {
    /// Under 100 µs and never blocking: runs in an async task.
    Light,
    /// Longer, or blocking: runs on a thread of its own.
    Heavy,
}

/// How many instances a manifest's node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeScope {
    /// One instance per incoming stream, made and closed with it.
    Stream,
    /// One instance that sees all streams.
    Session,
}

impl PortSpec {
    /// Names a port for the given kinds; an empty list takes every kind.
    pub const fn new(name: &'static str, kinds: &'static [DataKind]) -> Self {
        Self { name, kinds, doc: "" }
    }

    /// Says more exactly what the port carries.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Whether the port carries items of `kind`.
    pub fn takes(&self, kind: DataKind) -> bool {
        kind == DataKind::Control || self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl NodeSpec {
    /// A spec without ports, light, one instance per stream; set what differs.
    pub const fn new(node_type: &'static str, summary: &'static str) -> Self {
        Self {
            node_type,
            summary,
            inputs: &[],
            outputs: &[],
            weight: NodeWeight::Light,
            default_scope: NodeScope::Stream,
        }
    }

    /// Sets the input ports.
    #[must_use]
    pub const fn inputs(mut self, inputs: &'static [PortSpec]) -> Self {
        self.inputs = inputs;
        self
    }

    /// Sets the output ports.
    #[must_use]
    pub const fn outputs(mut self, outputs: &'static [PortSpec]) -> Self {
        self.outputs = outputs;
        self
    }

    /// Runs it on a thread of its own.
    #[must_use]
    pub const fn heavy(mut self) -> Self {
        self.weight = NodeWeight::Heavy;
        self
    }

    /// Makes one instance that sees all streams.
    #[must_use]
    pub const fn session_scoped(mut self) -> Self {
        self.default_scope = NodeScope::Session;
        self
    }

    /// Returns the output port of that name, with its position.
    pub fn output(&self, name: &str) -> Option<(usize, &'static PortSpec)> {
        self.outputs.iter().enumerate().find(|(_, port)| port.name == name)
    }

    /// Returns the input port of that name, with its position.
    pub fn input(&self, name: &str) -> Option<(usize, &'static PortSpec)> {
        self.inputs.iter().enumerate().find(|(_, port)| port.name == name)
    }
}
