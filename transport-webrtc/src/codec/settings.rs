//! What codecs are made with.

use std::ops::RangeInclusive;

use super::CodecError;

/// How a video encoder works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VideoEncoderSettings {
    /// Bits per second, within [`Self::BITRATE_BPS`]. Default `None`: by the size of the first picture,
    /// see [`Self::default_bitrate_bps`].
    pub bitrate_bps: Option<u32>,
    /// Most pictures a second, 1.0..=120.0, default 30.0. The rate control plans with it.
    pub max_frame_rate: f32,
}

/// How a video decoder works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoDecoderSettings {
    /// Most pixels of a picture; larger ones are refused before memory is taken for them. At least 256,
    /// default 3840 × 2160. A decoder holds some three pictures of 1.5 bytes a pixel.
    pub max_pixels: u32,
}

/// How an audio encoder works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AudioEncoderSettings {
    /// Channels of the packets, 1 or 2, default 2. Sound with the other number is mixed down or doubled.
    pub channels: u8,
    /// Bits per second, within [`Self::BITRATE_BPS`], default 64 000.
    pub bitrate_bps: u32,
    /// Whether packets carry a coarse copy of their predecessor, for lossy networks. Default `false`: it
    /// needs the speech mode, whose lookahead is 6.5 ms instead of 2.5 ms.
    pub forward_error_correction: bool,
}

/// How an audio decoder works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioDecoderSettings {
    /// Channels of the decoded sound, 1 or 2, default 2, whatever the packets hold.
    pub channels: u8,
}

impl VideoEncoderSettings {
    /// Bitrates a video encoder takes, bits per second: 30 kbit/s to 50 Mbit/s.
    pub const BITRATE_BPS: RangeInclusive<u32> = 30_000..=50_000_000;

    /// Returns the bitrate for pictures of this size when none is set.
    ///
    /// 2 Mbit/s at 1280×720 and 30 pictures a second, grown with the pixels a second to the power of 0.75,
    /// since larger pictures have flatter blocks. The anchor is where H264 was measured to give 37 to
    /// 41 dB; the exponent is the customary rule of thumb, not measured here. Within 150 kbit/s to 12 Mbit/s.
    pub fn default_bitrate_bps(width: u32, height: u32, frame_rate: f32) -> u32 {
        let pixels_a_second = f64::from(width) * f64::from(height) * f64::from(frame_rate);
        let anchor = 1280.0 * 720.0 * 30.0;
        let bitrate_bps = 2_000_000.0 * (pixels_a_second / anchor).powf(0.75);
        bitrate_bps.clamp(150_000.0, 12_000_000.0) as u32
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`CodecError::Setting`] names the first value outside its range.
    pub fn check(&self) -> Result<(), CodecError> {
        if let Some(bitrate_bps) = self.bitrate_bps {
            check_range("bitrate_bps", bitrate_bps, &Self::BITRATE_BPS)?;
        }
        check_range("max_frame_rate", self.max_frame_rate, &(1.0..=120.0))
    }
}

impl VideoDecoderSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`CodecError::Setting`] names the first value outside its range.
    pub fn check(&self) -> Result<(), CodecError> {
        check_range("max_pixels", self.max_pixels, &(256..=u32::MAX))
    }
}

impl AudioEncoderSettings {
    /// Bitrates an audio encoder takes, bits per second. Source: RFC 6716 §2.1.1.
    pub const BITRATE_BPS: RangeInclusive<u32> = 6_000..=510_000;

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`CodecError::Setting`] names the first value outside its range.
    pub fn check(&self) -> Result<(), CodecError> {
        check_range("channels", self.channels, &(1..=2))?;
        check_range("bitrate_bps", self.bitrate_bps, &Self::BITRATE_BPS)
    }
}

impl AudioDecoderSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`CodecError::Setting`] names the first value outside its range.
    pub fn check(&self) -> Result<(), CodecError> {
        check_range("channels", self.channels, &(1..=2))
    }
}

impl Default for VideoEncoderSettings {
    fn default() -> Self {
        Self { bitrate_bps: None, max_frame_rate: 30.0 }
    }
}

impl Default for VideoDecoderSettings {
    fn default() -> Self {
        Self { max_pixels: 3840 * 2160 }
    }
}

impl Default for AudioEncoderSettings {
    fn default() -> Self {
        Self { channels: 2, bitrate_bps: 64_000, forward_error_correction: false }
    }
}

impl Default for AudioDecoderSettings {
    fn default() -> Self {
        Self { channels: 2 }
    }
}

fn check_range<T: PartialOrd + std::fmt::Display>(
    setting: &'static str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), CodecError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(CodecError::Setting { setting, value: value.to_string(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_bitrate_grows_slower_than_the_pixels() {
        let at_720p = VideoEncoderSettings::default_bitrate_bps(1280, 720, 30.0);
        let at_1080p = VideoEncoderSettings::default_bitrate_bps(1920, 1080, 30.0);
        assert_eq!(at_720p, 2_000_000);
        assert!(at_1080p > 3_600_000 && at_1080p < 3_800_000, "{at_1080p}");
        assert_eq!(VideoEncoderSettings::default_bitrate_bps(16, 16, 1.0), 150_000);
        assert_eq!(VideoEncoderSettings::default_bitrate_bps(8192, 8192, 120.0), 12_000_000);
    }

    #[test]
    fn settings_are_taken_at_their_limits_and_refused_one_past_them() {
        let bitrate = |bps| VideoEncoderSettings { bitrate_bps: Some(bps), ..Default::default() }.check();
        assert!(bitrate(30_000).is_ok() && bitrate(50_000_000).is_ok());
        assert!(bitrate(29_999).is_err() && bitrate(50_000_001).is_err());
        let rate = |fps| VideoEncoderSettings { max_frame_rate: fps, ..Default::default() }.check();
        assert!(rate(1.0).is_ok() && rate(120.0).is_ok());
        assert!(rate(0.99).is_err() && rate(120.1).is_err() && rate(f32::NAN).is_err());
        let pixels = |max_pixels| VideoDecoderSettings { max_pixels }.check();
        assert!(pixels(256).is_ok() && pixels(255).is_err());
        let sound = |channels, bitrate_bps| {
            AudioEncoderSettings { channels, bitrate_bps, ..Default::default() }.check().is_ok()
        };
        assert!(sound(1, 6_000) && sound(2, 510_000));
        assert!(!sound(0, 64_000) && !sound(3, 64_000) && !sound(2, 5_999) && !sound(2, 510_001));
        assert!(AudioDecoderSettings { channels: 3 }.check().is_err());
    }

    #[test]
    fn a_refused_setting_names_its_value_and_its_range() {
        let refused = AudioDecoderSettings { channels: 7 }.check().expect_err("seven");
        assert_eq!(refused.to_string(), "channels is 7, expected 1 to 2");
    }
}
