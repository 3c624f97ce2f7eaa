//! The tasks of one connection, their owner and their end.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All tasks of one connection, the engine's among them. Dropping it aborts those that still run.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    aborts: Mutex<Vec<AbortHandle>>,
}

impl Tasks {
    /// Starts a task; it should end when [`stopped`](Self::stop) is signalled.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let handle = self.tracker.spawn(task);
        let mut aborts = self.aborts.lock().unwrap_or_else(PoisonError::into_inner);
        aborts.retain(|abort| !abort.is_finished());
        aborts.push(handle.abort_handle());
        handle
    }

    /// Returns the signal to end.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Waits for all tasks until `deadline`, then aborts the rest and waits for these too. Returns how many
    /// were aborted.
    pub(super) async fn join(&self, deadline: Duration) -> usize {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok() {
            return 0;
        }
        let aborted = self.abort();
        self.tracker.wait().await;
        aborted
    }

    fn abort(&self) -> usize {
        let aborts = self.aborts.lock().unwrap_or_else(PoisonError::into_inner);
        aborts.iter().filter(|abort| !abort.is_finished()).map(AbortHandle::abort).count()
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ignores_the_signal_is_aborted_at_the_deadline() {
        let tasks = Tasks::default();
        let stop = tasks.stop().clone();
        tasks.spawn(async move { stop.cancelled().await });
        let stubborn = tasks.spawn(std::future::pending());
        assert_eq!(tasks.join(Duration::from_millis(100)).await, 1);
        assert!(stubborn.await.expect_err("aborted").is_cancelled());
    }

    #[tokio::test]
    async fn dropping_the_owner_ends_the_tasks() {
        let tasks = Tasks::default();
        let task = tasks.spawn(std::future::pending());
        drop(tasks);
        assert!(task.await.expect_err("aborted").is_cancelled());
    }
}
