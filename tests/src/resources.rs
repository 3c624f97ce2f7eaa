//! What this process has in use, to see that nothing is left behind.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Handle;

/// What this process has in use. Threads and files are those of the whole process: a story that counts them
/// is alone in its process. Tasks are those of the story's own runtime.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Resources {
    /// Threads of the process.
    pub threads: usize,
    /// Open files and sockets of the process.
    pub files: usize,
    /// Tasks of the runtime.
    pub tasks: usize,
    /// Segments of shared memory that the process maps.
    pub segments: usize,
}

impl Resources {
    /// Counts.
    pub fn now() -> Self {
        let entries = |folder| std::fs::read_dir(folder).expect("/proc").count();
        Self {
            threads: entries("/proc/self/task"),
            files: entries("/proc/self/fd"),
            tasks: Self::tasks(),
            segments: Self::segments().len(),
        }
    }

    /// Names the segments of shared memory that the process maps.
    pub fn segments() -> BTreeSet<PathBuf> {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
        let paths =
            maps.lines().filter_map(|line| line.find("/dev/shm/").map(|at| PathBuf::from(&line[at..])));
        paths.collect()
    }

    /// Counts the tasks alone.
    pub fn tasks() -> usize {
        Handle::current().metrics().num_alive_tasks()
    }

    /// Waits until no more is in use than this; the story fails if that never happens.
    pub async fn are_restored(self) {
        let settled = settles(|| {
            let now = Self::now();
            now.threads <= self.threads
                && now.files <= self.files
                && now.tasks <= self.tasks
                && now.segments <= self.segments
        });
        assert!(settled.await, "{:?} in use, {self:?} expected", Self::now());
    }

    /// Waits until the runtime has no more tasks than `allowed`; the story fails if that never happens.
    pub async fn tasks_settle_to(allowed: usize) {
        let settled = settles(|| Self::tasks() <= allowed).await;
        assert!(settled, "{} tasks, {allowed} expected", Self::tasks());
    }
}

async fn settles(is_settled: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !is_settled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.is_ok()
}

/// How long may pass until what was closed is gone. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(20);
