//! Why a server does not start or does not stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A server that cannot be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A value of the configuration is out of its range.
    #[error("{field} is {value}, and must be {expected}")]
    Config {
        /// The field of [`super::ServerConfig`].
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", question(.source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file of the web client cannot be read.
    #[error("cannot read the web client's file {path}")]
    WebFile {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The folder of the web client is too large to be one.
    #[error("folder {path} has more than {max_files} files or {max_bytes} bytes: is it the web client's?")]
    WebFolder {
        /// The folder.
        path: PathBuf,
        /// Files it may have.
        max_files: usize,
        /// Bytes they may have together.
        max_bytes: u64,
    },
    /// Tasks did not end by themselves in time; they were dropped.
    #[error("{tasks} tasks did not end within {deadline:?} and were dropped")]
    StopDeadline {
        /// How many.
        tasks: usize,
        /// The deadline that passed.
        deadline: Duration,
    },
}

/// What to look at.
fn question(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrNotAvailable => "does this machine have the address?",
        io::ErrorKind::PermissionDenied => "may this user? Ports below 1024 need more rights",
        _ => "is another program using the port?",
    }
}
