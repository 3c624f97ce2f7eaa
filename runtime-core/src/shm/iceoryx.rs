//! Frames in shared memory that iceoryx2 lends, sends and takes back. The only file that reads and
//! writes this memory; everything above it sees slices.
//!
//! A chunk of one publisher's segment is written through the publisher's mapping. Until it is sent,
//! the loan keeps it; once it is sent, the receipt of a subscriber in this same process does, so that
//! holders here go on reading while other processes have it mapped too (read-only).

// The one place that turns addresses of shared memory into slices.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use iceoryx2::node::Node;
use iceoryx2::port::LoanError;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;
use iceoryx2::sample_mut::SampleMut;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::aligned::POOL_ALIGNMENT;
use super::domain::layer;
use super::shared_memory::{READER_FRAMES, READER_HELD_FRAMES, READER_WAITING_FRAMES};
use super::{FrameClass, PublishError, SharedMemoryError};

/// Processes of one machine, ports usable from any thread.
pub(super) type Service = ipc_threadsafe::Service;

/// What frames are made of: memory is lent in whole cache lines, which aligns every frame to one.
#[derive(Debug, Clone, Copy, ZeroCopySend)]
#[repr(C)]
#[repr(align(64))]
pub(super) struct Line([u8; POOL_ALIGNMENT]);

/// What is written before each frame.
#[derive(Debug, Clone, Copy, Default, ZeroCopySend)]
#[repr(C)]
pub(super) struct FrameHeader {
    /// The sender's mark.
    tag: u64,
    /// Frames of this size sent before this one.
    sequence: u64,
    /// Bytes of the frame.
    len: u64,
}

/// What lends, sends and takes back the frames of one size.
pub(super) struct Ports {
    state: Mutex<PortsState>,
}

struct PortsState {
    publisher: Publisher<Service, [Line], FrameHeader>,
    /// Receives what this process itself sends, and so keeps it from being lent again.
    own: Subscriber<Service, [Line], FrameHeader>,
    sent: u64,
    /// A frame was sent and not received here: its memory may be free although it is being read, so
    /// nothing may be lent any more.
    broken: bool,
}

/// A frame's memory in the process that lends it.
pub(super) struct Chunk {
    // Declared before the ports, hence returned before they go.
    hold: Mutex<Hold>,
    bytes: NonNull<[u8]>,
    ports: Arc<Ports>,
}

enum Hold {
    Loaned(SampleMut<Service, [Line], FrameHeader>),
    Sent { _receipt: Sample<Service, [Line], FrameHeader> },
    Lost,
}

/// A frame's memory in a process that reads it.
pub(super) struct ReceivedChunk {
    // Never touched, only dropped; the mutex makes it shareable between threads.
    _sample: Mutex<Sample<Service, [Line], FrameHeader>>,
    bytes: NonNull<[u8]>,
    header: FrameHeader,
}

/// The socket by which a publisher wakes a reader.
pub(super) struct WakeSocket(Listener<Service>);

/// Why a chunk was not lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkRefused {
    /// Readers hold more than their share.
    Exhausted,
    /// The layer failed, now or before.
    Broken,
}

impl Ports {
    /// Creates the service `name` and this process's ports of it. Its segment is as large as its frames
    /// and never grows.
    pub(super) fn create(
        node: &Node<Service>,
        name: &ServiceName,
        class: FrameClass,
        max_readers: usize,
    ) -> Result<Self, SharedMemoryError> {
        let service = node
            .service_builder(name)
            .publish_subscribe::<[Line]>()
            .user_header::<FrameHeader>()
            // Without it a publisher would wait for ever for a subscriber that was killed.
            .enable_safe_overflow(true)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(1 + max_readers)
            .max_nodes(1 + max_readers)
            .subscriber_max_buffer_size(READER_WAITING_FRAMES)
            .subscriber_max_borrowed_samples(class.frames.max(READER_HELD_FRAMES))
            .create()
            .map_err(layer("create a service for frames"))?;
        let own = service
            .subscriber_builder()
            // Every frame is received right after it was sent.
            .buffer_size(1)
            .create()
            .map_err(layer("receive this process's own frames"))?;
        let chunks = class.frames + max_readers * READER_FRAMES;
        let publisher = service
            .publisher_builder()
            .initial_max_slice_len(class.frame_bytes.div_ceil(POOL_ALIGNMENT))
            .allocation_strategy(AllocationStrategy::Static)
            .max_loaned_samples(class.frames)
            .override_sample_preallocation(move |_| chunks)
            .create()
            .map_err(layer("create the memory for frames"))?;
        Ok(Self { state: Mutex::new(PortsState { publisher, own, sent: 0, broken: false }) })
    }

