//! H.264 decoding with OpenH264.

use std::sync::Arc;

use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig};
use openh264::formats::YUVSource;
use remotemedia_runtime_core::data::{ColorSpace, PixelFormat, VideoFrame, VideoLoan};
use remotemedia_runtime_core::shm::FramePool;

use super::h264_bitstream::{
    NAL_IDR, NAL_LAST_SLICE, NAL_SLICE, NAL_SPS, NAL_SUBSET_SPS, PictureKind, nal_type, nal_units,
    picture_kind,
};
use super::{CodecError, DecodeError, VideoCodec, VideoDecoder, VideoDecoderSettings};

/// Decodes into loaned frames: one copy, out of the library's planes.
pub(super) struct H264Decoder {
    settings: VideoDecoderSettings,
    pool: Arc<dyn FramePool>,
    decoder: Decoder,
    /// Nothing but a key frame can be decoded.
    needs_key_frame: bool,
    /// As the stream said last.
    color_space: ColorSpace,
}

impl H264Decoder {
    pub(super) fn new(settings: VideoDecoderSettings, pool: Arc<dyn FramePool>) -> Result<Self, CodecError> {
        Ok(Self {
            settings,
            pool,
            decoder: start()?,
            needs_key_frame: true,
            color_space: ColorSpace::default(),
        })
    }

    /// Looks for what decides before the library is asked: is it a key frame, is it too large?
    fn inspect(&self, bitstream: &[u8]) -> Result<Contents, DecodeError> {
        let mut contents = Contents::default();
        for unit in nal_units(bitstream) {
            match nal_type(unit[0]) {
                NAL_SPS | NAL_SUBSET_SPS => {
                    let PictureKind { width, height, color_space } =
                        picture_kind(unit).ok_or(DecodeError::NeedsKeyFrame)?;
                    let max_pixels = self.settings.max_pixels;
                    if u64::from(width) * u64::from(height) > u64::from(max_pixels) {
                        return Err(DecodeError::TooLarge { width, height, max_pixels });
                    }
                    contents.color_space = Some(color_space);
                }
                NAL_IDR => (contents.key_frame, contents.picture) = (true, true),
                NAL_SLICE..=NAL_LAST_SLICE => contents.picture = true,
                _ => {}
            }
        }
        Ok(contents)
    }
}

impl VideoDecoder for H264Decoder {
    fn codec(&self) -> VideoCodec {
        VideoCodec::H264
    }

    fn decode(&mut self, bitstream: &[u8]) -> Result<Option<VideoFrame>, DecodeError> {
        let contents = self.inspect(bitstream).inspect_err(|_| self.needs_key_frame = true)?;
        if contents.picture && self.needs_key_frame && !contents.key_frame {
            return Err(DecodeError::NeedsKeyFrame);
        }
        self.color_space = contents.color_space.unwrap_or(self.color_space);
        let decoded = match self.decoder.decode(bitstream) {
            Ok(Some(picture)) => copy(&picture, &*self.pool, self.color_space).map(Some),
            Ok(None) if contents.picture => Err(DecodeError::NeedsKeyFrame),
            Ok(None) => Ok(None),
            Err(_) => Err(DecodeError::NeedsKeyFrame),
        };
        match &decoded {
            Ok(Some(_)) => self.needs_key_frame = false,
            Ok(None) => {}
            // A frame that the pool had no room for is decoded all the same: the next one can build on it.
            Err(DecodeError::Frame(_)) => self.needs_key_frame = false,
            Err(_) => {
                self.needs_key_frame = true;
                // A library that failed at a key frame holds state of no use any more.
                if contents.key_frame
                    && let Ok(fresh) = start()
                {
                    self.decoder = fresh;
                }
            }
        }
        decoded
    }

    fn expect_key_frame(&mut self) {
        self.needs_key_frame = true;
    }
}

/// What a bitstream holds.
#[derive(Debug, Clone, Copy, Default)]
struct Contents {
    key_frame: bool,
    picture: bool,
    /// If it is said anew.
    color_space: Option<ColorSpace>,
}

fn start() -> Result<Decoder, CodecError> {
    // The configuration's own flushing gives a picture out at once even if the profile allows reordering.
    Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new()).map_err(|error| {
        CodecError::Library { library: "OpenH264", reason: format!("code {}", error.native_code()) }
    })
}

