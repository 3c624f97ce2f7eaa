//! The server's end of the trait: each method is one step of the hub.

use std::sync::Arc;

use jsonrpsee::core::{RpcResult, SubscriptionResult, async_trait};
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::{Extensions, PendingSubscriptionSink};
use serde_json::json;

use super::connection::Caller;
use super::hub::Hub;
use crate::protocol::{
    AnnounceParams, AnnounceResult, Capabilities, Done, ErrorCode, IceCandidate, PeerList, Role, ServerInfo,
    SessionList, Topology,
};
use crate::room::{Message, Refusal};
use crate::rpc::SignalingRpcServer;

/// Answers the requests of all connections; whose a request is stands in its extensions.
#[derive(Debug)]
pub(super) struct Methods {
    pub(super) hub: Arc<Hub>,
    pub(super) info: ServerInfo,
}

#[async_trait]
impl SignalingRpcServer for Methods {
    fn server_info(&self) -> RpcResult<ServerInfo> {
        Ok(self.info.clone())
    }

    fn session_list(&self) -> RpcResult<SessionList> {
        Ok(self.hub.sessions())
    }

    async fn subscribe_events(
        &self,
        pending: PendingSubscriptionSink,
        ext: &Extensions,
    ) -> SubscriptionResult {
        let caller = caller(ext)?;
        if let Err(refusal) = self.hub.subscribe(caller.line.id) {
            pending.reject(error_object(&refusal)).await;
            return Ok(());
        }
        caller.hold(pending.accept().await?);
        Ok(())
    }

    fn announce(
        &self,
        ext: &Extensions,
        session: String,
        peer_id: String,
        role: Option<Role>,
        display_name: Option<String>,
        capabilities: Option<Capabilities>,
        resume_token: Option<String>,
        topology: Option<Topology>,
        max_peers: Option<u32>,
    ) -> RpcResult<AnnounceResult> {
        let params = AnnounceParams {
            session,
            peer_id,
            role,
            display_name,
            capabilities,
            resume_token,
            topology,
            max_peers,
        };
        let id = caller(ext)?.line.id;
        self.hub.announce(id, params, fresh_token()?).map_err(|refusal| error_object(&refusal))
    }

    fn peer_list(&self, ext: &Extensions) -> RpcResult<PeerList> {
        self.hub.peers(caller(ext)?.line.id).map_err(|refusal| error_object(&refusal))
    }

    fn offer(&self, ext: &Extensions, to: String, handshake_id: String, sdp: String) -> RpcResult<Done> {
        self.send(ext, &to, Message::Offer { handshake_id, sdp })
    }

    fn answer(&self, ext: &Extensions, to: String, handshake_id: String, sdp: String) -> RpcResult<Done> {
        self.send(ext, &to, Message::Answer { handshake_id, sdp })
    }

    fn ice_candidate(
        &self,
        ext: &Extensions,
        to: String,
        handshake_id: String,
        candidate: Option<IceCandidate>,
    ) -> RpcResult<Done> {
        self.send(ext, &to, Message::IceCandidate { handshake_id, candidate })
    }

    fn leave(&self, ext: &Extensions) -> RpcResult<Done> {
        self.hub.leave(caller(ext)?.line.id).map_err(|refusal| error_object(&refusal))?;
        Ok(Done {})
    }

    fn call_start(&self, ext: &Extensions, to: String, call_id: String) -> RpcResult<Done> {
        self.send(ext, &to, Message::CallStart { call_id })
    }

    fn call_accept(&self, ext: &Extensions, to: String, call_id: String) -> RpcResult<Done> {
        self.send(ext, &to, Message::CallAccept { call_id })
    }

    fn call_end(
        &self,
        ext: &Extensions,
        to: String,
        call_id: String,
        reason: Option<String>,
    ) -> RpcResult<Done> {
        self.send(ext, &to, Message::CallEnd { call_id, reason })
    }
}

impl Methods {
    fn send(&self, ext: &Extensions, to: &str, message: Message) -> RpcResult<Done> {
        self.hub.send(caller(ext)?.line.id, to, message).map_err(|refusal| error_object(&refusal))?;
        Ok(Done {})
    }
}

/// Says on the wire why a request is refused: the code, the sentence, and the values.
pub(super) fn error_object(refusal: &Refusal) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(refusal.code().code(), refusal.to_string(), Some(refusal))
}

fn caller(extensions: &Extensions) -> Result<&Arc<Caller>, ErrorObjectOwned> {
    extensions.get::<Arc<Caller>>().ok_or_else(internal_error)
}

/// Makes 128 random bits, as hexadecimal digits.
fn fresh_token() -> Result<String, ErrorObjectOwned> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|_| internal_error())?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}

fn internal_error() -> ErrorObjectOwned {
    let code = ErrorCode::InternalError;
    ErrorObjectOwned::owned(code.code(), code.meaning(), Some(json!({"name": code.name()})))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::protocol::METHODS;
    use crate::server::ServerConfig;

    #[test]
    fn the_documented_methods_are_those_of_the_trait_and_no_others() {
        let config = ServerConfig::default();
        let methods = Methods { hub: Arc::new(Hub::new(config.limits)), info: config.info() };
        let rpc = methods.into_rpc();
        let of_the_trait: BTreeSet<&str> = rpc.method_names().collect();
        let documented: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(documented, of_the_trait);
    }
}
