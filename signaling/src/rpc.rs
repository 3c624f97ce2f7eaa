//! The one trait from which both ends are generated: [`SignalingRpcClient`] calls, [`SignalingRpcServer`] answers.
//!
//! Parameters go by name, as one object; their types are those of [`crate::protocol`].

// A parameter by name is an argument: `peer.announce` has as many as the protocol says.
#![allow(clippy::too_many_arguments)]

use jsonrpsee::core::{RpcResult, SubscriptionResult};
use jsonrpsee::proc_macros::rpc;

use crate::protocol::{
    AnnounceResult, Capabilities, Done, IceCandidate, PeerList, Role, ServerInfo, SessionList,
    SignalingEvent, Topology,
};

/// The methods of the protocol.
#[rpc(client, server)]
pub trait SignalingRpc {
    /// Tells what the server is and what it takes at most.
    #[method(name = "server.info", param_kind = map)]
    fn server_info(&self) -> RpcResult<ServerInfo>;

    /// Lists the sessions there are.
    #[method(name = "session.list", param_kind = map)]
    fn session_list(&self) -> RpcResult<SessionList>;

    /// Delivers the events of the session that the connection is in, or will be.
    #[subscription(
        name = "events.subscribe" => "events",
        unsubscribe = "events.unsubscribe",
        item = SignalingEvent,
        with_extensions
    )]
    async fn subscribe_events(&self) -> SubscriptionResult;

    /// Joins a session. The result and the `peer_joined` events of the others are one step.
    #[method(name = "peer.announce", param_kind = map, with_extensions)]
    fn announce(
        &self,
        session: String,
        peer_id: String,
        role: Option<Role>,
        display_name: Option<String>,
        capabilities: Option<Capabilities>,
        resume_token: Option<String>,
        topology: Option<Topology>,
        max_peers: Option<u32>,
    ) -> RpcResult<AnnounceResult>;

    /// Lists the others in the session.
    #[method(name = "peer.list", param_kind = map, with_extensions)]
    fn peer_list(&self) -> RpcResult<PeerList>;

    /// Sends an offer to a peer.
    #[method(name = "peer.offer", param_kind = map, with_extensions)]
    fn offer(&self, to: String, handshake_id: String, sdp: String) -> RpcResult<Done>;

    /// Sends an answer to a peer.
    #[method(name = "peer.answer", param_kind = map, with_extensions)]
    fn answer(&self, to: String, handshake_id: String, sdp: String) -> RpcResult<Done>;

    /// Sends a candidate to a peer; null ends them.
    #[method(name = "peer.ice_candidate", param_kind = map, with_extensions)]
    fn ice_candidate(
        &self,
        to: String,
        handshake_id: String,
        candidate: Option<IceCandidate>,
    ) -> RpcResult<Done>;

    /// Leaves the session. The connection stays and may announce again.
    #[method(name = "peer.leave", param_kind = map, with_extensions)]
    fn leave(&self) -> RpcResult<Done>;

    /// Calls a peer.
    #[method(name = "call.start", param_kind = map, with_extensions)]
    fn call_start(&self, to: String, call_id: String) -> RpcResult<Done>;

    /// Takes a peer's call.
    #[method(name = "call.accept", param_kind = map, with_extensions)]
    fn call_accept(&self, to: String, call_id: String) -> RpcResult<Done>;

    /// Ends a call, or declines it.
    #[method(name = "call.end", param_kind = map, with_extensions)]
    fn call_end(&self, to: String, call_id: String, reason: Option<String>) -> RpcResult<Done>;
}
