//! Opus encoding with libopus.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use opus::{Application, Bitrate, Channels, Encoder};
use remotemedia_runtime_core::data::{AudioFrame, MediaTime};

use super::{AudioCodec, AudioEncoder, AudioEncoderSettings, CodecError, EncodeError, EncodedPacket};

/// Cuts sound into blocks of 10 ms and encodes each. Allocates nothing per packet once its buffers are as
/// large as they get.
pub(super) struct OpusEncoder {
    settings: AudioEncoderSettings,
    expected_loss: f32,
    encoder: Encoder,
    sample_rate: u32,
    block: Block,
    output: BytesMut,
}

/// The block in hand: interleaved samples in the settings' channels, of at most 10 ms.
struct Block {
    samples: Vec<f32>,
    /// Capture time of its first sample, in samples of its rate since `origin`.
    start: u64,
    origin: MediaTime,
}

impl OpusEncoder {
    pub(super) fn new(settings: AudioEncoderSettings) -> Result<Self, CodecError> {
        let encoder = start(&settings, RTP_RATE, 0.0)
            .map_err(|error| CodecError::Library { library: LIBRARY, reason: error.to_string() })?;
        let block = Block { samples: Vec::new(), start: 0, origin: MediaTime::ZERO };
        Ok(Self {
            settings,
            expected_loss: 0.0,
            encoder,
            sample_rate: RTP_RATE,
            block,
            output: BytesMut::new(),
        })
    }

    /// Samples of a full block, all channels counted.
    fn block_len(&self) -> usize {
        self.sample_rate as usize / BLOCKS_A_SECOND * usize::from(self.settings.channels)
    }

    /// Fits the block in hand to a frame at `at`: another rate or a gap ends it.
    fn align(
        &mut self,
        sample_rate: u32,
        at: MediaTime,
        packets: &mut Vec<EncodedPacket>,
    ) -> Result<(), EncodeError> {
        if sample_rate != self.sample_rate {
            if !RATES.contains(&sample_rate) {
                return Err(EncodeError::SampleRate { sample_rate });
            }
            let encoder = start(&self.settings, sample_rate, self.expected_loss).map_err(library_error)?;
            self.end_block(packets)?;
            self.encoder = encoder;
            self.sample_rate = sample_rate;
            self.block.restart(at);
        }
        let expected = self.block.end_time(self.sample_rate, self.settings.channels);
        let gap = at.saturating_since(expected).max(expected.saturating_since(at));
        if gap > MAX_GAP {
            self.end_block(packets)?;
            self.block.restart(at);
        }
        Ok(())
    }

    /// Fills the block in hand up with silence and encodes it.
    fn end_block(&mut self, packets: &mut Vec<EncodedPacket>) -> Result<(), EncodeError> {
        if self.block.samples.is_empty() {
            return Ok(());
        }
        self.block.samples.resize(self.block_len(), 0.0);
        self.encode_block(packets)
    }

    fn encode_block(&mut self, packets: &mut Vec<EncodedPacket>) -> Result<(), EncodeError> {
        let media_time = self.block.start_time(self.sample_rate);
        let payload = self.encode_samples()?;
        self.block.start += (self.sample_rate as usize / BLOCKS_A_SECOND) as u64;
        self.block.samples.clear();
        packets.push(EncodedPacket { payload, media_time, duration: BLOCK });
        Ok(())
    }

    fn encode_samples(&mut self) -> Result<Bytes, EncodeError> {
        if self.output.capacity() < MAX_PACKET {
            // Takes the buffer back if its packets are gone, else makes another.
            self.output.reserve(OUTPUT_RESERVE);
        }
        self.output.resize(MAX_PACKET, 0);
        let encoded = self.encoder.encode_float(&self.block.samples, &mut self.output);
        let len = encoded.map_err(|error| {
            self.output.clear();
            library_error(error)
        })?;
        let payload = self.output.split_to(len).freeze();
        self.output.clear();
        Ok(payload)
    }
}

impl AudioEncoder for OpusEncoder {
    fn codec(&self) -> AudioCodec {
        AudioCodec::Opus
    }

