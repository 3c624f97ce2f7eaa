//! Opus decoding with libopus.

use std::sync::Arc;

use opus::{Channels, Decoder};
use remotemedia_runtime_core::data::{AudioFrame, AudioLoan};
use remotemedia_runtime_core::shm::FramePool;

use super::{AudioCodec, AudioDecoder, AudioDecoderSettings, AudioPacket, CodecError, DecodeError};

/// Decodes into loaned frames at 48 kHz, without a copy.
pub(super) struct OpusDecoder {
    settings: AudioDecoderSettings,
    pool: Arc<dyn FramePool>,
    decoder: Decoder,
    /// Frames (one sample of each channel) of the last packet: what a lost one is taken to last.
    last_len: usize,
}

impl OpusDecoder {
    pub(super) fn new(settings: AudioDecoderSettings, pool: Arc<dyn FramePool>) -> Result<Self, CodecError> {
        let channels = if settings.channels == 1 { Channels::Mono } else { Channels::Stereo };
        let decoder = Decoder::new(RATE, channels)
            .map_err(|error| CodecError::Library { library: "libopus", reason: error.to_string() })?;
        Ok(Self { settings, pool, decoder, last_len: DEFAULT_LEN })
    }

    /// Asks the library for `len` frames; an empty packet is concealed.
    fn decode_into_loan(
        &mut self,
        packet: &[u8],
        len: usize,
        repair: bool,
    ) -> Result<AudioFrame, DecodeError> {
        let mut loan = AudioLoan::new(&*self.pool, len, RATE, self.settings.channels)?;
        let corrupt = DecodeError::Corrupt { len: packet.len() };
        match self.decoder.decode_float(packet, loan.samples_mut(), repair) {
            Ok(decoded) if decoded == len => Ok(loan.freeze()),
            Ok(_) | Err(_) => Err(corrupt),
        }
    }
}

impl AudioDecoder for OpusDecoder {
    fn codec(&self) -> AudioCodec {
        AudioCodec::Opus
    }

    fn decode(&mut self, packet: AudioPacket<'_>) -> Result<AudioFrame, DecodeError> {
        match packet {
            AudioPacket::Received(packet) => {
                let corrupt = DecodeError::Corrupt { len: packet.len() };
                let len = match self.decoder.get_nb_samples(packet) {
                    Ok(len) if (1..=MAX_LEN).contains(&len) && !packet.is_empty() => len,
                    Ok(_) | Err(_) => return Err(corrupt),
                };
                let frame = self.decode_into_loan(packet, len, false)?;
                self.last_len = len;
                Ok(frame)
            }
            AudioPacket::Lost => self.decode_into_loan(&[], self.last_len, false),
            // Without a copy in it the library conceals by itself.
            AudioPacket::LostBefore(next) if !next.is_empty() => {
                self.decode_into_loan(next, self.last_len, true)
            }
            AudioPacket::LostBefore(_) => self.decode_into_loan(&[], self.last_len, false),
        }
    }
}

