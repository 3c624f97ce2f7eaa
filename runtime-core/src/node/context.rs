//! What a node is given when it is made.

use std::sync::Arc;

use crate::data::{NodeId, SessionId, StreamId};
use crate::shm::FramePool;

/// What a node is given when it is made.
#[derive(Debug, Clone)]
pub struct NodeContext {
    /// The node's id in the manifest.
    pub node_id: NodeId,
    /// The session it runs in.
    pub session_id: SessionId,
    /// The stream this instance serves; `None` for session-scoped nodes and for the session's own user.
    pub stream: Option<StreamId>,
    /// Memory for the frames it gives out.
    pub pool: Arc<dyn FramePool>,
}
