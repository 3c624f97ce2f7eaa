//! One item in, one result out.

use futures::future::join_all;
use remotemedia_runtime_core::data::TransportData;
use serde_json::json;

use super::{TransportFixture, calculator, manifest, sentence, value, within};

/// A calculation comes back with its result.
pub async fn one_call_gets_one_result(fixture: &impl TransportFixture) {
    let input = TransportData::new(json!({"op": "add", "a": 2, "b": 3}));
    let output = within(fixture.transport().execute(calculator(), input)).await.expect("a result");
    assert_eq!(value(output)["result"], 5);
}

/// Results are not mixed up.
pub async fn calls_at_the_same_time_get_their_own_results(fixture: &impl TransportFixture) {
    let calls = (0..10).map(|n| {
        let input = TransportData::new(json!({"op": "add", "a": n, "b": 100}));
        fixture.transport().execute(calculator(), input)
    });
    let outputs = within(join_all(calls)).await;
    for (n, output) in outputs.into_iter().enumerate() {
        assert_eq!(value(output.expect("a result"))["result"], n + 100);
    }
}

/// Both ways to run a manifest name every fault by its path, and start nothing.
pub async fn an_invalid_manifest_is_refused_with_all_its_faults(fixture: &impl TransportFixture) {
    let faulty = manifest(
        json!([
            {"id": "a", "node_type": "NoSuchNode"},
            {"id": "b", "node_type": "AudioGain", "params": {"gain_db": 31}}]),
        json!([{"from": "b", "to": "nowhere"}]),
    );
    let input = TransportData::new(json!({}));
    let executed = within(fixture.transport().execute(faulty.clone(), input)).await;
    let streamed = within(fixture.transport().stream(faulty)).await.map(drop);
    for refused in [executed.map(drop), streamed] {
        let reason = sentence(&refused.expect_err("three faults"));
        for path in ["$.nodes[0].node_type", "$.nodes[1].params.gain_db", "$.connections[0].to"] {
            assert!(reason.contains(path), "{path} is not in {reason:?}");
        }
    }
}

/// What a node says of its failure arrives with its words.
pub async fn the_error_of_a_node_comes_back(fixture: &impl TransportFixture) {
    let input = TransportData::new(json!({"op": "divide", "a": 1, "b": 0}));
    let failed = within(fixture.transport().execute(calculator(), input)).await;
    let reason = sentence(&failed.expect_err("a division by zero"));
    assert!(reason.contains("sum") && reason.contains("zero"), "{reason:?}");
}
