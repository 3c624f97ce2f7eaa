//! Hands every item on as it came.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::TransportData;
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, PortSpec};

/// Hands every item on as it came, without a copy.
#[derive(Debug)]
pub struct PassThrough;

/// [`PassThrough`] takes no params.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct PassThroughParams {}

impl Node for PassThrough {
    type Params = PassThroughParams;

    const SPEC: NodeSpec = NodeSpec::new("PassThrough", "Hands every item on as it came.")
        .inputs(&[PortSpec::new("in", &[])])
        .outputs(&[PortSpec::new("out", &[])]);

    fn create(_: Self::Params, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self)
    }

    fn process(&mut self, _: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        outputs.send(item);
        Ok(())
    }

    fn reconfigure(&mut self, _: Self::Params) -> Result<(), NodeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::{MediaTime, RuntimeData};
    use crate::node::builtin::input::tests::{draw, make};

    #[test]
    fn an_item_passes_with_its_place_and_the_same_pixels_in_memory() {
        let mut node: PassThrough = make(json!({})).expect("no params");
        let frame = draw(8, 8, |x, y| (x * y) as u8, |_, _, _| 128);
        let pixels = frame.plane(0).as_ptr();
        let item = TransportData::new(frame).numbered(7).at(MediaTime::from_nanos(9));
        let mut outputs = Outputs::default();
        node.process("in", item, &mut outputs).expect("passes");
        let (port, item) = outputs.drain().next().expect("one item");
        let RuntimeData::Video(frame) = item.data else { panic!("still video") };
        assert_eq!((port, item.sequence, item.media_time), ("out", 7, MediaTime::from_nanos(9)));
        assert_eq!(frame.plane(0).as_ptr(), pixels);
    }
}
