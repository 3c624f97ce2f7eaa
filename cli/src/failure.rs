//! Why a command did not do its work.

use std::fmt;
use std::io;
use std::process::ExitCode;

use remotemedia_transport_webrtc::JoinError;
use remotemedia_transport_webrtc::signaling::{ConnectError, SignalingError};

/// Why a command did not do its work, whose fault it is, and what to do about it.
///
/// An error turned into one with `?` is a failure while running; bad input has to be called so.
#[derive(Debug)]
pub(crate) struct Failure {
    cause: Cause,
    error: anyhow::Error,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Input,
    Runtime,
}

impl Failure {
    /// The arguments, or what they name, cannot be used.
    pub(crate) fn bad_input(error: impl Into<anyhow::Error>) -> Self {
        Self { cause: Cause::Input, error: error.into(), hint: None }
    }

    /// A session was not joined: the URL or the names are bad input, a server that is not there is not.
    pub(crate) fn joining(error: JoinError) -> Self {
        let hint = match &error {
            JoinError::Config(_) => return Self::bad_input(error),
            JoinError::Signaling { source: SignalingError::Connect(source), .. } => connecting_hint(source),
            _ => None,
        };
        Self { hint: hint.map(str::to_owned), ..Self::from(error) }
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether our output's reader went away.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let io_error = self.error.downcast_ref::<io::Error>();
        io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.cause {
            Cause::Runtime => ExitCode::FAILURE,
            Cause::Input => ExitCode::from(2),
        }
    }
}

/// What to do about a server that was not reached, if its error does not say so.
fn connecting_hint(error: &ConnectError) -> Option<&'static str> {
    match error {
        ConnectError::Unreachable { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
            Some("is the server running? start one with: remotemedia signal")
        }
        ConnectError::Unreachable { .. } | ConnectError::NoConnection { .. } => {
            Some("check host and port of the URL, and the network between here and there")
        }
        ConnectError::NoHandshake { .. }
        | ConnectError::NotWebSocket { .. }
        | ConnectError::NotHttp { .. } => {
            Some("give the URL that `remotemedia signal` or `remotemedia serve` prints")
        }
        _ => None,
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { cause: Cause::Runtime, error: error.into(), hint: None }
    }
}

/// `error: …`, a line per cause, and the hint.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.error)?;
        for cause in self.error.chain().skip(1) {
            writeln!(f, "  because: {cause}")?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "  hint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_failure_names_its_causes_in_order_and_the_hint_last() {
        let error = anyhow!("no such file").context("could not read clip.y4m");
        let failure = Failure::bad_input(error).hint("check the path");
        assert_eq!(
            failure.to_string(),
            "error: could not read clip.y4m\n  because: no such file\n  hint: check the path\n"
        );
    }

    #[test]
    fn only_a_broken_pipe_of_our_own_output_passes_for_one() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(Failure::from(broken).is_broken_pipe());
        assert!(!Failure::from(anyhow!("broken pipe")).is_broken_pipe());
    }
}
