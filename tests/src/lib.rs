//! What the stories share: a room with a signaling server, peers in it, and things to send and to look for.

mod picture;
mod room;
mod sound;
pub mod transport_conformance;

pub use picture::{numbered_picture, sharpness};
pub use room::{Room, manifest};
pub use sound::{loudest_tone_hz, tone};
