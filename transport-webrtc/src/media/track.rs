//! The connection's tracks as this folder's sources and sinks.

use async_trait::async_trait;

use super::{RtpSink, RtpSource, SinkClosed};
use crate::rtc::{RtpPacket, SenderReport, TrackReceiver, TrackSendError, TrackSender};

#[async_trait]
impl RtpSource for TrackReceiver {
    async fn recv(&mut self) -> Option<RtpPacket> {
        Self::recv(self).await
    }

    fn sender_report(&self) -> Option<SenderReport> {
        Self::sender_report(self)
    }
}

#[async_trait]
impl RtpSink for TrackSender {
    fn is_ready(&self) -> bool {
        Self::is_ready(self)
    }

    async fn send(&self, packet: RtpPacket) -> Result<(), SinkClosed> {
        match Self::send(self, packet).await {
            // Lost between two looks at `is_ready`: the track counts it, and media goes on when it is back.
            Ok(()) | Err(TrackSendError::NotConnected { .. }) => Ok(()),
            Err(_) => Err(SinkClosed),
        }
    }
}