fn copy(
    picture: &DecodedYUV<'_>,
    pool: &dyn FramePool,
    color_space: ColorSpace,
) -> Result<VideoFrame, DecodeError> {
    let (width, height) = picture.dimensions();
    let (stride_y, stride_u, stride_v) = picture.strides();
    let loan = VideoLoan::new(pool, PixelFormat::I420, width as u32, height as u32)?;
    let mut loan = loan.with_color_space(color_space);
    let rows = [0, 1, 2].map(|plane| loan.plane_layout(plane).row_bytes);
    let sources = [(picture.y(), stride_y), (picture.u(), stride_u), (picture.v(), stride_v)];
    for ((target, row_bytes), (source, stride)) in loan.planes_mut().into_iter().zip(rows).zip(sources) {
        for (to, from) in target.chunks_exact_mut(row_bytes).zip(source.chunks(stride)) {
            to.copy_from_slice(&from[..row_bytes]);
        }
    }
    Ok(loan.freeze())
}

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::MediaTime;
    use remotemedia_runtime_core::shm::{HeapPool, HeapPoolConfig};

    use super::super::h264_encoder::H264Encoder;
    use super::super::test_picture::{moving_picture, psnr};
    use super::super::{EncodedFrame, VideoEncoder, VideoEncoderSettings};
    use super::*;

    fn decoder() -> H264Decoder {
        H264Decoder::new(VideoDecoderSettings::default(), Arc::new(HeapPool::default())).expect("starts")
    }

    /// Encodes `count` moving pictures; those of `keys` as key frames.
    fn stream(width: u32, height: u32, count: u64, keys: &[u64]) -> Vec<EncodedFrame> {
        let settings = VideoEncoderSettings { bitrate_bps: Some(2_000_000), ..Default::default() };
        let mut encoder = H264Encoder::new(settings).expect("in range");
        let encode = |number| {
            let at = MediaTime::from_nanos(number * 33_000_000);
            encoder.encode(&moving_picture(width, height, number), at, keys.contains(&number))
        };
        (0..count).map(encode).map(|encoded| encoded.expect("encodes").expect("not left out")).collect()
    }

    #[test]
    fn pictures_come_back_as_they_went_in() {
        let mut decoder = decoder();
        for (number, encoded) in stream(320, 240, 10, &[]).iter().enumerate() {
            let decoded = decoder.decode(&encoded.bitstream).expect("intact").expect("a picture");
            let quality = psnr(&decoded, &moving_picture(320, 240, number as u64));
            assert!(quality > 35.0, "picture {number}: {quality:.1} dB");
        }
    }

    #[test]
    fn what_the_numbers_of_a_picture_mean_comes_back_with_them_and_may_change() {
        let mut encoder = H264Encoder::new(VideoEncoderSettings::default()).expect("in range");
        let mut decoder = decoder();
        let canvas = ColorSpace { primaries: 1, transfer: 13, matrix: 1, full_range: true };
        let wide = ColorSpace { primaries: 9, transfer: 14, matrix: 9, full_range: false };
        for (number, color_space) in
            [ColorSpace::BT601, ColorSpace::BT709, canvas, canvas, wide].into_iter().enumerate()
        {
            let picture = moving_picture(64, 48, number as u64).with_color_space(color_space);
            let at = MediaTime::from_nanos(number as u64 * 33_000_000);
            let encoded = encoder.encode(&picture, at, false).expect("encodes").expect("not left out");
            assert_eq!(encoded.key_frame, number != 3, "a change begins a new stream");
            let decoded = decoder.decode(&encoded.bitstream).expect("intact").expect("a picture");
            assert_eq!(decoded.color_space(), color_space, "picture {number}");
        }
    }

    #[test]
    fn odd_and_unaligned_sizes_come_back_cut_to_even_sides() {
        for (width, height) in [(321, 241), (16, 16), (18, 34), (1279, 719)] {
            let encoded = &stream(width, height, 1, &[])[0];
            let decoded = decoder().decode(&encoded.bitstream).expect("intact").expect("a picture");
            assert_eq!((decoded.width(), decoded.height()), (width & !1, height & !1));
            let quality = psnr(&decoded, &moving_picture(width, height, 0));
            assert!(quality > 30.0, "{width}x{height}: {quality:.1} dB");
        }
    }

    #[test]
    fn after_a_lost_picture_a_key_frame_is_needed_and_heals() {
        let encoded = stream(320, 240, 6, &[4]);
        let mut decoder = decoder();
        decoder.decode(&encoded[0].bitstream).expect("intact").expect("a picture");
        for lost_base in [2, 3] {
            let refused = decoder.decode(&encoded[lost_base].bitstream).expect_err("picture 1 is missing");
            assert!(refused.needs_key_frame());
        }
        for (number, encoded) in encoded.iter().enumerate().skip(4) {
            let decoded = decoder.decode(&encoded.bitstream).expect("healed").expect("a picture");
            assert!(psnr(&decoded, &moving_picture(320, 240, number as u64)) > 35.0);
        }
    }

    #[test]
    fn a_stream_joined_in_the_middle_waits_for_a_key_frame() {
        let encoded = stream(64, 64, 3, &[]);
        assert_eq!(
            decoder().decode(&encoded[1].bitstream).expect_err("no start"),
            DecodeError::NeedsKeyFrame
        );
    }

    #[test]
    fn a_decoder_told_of_a_loss_refuses_until_the_key_frame() {
        let encoded = stream(64, 64, 4, &[3]);
        let mut decoder = decoder();
        decoder.decode(&encoded[0].bitstream).expect("intact");
        decoder.expect_key_frame();
        assert!(decoder.decode(&encoded[1].bitstream).is_err());
        assert!(decoder.decode(&encoded[3].bitstream).is_ok());
    }

    #[test]
    fn a_picture_at_the_limit_is_decoded_and_one_above_it_refused_with_its_size() {
        let encoded = stream(64, 48, 1, &[]);
        let limited = |max_pixels| {
            let settings = VideoDecoderSettings { max_pixels };
            let mut decoder = H264Decoder::new(settings, Arc::new(HeapPool::default())).expect("starts");
            decoder.decode(&encoded[0].bitstream)
        };
        assert!(limited(64 * 48).expect("at the limit").is_some());
        let refused = limited(64 * 48 - 1).expect_err("one above");
        assert_eq!(refused, DecodeError::TooLarge { width: 64, height: 48, max_pixels: 64 * 48 - 1 });
    }

    #[test]
    fn a_full_pool_costs_its_picture_but_not_the_next() {
        let pool = HeapPool::new(HeapPoolConfig { max_bytes: 64 * 64 * 3 / 2, max_idle_bytes: 0 });
        let settings = VideoDecoderSettings::default();
        let mut decoder = H264Decoder::new(settings, Arc::new(pool)).expect("starts");
        let encoded = stream(64, 64, 3, &[]);
        let held = decoder.decode(&encoded[0].bitstream).expect("room for one");
        assert!(matches!(decoder.decode(&encoded[1].bitstream), Err(DecodeError::Frame(_))));
        drop(held);
        assert!(decoder.decode(&encoded[2].bitstream).expect("chain intact").is_some());
    }

    #[test]
    fn damaged_streams_are_refused_and_never_more() {
        let encoded = stream(160, 120, 8, &[4]);
        let mut decoder = decoder();
        let mut random = 0x2545_f491_4f6c_dd1du64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as usize
        };
        for round in 0..600 {
            let mut bytes = encoded[next() % encoded.len()].bitstream.to_vec();
            match round % 3 {
                0 => bytes.truncate(next() % bytes.len()),
                1 => (0..1 + next() % 20).for_each(|_| {
                    let at = next() % bytes.len();
                    bytes[at] ^= 1 << (next() % 8);
                }),
                _ => bytes.iter_mut().skip(4).for_each(|byte| *byte = next() as u8),
            }
            // Some damage goes unnoticed in a picture; none may end the process.
            let _ = decoder.decode(&bytes);
        }
        let healed = decoder.decode(&encoded[0].bitstream).or_else(|_| decoder.decode(&encoded[4].bitstream));
        let healed = healed.expect("a key frame heals").expect("a picture");
        assert!(
            psnr(&healed, &moving_picture(160, 120, 0)).max(psnr(&healed, &moving_picture(160, 120, 4)))
                > 35.0
        );
    }
}
