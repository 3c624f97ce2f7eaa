//! One data channel on the engine's side.

use std::sync::{Arc, Weak};

use bytes::BytesMut;
use rtc::shared::error::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};

use super::data_channel::{DataCommand, data_channel};
use super::event::EventSink;
use super::tasks::Tasks;
use super::{ConnectionEvent, DataMessage, DataSendError, MAX_MESSAGE_BYTES};

/// Waits until the channel is open, tells of it, and carries its messages until it closes.
pub(super) async fn carry(
    channel: Arc<dyn DataChannel>,
    events: EventSink,
    tasks: Weak<Tasks>,
    stop: CancellationToken,
) {
    tokio::select! {
        biased;
        () = stop.cancelled() => (),
        () = open_and_receive(channel, events, tasks, stop.child_token()) => (),
    }
}

async fn open_and_receive(
    channel: Arc<dyn DataChannel>,
    events: EventSink,
    tasks: Weak<Tasks>,
    stop: CancellationToken,
) {
    // Ends the sending half however this half ends.
    let _stop_sending = stop.clone().drop_guard();
    loop {
        match channel.poll().await {
            Some(DataChannelEvent::OnOpen) => break,
            Some(DataChannelEvent::OnClose) | None => return,
            Some(_) => (),
        }
    }
    let (Ok(label), Some(tasks)) = (channel.label().await, tasks.upgrade()) else { return };
    let (sender, receiver, port) = data_channel();
    let sending = channel.clone();
    tasks.spawn(async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => (),
            () = send(sending.as_ref(), port.commands) => (),
        }
    });
    drop(tasks);
    events.push(ConnectionEvent::DataOpened { label, sender, receiver });
    receive(channel.as_ref(), port.messages).await;
}

async fn receive(channel: &dyn DataChannel, messages: mpsc::Sender<DataMessage>) {
    loop {
        match channel.poll().await {
            Some(DataChannelEvent::OnMessage(message)) if message.data.len() > MAX_MESSAGE_BYTES => {
                tracing::warn!(
                    bytes = message.data.len(),
                    "peer sent too large a message: closing the channel"
                );
                // Best effort: it is closed on our side in any case.
                channel.close().await.ok();
                return;
            }
            Some(DataChannelEvent::OnMessage(message)) => {
                // Nobody receives any more: the engine must be emptied all the same.
                messages.send(from_engine(message)).await.ok();
            }
            Some(DataChannelEvent::OnClose) | None => return,
            Some(_) => (),
        }
    }
}

async fn send(channel: &dyn DataChannel, mut commands: mpsc::Receiver<DataCommand>) {
    while let Some(DataCommand { message, outcome }) = commands.recv().await {
        let bytes = message.len();
        let sent = match message {
            DataMessage::Text(text) => channel.send_text(&text).await,
            DataMessage::Binary(bytes) => {
                channel.send(bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))).await
            }
        };
        let sent = sent.map_err(|error| match error {
            Error::ErrDataChannelClosed | Error::ErrConnectionClosed => DataSendError::Closed,
            error => DataSendError::Refused { bytes, reason: error.to_string() },
        });
        // Who sent it may have stopped waiting.
        outcome.send(sent).ok();
    }
}

fn from_engine(message: RTCDataChannelMessage) -> DataMessage {
    match message.is_string {
        true => DataMessage::Text(String::from_utf8_lossy(&message.data).into_owned()),
        false => DataMessage::Binary(message.data.freeze()),
    }
}
