//! Frames in shared memory, which other processes map instead of receiving a copy.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iceoryx2::port::notifier::Notifier;
use iceoryx2::prelude::{EventId, ServiceName};
use iceoryx2::service::builder::event::EventCreateError;

use super::capacity::{Capacity, reserve_segments};
use super::domain::{Domain, Place, layer};
use super::iceoryx::{Chunk, ChunkRefused, Ports, Service};
use super::{
    FrameClass, FrameLoan, FramePool, LeftoverReport, PoolError, PoolReport, PublishError,
    SharedMemoryConfig, SharedMemoryError,
};

/// A pool of shared memory for one session.
///
/// Frames are lent, filled, frozen and held as with any pool. [`SharedFrame::publish`](super::SharedFrame::publish)
/// hands one to the other processes that read the session's frames with a
/// [`FrameSubscriber`](super::FrameSubscriber); they map the same memory. The pool is closed when it and
/// all its frames are dropped; this blocks for some milliseconds.
pub struct SharedMemoryPool {
    pool: Arc<Pool>,
    leftovers: LeftoverReport,
}

struct Pool {
    classes: Vec<Class>,
    refused_too_large: AtomicU64,
    bytes_held: usize,
    // The order below is the order of the drop: ports first, then the socket that tells readers so.
    wake: Mutex<Notifier<Service>>,
    _domain: Domain,
}

struct Class {
    size: FrameClass,
    report: Mutex<PoolReport>,
    ports: Arc<Ports>,
}

/// Memory of a loan, and then of a frozen frame.
pub(super) struct PooledChunk {
    // Declared first, hence returned before the books say so.
    chunk: Chunk,
    receipt: LoanReceipt,
}

/// Takes a loan off the books when it is dropped.
struct LoanReceipt {
    pool: Arc<Pool>,
    class: usize,
    len: usize,
}

/// What a publisher tells its readers.
pub(super) mod wake_event {
    use super::EventId;

    /// There are frames.
    pub(in crate::shm) const FRAMES: EventId = EventId::new(0);
    /// The pool is closed, or its process was killed: no more frames will come.
    pub(in crate::shm) const CLOSED: EventId = EventId::new(1);
    /// The largest of the above.
    pub(in crate::shm) const MAX: usize = 1;
}

impl SharedMemoryPool {
    /// Opens the pool of the session `session_id`, after removing what killed processes left behind.
    ///
    /// Blocks for some milliseconds, in which all its memory is taken from the system.
    ///
    /// # Errors
    /// [`SharedMemoryError::TooSmall`] if the system has too little shared memory, before anything is
    /// made; [`SharedMemoryError::AlreadyOpen`] if the session has a pool; other variants for settings
    /// out of range and for a folder that cannot be used.
    pub fn open(session_id: &str, config: &SharedMemoryConfig) -> Result<Self, SharedMemoryError> {
        config.validate()?;
        // The first that is large enough is the smallest.
        let mut sizes = config.classes.clone();
        sizes.sort_by_key(|size| size.frame_bytes);
        let names = ServiceNames::of(session_id)?;
        let place = Place::open(config.folder.as_deref())?;
        let (mut domain, leftovers) = Domain::enter(place)?;
        Capacity::now()?.check(config.needed_bytes())?;
        let wake = create_wake(&domain, &names, session_id, config.max_readers)?;
        let make = |(at, size): (usize, FrameClass)| {
            let ports = Ports::create(domain.node(), &names.frames(at)?, size, config.max_readers)?;
            Ok(Class { size, report: Mutex::default(), ports: Arc::new(ports) })
        };
        let classes =
            sizes.into_iter().enumerate().map(make).collect::<Result<Vec<_>, SharedMemoryError>>()?;
        reserve_segments(domain.place().prefix(), config.needed_bytes())?;
        domain.entered();
        let bytes_held = usize::try_from(config.needed_bytes()).unwrap_or(usize::MAX);
        let refused_too_large = AtomicU64::new(0);
        let pool = Pool { classes, refused_too_large, bytes_held, wake: Mutex::new(wake), _domain: domain };
        Ok(Self { pool: Arc::new(pool), leftovers })
    }

    /// Returns what killed processes had left behind when this pool was opened.
    pub fn leftovers(&self) -> LeftoverReport {
        self.leftovers
    }
}

