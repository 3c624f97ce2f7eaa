//! What a session tells at its end.

use serde::Serialize;

use crate::data::SessionId;
use crate::executor::{AbortedNode, PipelineReport};

/// What a session tells at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionReport {
    /// The session.
    pub session_id: SessionId,
    /// All figures when the last node had ended.
    pub pipeline: PipelineReport,
    /// Outputs that wait to be received; all that is under way in `pipeline.total`.
    pub outputs_waiting: u64,
    /// Nodes that did not end by the deadline; what they held was dropped and counted as `closed`.
    pub aborted: Vec<AbortedNode>,
}

impl SessionReport {
    /// Whether every item is accounted for: delivered, dropped for a reason, or waiting to be received.
    pub fn is_balanced(&self) -> bool {
        self.pipeline.total.under_way() == self.outputs_waiting
    }
}
