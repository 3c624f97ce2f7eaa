//! What the commands that run for a while have in common: the async runtime and its end by Ctrl-C.

use std::future::Future;
use std::io::Write;

use anyhow::Context;
use remotemedia_transport_webrtc::codec::h264_is_accelerated;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Runs `work` to its end.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let outcome = runtime.block_on(work);
    // Blocking reads of the standard input cannot be cancelled: they must not hold the end up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// Does `work` unless `interrupted` is ready first: then it is dropped, which ends what it owns, and `None`
/// is returned.
pub(crate) async fn unless<T>(
    interrupted: impl Future<Output = ()>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<Option<T>, Failure> {
    tokio::select! {
        biased;
        () = interrupted => Ok(None),
        done = work => done.map(Some),
    }
}

/// Returns a future that is ready at Ctrl-C or SIGTERM; from now on neither ends the process by itself.
pub(crate) fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Runs `work` that encodes pictures to its end; says first if that will cost more than it needs to.
pub(crate) fn run_with_video<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    if !h264_is_accelerated() {
        let warning =
            "warning: built without nasm: H264 takes 2.4 to 2.8 times as long; install nasm and build again";
        // Nowhere is left to say that the standard error is closed.
        writeln!(std::io::stderr(), "{warning}").ok();
    }
    run(work)
}
