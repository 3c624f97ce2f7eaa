//! What of a manifest's `transport` this build can do.

use remotemedia_runtime_core::manifest::{IceServer, TransportSupport, Unsupported};

use crate::codec::VideoCodec;
use crate::rtc::{self, ConnectionError};

/// What of a manifest's `transport` this build can do, by the checks that [`WebRtcConfig`] passes before it
/// joins a session.
///
/// [`WebRtcConfig`]: crate::WebRtcConfig
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebRtcSupport;

impl TransportSupport for WebRtcSupport {
    fn check_video_codec(&self, name: &str) -> Result<(), Unsupported> {
        let Err(_) = VideoCodec::from_name(name) else { return Ok(()) };
        let built_in = VideoCodec::ALL.map(|codec| codec.name().to_uppercase()).join(", ");
        Err(Unsupported {
            expected: format!("a video codec that is built in: {built_in}"),
            hint: Some("remove it; without \"video_codecs\" all that are built in are used".to_owned()),
        })
    }

    fn check_ice_server(&self, server: &IceServer) -> Result<(), Unsupported> {
        let checked = rtc::IceServer::from(server.clone()).check();
        checked.map_err(|error| {
            let expected = match error {
                ConnectionError::InvalidConfig { expected, .. } => expected.to_owned(),
                other => other.to_string(),
            };
            Unsupported { expected, hint: None }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_that_is_built_in_is_taken_and_another_refused_with_those() {
        for codec in VideoCodec::ALL {
            assert_eq!(WebRtcSupport.check_video_codec(codec.name()), Ok(()));
        }
        let refused = WebRtcSupport.check_video_codec("AV1").expect_err("not built in");
        assert!(refused.expected.contains("H264"), "{refused:?}");
    }

    #[test]
    fn a_server_that_no_connection_could_use_is_refused_with_what_would_do() {
        let server = |url: &str| IceServer { urls: vec![url.to_owned()], username: None, credential: None };
        assert_eq!(WebRtcSupport.check_ice_server(&server("stun:stun.example.org:3478")), Ok(()));
        let refused =
            WebRtcSupport.check_ice_server(&server("STUN:stun.example.org")).expect_err("upper case");
        assert!(refused.expected.starts_with("stun:host:port"), "{refused:?}");
    }
}
