//! What goes where: the pure decision made once from a graph.

use std::sync::Arc;

use super::{DATA_CAPACITY, MEDIA_CAPACITY};
use crate::data::DataKind;
use crate::manifest::PipelineGraph;
use crate::node::PortSpec;
use crate::queue::FullPolicy;

/// What goes where, by position of the graph's nodes.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stages: Vec<StagePlan>,
    /// What comes in at the session's output.
    pub(super) outlet: Vec<FeedPlan>,
    /// Where the session's input goes.
    pub(super) entries: Entries,
    /// The places where items wait; each has a ledger.
    pub(super) accounts: Vec<AccountPlan>,
}

/// The free input ports: where the session's input goes, in the nodes' order. These are the first port of
/// a node unless an edge feeds it, and the others if no edge feeds the node at all.
#[derive(Debug)]
pub(super) struct Entries(Vec<Target>);

/// What comes in at a node, and where its outputs go.
#[derive(Debug, Default)]
pub(super) struct StagePlan {
    pub(super) feeds: Vec<FeedPlan>,
    /// Per output port, in the spec's order.
    pub(super) targets: Vec<Vec<Target>>,
}

/// One way in: an edge, or the media or the data half of a free port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FeedPlan {
    /// The node's input port; at the session's output the giving port.
    pub(super) port: &'static str,
    pub(super) policy: FullPolicy,
    pub(super) capacity: usize,
    /// Position of its ledger in [`Plan::accounts`].
    pub(super) account: usize,
}

/// Where an item goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) place: Place,
    /// The port there.
    pub(super) takes: PortSpec,
    /// Feed for media and feed for all else; the same for an edge.
    pub(super) media_feed: usize,
    pub(super) data_feed: usize,
    /// Name of the open output, for items that leave the pipeline.
    pub(super) output: Option<Arc<str>>,
}

/// One place where items wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountPlan {
    pub(super) from: Place,
    pub(super) from_port: &'static str,
    pub(super) to: Place,
    pub(super) to_port: &'static str,
}

/// An end of a way: a node by its position, or the session's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Node(usize),
    User,
}

impl Plan {
    pub(super) fn new(graph: &PipelineGraph) -> Self {
        let stages = graph
            .nodes
            .iter()
            .map(|node| StagePlan { feeds: Vec::new(), targets: vec![Vec::new(); node.spec.outputs.len()] });
        let mut plan = Self {
            stages: stages.collect(),
            outlet: Vec::new(),
            entries: Entries(Vec::new()),
            accounts: Vec::new(),
        };
        plan.add_edges(graph);
        plan.add_entries(graph);
        plan.add_outputs(graph);
        plan
    }

    fn add_edges(&mut self, graph: &PipelineGraph) {
        for edge in &graph.edges {
            let (from, to) = (&graph.nodes[edge.from].spec, &graph.nodes[edge.to].spec);
            let (Some((port, _)), Some((_, takes))) = (from.output(edge.from_port), to.input(edge.to_port))
            else {
                unreachable!("a checked graph names ports that exist");
            };
            let account = self.open_account(AccountPlan {
                from: Place::Node(edge.from),
                from_port: edge.from_port,
                to: Place::Node(edge.to),
                to_port: edge.to_port,
            });
            let feeds = &mut self.stages[edge.to].feeds;
            let feed = feeds.len();
            let (policy, capacity) = (edge.policy, edge.capacity);
            feeds.push(FeedPlan { port: edge.to_port, policy, capacity, account });
            self.stages[edge.from].targets[port].push(Target {
                place: Place::Node(edge.to),
                takes: *takes,
                media_feed: feed,
                data_feed: feed,
                output: None,
            });
        }
    }

    fn add_entries(&mut self, graph: &PipelineGraph) {
        for (at, node) in graph.nodes.iter().enumerate() {
            for (position, port) in node.spec.inputs.iter().enumerate() {
                if !is_free(graph, at, position, port) {
                    continue;
                }
                let account = self.open_account(AccountPlan {
                    from: Place::User,
                    from_port: "",
                    to: Place::Node(at),
                    to_port: port.name,
                });
                let (media_feed, data_feed) = add_both_feeds(&mut self.stages[at].feeds, port.name, account);
                self.entries.0.push(Target {
                    place: Place::Node(at),
                    takes: *port,
                    media_feed,
                    data_feed,
                    output: None,
                });
            }
        }
    }

    fn add_outputs(&mut self, graph: &PipelineGraph) {
        for route in &graph.routes {
            let Some((port, spec)) = graph.nodes[route.node].spec.output(route.port) else {
                unreachable!("a checked graph names ports that exist");
            };
            let account = self.open_account(AccountPlan {
                from: Place::Node(route.node),
                from_port: route.port,
                to: Place::User,
                to_port: "",
            });
            let (media_feed, data_feed) = add_both_feeds(&mut self.outlet, route.port, account);
            self.stages[route.node].targets[port].push(Target {
                place: Place::User,
                takes: *spec,
                media_feed,
                data_feed,
                output: Some(route.output.clone()),
            });
        }
    }

    fn open_account(&mut self, account: AccountPlan) -> usize {
        self.accounts.push(account);
        self.accounts.len() - 1
    }
}

impl Entries {
    /// Returns the free ports that an item of `kind` goes to: the first one that takes it of each node.
    pub(super) fn for_kind(&self, kind: DataKind) -> impl Iterator<Item = &Target> {
        let takes = move |entry: &&Target| entry.takes.takes(kind);
        self.0.iter().enumerate().filter(move |(_, entry)| takes(entry)).filter_map(move |(at, entry)| {
            let earlier = self.0[..at].iter().filter(takes).any(|other| other.place == entry.place);
            (!earlier).then_some(entry)
        })
    }

