//! Frames of another process, mapped instead of copied.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iceoryx2::port::listener::ListenerCreateError;
use iceoryx2::port::subscriber::{Subscriber, SubscriberCreateError};
use iceoryx2::prelude::PortFactory;
use iceoryx2::service::builder::event::EventOpenError;
use iceoryx2::service::builder::publish_subscribe::PublishSubscribeOpenError;
use iceoryx2::service::port_factory::event;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::capacity::{Capacity, reserve_segments};
use super::domain::{Domain, Place, layer};
use super::iceoryx::{FrameHeader, Line, ReceivedChunk, Service, WakeSocket};
use super::shared_memory::READER_HELD_FRAMES;
use super::shared_memory_pool::{ServiceNames, wake_event};
use super::{SharedFrame, SharedMemoryError};

/// Reads the frames that another process publishes from a [`SharedMemoryPool`](super::SharedMemoryPool).
///
/// Frames are mapped read-only where they lie. The reader holds at most 3 of each size at once; while
/// it does, and while it is slow, the oldest that wait (2 of each size) give way to newer ones, and are
/// counted as missed.
pub struct FrameSubscriber {
    // Dropped in this order: ports before the node that they belong to.
    lanes: Vec<Lane>,
    wake: AsyncFd<WakeSocket>,
    wake_service: event::PortFactory<Service>,
    closed: bool,
    report: SubscriberReport,
    reader: Arc<Reader>,
}

/// A frame of another process.
#[derive(Debug, Clone)]
pub struct ReceivedFrame {
    /// The frame.
    pub frame: SharedFrame,
    /// The sender's mark, as it was given to [`SharedFrame::publish`].
    pub tag: u64,
}

/// Figures of a [`FrameSubscriber`] at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SubscriberReport {
    /// Frames received.
    pub frames_received: u64,
    /// Frames published after the first received that gave way to newer ones.
    pub frames_missed: u64,
}

/// Frames of one size.
struct Lane {
    subscriber: Subscriber<Service, [Line], FrameHeader>,
    held: Arc<AtomicUsize>,
    next_sequence: Option<u64>,
}

/// What received frames keep alive.
struct Reader {
    returned: Notify,
    domain: Domain,
}

/// A received frame's memory.
pub(super) struct HeldChunk {
    // Declared first, hence returned before the place for the next one is free.
    chunk: ReceivedChunk,
    _place: HeldPlace,
}

struct HeldPlace {
    held: Arc<AtomicUsize>,
    reader: Arc<Reader>,
}

/// How often an idle reader looks whether the publishing process is alive. It costs some file accesses
/// on another thread; frames are waited for, not polled.
const LIVENESS_PERIOD: Duration = Duration::from_secs(1);

/// Shared memory that a reader's own bookkeeping takes, bytes; measured below 64 KiB.
const READER_BYTES: u64 = 256 << 10;

impl FrameSubscriber {
    /// Opens the frames of the session `session_id`, in `folder` or else in the default folder, after
    /// removing what killed processes left behind. Needs a Tokio runtime; blocks for some milliseconds.
    ///
    /// # Errors
    /// [`SharedMemoryError::NoPool`] if no process has opened a pool for the session;
    /// [`SharedMemoryError::TooManyReaders`] if the pool was opened for fewer readers.
    pub fn open(session_id: &str, folder: Option<&Path>) -> Result<Self, SharedMemoryError> {
        Handle::try_current().map_err(layer("find the Tokio runtime"))?;
        let names = ServiceNames::of(session_id)?;
        let (mut domain, _) = Domain::enter(Place::open(folder)?)?;
        Capacity::now()?.check(READER_BYTES)?;
        let no_room = || SharedMemoryError::TooManyReaders { session_id: session_id.to_owned() };
        let wake_service = domain.node().service_builder(&names.wake()?).event().open();
        let wake_service = wake_service.map_err(|error| match error {
            EventOpenError::DoesNotExist => SharedMemoryError::NoPool { session_id: session_id.to_owned() },
            EventOpenError::ExceedsMaxNumberOfNodes => no_room(),
            error => layer("open the service that wakes readers")(error),
        })?;
        let listener = wake_service.listener_builder().create().map_err(|error| match error {
            ListenerCreateError::ExceedsMaxSupportedListeners => no_room(),
            error => layer("create the socket that wakes this reader")(error),
        })?;
        let mut lanes = Vec::new();
        while let Some(lane) = Lane::open(&domain, &names, lanes.len(), no_room)? {
            lanes.push(lane);
        }
        reserve_segments(domain.place().prefix(), READER_BYTES)?;
        let wake = WakeSocket::waitable(listener);
        let wake = wake.map_err(layer("wait for the socket that wakes this reader"))?;
        domain.entered();
        let reader = Arc::new(Reader { returned: Notify::new(), domain });
        Ok(Self { lanes, wake, wake_service, closed: false, report: SubscriberReport::default(), reader })
    }

