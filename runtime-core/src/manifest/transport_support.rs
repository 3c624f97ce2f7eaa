//! What a program's transport can do of what a manifest may ask for.

use super::IceServer;

/// What a program's transport can do of what a manifest may ask for. A transport implements it, so that
/// the check of a manifest reports what only shows when a peer is made otherwise.
pub trait TransportSupport {
    /// Checks a video codec, by a name that manifests may have.
    ///
    /// # Errors
    /// [`Unsupported`] if it is not built in.
    fn check_video_codec(&self, name: &str) -> Result<(), Unsupported>;

    /// Checks a STUN or TURN server whose form is right.
    ///
    /// # Errors
    /// [`Unsupported`] if no connection could use it.
    fn check_ice_server(&self, server: &IceServer) -> Result<(), Unsupported>;
}

/// What would do in place of what the transport cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// What it can do.
    pub expected: String,
    /// What to do.
    pub hint: Option<String>,
}