    fn encode(
        &mut self,
        frame: &AudioFrame,
        at: MediaTime,
        packets: &mut Vec<EncodedPacket>,
    ) -> Result<(), EncodeError> {
        if !matches!(frame.channels(), 1 | 2) {
            return Err(EncodeError::Channels { channels: frame.channels() });
        }
        self.align(frame.sample_rate(), at, packets)?;
        let from = usize::from(frame.channels());
        let to = usize::from(self.settings.channels);
        let block_len = self.block_len();
        let mut rest = frame.samples();
        while !rest.is_empty() {
            let room = (block_len - self.block.samples.len()) / to;
            let (taken, left) = rest.split_at((room * from).min(rest.len()));
            self.block.append(taken, from, to);
            rest = left;
            if self.block.samples.len() == block_len {
                self.encode_block(packets)?;
            }
        }
        Ok(())
    }

    fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError> {
        let range = AudioEncoderSettings::BITRATE_BPS;
        if !range.contains(&bitrate_bps) {
            return Err(EncodeError::Bitrate { bitrate_bps, min_bps: *range.start(), max_bps: *range.end() });
        }
        self.encoder.set_bitrate(Bitrate::Bits(bitrate_bps as i32)).map_err(library_error)?;
        self.settings.bitrate_bps = bitrate_bps;
        Ok(())
    }

    fn set_expected_loss(&mut self, loss_ratio: f32) {
        self.expected_loss = loss_ratio.clamp(0.0, 1.0);
        let percent = loss_percent(self.expected_loss);
        // Best effort: a refusal leaves the old expectation, which only costs quality.
        self.encoder.set_packet_loss_perc(percent).ok();
    }
}

impl Block {
    fn restart(&mut self, at: MediaTime) {
        self.samples.clear();
        self.origin = at;
        self.start = 0;
    }

    fn start_time(&self, sample_rate: u32) -> MediaTime {
        self.origin + MediaTime::from_rtp_ticks(self.start, sample_rate).as_duration()
    }

    fn end_time(&self, sample_rate: u32, channels: u8) -> MediaTime {
        let in_hand = (self.samples.len() / usize::from(channels)) as u64;
        self.origin + MediaTime::from_rtp_ticks(self.start + in_hand, sample_rate).as_duration()
    }

    fn append(&mut self, samples: &[f32], from: usize, to: usize) {
        match (from, to) {
            (1, 2) => self.samples.extend(samples.iter().flat_map(|sample| [*sample, *sample])),
            (2, 1) => self.samples.extend(samples.chunks_exact(2).map(|pair| (pair[0] + pair[1]) * 0.5)),
            _ => self.samples.extend_from_slice(samples),
        }
    }
}

fn start(settings: &AudioEncoderSettings, sample_rate: u32, expected_loss: f32) -> opus::Result<Encoder> {
    let channels = if settings.channels == 1 { Channels::Mono } else { Channels::Stereo };
    // Error correction exists in the speech mode alone.
    let application =
        if settings.forward_error_correction { Application::Voip } else { Application::LowDelay };
    let mut encoder = Encoder::new(sample_rate, channels, application)?;
    encoder.set_bitrate(Bitrate::Bits(settings.bitrate_bps as i32))?;
    encoder.set_complexity(COMPLEXITY)?;
    encoder.set_inband_fec(settings.forward_error_correction)?;
    encoder.set_packet_loss_perc(loss_percent(expected_loss))?;
    Ok(encoder)
}

fn loss_percent(loss_ratio: f32) -> i32 {
    (loss_ratio * 100.0).round() as i32
}

fn library_error(error: opus::Error) -> EncodeError {
    EncodeError::Library { library: LIBRARY, reason: error.to_string() }
}

