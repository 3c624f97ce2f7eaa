//! The registry that knows every node that ships.

use super::{
    AudioGain, AudioLevel, BackgroundBlur, Calculator, PassThrough, Resample, TestPattern, TestTone,
    VideoBlur, VideoConvert, VideoFlip, VideoScale,
};
use crate::node::{Node, NodeRegistry};

impl NodeRegistry {
    /// Makes a registry that knows every node that ships.
    pub fn with_builtins() -> Self {
        let mut registry = Self::empty();
        add::<AudioGain>(&mut registry);
        add::<AudioLevel>(&mut registry);
        add::<BackgroundBlur>(&mut registry);
        add::<Calculator>(&mut registry);
        add::<PassThrough>(&mut registry);
        add::<Resample>(&mut registry);
        add::<TestPattern>(&mut registry);
        add::<TestTone>(&mut registry);
        add::<VideoBlur>(&mut registry);
        add::<VideoConvert>(&mut registry);
        add::<VideoFlip>(&mut registry);
        add::<VideoScale>(&mut registry);
        registry
    }
}

fn add<N: Node>(registry: &mut NodeRegistry) {
    registry.register::<N>().expect("the nodes that ship have names of their own");
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_param_of_every_node_is_described_and_has_a_default() {
        for factory in NodeRegistry::with_builtins().factories() {
            let node_type = factory.spec().node_type;
            let schema = factory.param_schema();
            let params = schema["properties"].as_object().cloned().unwrap_or_default();
            for (name, param) in params {
                assert!(param["description"].is_string(), "{node_type}.{name} has no description");
                assert!(param.get("default").is_some(), "{node_type}.{name} has no default");
            }
            assert_eq!(schema.get("required"), None, "{node_type} has a param without a default");
        }
    }

    #[test]
    fn every_node_can_be_made_without_params() {
        let context = crate::node::builtin::input::tests::context();
        for factory in NodeRegistry::with_builtins().factories() {
            let made = factory.create(&Value::Null, &context);
            assert!(made.is_ok(), "{}: {:?}", factory.spec().node_type, made.err());
        }
    }
}
