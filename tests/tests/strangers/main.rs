//! Peers that do not do what a peer does: what they cause has a name within the deadline, a call beside goes
//! on, and nothing of them is left.

mod answers;
mod candidates;
mod leaving;
mod offers;
mod scene;