    /// Returns the kinds that the free ports take, each once; empty if there are no free ports.
    pub(super) fn kinds(&self) -> Vec<DataKind> {
        let mut kinds: Vec<_> = self.0.iter().flat_map(|entry| entry.takes.kinds).copied().collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }
}

impl Target {
    /// Returns the feed for an item of `kind`.
    pub(super) fn feed(&self, kind: DataKind) -> usize {
        if kind.is_media() { self.media_feed } else { self.data_feed }
    }
}

/// Whether the session's input goes to a port. The further ports of a node that an edge feeds are
/// optional: what comes in from outside is not meant for them.
fn is_free(graph: &PipelineGraph, node: usize, position: usize, port: &PortSpec) -> bool {
    let mut feeding = graph.edges.iter().filter(|edge| edge.to == node);
    match position {
        0 => feeding.all(|edge| edge.to_port != port.name),
        _ => feeding.next().is_none(),
    }
}

/// Media and data of one port wait apart: media drops its oldest, and must not drop data.
fn add_both_feeds(feeds: &mut Vec<FeedPlan>, port: &'static str, account: usize) -> (usize, usize) {
    feeds.push(FeedPlan { port, policy: FullPolicy::DropOldest, capacity: MEDIA_CAPACITY, account });
    feeds.push(FeedPlan { port, policy: FullPolicy::Block, capacity: DATA_CAPACITY, account });
    (feeds.len() - 2, feeds.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::manifest::Manifest;
    use crate::node::{DynNode, NodeContext, NodeError, NodeFactory, NodeRegistry, NodeSpec};

    /// A node type that is never run.
    struct SpecOnly(NodeSpec);

    impl NodeFactory for SpecOnly {
        fn spec(&self) -> NodeSpec {
            self.0
        }

        fn param_schema(&self) -> Value {
            json!({"type": "object"})
        }

        fn create(&self, _: &Value, _: &NodeContext) -> Result<Box<dyn DynNode>, NodeError> {
            unreachable!("a plan makes no nodes")
        }
    }

    const AUDIO: PortSpec = PortSpec::new("in", &[DataKind::Audio]);
    const OUT: PortSpec = PortSpec::new("out", &[DataKind::Audio]);
    const A: PortSpec = PortSpec::new("a", &[DataKind::Audio]);
    const B: PortSpec = PortSpec::new("b", &[DataKind::Audio, DataKind::Json]);
    const LEVEL: PortSpec = PortSpec::new("level", &[DataKind::Json]);

    fn graph() -> PipelineGraph {
        let mut registry = NodeRegistry::empty();
        for spec in [
            NodeSpec::new("Left", "One way in.").inputs(&[AUDIO]).outputs(&[OUT]),
            NodeSpec::new("Mix", "Two ways in, two out.").inputs(&[A, B]).outputs(&[OUT, LEVEL]),
        ] {
            registry.register_factory(Arc::new(SpecOnly(spec))).expect("two names");
        }
        let manifest = r#"{"version": "v1",
            "nodes": [{"id": "left", "node_type": "Left"}, {"id": "first", "node_type": "Mix"},
                {"id": "second", "node_type": "Mix"}, {"id": "free", "node_type": "Mix"}],
            "connections": [{"from": "left", "to": "first", "to_port": "a"},
                {"from": "left", "to": "second", "to_port": "b"}]}"#;
        Manifest::parse(manifest).expect("v1").check(&registry).expect("valid")
    }

    #[test]
    fn the_input_goes_to_first_ports_that_are_free_and_to_others_of_nodes_that_nothing_feeds() {
        let graph = graph();
        let plan = Plan::new(&graph);
        let entries = |kind| {
            let targets = plan.entries.for_kind(kind).map(|target| match target.place {
                Place::Node(at) => format!("{}.{}", graph.nodes[at].id, target.takes.name),
                Place::User => unreachable!("an entry is a node"),
            });
            targets.collect::<Vec<_>>()
        };
        assert_eq!(entries(DataKind::Audio), ["left.in", "second.a", "free.a"]);
        assert_eq!(entries(DataKind::Json), ["free.b"]);
        assert_eq!(entries(DataKind::Video), [""; 0]);
        assert_eq!(plan.entries.kinds(), [DataKind::Audio, DataKind::Json]);
    }

    #[test]
    fn outputs_that_no_edge_takes_go_to_the_user_under_their_names() {
        let graph = graph();
        let plan = Plan::new(&graph);
        let outputs = |id: &str, port: usize| {
            let at = graph.nodes.iter().position(|node| node.id.as_str() == id).expect("a node");
            let targets = plan.stages[at].targets[port].iter();
            targets.map(|target| target.output.as_deref().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(outputs("left", 0), [None, None]);
        assert_eq!(outputs("free", 0), [Some("free".to_owned())]);
        assert_eq!(outputs("free", 1), [Some("free.level".to_owned())]);
    }

    #[test]
    fn media_and_data_wait_apart_at_a_free_port_and_share_its_ledger() {
        let plan = Plan::new(&graph());
        let entry = plan.entries.for_kind(DataKind::Json).next().expect("free.b");
        let Place::Node(at) = entry.place else { unreachable!("an entry is a node") };
        let feeds = &plan.stages[at].feeds;
        let (media, data) = (feeds[entry.feed(DataKind::Audio)], feeds[entry.feed(DataKind::Json)]);
        assert_eq!((media.policy, data.policy), (FullPolicy::DropOldest, FullPolicy::Block));
        assert_eq!(media.account, data.account);
        assert_eq!(plan.accounts[data.account].from, Place::User);
    }
}
