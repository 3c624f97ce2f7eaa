//! H.264 encoding with OpenH264.

use bytes::{BufMut, BytesMut};
use openh264::encoder::{
    BitRate, ColorPrimaries, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, MatrixCoefficients,
    RateControlMode, TransferCharacteristics, UsageType, VuiConfig,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};
use remotemedia_runtime_core::data::{ColorSpace, MediaTime, PixelFormat, VideoFrame};

use super::h264_options::{set_running_bitrate, silence};
use super::{CodecError, EncodeError, EncodedFrame, VideoCodec, VideoEncoder, VideoEncoderSettings};

/// Encodes Constrained Baseline, one reference, one slice a picture.
///
/// OpenH264 takes even sizes only: the last column of an odd width and the last row of an odd height are
/// left out, which costs no copy.
pub(super) struct H264Encoder {
    settings: VideoEncoderSettings,
    running: Option<Running>,
    output: BytesMut,
    last_at: MediaTime,
}

/// OpenH264, started for one picture size and one colour space.
struct Running {
    encoder: Encoder,
    size: (u32, u32),
    color_space: ColorSpace,
    bitrate_bps: u32,
}

impl H264Encoder {
    pub(super) fn new(settings: VideoEncoderSettings) -> Result<Self, CodecError> {
        Ok(Self { settings, running: None, output: BytesMut::new(), last_at: MediaTime::ZERO })
    }

    fn start(&self, size: (u32, u32), color_space: ColorSpace) -> Result<Running, EncodeError> {
        let frame_rate = self.settings.max_frame_rate;
        let by_size = VideoEncoderSettings::default_bitrate_bps(size.0, size.1, frame_rate);
        let bitrate_bps = self.settings.bitrate_bps.unwrap_or(by_size);
        // The library's own defaults are for other uses: 120 kbit/s, skipped frames.
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .complexity(Complexity::Low)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(bitrate_bps))
            .max_frame_rate(FrameRate::from_hz(frame_rate))
            .num_threads(1)
            .skip_frames(false)
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .vui(vui(color_space));
        let mut encoder =
            Encoder::with_api_config(OpenH264API::from_source(), config).map_err(library_error)?;
        silence(&mut encoder);
        Ok(Running { encoder, size, color_space, bitrate_bps })
    }
}

/// Puts a colour space into the library's names; what it has none for is left unspecified.
fn vui(color_space: ColorSpace) -> VuiConfig {
    use ColorPrimaries as Primaries;
    use MatrixCoefficients as Matrix;
    use TransferCharacteristics as Transfer;
    let primaries = match color_space.primaries {
        1 => Primaries::Bt709,
        4 => Primaries::Bt470M,
        5 => Primaries::Bt470BG,
        6 => Primaries::Smpte170M,
        7 => Primaries::Smpte240M,
        8 => Primaries::Film,
        9 => Primaries::Bt2020,
        _ => Primaries::Unspecified,
    };
    let transfer = match color_space.transfer {
        1 => Transfer::Bt709,
        4 => Transfer::Bt470M,
        5 => Transfer::Bt470Bg,
        6 => Transfer::Smpte170M,
        7 => Transfer::Smpte240M,
        8 => Transfer::Linear,
        13 => Transfer::Srgb,
        14 => Transfer::Bt2020_10,
        15 => Transfer::Bt2020_12,
        16 => Transfer::Smpte2084,
        18 => Transfer::Hlg,
        _ => Transfer::Unspecified,
    };
    let matrix = match color_space.matrix {
        1 => Matrix::Bt709,
        4 => Matrix::Fcc,
        5 => Matrix::Bt470Bg,
        6 => Matrix::Smpte170M,
        7 => Matrix::Smpte240M,
        9 => Matrix::Bt2020Ncl,
        10 => Matrix::Bt2020Cl,
        _ => Matrix::Unspecified,
    };
    VuiConfig::new()
        .color_primaries(primaries)
        .transfer_characteristics(transfer)
        .matrix_coefficients(matrix)
        .full_range(color_space.full_range)
}