    /// Lends `len` bytes; the caller keeps to the size and number of frames that these ports are for.
    pub(super) fn loan(self: &Arc<Self>, len: usize) -> Result<Chunk, ChunkRefused> {
        let state = self.lock();
        if state.broken {
            return Err(ChunkRefused::Broken);
        }
        let lines = state.publisher.loan_slice_uninit(len.div_ceil(POOL_ALIGNMENT));
        let mut lines = lines.map_err(|error| match error {
            LoanError::OutOfMemory | LoanError::ExceedsMaxLoans => ChunkRefused::Exhausted,
            LoanError::ExceedsMaxLoanSize | LoanError::InternalFailure => ChunkRefused::Broken,
        })?;
        let payload: &mut [MaybeUninit<Line>] = lines.payload_mut();
        let start = NonNull::from(payload).cast::<u8>();
        // SAFETY: shared memory comes zeroed from the system and holds what was written since; any byte
        // is a valid `Line`.
        let sample = unsafe { lines.assume_init() };
        let bytes = NonNull::slice_from_raw_parts(start, len);
        Ok(Chunk { hold: Mutex::new(Hold::Loaned(sample)), bytes, ports: self.clone() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PortsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: the bytes are written only through `&mut Chunk` and read only through `&Chunk`, as with a
// `Box<[u8]>`; the mapping belongs to the process, not to a thread. All other fields are `Send + Sync`.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the address is that of a chunk of at least this length in the publisher's mapping,
        // which lives as long as `ports`. The chunk is lent to nobody else while `hold` has it, or, if
        // that was lost, because broken ports lend nothing. No process writes to it: readers map it
        // read-only, and here only `bytes_mut` does, which asks for `&mut self`.
        unsafe { self.bytes.as_ref() }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`; `&mut self` makes this the only access in this process, and before it
        // is sent, which takes a shared chunk, no other process knows of it.
        unsafe { self.bytes.as_mut() }
    }

    /// Sends the frame to all readers, once; returns how many there are. They need to be woken.
    pub(super) fn publish(&self, tag: u64) -> Result<usize, PublishError> {
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sample = match std::mem::replace(&mut *hold, Hold::Lost) {
            Hold::Loaned(sample) => sample,
            before @ Hold::Sent { .. } => {
                *hold = before;
                return Err(PublishError::AlreadyPublished);
            }
            Hold::Lost => return Err(PublishError::Broken),
        };
        // Held until the receipt is here: in between, nothing may be lent.
        let mut ports = self.ports.lock();
        let sequence = ports.sent;
        *sample.user_header_mut() = FrameHeader { tag, sequence, len: self.bytes.len() as u64 };
        let sent = sample.send();
        let receipt = ports.own.receive();
        match (sent, receipt) {
            (Ok(takers), Ok(Some(receipt))) if receipt.user_header().sequence == sequence => {
                *hold = Hold::Sent { _receipt: receipt };
                ports.sent += 1;
                Ok(takers.saturating_sub(1))
            }
            (sent, receipt) => {
                ports.broken = true;
                tracing::error!(?sent, received = receipt.is_ok(), "a frame in shared memory was lost");
                Err(PublishError::Broken)
            }
        }
    }
}

// SAFETY: the bytes are only ever read, through a mapping of the whole process.
unsafe impl Send for ReceivedChunk {}
// SAFETY: as above.
unsafe impl Sync for ReceivedChunk {}

impl ReceivedChunk {
    /// Takes a received sample; `None` if its header promises more bytes than it has.
    pub(super) fn new(sample: Sample<Service, [Line], FrameHeader>) -> Option<Self> {
        let header = *sample.user_header();
        let lines = sample.payload();
        let len = usize::try_from(header.len).ok().filter(|len| *len <= size_of_val(lines))?;
        let bytes = NonNull::slice_from_raw_parts(NonNull::from(lines).cast::<u8>(), len);
        Some(Self { _sample: Mutex::new(sample), bytes, header })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `new` took the address from the sample and checked the length against it; the sample
        // keeps the segment mapped and the chunk from being lent again, and nobody writes to it.
        unsafe { self.bytes.as_ref() }
    }

    pub(super) fn tag(&self) -> u64 {
        self.header.tag
    }

    pub(super) fn sequence(&self) -> u64 {
        self.header.sequence
    }
}

impl WakeSocket {
    /// Makes the socket one that Tokio can wait on. Needs a Tokio runtime, or panics.
    pub(super) fn waitable(listener: Listener<Service>) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the listener, which `AsyncFd` owns from here on, holds its descriptor open, and the same
        // one, until it is dropped; nothing outside this type can replace it.
        Ok(unsafe { AsyncFd::register_with_interest(Self(listener), Interest::READABLE) }?)
    }

    pub(super) fn listener(&self) -> &Listener<Service> {
        &self.0
    }
}

impl AsRawFd for WakeSocket {
    fn as_raw_fd(&self) -> RawFd {
        // SAFETY: the descriptor is only waited on, never closed or configured.
        unsafe { self.0.file_descriptor().native_handle() }
    }
}
