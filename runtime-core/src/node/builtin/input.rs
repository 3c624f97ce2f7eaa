//! Access to the contents of an item, with the errors that name what came instead.

use crate::data::{AudioFrame, PixelFormat, RuntimeData, TransportData, VideoFrame};
use crate::node::NodeError;

/// Returns the item's picture.
///
/// # Errors
/// [`NodeError::Kind`] for any other kind of item.
pub(super) fn video<'a>(port: &str, item: &'a TransportData) -> Result<&'a VideoFrame, NodeError> {
    match &item.data {
        RuntimeData::Video(frame) => Ok(frame),
        other => Err(NodeError::Kind { port: port.to_owned(), kind: other.kind() }),
    }
}

/// Returns the item's picture if it is I420.
///
/// # Errors
/// [`NodeError::Kind`] for any other kind of item, [`NodeError::Unsupported`] for another pixel format.
pub(super) fn i420<'a>(port: &str, item: &'a TransportData) -> Result<&'a VideoFrame, NodeError> {
    let frame = video(port, item)?;
    match frame.format() {
        PixelFormat::I420 => Ok(frame),
        other => Err(NodeError::Unsupported {
            got: format!("{other:?} video of {}x{}", frame.width(), frame.height()),
            expected: "I420 video (a VideoConvert node before this one makes it)",
        }),
    }
}

/// Returns the item's sound.
///
/// # Errors
/// [`NodeError::Kind`] for any other kind of item.
pub(super) fn audio<'a>(port: &str, item: &'a TransportData) -> Result<&'a AudioFrame, NodeError> {
    match &item.data {
        RuntimeData::Audio(frame) => Ok(frame),
        other => Err(NodeError::Kind { port: port.to_owned(), kind: other.kind() }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{NodeId, SessionId, VideoLoan};
    use crate::node::{Node, NodeContext, Outputs, ParamError};
    use crate::shm::HeapPool;

    /// What a node under test is given.
    pub(in crate::node::builtin) fn context() -> NodeContext {
        NodeContext {
            node_id: NodeId::new("node").expect("a valid name"),
            session_id: SessionId::new("session").expect("a valid name"),
            stream: None,
            pool: Arc::new(HeapPool::default()),
        }
    }

    /// Makes a node from params as they stand in a manifest.
    pub(in crate::node::builtin) fn make<N: Node>(params: serde_json::Value) -> Result<N, NodeError> {
        let params = serde_json::from_value(params).map_err(ParamError::Shape)?;
        N::check_params(&params)?;
        N::create(params, &context())
    }

    /// Gives a running node new params, as the executor does.
    pub(in crate::node::builtin) fn reconfigure<N: Node>(
        node: &mut N,
        params: N::Params,
    ) -> Result<(), NodeError> {
        N::check_params(&params)?;
        node.reconfigure(params)
    }

    /// Gives a node one item and returns what it makes of it.
    pub(in crate::node::builtin) fn run<N: Node>(
        node: &mut N,
        data: impl Into<RuntimeData>,
    ) -> Result<Vec<(&'static str, RuntimeData)>, NodeError> {
        let mut outputs = Outputs::default();
        node.process("in", TransportData::new(data), &mut outputs)?;
        Ok(outputs.drain().map(|(port, item)| (port, item.data)).collect())
    }

    /// Gives a node one picture and returns the one it makes of it.
    pub(in crate::node::builtin) fn run_video<N: Node>(node: &mut N, frame: &VideoFrame) -> VideoFrame {
        match run(node, frame.clone()).expect("the frame is processed").remove(0) {
            ("out", RuntimeData::Video(frame)) => frame,
            other => panic!("expected video on out, got {other:?}"),
        }
    }

    /// Gives a node one stretch of sound and returns the samples it makes of it.
    pub(in crate::node::builtin) fn run_audio<N: Node>(node: &mut N, frame: &AudioFrame) -> Vec<f32> {
        match run(node, frame.clone()).expect("the frame is processed").remove(0) {
            ("out", RuntimeData::Audio(frame)) => frame.samples().to_vec(),
            other => panic!("expected audio on out, got {other:?}"),
        }
    }

    /// Draws an I420 picture: `luma(x, y)`, and `chroma(plane, x, y)` in chroma samples.
    pub(in crate::node::builtin) fn draw(
        width: u32,
        height: u32,
        luma: impl Fn(usize, usize) -> u8,
        chroma: impl Fn(usize, usize, usize) -> u8,
    ) -> VideoFrame {
        let pool = HeapPool::default();
        let mut loan = VideoLoan::new(&pool, PixelFormat::I420, width, height).expect("a small picture");
        for plane in 0..3 {
            let stride = loan.plane_layout(plane).stride;
            for (y, row) in loan.plane_mut(plane).chunks_exact_mut(stride).enumerate() {
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = if plane == 0 { luma(x, y) } else { chroma(plane, x, y) };
                }
            }
        }
        loan.freeze()
    }

    #[test]
    fn a_picture_in_another_format_is_refused_by_name() {
        let loan = VideoLoan::new(&HeapPool::default(), PixelFormat::Rgba, 4, 2).expect("a small picture");
        let item = TransportData::new(loan.freeze());
        let refused = i420("in", &item).expect_err("RGBA");
        assert_eq!(
            refused.to_string(),
            "cannot process Rgba video of 4x2, expected I420 video (a VideoConvert node before this one makes it)"
        );
    }

    #[test]
    fn an_item_of_another_kind_is_refused_with_port_and_kind() {
        let item = TransportData::new(RuntimeData::text("hello"));
        assert_eq!(i420("in", &item).expect_err("text").to_string(), "port in does not take text");
        assert_eq!(audio("in", &item).expect_err("text").to_string(), "port in does not take text");
    }
}
