//! Candidates as the engine has them and as signaling carries them.

use remotemedia_signaling::protocol::IceCandidate as SignalingCandidate;

use crate::rtc::IceCandidate;

pub(super) fn candidate_to_signaling(candidate: IceCandidate) -> SignalingCandidate {
    SignalingCandidate {
        candidate: candidate.candidate,
        sdp_mid: candidate.sdp_mid,
        sdp_m_line_index: candidate.sdp_m_line_index,
        username_fragment: candidate.username_fragment,
    }
}

pub(super) fn candidate_from_signaling(candidate: SignalingCandidate) -> IceCandidate {
    IceCandidate {
        candidate: candidate.candidate,
        sdp_mid: candidate.sdp_mid,
        sdp_m_line_index: candidate.sdp_m_line_index,
        username_fragment: candidate.username_fragment,
    }
}