    /// Waits for the next frame; `None`: the pool is closed, or its process was killed (noticed within
    /// two seconds), and all frames are received. Frames of one size keep their order.
    ///
    /// Cancel safe: a cancelled call received nothing.
    ///
    /// # Errors
    /// [`SharedMemoryError::Layer`] if the shared-memory layer fails.
    pub async fn recv(&mut self) -> Result<Option<ReceivedFrame>, SharedMemoryError> {
        loop {
            // Asked first: what was published before the end is received after it is known.
            let closed = self.closed;
            if let Some(frame) = self.try_recv()? {
                return Ok(Some(frame));
            }
            if closed {
                return Ok(None);
            }
            tokio::select! {
                ready = self.wake.readable() => {
                    let mut ready = ready.map_err(layer("wait for frames"))?;
                    // Before the socket is emptied: what comes in between must wake again.
                    ready.clear_ready();
                    self.take_wakes()?;
                }
                () = self.reader.returned.notified() => {}
                () = tokio::time::sleep(LIVENESS_PERIOD) => self.look_for_publisher().await,
            }
        }
    }

    /// Takes the next frame if there is one.
    ///
    /// # Errors
    /// [`SharedMemoryError::Layer`] if the shared-memory layer fails.
    pub fn try_recv(&mut self) -> Result<Option<ReceivedFrame>, SharedMemoryError> {
        for lane in &mut self.lanes {
            if let Some(chunk) = lane.receive(&self.reader, &mut self.report)? {
                let tag = chunk.chunk.tag();
                return Ok(Some(ReceivedFrame { frame: SharedFrame::from_received(Arc::new(chunk)), tag }));
            }
        }
        Ok(None)
    }

    /// Returns the figures at this moment.
    pub fn report(&self) -> SubscriberReport {
        self.report
    }

    /// Empties the socket. Repeated until it was empty: a wake that comes while it is being emptied
    /// leaves no byte in the socket, only a mark that the next look finds.
    fn take_wakes(&mut self) -> Result<(), SharedMemoryError> {
        let mut closed = false;
        let listener = self.wake.get_ref().listener();
        while listener
            .try_wait(|event| closed |= event.id == wake_event::CLOSED)
            .map_err(layer("take the wake-up of this reader"))?
            > 0
        {}
        self.closed |= closed;
        Ok(())
    }

    async fn look_for_publisher(&mut self) {
        let place = self.reader.domain.place().clone();
        // What this removes tells of itself by an event; only its own failure is of no interest: the
        // next look comes in a second.
        tokio::task::spawn_blocking(move || place.clean_now().ok()).await.ok();
        self.closed |= self.wake_service.dynamic_config().number_of_notifiers() == 0;
    }
}

impl fmt::Debug for FrameSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { closed, report, .. } = self;
        f.debug_struct("FrameSubscriber")
            .field("closed", closed)
            .field("report", report)
            .finish_non_exhaustive()
    }
}

impl Lane {
    fn open(
        domain: &Domain,
        names: &ServiceNames<'_>,
        class: usize,
        no_room: impl Fn() -> SharedMemoryError,
    ) -> Result<Option<Self>, SharedMemoryError> {
        let name = names.frames(class)?;
        let service = domain.node().service_builder(&name).publish_subscribe::<[Line]>();
        let service = match service.user_header::<FrameHeader>().open() {
            Ok(service) => service,
            Err(PublishSubscribeOpenError::DoesNotExist) => return Ok(None),
            Err(PublishSubscribeOpenError::ExceedsMaxNumberOfNodes) => return Err(no_room()),
            Err(error) => return Err(layer("open a service for frames")(error)),
        };
        let subscriber = service.subscriber_builder().create().map_err(|error| match error {
            SubscriberCreateError::ExceedsMaxSupportedSubscribers => no_room(),
            error => layer("receive frames")(error),
        })?;
        Ok(Some(Self { subscriber, held: Arc::default(), next_sequence: None }))
    }

    fn receive(
        &mut self,
        reader: &Arc<Reader>,
        report: &mut SubscriberReport,
    ) -> Result<Option<HeldChunk>, SharedMemoryError> {
        if self.held.load(Ordering::Acquire) >= READER_HELD_FRAMES {
            return Ok(None);
        }
        loop {
            let sample = self.subscriber.receive().map_err(layer("receive a frame"))?;
            let Some(sample) = sample else { return Ok(None) };
            let Some(chunk) = ReceivedChunk::new(sample) else { continue };
            let expected = self.next_sequence.unwrap_or(chunk.sequence());
            report.frames_missed += chunk.sequence().saturating_sub(expected);
            report.frames_received += 1;
            self.next_sequence = Some(chunk.sequence() + 1);
            self.held.fetch_add(1, Ordering::AcqRel);
            let place = HeldPlace { held: self.held.clone(), reader: reader.clone() };
            return Ok(Some(HeldChunk { chunk, _place: place }));
        }
    }
}

impl HeldChunk {
    pub(super) fn bytes(&self) -> &[u8] {
        self.chunk.bytes()
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::AcqRel);
        self.reader.returned.notify_one();
    }
}