const LIBRARY: &str = "libopus";
/// Sample rate that the encoder starts with, Hz; it follows the sound it is given.
const RTP_RATE: u32 = 48_000;
/// Sample rates that libopus takes, Hz. Source: RFC 6716 §2.
const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
/// 10 ms: with 20 ms, sound is not through in 50 ms.
const BLOCK: Duration = Duration::from_millis(10);
const BLOCKS_A_SECOND: usize = 100;
/// A step of the capture time up to this is jitter of its clock, not a gap: the samples are taken as
/// continuous.
const MAX_GAP: Duration = Duration::from_millis(20);
/// Measured at 48 kHz stereo: 52 µs per 20 ms, against 77 µs at 9 for hardly more quality.
const COMPLEXITY: i32 = 5;
/// Longest packet of one frame, bytes. Source: RFC 6716 §3.2.1.
const MAX_PACKET: usize = 1_275;
/// Bytes of output buffer made at a time: some 100 packets at 64 kbit/s.
const OUTPUT_RESERVE: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::super::test_picture::tone;
    use super::*;

    fn encoder(channels: u8) -> OpusEncoder {
        OpusEncoder::new(AudioEncoderSettings { channels, ..Default::default() }).expect("in range")
    }

    fn times(packets: &[EncodedPacket]) -> Vec<u128> {
        packets.iter().map(|packet| packet.media_time.as_duration().as_micros()).collect()
    }

    #[test]
    fn frames_of_any_length_come_out_as_packets_of_10_ms() {
        let mut encoder = encoder(2);
        let mut packets = Vec::new();
        let mut from = 0;
        // 20 ms, 7 ms, 1 sample, the rest of 40 ms.
        for frames in [960, 336, 1, 623] {
            let at = MediaTime::from_rtp_ticks(from as u64, 48_000);
            encoder.encode(&tone(440.0, from, frames, 48_000, 2), at, &mut packets).expect("stereo");
            from += frames;
        }
        assert_eq!(times(&packets), [0, 10_000, 20_000, 30_000]);
        assert!(packets.iter().all(|packet| packet.duration == BLOCK));
    }

    #[test]
    fn each_rate_that_opus_knows_is_taken_and_others_are_refused_by_value() {
        let mut encoder = encoder(2);
        let mut packets = Vec::new();
        for (second, rate) in RATES.into_iter().enumerate() {
            let at = MediaTime::from_duration(Duration::from_secs(second as u64));
            encoder
                .encode(&tone(440.0, 0, rate as usize / 50, rate, 1), at, &mut packets)
                .expect("known rate");
        }
        assert_eq!(packets.len(), 2 * RATES.len());
        let refused = encoder.encode(&tone(440.0, 0, 441, 44_100, 2), MediaTime::ZERO, &mut packets);
        assert_eq!(refused, Err(EncodeError::SampleRate { sample_rate: 44_100 }));
        assert_eq!(packets.len(), 2 * RATES.len());
    }

    #[test]
    fn three_channels_are_refused() {
        let refused = encoder(2).encode(&tone(440.0, 0, 480, 48_000, 3), MediaTime::ZERO, &mut Vec::new());
        assert_eq!(refused, Err(EncodeError::Channels { channels: 3 }));
    }

    #[test]
    fn a_gap_ends_the_block_in_hand_and_jitter_does_not() {
        let mut encoder = encoder(1);
        let mut packets = Vec::new();
        let feed = |encoder: &mut OpusEncoder, millis, packets: &mut Vec<EncodedPacket>| {
            let at = MediaTime::from_duration(Duration::from_millis(millis));
            encoder.encode(&tone(440.0, 0, 240, 48_000, 1), at, packets).expect("mono");
        };
        feed(&mut encoder, 0, &mut packets);
        // 5 ms expected, 12 ms late at most: still the same block.
        feed(&mut encoder, 17, &mut packets);
        assert_eq!(times(&packets), [0]);
        feed(&mut encoder, 1_000, &mut packets);
        feed(&mut encoder, 1_030, &mut packets);
        assert_eq!(times(&packets), [0, 1_000_000]);
        // One past the limit of 20 ms: the half block of 1000 ms was sent with silence.
        assert_eq!(packets.len(), 2);
    }

    #[test]
    fn bitrates_hold_and_are_refused_outside_their_range() {
        let mut encoder = encoder(2);
        let measure = |encoder: &mut OpusEncoder, bitrate_bps| {
            encoder.set_bitrate(bitrate_bps).expect("in range");
            let mut packets = Vec::new();
            encoder
                .encode(&tone(440.0, 0, 48_000, 48_000, 2), MediaTime::ZERO, &mut packets)
                .expect("stereo");
            packets.iter().map(|packet| packet.payload.len() as u32 * 8).sum::<u32>()
        };
        let (high, low) = (measure(&mut encoder, 96_000), measure(&mut encoder, 24_000));
        assert!(high > 2 * low, "{high} against {low} bit/s");
        assert!(encoder.set_bitrate(5_999).is_err() && encoder.set_bitrate(510_001).is_err());
    }
}
