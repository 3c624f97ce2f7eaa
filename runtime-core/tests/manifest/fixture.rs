//! Node types with every sort of port and param, and a manifest that uses them without fault.

use std::sync::Arc;

use remotemedia_runtime_core::data::{DataKind, TransportData};
use remotemedia_runtime_core::manifest::{ManifestDocument, ManifestFault, ManifestFaults, Severity};
use remotemedia_runtime_core::node::{
    DynNode, Node, NodeContext, NodeError, NodeFactory, NodeRegistry, NodeSpec, Outputs, ParamError, PortSpec,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

const VIDEO: &[DataKind] = &[DataKind::Video];
const AUDIO: &[DataKind] = &[DataKind::Audio];

macro_rules! node {
    ($name:ident, $params:ty, $spec:expr) => {
        pub(crate) struct $name;
        impl Node for $name {
            type Params = $params;
            const SPEC: NodeSpec = $spec;
            fn create(_: $params, _: &NodeContext) -> Result<Self, NodeError> {
                Ok(Self)
            }
            fn process(&mut self, _: &str, _: TransportData, _: &mut Outputs) -> Result<(), NodeError> {
                Ok(())
            }
        }
    };
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct NoParams {}

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct BlurParams {
    /// How far it blurs.
    #[schemars(range(min = 1, max = 99))]
    pub(crate) radius: u32,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) edge_feather: f32,
    pub(crate) mode: Mode,
    pub(crate) fallback: Option<Mode>,
    #[schemars(range(min = 1))]
    pub(crate) threads: Option<u8>,
    #[schemars(length(min = 1, max = 3))]
    pub(crate) weights: Vec<f32>,
    pub(crate) area: Option<Area>,
    pub(crate) bypass: bool,
    #[schemars(length(max = 8))]
    pub(crate) label: String,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    #[default]
    Fast,
    /// Slower.
    Good,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema counts")]
pub(crate) struct Area {
    pub(crate) width: u16,
    #[serde(default)]
    pub(crate) height: u16,
}

impl Default for BlurParams {
    fn default() -> Self {
        Self {
            radius: 8,
            edge_feather: 0.3,
            mode: Mode::Fast,
            fallback: None,
            threads: None,
            weights: vec![1.0],
            area: None,
            bypass: false,
            label: String::new(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema counts")]
pub(crate) struct SaveParams {
    pub(crate) path: String,
}

node!(
    Blur,
    BlurParams,
    NodeSpec::new("Blur", "Blurs; the mask is its second output.")
        .inputs(&[PortSpec::new("in", VIDEO)])
        .outputs(&[PortSpec::new("out", VIDEO), PortSpec::new("mask", VIDEO)])
);
node!(
    Flip,
    NoParams,
    NodeSpec::new("Flip", "One picture in, one out.")
        .inputs(&[PortSpec::new("in", VIDEO)])
        .outputs(&[PortSpec::new("out", VIDEO)])
);
node!(
    Gain,
    NoParams,
    NodeSpec::new("Gain", "Sound in, sound out.")
        .inputs(&[PortSpec::new("in", AUDIO)])
        .outputs(&[PortSpec::new("out", AUDIO)])
);
node!(
    Mixer,
    NoParams,
    NodeSpec::new("Mixer", "All streams into one.")
        .inputs(&[PortSpec::new("in", AUDIO)])
        .outputs(&[PortSpec::new("out", AUDIO), PortSpec::new("levels", &[DataKind::Json])])
        .session_scoped()
);
node!(
    Any,
    NoParams,
    NodeSpec::new("Any", "Takes and gives everything.")
        .inputs(&[PortSpec::new("in", &[])])
        .outputs(&[PortSpec::new("out", &[])])
);
node!(Tone, NoParams, NodeSpec::new("Tone", "A source.").outputs(&[PortSpec::new("out", AUDIO)]));
node!(
    Save,
    SaveParams,
    NodeSpec::new("Save", "A sink.").inputs(&[PortSpec::new("in", &[DataKind::Json, DataKind::Text])])
);

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CropParams {
    pub(crate) left: u16,
    pub(crate) right_edge: u16,
}

impl Default for CropParams {
    fn default() -> Self {
        Self { left: 0, right_edge: 100 }
    }
}

/// A node type whose params must fit each other.
pub(crate) struct Crop;

impl Node for Crop {
    type Params = CropParams;
    const SPEC: NodeSpec = NodeSpec::new("Crop", "Cuts the sides off.")
        .inputs(&[PortSpec::new("in", VIDEO)])
        .outputs(&[PortSpec::new("out", VIDEO)]);

    fn check_params(params: &CropParams) -> Result<(), ParamError> {
        if params.right_edge > params.left {
            return Ok(());
        }
        let expected = format!("more than left ({})", params.left);
        Err(ParamError::Value { param: "right_edge", got: params.right_edge.to_string(), expected })
    }

    fn create(params: CropParams, _: &NodeContext) -> Result<Self, NodeError> {
        assert!(params.right_edge > params.left, "it was checked");
        Ok(Self)
    }

    fn process(&mut self, _: &str, _: TransportData, _: &mut Outputs) -> Result<(), NodeError> {
        Ok(())
    }
}

/// A factory whose params have any schema.
struct WithSchema {
    node_type: &'static str,
    schema: Value,
}

impl NodeFactory for WithSchema {
    fn spec(&self) -> NodeSpec {
        NodeSpec::new(self.node_type, "Has a schema of its own.")
            .inputs(const { &[PortSpec::new("in", &[])] })
    }

    fn param_schema(&self) -> Value {
        self.schema.clone()
    }

    fn create(&self, _: &Value, _: &NodeContext) -> Result<Box<dyn DynNode>, NodeError> {
        Err(NodeError::failed("it is only described"))
    }
}

pub(crate) fn registry() -> NodeRegistry {
    let mut registry = NodeRegistry::empty();
    let registered = [
        registry.register::<Blur>(),
        registry.register::<Flip>(),
        registry.register::<Gain>(),
        registry.register::<Mixer>(),
        registry.register::<Any>(),
        registry.register::<Tone>(),
        registry.register::<Save>(),
        registry.register::<Crop>(),
        registry.register_factory(Arc::new(WithSchema { node_type: "Broken", schema: json!({"type": 7}) })),
        registry.register_factory(Arc::new(WithSchema { node_type: "Free", schema: json!(true) })),
    ];
    registered.into_iter().for_each(|outcome| outcome.expect("names of their own"));
    registry
}

/// A manifest with every section and without a fault.
pub(crate) fn valid() -> Value {
    json!({
        "version": "v1",
        "metadata": {"name": "a call", "description": "for tests", "author": {"any": "thing"}},
        "nodes": [
            {"id": "blur", "node_type": "Blur", "params": {"radius": 12, "edgeFeather": 0.5, "mode": "good"}},
            {"id": "flip", "node_type": "Flip", "is_streaming": true, "scope": "stream"},
            {"id": "mixer", "node_type": "Mixer"},
            {"id": "save", "node_type": "Save", "params": {"path": "levels.jsonl"}}
        ],
        "connections": [
            {"from": "blur", "to": "flip", "policy": "drop_oldest", "capacity": 2},
            {"from": "mixer", "from_port": "levels", "to": "save", "to_port": "in"}
        ],
        "routes": [
            {"output": "blur.mask", "to": "local"},
            {"output": "mixer", "to": "others"}
        ],
        "transport": {
            "kind": "webrtc",
            "topology": "mesh",
            "max_peers": 4,
            "video_codecs": ["H264", "VP8"],
            "video_bitrate_bps": 1_500_000,
            "ice_servers": [
                {"urls": ["stun:stun.example.org:3478"]},
                {"urls": "turn:turn.example.org?transport=udp", "username": "me", "credential": "secret"}
            ],
            "signaling_url": "ws://127.0.0.1:8080/ws"
        }
    })
}

/// A manifest of these nodes and connections, without routes and transport.
pub(crate) fn pipeline(nodes: Value, connections: Value) -> Value {
    json!({"version": "v1", "nodes": nodes, "connections": connections})
}

/// The valid manifest with the value at a JSON pointer replaced; `None`: removed.
pub(crate) fn valid_but(pointer: &str, value: impl Into<Option<Value>>) -> Value {
    let mut manifest = valid();
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    let parent = manifest.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is there"));
    match (parent, value.into()) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(field.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.remove(field)),
        (Value::Array(items), Some(value)) => items[field.parse::<usize>().expect("an index")] = value,
        (other, _) => panic!("{other} has no {field}"),
    }
    manifest
}

/// Checks a manifest and returns its faults.
pub(crate) fn refused(manifest: &Value) -> ManifestFaults {
    match document(manifest).check(&registry()) {
        Err(faults) => faults,
        Ok(_) => panic!("has no fault: {manifest:#}"),
    }
}

/// Checks that a manifest has exactly these faults: code and path.
#[track_caller]
pub(crate) fn assert_faults(manifest: &Value, expected: &[(&str, &str)]) -> Vec<ManifestFault> {
    let faults: Vec<_> = refused(manifest).iter().cloned().collect();
    let found: Vec<_> = faults.iter().map(|fault| (fault.code.name(), fault.path.as_str())).collect();
    assert_eq!(found, expected, "{faults:#?}");
    for fault in &faults {
        assert!(!fault.expected.is_empty() && !fault.got.is_empty(), "{fault:?}");
    }
    faults
}

/// Checks that a manifest has exactly one fault, and returns it.
#[track_caller]
pub(crate) fn assert_fault(manifest: &Value, code: &str, path: &str) -> ManifestFault {
    assert_faults(manifest, &[(code, path)]).remove(0)
}

/// Checks that a manifest is valid, and has exactly these warnings: code and path.
#[track_caller]
pub(crate) fn assert_warnings(manifest: &Value, expected: &[(&str, &str)]) -> Vec<ManifestFault> {
    let checked = document(manifest).check(&registry()).unwrap_or_else(|faults| panic!("{faults}"));
    let found: Vec<_> =
        checked.warnings.iter().map(|fault| (fault.code.name(), fault.path.as_str())).collect();
    assert_eq!(found, expected);
    assert!(checked.warnings.iter().all(|fault| fault.severity == Severity::Warning));
    checked.warnings
}

#[track_caller]
pub(crate) fn assert_valid(manifest: &Value) {
    assert_warnings(manifest, &[]);
}

#[track_caller]
pub(crate) fn assert_hint(fault: &ManifestFault, part: &str) {
    let hint = fault.hint.as_deref().unwrap_or_default();
    assert!(hint.contains(part), "{part:?} is not in the hint of {fault:?}");
}

pub(crate) fn document(manifest: &Value) -> ManifestDocument {
    ManifestDocument::parse(&manifest.to_string(), None).expect("JSON")
}
