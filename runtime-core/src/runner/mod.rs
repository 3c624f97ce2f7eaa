//! Runs manifests in this process: once for one item, or as a stream.
//!
//! [`PipelineRunner`] knows the node types, the frame pool and the deadlines; it checks a manifest and
//! starts a session for it. It is itself the in-process
//! [`PipelineTransport`](crate::transport::PipelineTransport).

mod in_process;
mod pipeline_runner;

pub use pipeline_runner::PipelineRunner;
