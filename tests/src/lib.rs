//! What the stories share: a room with a signaling server, peers in it, and things to send and to look for.

mod call_beside;
mod lossy_line;
mod lossy_wire;
mod odd_server;
mod picture;
mod resources;
mod room;
mod signaling_line;
mod sound;
mod stranger;
pub mod transport_conformance;

pub use call_beside::CallBeside;
pub use lossy_line::LossyLine;
pub use lossy_wire::{LossyWire, WireCounts};
pub use odd_server::OddServer;
pub use picture::{numbered_picture, sharpness};
pub use resources::Resources;
pub use room::{Room, manifest};
pub use signaling_line::SignalingLine;
pub use sound::{loudest_tone_hz, tone};
pub use stranger::{Stranger, StrangersConnection};
