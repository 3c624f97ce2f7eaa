//! The methods of the protocol as a table: the source of the OpenRPC document and of the size limits.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::ErrorCode::{self, *};
use super::{
    AnnounceParams, AnnounceResult, CallEndParams, CallParams, Done, IceCandidateParams, PeerList, SdpParams,
    ServerInfo, SessionList, UnsubscribeParams,
};

/// Which size limit a request falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SizeClass {
    /// [`super::ProtocolLimits::control_bytes`].
    Control,
    /// [`super::ProtocolLimits::sdp_bytes`].
    Sdp,
}

/// What a method is called, takes, returns and refuses.
#[derive(Debug, Clone, Copy)]
pub struct MethodSpec {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it does, as a sentence.
    pub summary: &'static str,
    /// Which size limit its requests fall under.
    pub size: SizeClass,
    /// The errors of its own; those of every request (parse, size, rate) come on top.
    pub errors: &'static [ErrorCode],
    /// Makes a reference to the schema of its parameters, an object; `None`: it takes none.
    pub(crate) params: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Makes the schema of its result.
    pub(crate) result: fn(&mut SchemaGenerator) -> Schema,
}

impl MethodSpec {
    /// Finds a method by its name on the wire.
    pub fn find(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }
}

const fn method(
    name: &'static str,
    summary: &'static str,
    params: Option<fn(&mut SchemaGenerator) -> Schema>,
    result: fn(&mut SchemaGenerator) -> Schema,
    errors: &'static [ErrorCode],
) -> MethodSpec {
    MethodSpec { name, summary, size: SizeClass::Control, errors, params, result }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What can go wrong with a message to a peer.
const RELAY_ERRORS: &[ErrorCode] = &[NotAnnounced, UnknownPeer, InvalidName];

/// Every method of the protocol, in the order in which a client comes to need them.
pub const METHODS: &[MethodSpec] = &[
    method(
        "server.info",
        "Tells what the server is and what it takes at most.",
        None,
        schema::<ServerInfo>,
        &[],
    ),
    method("session.list", "Lists the sessions there are.", None, schema::<SessionList>, &[]),
    method(
        "events.subscribe",
        "Delivers the events of the session that the connection is in, or will be. Returns the subscription id.",
        None,
        schema::<u64>,
        &[AlreadySubscribed],
    ),
    method(
        "events.unsubscribe",
        "Ends the subscription, and with it the connection's place in its session. Returns whether there was one.",
        Some(schema::<UnsubscribeParams>),
        schema::<bool>,
        &[],
    ),
    method(
        "peer.announce",
        "Joins a session. The result and the peer_joined events of the others are one step.",
        Some(schema::<AnnounceParams>),
        schema::<AnnounceResult>,
        &[
            NotSubscribed,
            AlreadyAnnounced,
            PeerIdTaken,
            SessionFull,
            TooManySessions,
            RoleForbids,
            InvalidName,
            HostTaken,
        ],
    ),
    method("peer.list", "Lists the others in the session.", None, schema::<PeerList>, &[NotAnnounced]),
    MethodSpec {
        size: SizeClass::Sdp,
        ..method(
            "peer.offer",
            "Sends an offer to a peer.",
            Some(schema::<SdpParams>),
            schema::<Done>,
            &[NotAnnounced, UnknownPeer, InvalidName, RoleForbids],
        )
    },
    MethodSpec {
        size: SizeClass::Sdp,
        ..method(
            "peer.answer",
            "Sends an answer to a peer.",
            Some(schema::<SdpParams>),
            schema::<Done>,
            RELAY_ERRORS,
        )
    },
    method(
        "peer.ice_candidate",
        "Sends a candidate to a peer; null ends them.",
        Some(schema::<IceCandidateParams>),
        schema::<Done>,
        RELAY_ERRORS,
    ),
    method(
        "peer.leave",
        "Leaves the session. The connection stays and may announce again.",
        None,
        schema::<Done>,
        &[NotAnnounced],
    ),
    method("call.start", "Calls a peer.", Some(schema::<CallParams>), schema::<Done>, RELAY_ERRORS),
    method("call.accept", "Takes a peer's call.", Some(schema::<CallParams>), schema::<Done>, RELAY_ERRORS),
    method(
        "call.end",
        "Ends a call, or declines it.",
        Some(schema::<CallEndParams>),
        schema::<Done>,
        RELAY_ERRORS,
    ),
];
