//! What can go wrong between tracks and frames.

/// A payload breaks its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// There is nothing in it.
    #[error("payload is empty")]
    Empty,
    /// It ends before what it announces.
    #[error("payload of {len} bytes ends before the {needed} bytes it announces")]
    Truncated {
        /// Its length, bytes.
        len: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// This kind of payload is not part of the format as negotiated.
    #[error("payload of type {payload_type} is not taken")]
    Type {
        /// The type, as the format numbers it.
        payload_type: u8,
    },
    /// A fragment without the one before it, or a whole unit amid fragments.
    #[error("fragment does not continue the one before it")]
    Fragment,
    /// The joined picture is larger than any encoder makes.
    #[error("picture is longer than {limit} bytes")]
    TooLong {
        /// Most bytes of one encoded picture.
        limit: usize,
    },
    /// Payloads of this size cannot carry the format's headers.
    #[error("payloads of {max_payload} bytes are too small, at least {needed} are needed")]
    SizeLimit {
        /// Bytes asked for.
        max_payload: usize,
        /// Bytes needed.
        needed: usize,
    },
}

/// A receiver or sender could not be started or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The system gave no thread.
    #[error("thread {name:?} did not start")]
    Thread {
        /// The thread's name.
        name: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It did not end in time; it goes on until it notices.
    #[error("thread or task {name:?} did not end within {within:?}")]
    StillRunning {
        /// The thread's or task's name.
        name: String,
        /// The time it had.
        within: std::time::Duration,
    },
    /// It panicked: a fault of ours. What it held is lost, the rest of the process goes on.
    #[error("thread or task {name:?} panicked")]
    Panicked {
        /// The thread's or task's name.
        name: String,
    },
}
