//! A task that its owner can wait for, and the clock that tasks of this folder go by.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::MediaError;

/// A task of this folder. It ends when its owner cancels it; the owner waits with
/// [`join_within`](Self::join_within).
#[derive(Debug)]
pub(super) struct StageTask {
    name: String,
    running: Option<JoinHandle<()>>,
}

impl StageTask {
    /// Starts a task on the current runtime.
    pub(super) fn spawn(name: String, run: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { name, running: Some(tokio::spawn(run)) }
    }

    /// Waits for the task's end. A second call after success returns at once. Cancel safe.
    ///
    /// # Errors
    /// [`MediaError::StillRunning`] if it does not end in time, [`MediaError::Panicked`] if it panicked.
    pub(super) async fn join_within(&mut self, within: Duration) -> Result<(), MediaError> {
        let Some(task) = &mut self.running else { return Ok(()) };
        let Ok(ended) = tokio::time::timeout(within, task).await else {
            return Err(MediaError::StillRunning { name: self.name.clone(), within });
        };
        self.running = None;
        ended.map_err(|_| MediaError::Panicked { name: self.name.clone() })
    }
}

/// Returns the runtime's time, which tests can hold still.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits until `deadline`, for ever if there is none. Cancel safe.
pub(super) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_waited_for_and_one_that_hangs_or_panics_is_named() {
        let mut hangs = StageTask::spawn("hangs".into(), std::future::pending());
        let refused = hangs.join_within(Duration::from_millis(5)).await.expect_err("it hangs");
        assert_eq!(refused.to_string(), "thread or task \"hangs\" did not end within 5ms");
        let mut ends = StageTask::spawn("ends".into(), std::future::ready(()));
        ends.join_within(Duration::from_secs(1)).await.expect("ended");
        ends.join_within(Duration::ZERO).await.expect("still ended");
        let mut panics = StageTask::spawn("panics".into(), async { panic!("on purpose") });
        let reported = panics.join_within(Duration::from_secs(1)).await;
        assert!(matches!(reported, Err(MediaError::Panicked { name }) if name == "panics"));
    }
}