impl VideoEncoder for H264Encoder {
    fn codec(&self) -> VideoCodec {
        VideoCodec::H264
    }

    fn encode(
        &mut self,
        frame: &VideoFrame,
        at: MediaTime,
        key_frame: bool,
    ) -> Result<Option<EncodedFrame>, EncodeError> {
        let planes = Planes::of(frame)?;
        let (size, color_space) = ((planes.width as u32, planes.height as u32), frame.color_space());
        let mut running = match self.running.take() {
            Some(running) if running.size == size && running.color_space == color_space => running,
            // Started anew: its first picture is a key frame.
            _ => self.start(size, color_space)?,
        };
        if key_frame {
            running.encoder.force_intra_frame();
        }
        self.last_at = self.last_at.max(at);
        let millis = self.last_at.as_duration().as_millis() as u64;
        let encoded =
            running.encoder.encode_at(&planes, Timestamp::from_millis(millis)).map_err(library_error)?;
        let frame_type = encoded.frame_type();
        if matches!(frame_type, FrameType::Invalid | FrameType::Skip) {
            self.running = Some(running);
            return Ok(None);
        }
        self.output.reserve(OUTPUT_RESERVE);
        encoded.write(&mut (&mut self.output).writer()).map_err(library_error)?;
        let bitstream = self.output.split().freeze();
        // Only a success keeps the library's state: after a failure the next picture starts it anew.
        self.running = Some(running);
        let key_frame = frame_type == FrameType::IDR;
        Ok(Some(EncodedFrame { bitstream, key_frame, media_time: at, width: size.0, height: size.1 }))
    }

    fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError> {
        let range = VideoEncoderSettings::BITRATE_BPS;
        if !range.contains(&bitrate_bps) {
            return Err(EncodeError::Bitrate { bitrate_bps, min_bps: *range.start(), max_bps: *range.end() });
        }
        if let Some(running) = &mut self.running
            && running.bitrate_bps != bitrate_bps
        {
            set_running_bitrate(&mut running.encoder, running.bitrate_bps, bitrate_bps)?;
            running.bitrate_bps = bitrate_bps;
        }
        self.settings.bitrate_bps = Some(bitrate_bps);
        Ok(())
    }

    fn bitrate_bps(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.bitrate_bps).or(self.settings.bitrate_bps)
    }
}

/// A frame's planes as OpenH264 reads them, cut to even sides.
struct Planes<'a> {
    frame: &'a VideoFrame,
    width: usize,
    height: usize,
}

impl<'a> Planes<'a> {
    fn of(frame: &'a VideoFrame) -> Result<Self, EncodeError> {
        if frame.format() != PixelFormat::I420 {
            return Err(EncodeError::Format { format: frame.format() });
        }
        let (width, height) = (frame.width() & !1, frame.height() & !1);
        let (long, short) = (width.max(height), width.min(height));
        if !(MIN_SIDE..=MAX_SHORT_SIDE).contains(&short) || long > MAX_LONG_SIDE {
            let (width, height) = (frame.width(), frame.height());
            return Err(EncodeError::Dimensions { width, height, expected: SIZES });
        }
        let (u_stride, v_stride) = (frame.plane_layout(1).stride, frame.plane_layout(2).stride);
        if u_stride != v_stride {
            return Err(EncodeError::ChromaStrides { u_stride, v_stride });
        }
        Ok(Self { frame, width: width as usize, height: height as usize })
    }
}

impl YUVSource for Planes<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        let stride = |plane| self.frame.plane_layout(plane).stride;
        (stride(0), stride(1), stride(2))
    }

    fn y(&self) -> &[u8] {
        self.frame.plane(0)
    }

    fn u(&self) -> &[u8] {
        self.frame.plane(1)
    }

    fn v(&self) -> &[u8] {
        self.frame.plane(2)
    }
}

pub(super) fn library_error(error: openh264::Error) -> EncodeError {
    let reason = format!("code {}", error.native_code());
    EncodeError::Library { library: "OpenH264", reason }
}

