//! Runs a checked pipeline: one task per node instance, bounded edges between them.
//!
//! [`Executor`] owns the stages, one per node of the graph. A stage of scope `stream` has one instance per
//! source stream, made when the stream's first item arrives; one of scope `session` has a single instance.
//! Light nodes run in tasks, heavy ones on threads of their own, both by the same loop. An error or a panic
//! of a node fails one item: it is counted, reported as a [`SessionEvent`], and the node goes on.
//!
//! **The account.** Every place where items wait has a [`Ledger`](crate::ledger::Ledger): each edge, each
//! free input port, each open output. There an item is
//! - *sent* when it is put there: once per edge, so that a fan-out to two edges counts twice;
//! - *delivered* when the node behind it has processed it without error, or the user has taken it;
//! - *dropped*, by reason, otherwise: `queue_full` for the oldest of a full edge, `no_taker` if the port does
//!   not take its kind, `node_failed` and `node_panicked` for the item that the node failed on, `closed` for
//!   what the end of the session or of its stream left over.
//!
//! What a node gives out while it fails an item is discarded before it is sent anywhere. Control items are
//! not counted. This folder knows no manifest text, no transport and no network.

mod contained_node;
mod ending;
mod event;
mod fault;
mod feed;
mod instance;
mod instance_handle;
mod lifecycle;
mod outlet;
mod pipeline;
mod plan;
mod rate_gate;
mod report;
mod settlement;
mod stage;

pub use event::{SessionEvent, SessionEvents};
pub(crate) use fault::KindList;
pub use fault::{InputError, NodeFault, ReconfigureError, StartError};
pub use lifecycle::{CloseDeadlines, Executor};
pub use outlet::OutputReceiver;
pub use report::{AbortedNode, EdgeReport, NodeReport, PipelineReport};

/// Free input port → node, and node → session's user: media items that wait, per port and stream.
/// Four frames are 40 ms of audio or 133 ms of video; what is older is of no worth in a call.
const MEDIA_CAPACITY: usize = 4;

/// As [`MEDIA_CAPACITY`], for data. Its sender waits, so that more would only add delay.
const DATA_CAPACITY: usize = 64;

/// Node → session's user while the session drains: what is under way must find room although the user
/// takes nothing. Beyond this a node waits for the deadline.
const DRAIN_CAPACITY: usize = 1024;

/// Most source streams in one session: a host with a hundred viewers of two tracks each fits.
const MAX_STREAMS: usize = 256;
