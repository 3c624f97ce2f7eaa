//! Messages of one data channel, both ways.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// Most bytes in one message, either way: what every browser takes. Larger data is cut up above.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Session → connection. Data waits; the engine's own send buffer behind it holds 256 KB.
const DATA_OUT_MESSAGES: usize = 16;

/// Connection → session. Data waits; full → the peer is slowed down by SCTP's window.
const DATA_IN_MESSAGES: usize = 64;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataMessage {
    /// Text (UTF-8).
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// Sends messages on one data channel; clones share it.
#[derive(Debug, Clone)]
pub struct DataSender {
    commands: mpsc::Sender<DataCommand>,
}

/// Receives the messages of one data channel.
#[derive(Debug)]
pub struct DataReceiver {
    messages: mpsc::Receiver<DataMessage>,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataSendError {
    /// The message is larger than a peer must accept.
    #[error("message has {bytes} bytes, at most {MAX_MESSAGE_BYTES} fit: cut it up")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The peer accepts only smaller messages (`a=max-message-size`), or the engine refused it.
    #[error("message of {bytes} bytes is refused: {reason}")]
    Refused {
        /// Its size.
        bytes: usize,
        /// The engine's words.
        reason: String,
    },
    /// The channel or the connection is closed; the message is lost.
    #[error("data channel is closed")]
    Closed,
}

/// One message on its way to the engine, and where the outcome goes.
#[derive(Debug)]
pub(super) struct DataCommand {
    pub(super) message: DataMessage,
    pub(super) outcome: oneshot::Sender<Result<(), DataSendError>>,
}

/// The connection's end of a [`DataSender`] and a [`DataReceiver`].
#[derive(Debug)]
pub(super) struct DataPort {
    pub(super) commands: mpsc::Receiver<DataCommand>,
    pub(super) messages: mpsc::Sender<DataMessage>,
}

impl DataMessage {
    /// Returns the size in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl DataSender {
    /// Sends a message; waits while more than 256 KB are on their way. Returns when the engine has it,
    /// which is not yet when the peer has it.
    ///
    /// Cancel safe in that the channel stays usable; whether a cancelled message was sent is not known.
    ///
    /// # Errors
    /// [`DataSendError::TooLarge`] past [`MAX_MESSAGE_BYTES`]; [`DataSendError::Closed`] once closed.
    pub async fn send(&self, message: DataMessage) -> Result<(), DataSendError> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(DataSendError::TooLarge { bytes: message.len() });
        }
        let (outcome, done) = oneshot::channel();
        let command = DataCommand { message, outcome };
        self.commands.send(command).await.map_err(|_| DataSendError::Closed)?;
        done.await.map_err(|_| DataSendError::Closed)?
    }
}

impl DataReceiver {
    /// Waits for the next message; `None`: the channel is closed and all was read. Cancel safe.
    pub async fn recv(&mut self) -> Option<DataMessage> {
        self.messages.recv().await
    }
}

pub(super) fn data_channel() -> (DataSender, DataReceiver, DataPort) {
    let (commands, command_receiver) = mpsc::channel(DATA_OUT_MESSAGES);
    let (message_sender, messages) = mpsc::channel(DATA_IN_MESSAGES);
    let port = DataPort { commands: command_receiver, messages: message_sender };
    (DataSender { commands }, DataReceiver { messages }, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_of_the_limit_passes_and_one_byte_more_is_refused() {
        let (sender, _receiver, mut port) = data_channel();
        let engine = tokio::spawn(async move {
            let command = port.commands.recv().await.expect("a message");
            command.outcome.send(Ok(())).expect("waited for");
            command.message.len()
        });
        let message = |bytes: usize| DataMessage::Binary(Bytes::from(vec![0; bytes]));
        assert_eq!(
            sender.send(message(MAX_MESSAGE_BYTES + 1)).await,
            Err(DataSendError::TooLarge { bytes: MAX_MESSAGE_BYTES + 1 })
        );
        assert_eq!(sender.send(message(MAX_MESSAGE_BYTES)).await, Ok(()));
        assert_eq!(engine.await.expect("no panic"), MAX_MESSAGE_BYTES);
    }

    #[tokio::test]
    async fn a_closed_channel_refuses_messages_and_ends_the_receiver() {
        let (sender, mut receiver, port) = data_channel();
        drop(port);
        assert_eq!(sender.send(DataMessage::Text("late".into())).await, Err(DataSendError::Closed));
        assert_eq!(receiver.recv().await, None);
    }
}
