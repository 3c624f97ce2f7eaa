//! What every [`PipelineTransport`] must do, as tests that any of them can run.
//!
//! A transport writes a [`TransportFixture`] and runs all of them by
//! [`transport_conformance!`](crate::transport_conformance!). Data must arrive bit by bit; pictures and
//! sounds are judged by what is to be seen and heard, since a transport may lose and blur.

mod closing;
mod media;
mod streaming;
mod unary;

pub use closing::{
    a_dropped_session_makes_room_for_the_next, an_item_sent_after_the_close_is_refused,
    close_drains_and_then_the_output_ends, every_item_is_accounted_for,
    the_second_close_gives_the_same_report,
};
pub use media::{a_picture_comes_back_mirrored, a_sound_comes_back_at_half_its_amplitude};
pub use streaming::{
    an_item_that_a_node_fails_costs_only_itself, an_item_that_no_node_takes_is_refused_or_counted,
    json_text_and_bytes_arrive_whole_and_in_order, sessions_share_nothing,
    two_tasks_serve_the_two_halves_of_a_session,
};
pub use unary::{
    an_invalid_manifest_is_refused_with_all_its_faults, calls_at_the_same_time_get_their_own_results,
    one_call_gets_one_result, the_error_of_a_node_comes_back,
};

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::{RuntimeData, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::transport::{PipelineTransport, StreamSession};
use serde_json::{Value, json};

/// A transport with all that it needs around it (servers, peers), ready for one test.
pub trait TransportFixture {
    /// Returns the transport.
    fn transport(&self) -> &dyn PipelineTransport;

    /// Returns how many sessions it can run at once, at least 1.
    fn sessions_at_once(&self) -> usize {
        3
    }

    /// Takes everything down.
    fn close(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}

/// Runs every test of [`transport_conformance`](mod@crate::transport_conformance) on a fixture.
///
/// * `$fixture`: an expression that makes a [`TransportFixture`]; it may `await`.
#[macro_export]
macro_rules! transport_conformance {
    ($fixture:expr) => {
        $crate::transport_conformance! { $fixture =>
            one_call_gets_one_result
            calls_at_the_same_time_get_their_own_results
            an_invalid_manifest_is_refused_with_all_its_faults
            the_error_of_a_node_comes_back
            json_text_and_bytes_arrive_whole_and_in_order
            two_tasks_serve_the_two_halves_of_a_session
            sessions_share_nothing
            an_item_that_no_node_takes_is_refused_or_counted
            an_item_that_a_node_fails_costs_only_itself
            close_drains_and_then_the_output_ends
            the_second_close_gives_the_same_report
            an_item_sent_after_the_close_is_refused
            every_item_is_accounted_for
            a_dropped_session_makes_room_for_the_next
            a_picture_comes_back_mirrored
            a_sound_comes_back_at_half_its_amplitude
        }
    };
    ($fixture:expr => $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                use $crate::transport_conformance::TransportFixture;
                let fixture = $fixture;
                $crate::transport_conformance::$name(&fixture).await;
                fixture.close().await;
            }
        )*
    };
}

fn manifest(nodes: Value, connections: Value) -> Arc<Manifest> {
    let manifest = json!({"version": "v1", "nodes": nodes, "connections": connections});
    Arc::new(serde_json::from_value(manifest).expect("a manifest"))
}

fn calculator() -> Arc<Manifest> {
    manifest(json!([{"id": "sum", "node_type": "Calculator"}]), json!([]))
}

/// Two nodes that hand every item on.
fn pass_through() -> Arc<Manifest> {
    let nodes = json!([{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}]);
    manifest(nodes, json!([{"from": "a", "to": "b"}]))
}

fn numbered(n: u64) -> TransportData {
    TransportData::new(json!({ "n": n })).numbered(n)
}

async fn open(fixture: &impl TransportFixture, manifest: Arc<Manifest>) -> Box<dyn StreamSession> {
    within(fixture.transport().stream(manifest)).await.unwrap_or_else(|error| panic!("{}", sentence(&error)))
}

/// The JSON of an output.
fn value(item: TransportData) -> Value {
    match &item.data {
        RuntimeData::Json(value) => value.as_ref().clone(),
        other => panic!("{other:?} is not JSON"),
    }
}

/// An error with all its causes.
fn sentence(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |sentence, cause| format!("{sentence}: {cause}"))
}

/// Waits for something that must happen.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("must happen")
}
