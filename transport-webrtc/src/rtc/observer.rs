//! Hears what the engine tells and turns it into events. Runs on the engine's task: it never waits.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::Semaphore;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState,
};

use super::data_carrier;
use super::event::EventSink;
use super::incoming::IncomingTracks;
use super::outgoing::OutgoingLink;
use super::progress::{EngineState, Progress};
use super::tasks::Tasks;
use super::{ConnectionEvent, ConnectionState, IceCandidate, TrackKind};

/// Data channels that a peer may have open at once. It needs one; some bring more of their own.
pub(super) const MAX_PEER_CHANNELS: usize = 8;

/// One connection's ear.
pub(super) struct Observer {
    pub(super) events: EventSink,
    pub(super) tasks: Weak<Tasks>,
    pub(super) incoming: Arc<IncomingTracks>,
    pub(super) outgoing: Vec<Arc<OutgoingLink>>,
    pub(super) progress: Arc<Mutex<Progress>>,
    /// Places for channels that the peer opens.
    pub(super) channels: Arc<Semaphore>,
}

impl Observer {
    /// Enters a state of the engine, and tells of it if it is news.
    pub(super) fn enter(&self, state: EngineState) {
        let news = self.progress.lock().unwrap_or_else(PoisonError::into_inner).enter(state);
        self.tell(news);
    }

    /// Enters the failed state.
    pub(super) fn fail(&self, cause: String) {
        let news = self.progress.lock().unwrap_or_else(PoisonError::into_inner).fail(cause);
        self.tell(news);
    }

    fn tell(&self, news: Option<ConnectionState>) {
        let Some(state) = news else { return };
        match state {
            ConnectionState::Connected => self.outgoing.iter().for_each(|link| link.set_connected(true)),
            ConnectionState::Failed { .. } | ConnectionState::Closed => {
                self.outgoing.iter().for_each(|link| link.set_connected(false));
            }
            // A peer that is silent for a while may still hear us.
            _ => (),
        }
        self.events.push(ConnectionEvent::StateChanged(state));
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Observer {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(candidate) = event.candidate.to_json() else { return };
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).local_candidates += 1;
        // All sections share one transport, that of the first.
        let candidate = IceCandidate {
            candidate: candidate.candidate,
            sdp_m_line_index: Some(0),
            ..IceCandidate::default()
        };
        self.events.push(ConnectionEvent::LocalCandidate(candidate));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.events.push(ConnectionEvent::LocalCandidate(IceCandidate::end()));
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected {
            self.progress.lock().unwrap_or_else(PoisonError::into_inner).path_found = true;
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connecting => self.enter(EngineState::Connecting),
            RTCPeerConnectionState::Connected => self.enter(EngineState::Connected),
            RTCPeerConnectionState::Disconnected => self.enter(EngineState::Disconnected),
            RTCPeerConnectionState::Failed => self.enter(EngineState::Failed),
            RTCPeerConnectionState::Closed => self.enter(EngineState::Closed),
            _ => (),
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let Some(tasks) = self.tasks.upgrade() else { return };
        let Ok(place) = self.channels.clone().try_acquire_owned() else {
            tracing::warn!(
                most = MAX_PEER_CHANNELS,
                "peer opens one more data channel than it may: closing it"
            );
            // Best effort: nothing reads it in any case.
            channel.close().await.ok();
            return;
        };
        let stop = tasks.stop().clone();
        let carrying = data_carrier::carry(channel, self.events.clone(), self.tasks.clone(), stop);
        tasks.spawn(async move {
            carrying.await;
            drop(place);
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let kind = match track.kind().await {
            RtpCodecKind::Audio => TrackKind::Audio,
            _ => TrackKind::Video,
        };
        let Some(tasks) = self.tasks.upgrade() else { return };
        let (incoming, stop) = (self.incoming.clone(), tasks.stop().clone());
        tasks.spawn(async move { incoming.carry(kind, track, stop).await });
    }
}
