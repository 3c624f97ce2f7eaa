//! A named thread that its owner can wait for.

use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::MediaError;

/// A thread of this folder. It ends by itself when its queue does; the owner waits for it with
/// [`join_within`](Self::join_within). A dropped owner leaves it to its queue's end.
#[derive(Debug)]
pub(super) struct StageThread {
    name: String,
    running: Option<(JoinHandle<()>, oneshot::Receiver<()>)>,
}

impl StageThread {
    /// Starts a thread; the system shows the first 15 bytes of its name.
    pub(super) fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<Self, MediaError> {
        let (ended, end) = oneshot::channel::<()>();
        let thread = Builder::new().name(name.clone()).spawn(move || {
            // Dropped when the thread ends, also by a panic: that is the signal.
            let _ended = ended;
            run();
        });
        match thread {
            Ok(thread) => Ok(Self { name, running: Some((thread, end)) }),
            Err(source) => Err(MediaError::Thread { name, source }),
        }
    }

    /// Waits for the thread's end. A second call after success returns at once.
    ///
    /// # Errors
    /// [`MediaError::StillRunning`] if it does not end in time, [`MediaError::Panicked`] if it panicked.
    pub(super) async fn join_within(&mut self, within: Duration) -> Result<(), MediaError> {
        let Some((_, end)) = &mut self.running else { return Ok(()) };
        if tokio::time::timeout(within, end).await.is_err() {
            return Err(MediaError::StillRunning { name: self.name.clone(), within });
        }
        let Some((thread, _)) = self.running.take() else { return Ok(()) };
        // The thread has nothing left to do but return: this does not hold up the runtime.
        thread.join().map_err(|_| MediaError::Panicked { name: self.name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_thread_is_waited_for_and_one_that_hangs_is_named() {
        let (release, wait) = mpsc::channel::<()>();
        let mut thread = StageThread::spawn("hangs".into(), move || {
            assert_eq!(std::thread::current().name(), Some("hangs"));
            wait.recv().ok();
        })
        .expect("a thread");
        let refused = thread.join_within(Duration::from_millis(1)).await.expect_err("it hangs");
        assert_eq!(refused.to_string(), "thread or task \"hangs\" did not end within 1ms");
        drop(release);
        thread.join_within(Duration::from_secs(10)).await.expect("ended");
        thread.join_within(Duration::ZERO).await.expect("still ended");
    }

    #[tokio::test]
    async fn a_panic_is_reported_and_goes_no_further() {
        let mut thread = StageThread::spawn("panics".into(), || panic!("on purpose")).expect("a thread");
        let reported = thread.join_within(Duration::from_secs(10)).await;
        assert!(matches!(reported, Err(MediaError::Panicked { name }) if name == "panics"));
    }
}
