//! The end of a session.

use remotemedia_runtime_core::session::SessionError;

use super::{TransportFixture, numbered, open, pass_through, value, within};

/// What was sent before the close comes out after it, and then nothing.
pub async fn close_drains_and_then_the_output_ends(fixture: &impl TransportFixture) {
    let mut session = open(fixture, pass_through()).await;
    assert!(session.is_active());
    for n in 0..50 {
        within(session.send_input(numbered(n))).await.expect("open");
    }
    let report = within(session.close()).await;
    assert!(!session.is_active());
    assert!(report.is_balanced() && report.aborted.is_empty(), "{report:#?}");
    for n in 0..50 {
        let received = within(session.recv_output()).await.expect("drained");
        assert_eq!(value(received)["n"], n);
    }
    assert!(within(session.recv_output()).await.is_none());
    assert!(within(session.recv_output()).await.is_none());
}

/// Closing is idempotent.
pub async fn the_second_close_gives_the_same_report(fixture: &impl TransportFixture) {
    let mut session = open(fixture, pass_through()).await;
    within(session.send_input(numbered(0))).await.expect("open");
    within(session.recv_output()).await.expect("an output");
    let first = within(session.close()).await;
    assert_eq!(&first.session_id, session.session_id());
    assert_eq!(within(session.close()).await, first);
}

/// A closed session takes nothing and says so.
pub async fn an_item_sent_after_the_close_is_refused(fixture: &impl TransportFixture) {
    let mut session = open(fixture, pass_through()).await;
    within(session.close()).await;
    let refused = within(session.send_input(numbered(0))).await;
    assert!(matches!(refused, Err(SessionError::Closed)), "{refused:?}");
}

/// When every output is received, what was sent is what was delivered.
pub async fn every_item_is_accounted_for(fixture: &impl TransportFixture) {
    let mut session = open(fixture, pass_through()).await;
    for n in 0..100 {
        within(session.send_input(numbered(n))).await.expect("open");
        within(session.recv_output()).await.expect("an output");
    }
    let report = within(session.close()).await;
    assert!(report.is_balanced(), "{report:#?}");
    assert_eq!((report.outputs_waiting, report.pipeline.total.dropped_total()), (0, 0));
    assert!(report.pipeline.total.delivered >= 100, "{report:#?}");
}

/// A session that is dropped without a close is gone, and leaves the transport as it was.
pub async fn a_dropped_session_makes_room_for_the_next(fixture: &impl TransportFixture) {
    for n in 0..3 {
        let mut session = open(fixture, pass_through()).await;
        within(session.send_input(numbered(n))).await.expect("open");
        assert_eq!(value(within(session.recv_output()).await.expect("an output"))["n"], n);
    }
}
