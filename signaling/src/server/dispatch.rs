//! From a text frame to its reply.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use jsonrpsee::core::id_providers::RandomIntegerIdProvider;
use jsonrpsee::core::server::helpers::prepare_error;
use jsonrpsee::core::server::{BoundedSubscriptions, MethodSink, SubscriptionState};
use jsonrpsee::types::{ErrorObjectOwned, Id, Notification, Params, Request};
use jsonrpsee::{ConnectionId, Extensions, MethodCallback, MethodResponse, Methods as Table};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::ServerLimits;
use super::connection::Caller;
use super::hub::Hub;
use super::methods::{Methods, error_object};
use crate::protocol::{ErrorCode, METHODS, MethodSpec, ServerInfo, SizeClass, UnsubscribeParams};
use crate::room::{RateLimit, Refusal};
use crate::rpc::SignalingRpcServer;

/// Answers text frames, one at a time per connection: replies come in the order of the requests.
#[derive(Debug)]
pub(super) struct Dispatcher {
    table: Table,
    limits: ServerLimits,
    hub: Arc<Hub>,
}

impl Dispatcher {
    pub(super) fn new(hub: Arc<Hub>, info: ServerInfo, limits: ServerLimits) -> Self {
        let table = Methods { hub: Arc::clone(&hub), info }.into_rpc().into();
        Self { table, limits, hub }
    }

    /// Carries out what a frame asks for; `None` if it asks for no reply.
    pub(super) async fn reply(
        &self,
        caller: &Arc<Caller>,
        rate: &mut RateLimit,
        text: &str,
        now: Instant,
    ) -> Option<String> {
        self.hub.counters.requests_received.fetch_add(1, Relaxed);
        let response = self.respond(caller, rate, text, now).await?;
        if let Some(code) = response.as_error_code() {
            self.hub.counters.count_refusal(code);
        }
        Some(Box::<str>::from(response.into_json()).into())
    }

    async fn respond(
        &self,
        caller: &Arc<Caller>,
        rate: &mut RateLimit,
        text: &str,
        now: Instant,
    ) -> Option<MethodResponse> {
        if let Err(refusal) = rate.admit(now) {
            if is_notification(text) {
                return None;
            }
            let (id, _) = prepare_error(text.as_bytes());
            return Some(MethodResponse::error(id, error_object(&refusal)));
        }
        let request = match serde_json::from_str::<Request<'_>>(text) {
            Ok(request) => request,
            // JSON-RPC 2.0 §4.1: a notification gets no reply. None of ours means anything without one.
            Err(_) if is_notification(text) => return None,
            Err(error) => return Some(malformed(text, &error)),
        };
        if let Err(refusal) = self.check_size(&request.method, text.len()) {
            return Some(MethodResponse::error(request.id, error_object(&refusal)));
        }
        Some(self.call(caller, request).await)
    }

    /// Refuses a binary frame, which counts as a request.
    pub(super) fn refuse_binary(&self, rate: &mut RateLimit, bytes: usize, now: Instant) -> String {
        self.hub.counters.requests_received.fetch_add(1, Relaxed);
        let object = match rate.admit(now) {
            Ok(()) => {
                let message = "binary frames are not taken: send JSON as text";
                standard(ErrorCode::InvalidRequest, message, &format!("a binary frame of {bytes} bytes"))
            }
            Err(refusal) => error_object(&refusal),
        };
        self.hub.counters.count_refusal(object.code());
        Box::<str>::from(MethodResponse::error(Id::Null, object).into_json()).into()
    }

    fn check_size(&self, method: &str, bytes: usize) -> Result<(), Refusal> {
        let spec = MethodSpec::find(method);
        let max_bytes = match spec.map_or(SizeClass::Control, |spec| spec.size) {
            SizeClass::Control => self.limits.control_bytes,
            SizeClass::Sdp => self.limits.sdp_bytes,
        };
        let (bytes, max_bytes) = (bytes as u64, u64::from(max_bytes));
        if bytes <= max_bytes {
            return Ok(());
        }
        let subject = spec.map_or("a message without a session description", |spec| spec.name).to_owned();
        Err(Refusal::MessageTooLarge { subject, bytes, max_bytes })
    }

    async fn call(&self, caller: &Arc<Caller>, request: Request<'_>) -> MethodResponse {
        let Request { id, method, params, .. } = request;
        let params = Params::new(params.as_deref().map(RawValue::get));
        let connection = ConnectionId(caller.line.id.0 as usize);
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(caller));
        match self.table.method(&method) {
            None => MethodResponse::error(id, unknown_method(&method)),
            Some(MethodCallback::Sync(callback)) => {
                say_which_params(id.clone(), callback(id, params, usize::MAX, extensions))
            }
            Some(MethodCallback::Async(callback)) => {
                let (id, params) = (id.into_owned(), params.into_owned());
                let response = callback(id.clone(), params, connection, usize::MAX, extensions).await;
                say_which_params(id, response)
            }
            Some(MethodCallback::Subscription(callback)) => {
                let subscription_permit = BoundedSubscriptions::new(1)
                    .acquire()
                    .expect("the one permit of a new semaphore is free");
                let state = SubscriptionState {
                    conn_id: connection,
                    id_provider: &RandomIntegerIdProvider,
                    subscription_permit,
                };
                let (sink, unread) = mpsc::channel(1);
                let response = callback(id, params, MethodSink::new(sink), state, extensions).await;
                if response.is_success() {
                    caller.keep_alive(unread);
                }
                response
            }
            Some(MethodCallback::Unsubscription(callback)) => {
                let subscription = match params.parse::<Unsubscribe>() {
                    Ok(
                        Unsubscribe::Named(UnsubscribeParams { subscription })
                        | Unsubscribe::Positional([subscription]),
                    ) => {
                        format!("[{subscription}]")
                    }
                    Err(error) => return say_which_params(id.clone(), MethodResponse::error(id, error)),
                };
                let params = Params::new(Some(&subscription));
                let response = callback(id, params, connection, usize::MAX, extensions);
                if caller.let_go_if_unsubscribed() {
                    self.hub.unsubscribe(caller.line.id);
                }
                response
            }
        }
    }
}

