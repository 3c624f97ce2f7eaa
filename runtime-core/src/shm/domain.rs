//! Where the processes of one user find each other, who of them is alive, and what the killed ones
//! left behind.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use iceoryx2::config::Config;
use iceoryx2::node::{DeadNodeView, Node, NodeBuilder, NodeState};
use iceoryx2::prelude::{CallbackProgression, FileName, SemanticString, SignalHandlingMode};

use super::capacity::SHARED_MEMORY;
use super::iceoryx::Service;
use super::{LeftoverReport, SharedMemoryError};

/// The folder of a user's processes, and the names of their segments.
#[derive(Clone)]
pub(super) struct Place {
    folder: PathBuf,
    /// First part of the name of every segment and socket of this folder, and of no other.
    prefix: String,
    config: Config,
}

/// The right to start, to end and to clean up in a place; one process has it at a time.
pub(super) struct PlaceLock {
    _file: File,
}

/// This process's membership in a place. The last one to leave takes everything away.
pub(super) struct Domain {
    node: Option<Node<Service>>,
    place: Place,
    entering: Option<PlaceLock>,
}

/// Longest folder, bytes: a socket's path has 107, of which its name takes up to 66.
const MAX_FOLDER_LEN: usize = 40;

/// The file that [`PlaceLock`] locks.
const LOCK_FILE: &str = "lock";

/// How long to wait for another process that starts or ends. It takes some ms; a guess.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);

/// How long a process that ends waits for the lock before it leaves the rest to the next start.
const LEAVE_DEADLINE: Duration = Duration::from_millis(20);

/// How often a taken lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// Removes what killed processes of this user left behind, in `folder` or else in the default folder.
///
/// Opening a pool or a reader does so too. Blocks for some milliseconds.
///
/// # Errors
/// [`SharedMemoryError`] if the folder cannot be used; what cannot be removed is counted, not an error.
pub fn remove_leftovers(folder: Option<&Path>) -> Result<LeftoverReport, SharedMemoryError> {
    let place = Place::open(folder)?;
    let lock = place.lock(LOCK_DEADLINE)?;
    Ok(place.clean(&lock))
}

impl Place {
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, SharedMemoryError> {
        let user = rustix::process::geteuid().as_raw();
        let default = || std::env::temp_dir().join(format!("remotemedia-{user}"));
        let folder = folder.map_or_else(default, Path::to_path_buf);
        let refused = |source| SharedMemoryError::Folder { folder: folder.clone(), source };
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(refused(error)),
            Ok(()) | Err(_) => {}
        }
        // The folder itself, not what a link of somebody else points to.
        let found = fs::symlink_metadata(&folder).map_err(refused)?;
        if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
            return Err(SharedMemoryError::FolderNotOurs { folder, user });
        }
        let folder = fs::canonicalize(&folder).map_err(refused)?;
        let len = folder.as_os_str().len();
        if len > MAX_FOLDER_LEN {
            return Err(SharedMemoryError::FolderTooLong { folder, len, limit: MAX_FOLDER_LEN });
        }
        // Twelve digits: names of sockets are short of room.
        let prefix = format!("rm_{:012x}_", fnv1a(folder.as_os_str().as_bytes()) >> 16);
        let config = config_of(&folder, &prefix)?;
        Ok(Self { folder, prefix, config })
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn lock(&self, deadline: Duration) -> Result<PlaceLock, SharedMemoryError> {
        let refused = |source| SharedMemoryError::Folder { folder: self.folder.clone(), source };
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(self.folder.join(LOCK_FILE));
        let file = file.map_err(refused)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(PlaceLock { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < deadline => {
                    std::thread::sleep(LOCK_RETRY)
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(SharedMemoryError::Busy { folder: self.folder.clone() });
                }
                Err(TryLockError::Error(error)) => return Err(refused(error)),
            }
        }
    }

    /// As [`Place::clean`], unless another process has the lock: then it cleans up itself.
    pub(super) fn clean_now(&self) -> Result<LeftoverReport, SharedMemoryError> {
        let lock = self.lock(LEAVE_DEADLINE)?;
        Ok(self.clean(&lock))
    }

    /// Removes what killed processes left; if nobody is alive, everything.
    pub(super) fn clean(&self, _lock: &PlaceLock) -> LeftoverReport {
        let mut report = LeftoverReport::default();
        let (mut dead, mut others) = (Vec::<DeadNodeView<Service>>::new(), 0);
        let listed = Node::<Service>::list(&self.config, |state| {
            match state {
                NodeState::Dead(view) => dead.push(view),
                NodeState::Alive(_) | NodeState::Inaccessible(_) | NodeState::Undefined(_) => others += 1,
            }
            CallbackProgression::Continue
        });
        for view in dead {
            match view.try_remove_stale_resources() {
                Ok(()) => report.processes += 1,
                Err(_) => report.failed += 1,
            }
        }
        if listed.is_ok() && others == 0 {
            self.sweep(&mut report);
        }
        report
    }

    /// Removes every file and segment of a place where nobody is alive: also what a process left that
    /// was killed before it could be found in the list.
    fn sweep(&self, report: &mut LeftoverReport) {
        let segments = entries(Path::new(SHARED_MEMORY));
        let segments = segments.filter(|path| name_of(path).starts_with(&self.prefix));
        let files = entries(&self.folder).filter(|path| name_of(path) != LOCK_FILE);
        for path in segments.chain(files) {
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            match removed {
                Ok(()) => report.files += 1,
                Err(_) => report.failed += 1,
            }
        }
    }
}

