//! A running pipeline under a globally unique id: what its user and its transport hold.
//!
//! [`PipelineSession`] starts an executor and owns its end: [`close`](PipelineHandle::close) drains within
//! [`SessionDeadlines`] and reports, dropping without it aborts. [`PipelineHandle`] is its clonable input
//! and control side, for any number of tasks; [`PipelineOutput`] its single output side. Sessions share
//! nothing. This folder knows no transport.

mod deadlines;
mod error;
mod pipeline_handle;
mod pipeline_session;
mod report;
mod unique_id;

pub use crate::executor::{
    AbortedNode, EdgeReport, NodeFault, NodeReport, PipelineReport, SessionEvent, SessionEvents,
};
pub use deadlines::SessionDeadlines;
pub use error::SessionError;
pub use pipeline_handle::PipelineHandle;
pub use pipeline_session::{PipelineOutput, PipelineSession};
pub use report::SessionReport;
pub use unique_id::unique_session_id;
