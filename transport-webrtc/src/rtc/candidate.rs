//! One ICE candidate as signaling carries it.

/// An ICE candidate with the section of the description it belongs to, as browsers spell it
/// (`RTCIceCandidateInit`).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IceCandidate {
    /// `candidate:…` (RFC 8839 §5.1); empty: there are no more.
    pub candidate: String,
    /// Identification of the media section, `a=mid`.
    pub sdp_mid: Option<String>,
    /// Index of the media section, from 0.
    pub sdp_m_line_index: Option<u16>,
    /// The ICE generation it belongs to.
    pub username_fragment: Option<String>,
}

impl IceCandidate {
    /// The marker that no further candidates follow.
    pub fn end() -> Self {
        Self::default()
    }

    /// Whether this is the marker that no further candidates follow.
    pub fn is_end(&self) -> bool {
        self.candidate.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browsers_json_is_read_and_written_as_it_is() {
        let json = r#"{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 9 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"abcd"}"#;
        let candidate: IceCandidate = serde_json::from_str(json).expect("valid");
        assert_eq!(candidate.sdp_m_line_index, Some(0));
        assert_eq!(serde_json::to_string(&candidate).expect("serialises"), json);
    }

    #[test]
    fn an_empty_candidate_is_the_end_marker() {
        let end: IceCandidate = serde_json::from_str(r#"{"candidate":"","sdpMid":"0"}"#).expect("valid");
        assert!(end.is_end() && IceCandidate::end().is_end());
    }
}