impl Domain {
    /// Cleans up and enters. Others wait until [`Domain::entered`] is called, so that nobody sees half
    /// of what is being made.
    pub(super) fn enter(place: Place) -> Result<(Self, LeftoverReport), SharedMemoryError> {
        let lock = place.lock(LOCK_DEADLINE)?;
        let leftovers = place.clean(&lock);
        if leftovers != LeftoverReport::default() {
            tracing::info!(?leftovers, folder = %place.folder.display(), "removed leftovers of killed processes");
        }
        let mut domain = Self { node: None, place, entering: Some(lock) };
        let node = NodeBuilder::new()
            .config(&domain.place.config)
            // Signals are the application's; Tokio listens for them.
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create::<Service>();
        domain.node = Some(node.map_err(layer("enter the folder of shared memory"))?);
        Ok((domain, leftovers))
    }

    /// Lets other processes in.
    pub(super) fn entered(&mut self) {
        self.entering = None;
    }

    pub(super) fn node(&self) -> &Node<Service> {
        self.node.as_ref().expect("taken only when dropped")
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let lock = self.entering.take().map_or_else(|| self.place.lock(LEAVE_DEADLINE), Ok);
        drop(self.node.take());
        // Without the lock another process is starting: it removes what this one leaves.
        if let Ok(lock) = lock {
            self.place.clean(&lock);
        }
    }
}

/// Makes a failure of the shared-memory layer ours; `action` is what was tried.
pub(super) fn layer<E>(action: &'static str) -> impl Fn(E) -> SharedMemoryError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| SharedMemoryError::Layer { action, source: Box::new(source) }
}

fn config_of(folder: &Path, prefix: &str) -> Result<Config, SharedMemoryError> {
    let refused = layer("name the folder of shared memory");
    let path = iceoryx2::prelude::Path::new(folder.as_os_str().as_bytes()).map_err(&refused)?;
    let mut config = Config::default();
    config.global.set_root_path(&path);
    config.global.prefix = FileName::new(prefix.as_bytes()).map_err(&refused)?;
    // Dead processes are found under the lock, and counted, by `Place::clean`.
    config.global.node.cleanup_dead_nodes_on_creation = false;
    config.global.node.cleanup_dead_nodes_on_destruction = false;
    config.global.service.cleanup_dead_nodes_on_open = false;
    Ok(config)
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// FNV-1a, 64 bits: the same in every build, which the standard library's hash does not promise.
///
/// Source: draft-eastlake-fnv §2.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
