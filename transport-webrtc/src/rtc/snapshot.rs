//! Puts a connection's figures together: streams from the packet chain, the path from the engine.

use std::time::{Duration, Instant};

use webrtc::peer_connection::{PeerConnection, RTCStatsReport, RTCStatsReportEntry, StatsSelector};

use super::feedback::{Direction, Feedback};
use super::{ConnectionStats, TrackKind};

/// Returns the figures that the packet chain keeps.
pub(super) fn streams(feedback: &Feedback) -> ConnectionStats {
    let totals = feedback.totals();
    ConnectionStats {
        rtt: feedback.measured_round_trip(),
        bytes_sent: totals.bytes_sent,
        bytes_received: totals.bytes_received,
        audio_out: feedback.stats(Direction::Out, TrackKind::Audio),
        video_out: feedback.stats(Direction::Out, TrackKind::Video),
        audio_in: feedback.stats(Direction::In, TrackKind::Audio),
        video_in: feedback.stats(Direction::In, TrackKind::Video),
        ..ConnectionStats::default()
    }
}

/// Adds what only the engine knows: the selected candidate pair, and its round trip, which is measured from
/// the first check on, long before the first report of the peer.
pub(super) async fn add_path(stats: &mut ConnectionStats, engine: &dyn PeerConnection, now: Instant) {
    let report = engine.get_stats(now, StatsSelector::None).await;
    let Some(RTCStatsReportEntry::IceCandidatePair(pair)) = selected_pair(&report) else { return };
    if pair.current_round_trip_time > 0.0 {
        stats.rtt = Some(Duration::from_secs_f64(pair.current_round_trip_time));
    }
    let kind = |id: &str| match report.get(id) {
        Some(
            RTCStatsReportEntry::LocalCandidate(candidate) | RTCStatsReportEntry::RemoteCandidate(candidate),
        ) => candidate.candidate_type.to_string(),
        _ => "unknown".to_owned(),
    };
    stats.candidate_pair =
        Some(format!("{}/{}", kind(&pair.local_candidate_id), kind(&pair.remote_candidate_id)));
}

fn selected_pair(report: &RTCStatsReport) -> Option<&RTCStatsReportEntry> {
    let mut transports = report.iter().filter_map(|entry| match entry {
        RTCStatsReportEntry::Transport(transport) => Some(&transport.selected_candidate_pair_id),
        _ => None,
    });
    report.get(transports.next()?)
}
