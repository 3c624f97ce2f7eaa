//! One message on the data channel: items of the pipeline, and requests about remote pipelines.
//!
//! Layout: header length (4 bytes, big-endian) · header (JSON, UTF-8) · payload. The header's `kind` is
//! `data`, `execute`, `result`, `failed`, `open`, `opened`, `close` or `closed`; an item's `type` says how
//! its payload is read: `json` and `text` UTF-8, `binary` as it is, `audio` interleaved little-endian
//! `f32`, `video` packed planes, `tensor` row-major native elements. Pure: bytes in, messages out.

use bytes::{BufMut, Bytes, BytesMut};
use remotemedia_runtime_core::data::{
    AudioFrame, ColorSpace, DataKind, ElementType, FrameError, MediaTime, PixelFormat, RuntimeData, Tensor,
    TransportData, VideoFrame,
};
use remotemedia_runtime_core::ledger::LedgerReport;
use remotemedia_runtime_core::shm::SharedFrame;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest message on the data channel, bytes: what every browser takes (RFC 8841 §6.1 lets an endpoint
/// say less; Chromium and Firefox say 256 KiB or more).
pub(super) const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Bytes before the header: its length.
const PREFIX_BYTES: usize = 4;

/// A message on the data channel.
#[derive(Debug, Clone)]
pub enum Envelope {
    /// An item for, or from, the pipeline that serves this peer.
    Data(TransportData),
    /// Run a manifest once on this item.
    Execute {
        /// The asker's number for the request.
        id: u64,
        /// The manifest; `None`: the one that the other side serves.
        manifest: Option<Value>,
        /// The input.
        item: TransportData,
    },
    /// What an `Execute` gave.
    Result {
        /// The request's number.
        id: u64,
        /// The output.
        item: TransportData,
    },
    /// The request failed.
    Failed {
        /// The request's number.
        id: u64,
        /// Why, in a sentence, causes included.
        message: String,
    },
    /// Run a manifest on the tracks and items of this peer until it is closed.
    Open {
        /// The asker's number for the request, and for the stream from here on.
        id: u64,
        /// The manifest.
        manifest: Value,
    },
    /// The stream runs.
    Opened {
        /// The request's number.
        id: u64,
    },
    /// End a stream.
    Close {
        /// The asker's number for the request.
        id: u64,
        /// The stream's number: that of the request that opened it.
        stream: u64,
    },
    /// The stream has ended; everything that came out of it was sent before this message.
    Closed {
        /// The request's number.
        id: u64,
        /// The stream's account.
        ledger: LedgerReport,
    },
}

/// Why bytes are no message, or a message has no bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The message is larger than a data channel carries.
    #[error(
        "message of {bytes} bytes is larger than the {MAX_MESSAGE_BYTES} bytes of a data channel message; send media as a stream"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The bytes end before the header or payload does.
    #[error("message of {got} bytes is cut off, its header needs {needed}")]
    CutOff {
        /// Bytes there.
        got: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// The header is not the JSON that it should be.
    #[error("message header is not understood")]
    Header(#[source] serde_json::Error),
    /// The payload is not what the header says.
    #[error("payload of {got} bytes does not fit {expected}")]
    Payload {
        /// Bytes there.
        got: usize,
        /// What the header promised.
        expected: String,
    },
    /// The frame that the header describes cannot be.
    #[error("the frame in the message is invalid")]
    Frame(#[from] FrameError),
    /// The item is of a kind that is not sent.
    #[error("{kind} items are not sent to other peers")]
    Kind {
        /// The kind.
        kind: DataKind,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Header {
    Data {
        #[serde(flatten)]
        item: ItemHeader,
    },
    Execute {
        id: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest: Option<Value>,
        #[serde(flatten)]
        item: ItemHeader,
    },
    Result {
        id: u64,
        #[serde(flatten)]
        item: ItemHeader,
    },
    Failed {
        id: u64,
        message: String,
    },
    Open {
        id: u64,
        manifest: Value,
    },
    Opened {
        id: u64,
    },
    Close {
        id: u64,
        stream: u64,
    },
    Closed {
        id: u64,
        ledger: LedgerReport,
    },
}

#[derive(Serialize, Deserialize)]
struct ItemHeader {
    #[serde(default)]
    sequence: u64,
    #[serde(default)]
    media_time_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(flatten)]
    layout: Layout,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Layout {
    Json,
    Text,
    Binary,
    Audio {
        sample_rate: u32,
        channels: u8,
    },
    Video {
        format: PixelFormat,
        width: u32,
        height: u32,
        #[serde(default)]
        color_space: ColorSpace,
    },
    Tensor {
        element_type: ElementType,
        shape: Vec<usize>,
    },
}

impl Envelope {
    /// Writes the message.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`] above 256 KiB; [`EnvelopeError::Kind`] for control items.
    pub fn encode(&self) -> Result<Bytes, EnvelopeError> {
        let (header, payload) = match self {
            Self::Data(item) => {
                let (item, payload) = split_item(item)?;
                (Header::Data { item }, payload)
            }
            Self::Execute { id, manifest, item } => {
                let (item, payload) = split_item(item)?;
                (Header::Execute { id: *id, manifest: manifest.clone(), item }, payload)
            }
            Self::Result { id, item } => {
                let (item, payload) = split_item(item)?;
                (Header::Result { id: *id, item }, payload)
            }
            Self::Failed { id, message } => {
                (Header::Failed { id: *id, message: message.clone() }, Bytes::new())
            }
            Self::Open { id, manifest } => {
                (Header::Open { id: *id, manifest: manifest.clone() }, Bytes::new())
            }
            Self::Opened { id } => (Header::Opened { id: *id }, Bytes::new()),
            Self::Close { id, stream } => (Header::Close { id: *id, stream: *stream }, Bytes::new()),
            Self::Closed { id, ledger } => (Header::Closed { id: *id, ledger: ledger.clone() }, Bytes::new()),
        };
        let header = serde_json::to_vec(&header).map_err(EnvelopeError::Header)?;
        let bytes = PREFIX_BYTES + header.len() + payload.len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(EnvelopeError::TooLarge { bytes });
        }
        let mut message = BytesMut::with_capacity(bytes);
        message.put_u32(header.len() as u32);
        message.put_slice(&header);
        message.put_slice(&payload);
        Ok(message.freeze())
    }

    /// Reads a message. The item's source is left open: who received it knows.
    ///
    /// # Errors
    /// [`EnvelopeError`] naming what is wrong with the bytes.
    pub fn decode(message: &Bytes) -> Result<Self, EnvelopeError> {
        let got = message.len();
        if got > MAX_MESSAGE_BYTES {
            return Err(EnvelopeError::TooLarge { bytes: got });
        }
        let Some(prefix) = message.first_chunk::<PREFIX_BYTES>() else {
            return Err(EnvelopeError::CutOff { got, needed: PREFIX_BYTES });
        };
        let end = PREFIX_BYTES.saturating_add(u32::from_be_bytes(*prefix) as usize);
        if end > got {
            return Err(EnvelopeError::CutOff { got, needed: end });
        }
        let header: Header =
            serde_json::from_slice(&message[PREFIX_BYTES..end]).map_err(EnvelopeError::Header)?;
        let payload = message.slice(end..);
        Ok(match header {
            Header::Data { item } => Self::Data(join_item(item, payload)?),
            Header::Execute { id, manifest, item } => {
                Self::Execute { id, manifest, item: join_item(item, payload)? }
            }
            Header::Result { id, item } => Self::Result { id, item: join_item(item, payload)? },
            Header::Failed { id, message } => Self::Failed { id, message },
            Header::Open { id, manifest } => Self::Open { id, manifest },
            Header::Opened { id } => Self::Opened { id },
            Header::Close { id, stream } => Self::Close { id, stream },
            Header::Closed { id, ledger } => Self::Closed { id, ledger },
        })
    }
}

fn split_item(item: &TransportData) -> Result<(ItemHeader, Bytes), EnvelopeError> {
    let (layout, payload) = match &item.data {
        RuntimeData::Json(value) => {
            let text = serde_json::to_vec(value).map_err(EnvelopeError::Header)?;
            (Layout::Json, Bytes::from(text))
        }
        RuntimeData::Text(text) => (Layout::Text, Bytes::copy_from_slice(text.as_bytes())),
        RuntimeData::Binary(bytes) => (Layout::Binary, bytes.clone()),
        RuntimeData::Audio(frame) => {
            check_size(size_of_val(frame.samples()))?;
            let samples = frame.samples().iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let layout = Layout::Audio { sample_rate: frame.sample_rate(), channels: frame.channels() };
            (layout, samples)
        }
        RuntimeData::Video(frame) => {
            let (format, width, height) = (frame.format(), frame.width(), frame.height());
            let (_, bytes) = format.packed_layout(width, height)?;
            check_size(bytes)?;
            let color_space = frame.color_space();
            (Layout::Video { format, width, height, color_space }, packed_planes(frame, bytes))
        }
        RuntimeData::Tensor(tensor) => {
            check_size(tensor.memory().bytes().len())?;
            let layout =
                Layout::Tensor { element_type: tensor.element_type(), shape: tensor.shape().to_vec() };
            (layout, Bytes::copy_from_slice(tensor.memory().bytes()))
        }
        other => return Err(EnvelopeError::Kind { kind: other.kind() }),
    };
    let header = ItemHeader {
        sequence: item.sequence,
        media_time_ns: item.media_time.as_nanos(),
        output: item.output.as_deref().map(str::to_owned),
        layout,
    };
    Ok((header, payload))
}

/// Refuses a payload that no message holds before it is copied.
fn check_size(bytes: usize) -> Result<(), EnvelopeError> {
    if bytes > MAX_MESSAGE_BYTES { Err(EnvelopeError::TooLarge { bytes }) } else { Ok(()) }
}

fn packed_planes(frame: &VideoFrame, bytes: usize) -> Bytes {
    let mut packed = BytesMut::with_capacity(bytes);
    for plane in 0..frame.format().plane_count() {
        for row in 0..frame.plane_layout(plane).rows {
            packed.put_slice(frame.row(plane, row));
        }
    }
    packed.freeze()
}

fn join_item(header: ItemHeader, payload: Bytes) -> Result<TransportData, EnvelopeError> {
    let got = payload.len();
    let misfit = |expected: &str| EnvelopeError::Payload { got, expected: expected.to_owned() };
    let data = match header.layout {
        Layout::Json => RuntimeData::json(serde_json::from_slice(&payload).map_err(|_| misfit("JSON"))?),
        Layout::Text => RuntimeData::text(std::str::from_utf8(&payload).map_err(|_| misfit("UTF-8 text"))?),
        Layout::Binary => RuntimeData::Binary(payload),
        Layout::Audio { sample_rate, channels } => {
            let (samples, rest) = payload.as_chunks::<4>();
            if !rest.is_empty() {
                return Err(misfit("whole 32-bit samples"));
            }
            let samples: Vec<f32> = samples.iter().map(|sample| f32::from_le_bytes(*sample)).collect();
            AudioFrame::from_samples(&samples, sample_rate, channels)?.into()
        }
        Layout::Video { format, width, height, color_space } => {
            let (planes, bytes) = format.packed_layout(width, height)?;
            if bytes != got {
                return Err(misfit(&format!("{bytes} bytes of a {width}x{height} picture")));
            }
            let memory = SharedFrame::from_vec(payload.into());
            VideoFrame::new(memory, format, width, height, planes)?.with_color_space(color_space).into()
        }
        Layout::Tensor { element_type, shape } => RuntimeData::Tensor(
            Tensor::new(SharedFrame::from_vec(payload.into()), element_type, shape)?.into(),
        ),
    };
    let mut item =
        TransportData::new(data).numbered(header.sequence).at(MediaTime::from_nanos(header.media_time_ns));
    item.output = header.output.map(Into::into);
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use remotemedia_runtime_core::data::VideoLoan;
    use remotemedia_runtime_core::shm::HeapPool;
    use serde_json::json;

    fn there_and_back(item: TransportData) -> TransportData {
        let message = Envelope::Data(item).encode().expect("fits");
        match Envelope::decode(&message).expect("our own bytes") {
            Envelope::Data(item) => item,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_item_survives_the_way_there_and_back() {
        let place =
            |data: RuntimeData| TransportData::new(data).numbered(7).at(MediaTime::from_nanos(123_456_789));
        let back = there_and_back(place(RuntimeData::json(json!({"a": [1, "ä"]}))));
        assert_eq!((back.sequence, back.media_time.as_nanos()), (7, 123_456_789));
        assert!(matches!(&back.data, RuntimeData::Json(v) if **v == json!({"a": [1, "ä"]})));
        let back = there_and_back(place(RuntimeData::text("grüße")));
        assert!(matches!(&back.data, RuntimeData::Text(t) if &**t == "grüße"));
        let back = there_and_back(place(RuntimeData::Binary(Bytes::from_static(&[0, 255]))));
        assert!(matches!(&back.data, RuntimeData::Binary(b) if b[..] == [0, 255]));
        let sound = AudioFrame::from_samples(&[0.5, -1.0], 48_000, 2).expect("one frame");
        let back = there_and_back(place(sound.into()));
        assert!(
            matches!(&back.data, RuntimeData::Audio(f) if f.samples() == [0.5, -1.0] && f.channels() == 2)
        );
        let loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, 3, 3).expect("small picture");
        let mut loan = loan.with_color_space(ColorSpace::BT709);
        loan.plane_mut(0).copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let back = there_and_back(place(loan.freeze().into()));
        let RuntimeData::Video(frame) = &back.data else { panic!("{back:?}") };
        assert_eq!(
            (frame.plane(0), frame.color_space()),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9][..], ColorSpace::BT709)
        );
    }

    #[test]
    fn the_largest_message_is_taken_and_one_byte_more_refused() {
        let empty = Envelope::Data(TransportData::new(RuntimeData::Binary(Bytes::new())));
        let frame = empty.encode().expect("fits").len();
        let filled = |bytes| Envelope::Data(TransportData::new(RuntimeData::Binary(vec![0; bytes].into())));
        let largest = filled(MAX_MESSAGE_BYTES - frame).encode().expect("exactly the limit");
        assert!(Envelope::decode(&largest).is_ok());
        let refused = filled(MAX_MESSAGE_BYTES - frame + 1).encode().expect_err("one past");
        assert!(matches!(refused, EnvelopeError::TooLarge { bytes } if bytes == MAX_MESSAGE_BYTES + 1));
    }

    #[test]
    fn a_message_cut_at_any_byte_is_refused_or_still_whole_but_never_panics() {
        let whole = Envelope::Execute {
            id: 1,
            manifest: Some(json!({"version": "v1"})),
            item: TransportData::new(json!({"op": "add"})),
        };
        let whole = whole.encode().expect("fits");
        for len in 0..whole.len() {
            assert!(Envelope::decode(&whole.slice(..len)).is_err(), "cut at {len}");
        }
        assert!(Envelope::decode(&whole).is_ok());
    }

    #[test]
    fn a_header_that_promises_another_payload_is_refused_with_both_figures() {
        let header = br#"{"kind":"data","type":"video","format":"i420","width":4,"height":4}"#;
        let mut message = BytesMut::new();
        message.put_u32(header.len() as u32);
        message.put_slice(header);
        message.put_slice(&[0; 23]);
        let refused = Envelope::decode(&message.freeze()).expect_err("24 bytes needed");
        assert_eq!(refused.to_string(), "payload of 23 bytes does not fit 24 bytes of a 4x4 picture");
    }

    #[test]
    fn a_length_beyond_the_message_is_refused() {
        let lying = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, b'{']);
        assert!(matches!(Envelope::decode(&lying), Err(EnvelopeError::CutOff { got: 5, .. })));
    }
}