/// Least width and height, pixels: one macroblock.
const MIN_SIDE: u32 = 16;
/// Largest longer side, pixels. Source: OpenH264.
const MAX_LONG_SIDE: u32 = 3840;
/// Largest shorter side, pixels. Source: OpenH264.
const MAX_SHORT_SIDE: u32 = 2160;
const SIZES: &str = "16x16 to 3840x2160 or 2160x3840";
/// Bytes of output buffer made at a time: a key frame of 720p, or a second of small pictures. It is taken
/// back once the pictures in it are sent.
const OUTPUT_RESERVE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use remotemedia_runtime_core::data::{PlaneLayout, VideoLoan};
    use remotemedia_runtime_core::shm::{HeapPool, SharedFrame};

    use super::super::h264_bitstream::{NAL_IDR, NAL_PPS, NAL_SPS, nal_type, nal_units};
    use super::super::test_picture::{moving_picture, noise_picture};
    use super::*;

    fn encoder(bitrate_bps: u32) -> H264Encoder {
        let settings = VideoEncoderSettings { bitrate_bps: Some(bitrate_bps), ..Default::default() };
        H264Encoder::new(settings).expect("in range")
    }

    fn at(number: u64) -> MediaTime {
        MediaTime::from_duration(Duration::from_millis(number * 33))
    }

    fn encode(encoder: &mut H264Encoder, frame: &VideoFrame, number: u64, key_frame: bool) -> EncodedFrame {
        encoder.encode(frame, at(number), key_frame).expect("encodes").expect("not left out")
    }

    /// Encodes a second of noise and returns bits per second of its last two thirds.
    fn settled_bitrate(encoder: &mut H264Encoder, from: u64) -> u32 {
        let mut bits = 0;
        for number in from..from + 90 {
            let encoded = encode(encoder, &noise_picture(320, 240, number), number, false);
            assert!(!encoded.key_frame || number == 0, "no key frame asked for at {number}");
            if number >= from + 30 {
                bits += encoded.bitstream.len() as u32 * 8;
            }
        }
        bits / 2
    }

    #[test]
    fn the_first_picture_is_a_key_frame_with_its_parameter_sets_and_the_second_is_not() {
        let mut encoder = encoder(500_000);
        let first = encode(&mut encoder, &moving_picture(320, 240, 0), 0, false);
        let types: Vec<u8> = nal_units(&first.bitstream).map(|unit| nal_type(unit[0])).collect();
        assert_eq!(types, [NAL_SPS, NAL_PPS, NAL_IDR]);
        assert!(first.key_frame);
        let second = encode(&mut encoder, &moving_picture(320, 240, 1), 1, false);
        assert!(!second.key_frame);
        assert!(second.bitstream.len() < first.bitstream.len());
    }

    #[test]
    fn a_key_frame_comes_when_asked_for() {
        let mut encoder = encoder(500_000);
        encode(&mut encoder, &moving_picture(320, 240, 0), 0, false);
        assert!(encode(&mut encoder, &moving_picture(320, 240, 1), 1, true).key_frame);
        assert!(!encode(&mut encoder, &moving_picture(320, 240, 2), 2, false).key_frame);
    }

    #[test]
    fn another_size_starts_with_a_key_frame_of_that_size() {
        let mut encoder = encoder(500_000);
        encode(&mut encoder, &moving_picture(320, 240, 0), 0, false);
        let larger = encode(&mut encoder, &moving_picture(640, 360, 1), 1, false);
        assert_eq!((larger.key_frame, larger.width, larger.height), (true, 640, 360));
    }

    #[test]
    fn a_bitrate_set_while_running_is_kept_to_without_a_key_frame() {
        let mut encoder = encoder(1_000_000);
        let before = settled_bitrate(&mut encoder, 0);
        encoder.set_bitrate(400_000).expect("in range");
        let lower = settled_bitrate(&mut encoder, 90);
        encoder.set_bitrate(2_000_000).expect("in range");
        let higher = settled_bitrate(&mut encoder, 180);
        for (measured, target) in [(before, 1_000_000), (lower, 400_000), (higher, 2_000_000)] {
            assert!(measured.abs_diff(target) < target / 10, "{measured} bit/s, asked for {target}");
        }
        assert_eq!(encoder.bitrate_bps(), Some(2_000_000));
    }

    #[test]
    fn a_bitrate_outside_the_range_is_refused_and_the_old_one_stays() {
        let mut encoder = encoder(1_000_000);
        assert!(encoder.set_bitrate(29_999).is_err() && encoder.set_bitrate(50_000_001).is_err());
        assert_eq!(encoder.bitrate_bps(), Some(1_000_000));
        encode(&mut encoder, &moving_picture(320, 240, 0), 0, false);
        assert!(encoder.set_bitrate(30_000).is_ok() && encoder.set_bitrate(50_000_000).is_ok());
    }

    #[test]
    fn without_a_bitrate_the_size_decides() {
        let mut encoder = H264Encoder::new(VideoEncoderSettings::default()).expect("in range");
        assert_eq!(encoder.bitrate_bps(), None);
        encode(&mut encoder, &moving_picture(640, 360, 0), 0, false);
        let expected = VideoEncoderSettings::default_bitrate_bps(640, 360, 30.0);
        assert_eq!(encoder.bitrate_bps(), Some(expected));
    }

    #[test]
    fn odd_sides_lose_their_last_row_and_column() {
        let encoded = encode(&mut encoder(500_000), &moving_picture(321, 241, 0), 0, false);
        assert_eq!((encoded.width, encoded.height), (320, 240));
    }

    #[test]
    fn the_smallest_picture_is_taken_and_one_smaller_refused() {
        assert!(encode(&mut encoder(100_000), &moving_picture(16, 16, 0), 0, false).key_frame);
        let refused = encoder(100_000).encode(&moving_picture(16, 15, 0), at(0), false).expect_err("too low");
        assert_eq!(
            refused.to_string(),
            "picture of 16x15 is outside what the encoder takes: 16x16 to 3840x2160 or 2160x3840"
        );
    }

    #[test]
    fn the_longest_picture_is_taken_and_one_longer_refused() {
        assert!(encode(&mut encoder(100_000), &moving_picture(3840, 16, 0), 0, false).key_frame);
        assert!(encode(&mut encoder(100_000), &moving_picture(16, 3840, 0), 0, false).key_frame);
        assert!(encoder(100_000).encode(&moving_picture(3842, 16, 0), at(0), false).is_err());
        assert!(encoder(100_000).encode(&moving_picture(2162, 2162, 0), at(0), false).is_err());
    }

    #[test]
    fn pictures_that_are_not_i420_are_refused_by_name() {
        let pool = HeapPool::default();
        let rgba = VideoLoan::new(&pool, PixelFormat::Rgba, 32, 32).expect("small").freeze();
        let refused = encoder(100_000).encode(&rgba, at(0), false).expect_err("rgba");
        assert_eq!(refused, EncodeError::Format { format: PixelFormat::Rgba });
        assert!(refused.to_string().contains("VideoConvert"), "{refused} names no way out");
    }

    #[test]
    fn chroma_planes_of_unequal_strides_are_refused() {
        let plane = |offset, stride, row_bytes, rows| PlaneLayout { offset, stride, row_bytes, rows };
        let planes = [plane(0, 32, 32, 32), plane(1024, 16, 16, 16), plane(1280, 20, 16, 16)];
        let memory = SharedFrame::from_vec(vec![0; 2048]);
        let frame = VideoFrame::new(memory, PixelFormat::I420, 32, 32, planes).expect("fits");
        let refused = encoder(100_000).encode(&frame, at(0), false).expect_err("unequal");
        assert_eq!(refused, EncodeError::ChromaStrides { u_stride: 16, v_stride: 20 });
    }

    #[test]
    fn time_that_goes_backwards_does_no_harm() {
        let mut encoder = encoder(500_000);
        for number in [5, 3, 9, 0, 10] {
            encode(&mut encoder, &moving_picture(64, 64, number), number, false);
        }
    }
}
