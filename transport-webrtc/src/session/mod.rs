//! One session: the pipeline that is served to its peers, their routes, and the pipelines that peers run
//! for each other.
//!
//! [`SessionRouter`] decides who gets an output (pure); `ServedPipeline` runs one manifest and carries
//! its outputs to whom they are for; `SessionInlet` gives what comes from peers to the pipeline, or to
//! the program if there is none. `LocalSession` is a pipeline in this process, `RemoteSession` one in
//! a peer's; both are the runtime's `StreamSession`.

mod fan_out;
mod inlet;
mod local;
mod outputs;
mod remote;
mod router;
mod served;

pub use inlet::OccupiedError;
pub(crate) use inlet::SessionInlet;
pub(crate) use local::LocalSession;
pub(crate) use outputs::{UserReceiver, user_outputs};
pub use remote::RemoteError;
pub(crate) use remote::{RemoteSession, execute_at_peer};
pub use router::{Recipient, SessionRouter};
pub(crate) use served::{Audience, ServedPipeline};