/// Sample rate of all decoded sound, Hz: that of the RTP clock.
const RATE: u32 = 48_000;
/// What a packet lasts before the first was seen, frames: 10 ms.
const DEFAULT_LEN: usize = 480;
/// Longest packet, frames: 120 ms. Source: RFC 6716 §3.2.5.
const MAX_LEN: usize = 5_760;

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::MediaTime;
    use remotemedia_runtime_core::shm::HeapPool;

    use super::super::opus_encoder::OpusEncoder;
    use super::super::test_picture::{share_at, tone};
    use super::super::{AudioEncoder, AudioEncoderSettings, EncodedPacket};
    use super::*;

    fn decoder(channels: u8) -> OpusDecoder {
        OpusDecoder::new(AudioDecoderSettings { channels }, Arc::new(HeapPool::default())).expect("starts")
    }

    fn packets(settings: AudioEncoderSettings, hz: f32) -> Vec<EncodedPacket> {
        let mut encoder = OpusEncoder::new(settings).expect("in range");
        encoder.set_expected_loss(0.2);
        let mut packets = Vec::new();
        encoder.encode(&tone(hz, 0, 48_000, 48_000, 2), MediaTime::ZERO, &mut packets).expect("stereo");
        packets
    }

    fn decode_all(
        decoder: &mut OpusDecoder,
        packets: &[EncodedPacket],
        lost: &[usize],
        repair: bool,
    ) -> Vec<f32> {
        let mut samples = Vec::new();
        for (at, packet) in packets.iter().enumerate() {
            let given = match (lost.contains(&at), repair) {
                (false, _) => AudioPacket::Received(&packet.payload),
                (true, false) => AudioPacket::Lost,
                (true, true) => AudioPacket::LostBefore(&packets[at + 1].payload),
            };
            samples.extend_from_slice(decoder.decode(given).expect("decodes").samples());
        }
        samples
    }

    #[test]
    fn a_tone_comes_back_as_that_tone_in_either_number_of_channels() {
        for (sent, heard) in [(2, 2), (1, 2), (2, 1), (1, 1)] {
            let sent = packets(AudioEncoderSettings { channels: sent, ..Default::default() }, 440.0);
            let samples = decode_all(&mut decoder(heard), &sent, &[], false);
            assert_eq!(samples.len(), 48_000 * usize::from(heard));
            let settled = &samples[4_800..];
            assert!(share_at(settled, usize::from(heard), 440.0, 48_000) > 0.95);
            assert!(share_at(settled, usize::from(heard), 880.0, 48_000) < 0.05);
        }
    }

    #[test]
    fn lost_packets_are_concealed_and_last_as_long() {
        let sent = packets(AudioEncoderSettings::default(), 440.0);
        let samples = decode_all(&mut decoder(2), &sent, &[30, 50, 51], false);
        assert_eq!(samples.len(), 96_000);
        let concealed = &samples[30 * 960..31 * 960];
        assert!(concealed.iter().any(|sample| sample.abs() > 0.1), "not silence");
        assert!(share_at(&samples[4_800..], 2, 440.0, 48_000) > 0.9);
    }

    /// Signal to error in decibels within the lost packets, against the decoding without loss.
    fn quality_in_losses(samples: &[f32], intact: &[f32], lost: &[usize]) -> f32 {
        let (mut signal, mut error) = (0.0, 1e-9);
        for at in lost.iter().flat_map(|packet| packet * 480..(packet + 1) * 480) {
            signal += intact[at] * intact[at];
            error += (samples[at] - intact[at]).powi(2);
        }
        10.0 * (signal / error).log10()
    }

    #[test]
    fn the_next_packet_repairs_a_lost_one_better_than_concealment() {
        // A voice-like sound: a buzz whose pitch glides, which no concealment can foresee.
        let mut phase = 0.0f32;
        let buzz: Vec<f32> = (0..48_000)
            .map(|n| {
                phase += (120.0 + 60.0 * (n as f32 * 0.0008).sin()) / 48_000.0;
                let glide = (n as f32 * 0.0005).sin().abs();
                (1..12)
                    .map(|k| (phase * k as f32 * std::f32::consts::TAU).sin() * glide / k as f32)
                    .sum::<f32>()
                    * 0.3
            })
            .collect();
        let settings =
            AudioEncoderSettings { channels: 1, bitrate_bps: 24_000, forward_error_correction: true };
        let mut encoder = OpusEncoder::new(settings).expect("in range");
        encoder.set_expected_loss(0.2);
        let mut sent = Vec::new();
        let sound = AudioFrame::from_samples(&buzz, 48_000, 1).expect("mono");
        encoder.encode(&sound, MediaTime::ZERO, &mut sent).expect("mono");
        let lost: Vec<usize> = (10..90).step_by(5).collect();
        let intact = decode_all(&mut decoder(1), &sent, &[], false);
        let concealed = decode_all(&mut decoder(1), &sent, &lost, false);
        let repaired = decode_all(&mut decoder(1), &sent, &lost, true);
        let concealed = quality_in_losses(&concealed, &intact, &lost);
        let repaired = quality_in_losses(&repaired, &intact, &lost);
        assert!(repaired > concealed + 3.0, "repaired {repaired:.1} dB, concealed {concealed:.1} dB");
    }

    #[test]
    fn a_lost_packet_before_any_other_is_10_ms_of_silence() {
        let frame = decoder(2).decode(AudioPacket::Lost).expect("concealed");
        assert_eq!((frame.frame_count(), frame.sample_rate()), (480, 48_000));
        assert!(frame.samples().iter().all(|sample| sample.abs() < 1e-3));
    }

    #[test]
    fn packets_that_are_none_are_refused_and_the_decoder_goes_on() {
        let sent = packets(AudioEncoderSettings::default(), 440.0);
        let mut decoder = decoder(2);
        let refused =
            |decoder: &mut OpusDecoder, packet: &[u8]| decoder.decode(AudioPacket::Received(packet)).err();
        assert_eq!(refused(&mut decoder, &[]), Some(DecodeError::Corrupt { len: 0 }));
        // Code 3 with a count of 63 frames: longer than 120 ms.
        assert_eq!(refused(&mut decoder, &[0xff, 63]), Some(DecodeError::Corrupt { len: 2 }));
        assert!(decoder.decode(AudioPacket::LostBefore(&[])).is_ok());
        let mut random = 1u32;
        for len in 1..400 {
            let garbage: Vec<u8> = (0..len)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (random >> 24) as u8
                })
                .collect();
            // Nearly all bytes are some sound to Opus; none may end the process.
            let _ = decoder.decode(AudioPacket::Received(&garbage));
            let _ = decoder.decode(AudioPacket::LostBefore(&garbage));
        }
        let samples = decode_all(&mut decoder, &sent, &[], false);
        assert!(share_at(&samples[9_600..], 2, 440.0, 48_000) > 0.9);
    }
}