impl FramePool for SharedMemoryPool {
    fn loan(&self, len: usize) -> Result<FrameLoan, PoolError> {
        let Some(class) = self.pool.classes.iter().position(|class| class.size.frame_bytes >= len) else {
            self.pool.refused_too_large.fetch_add(1, Ordering::Relaxed);
            let limit = self.pool.classes.last().map_or(0, |class| class.size.frame_bytes);
            return Err(PoolError::TooLarge { requested: len, limit });
        };
        let Class { size, ports, .. } = &self.pool.classes[class];
        let mut report = self.pool.classes[class].report();
        let limit = size.frame_bytes * size.frames;
        let in_use = size.frame_bytes * report.frames_in_use;
        let chunk = match report.frames_in_use < size.frames {
            true => ports.loan(len),
            false => Err(ChunkRefused::Exhausted),
        };
        let chunk = chunk.map_err(|refused| {
            report.loans_refused += 1;
            match refused {
                ChunkRefused::Exhausted => PoolError::Exhausted { requested: len, in_use, limit },
                ChunkRefused::Broken => PoolError::Broken { requested: len },
            }
        })?;
        report.loans_granted += 1;
        report.frames_in_use += 1;
        report.bytes_in_use += len;
        drop(report);
        let receipt = LoanReceipt { pool: self.pool.clone(), class, len };
        Ok(FrameLoan::from_chunk(PooledChunk { chunk, receipt }))
    }

    fn report(&self) -> PoolReport {
        let refused = self.pool.refused_too_large.load(Ordering::Relaxed);
        let none =
            PoolReport { loans_refused: refused, bytes_held: self.pool.bytes_held, ..PoolReport::default() };
        self.pool.classes.iter().fold(none, |sum, class| {
            let report = class.report();
            PoolReport {
                frames_in_use: sum.frames_in_use + report.frames_in_use,
                bytes_in_use: sum.bytes_in_use + report.bytes_in_use,
                bytes_held: sum.bytes_held,
                loans_granted: sum.loans_granted + report.loans_granted,
                loans_refused: sum.loans_refused + report.loans_refused,
            }
        })
    }
}

impl fmt::Debug for SharedMemoryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemoryPool").field("report", &self.report()).finish_non_exhaustive()
    }
}

impl Class {
    fn report(&self) -> MutexGuard<'_, PoolReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledChunk {
    pub(super) fn bytes(&self) -> &[u8] {
        self.chunk.bytes()
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.chunk.bytes_mut()
    }

    pub(super) fn publish(&self, tag: u64) -> Result<usize, PublishError> {
        let readers = self.chunk.publish(tag)?;
        if readers > 0 {
            let wake = self.receipt.pool.wake.lock().unwrap_or_else(PoisonError::into_inner);
            // A reader that cannot be woken was killed; the others were woken all the same.
            wake.notify().ok();
        }
        Ok(readers)
    }
}

impl Drop for LoanReceipt {
    fn drop(&mut self) {
        let mut report = self.pool.classes[self.class].report();
        report.frames_in_use -= 1;
        report.bytes_in_use -= self.len;
    }
}

/// Names of the services of one session.
#[derive(Debug)]
pub(super) struct ServiceNames<'a> {
    session_id: &'a str,
}

impl<'a> ServiceNames<'a> {
    pub(super) fn of(session_id: &'a str) -> Result<Self, SharedMemoryError> {
        let fits = !session_id.is_empty() && session_id.len() <= 64;
        match fits && session_id.chars().all(|c| c.is_ascii_graphic()) {
            true => Ok(Self { session_id }),
            false => {
                let session_id = session_id.chars().take(128).collect();
                Err(SharedMemoryError::SessionId { session_id })
            }
        }
    }

    /// The service for frames of the size `class`, counted from 0.
    pub(super) fn frames(&self, class: usize) -> Result<ServiceName, SharedMemoryError> {
        let name = format!("remotemedia/{}/frames/{class}", self.session_id);
        ServiceName::new(&name).map_err(layer("name a service for frames"))
    }

    /// The service that wakes readers.
    pub(super) fn wake(&self) -> Result<ServiceName, SharedMemoryError> {
        let name = format!("remotemedia/{}/wake", self.session_id);
        ServiceName::new(&name).map_err(layer("name a service that wakes readers"))
    }
}

fn create_wake(
    domain: &Domain,
    names: &ServiceNames<'_>,
    session_id: &str,
    max_readers: usize,
) -> Result<Notifier<Service>, SharedMemoryError> {
    let service = domain
        .node()
        .service_builder(&names.wake()?)
        .event()
        .max_notifiers(1)
        .max_listeners(max_readers)
        .max_nodes(1 + max_readers)
        .event_id_max_value(wake_event::MAX)
        .notifier_dropped_event(wake_event::CLOSED)
        .notifier_dead_event(wake_event::CLOSED)
        .create();
    let service = service.map_err(|error| match error {
        EventCreateError::AlreadyExists => {
            SharedMemoryError::AlreadyOpen { session_id: session_id.to_owned() }
        }
        error => layer("create a service that wakes readers")(error),
    })?;
    let notifier = service.notifier_builder().default_event_id(wake_event::FRAMES).create();
    notifier.map_err(layer("create the port that wakes readers"))
}
