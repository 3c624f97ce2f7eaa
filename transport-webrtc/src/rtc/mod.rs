//! The WebRTC engine behind types of our own: nothing of the `webrtc` and `rtc` crates leaves this folder.
//!
//! A [`Connection`] is one peer connection: descriptions and candidates go through its methods, all that
//! happens comes out of its [`ConnectionEvents`]. Media and data pass through handles that know no
//! engine: [`TrackSender`], [`TrackReceiver`], [`DataSender`], [`DataReceiver`]. Each is a bounded queue
//! to or from one task of the connection, which owns all tasks and ends them in [`Connection::close`].
//!
//! This folder knows RTP packets and no frames, descriptions and no signaling server, and does not
//! decide: who offers, when to restart and what to encode is said from above.
//!
//! Pure files: `h264_profile` (RFC 6184), `sdp_guard` (what a description must have), `relays` (what TURN
//! servers say), and the parts of the packet chain `rtcp_tap`, `nack_filter`, `rtx_unwrap` and `delivery`.

mod candidate;
mod codec;
mod config;
mod connection;
mod data_carrier;
mod data_channel;
mod delivery;
mod engine;
mod error;
mod event;
mod feedback;
mod h264_profile;
mod incoming;
mod nack_filter;
mod negotiation;
mod observer;
mod outgoing;
mod progress;
mod relays;
mod rtcp_tap;
mod rtp_packet;
mod rtx_unwrap;
mod runtime;
mod sdp_guard;
mod snapshot;
mod stats;
mod tasks;
mod track_receiver;
mod track_sender;
mod watched_socket;

pub use candidate::IceCandidate;
pub use codec::{NegotiatedCodec, TrackKind};
pub use config::{ConnectionConfig, IceServer, TrackPlan};
pub use connection::Connection;
pub use data_channel::{DataMessage, DataReceiver, DataSendError, DataSender, MAX_MESSAGE_BYTES};
pub use error::{CandidateError, ConnectionError, SdpKind};
pub use event::{ConnectionEvent, ConnectionEvents, ConnectionState};
pub use rtp_packet::RtpPacket;
pub use stats::{ConnectionStats, StreamStats};
pub use track_receiver::{SenderReport, TrackReceiver};
pub use track_sender::{TrackSendError, TrackSender};