/// Parameters of `events.unsubscribe`; jsonrpsee's client sends them by position, and its server takes no others.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one subscription id, a number")]
enum Unsubscribe {
    Named(UnsubscribeParams),
    Positional([u64; 1]),
}

/// Brings jsonrpsee's own error for parameters into the form of all others.
fn say_which_params(id: Id<'_>, response: MethodResponse) -> MethodResponse {
    #[derive(Deserialize)]
    struct Reply {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        data: String,
    }
    if response.as_error_code() != Some(ErrorCode::InvalidParams.code()) {
        return response;
    }
    // Ours have an object there already.
    let Ok(Reply { error: Error { data: problem } }) = serde_json::from_str(response.as_ref()) else {
        return response;
    };
    let problem = quoted_in_part(&problem);
    let message = format!("the parameters are not those of the method: {problem}");
    MethodResponse::error(id, standard(ErrorCode::InvalidParams, &message, &problem))
}

/// Cuts off what a foreign value makes of an error's text.
fn quoted_in_part(problem: &str) -> String {
    match problem.char_indices().nth(MAX_PROBLEM_CHARS) {
        None => problem.to_owned(),
        Some((end, _)) => format!("{}…", &problem[..end]),
    }
}

/// Of what is wrong with a parameter, characters.
const MAX_PROBLEM_CHARS: usize = 200;

/// The reply to a frame that is not one request.
fn malformed(text: &str, error: &serde_json::Error) -> MethodResponse {
    if text.trim_start().starts_with('[') && serde_json::from_str::<&RawValue>(text).is_ok() {
        let message = "batches are not taken: send one request per frame";
        return MethodResponse::error(
            Id::Null,
            standard(ErrorCode::InvalidRequest, message, &error.to_string()),
        );
    }
    let (id, _) = prepare_error(text.as_bytes());
    let error = error.to_string();
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return MethodResponse::error(id, standard(ErrorCode::ParseError, "the message is not JSON", &error));
    }
    let message = "the message is not a JSON-RPC 2.0 request: it needs jsonrpc \"2.0\", an id and a method";
    MethodResponse::error(id, standard(ErrorCode::InvalidRequest, message, &error))
}

/// Whether a text is a request without any `id`: one that is there but cannot be read wants a reply.
fn is_notification(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default, rename = "id", deserialize_with = "is_there")]
        has_id: bool,
    }
    fn is_there<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
        serde::de::IgnoredAny::deserialize(value).map(|_| true)
    }
    serde_json::from_str::<Probe>(text).is_ok_and(|probe| !probe.has_id)
        && serde_json::from_str::<Notification<'_, Option<&RawValue>>>(text).is_ok()
}

/// The reply to nothing in particular, which says why the connection is about to end.
pub(super) fn farewell(refusal: &Refusal) -> String {
    Box::<str>::from(MethodResponse::error(Id::Null, error_object(refusal)).into_json()).into()
}

fn standard(code: ErrorCode, message: &str, problem: &str) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code.code(), message, Some(json!({"name": code.name(), "problem": problem})))
}

fn unknown_method(method: &str) -> ErrorObjectOwned {
    let code = ErrorCode::MethodNotFound;
    let method: String = method.chars().take(64).collect();
    let known: Vec<_> = METHODS.iter().map(|spec| spec.name).collect();
    let data = json!({"name": code.name(), "method": method, "methods": known});
    ErrorObjectOwned::owned(code.code(), format!("there is no method {method:?}"), Some(data))
}
