//! The first line of a YUV4MPEG2 file.

use std::path::Path;

use remotemedia_runtime_core::data::{ColorSpace, VideoFrame};

use super::ClipError;

/// Longest header line that is read, bytes, as other readers of the format have it.
pub(super) const MAX_HEADER_BYTES: usize = 1024;

/// Smallest side of a picture that the codecs take, pixels.
const MIN_SIDE: u32 = 16;

/// Frames a second if the header does not say, as ffmpeg has it.
const DEFAULT_RATE: (u32, u32) = (25, 1);

/// What the header says, checked: 8-bit 4:2:0 with even sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Y4mHeader {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frame_rate: f64,
    pub(super) color_space: ColorSpace,
}

impl Y4mHeader {
    /// Reads the line, its end left out.
    ///
    /// # Errors
    /// [`ClipError`] naming `path` and the value.
    pub(super) fn parse(line: &[u8], path: &Path) -> Result<Self, ClipError> {
        let not_a_clip = |reason| ClipError::NotAClip { path: path.to_owned(), reason };
        let line = String::from_utf8_lossy(line);
        let Some(fields) = line.strip_prefix("YUV4MPEG2") else {
            let start: String = line.chars().take(SHOWN).collect();
            return Err(not_a_clip(format!("it begins with {start:?}, expected \"YUV4MPEG2 W… H… F…\"")));
        };
        let (mut width, mut height, mut rate, mut format) = (None, None, DEFAULT_RATE, "420");
        let mut color_space = ColorSpace::default();
        for field in fields.split_ascii_whitespace() {
            let bad = |expected| {
                let shown: String = field.chars().take(SHOWN).collect();
                not_a_clip(format!("its header has {shown:?}, expected {expected}"))
            };
            let value = &field[field.chars().next().map_or(0, char::len_utf8)..];
            match field.as_bytes()[0] {
                b'W' => width = Some(value.parse().map_err(|_| bad("W and the width in pixels"))?),
                b'H' => height = Some(value.parse().map_err(|_| bad("H and the height in pixels"))?),
                b'F' => rate = ratio(value).ok_or_else(|| bad("F and a ratio such as 30:1"))?,
                b'C' => format = value,
                b'X' => {
                    if let Some(range) = value.strip_prefix(COLOR_RANGE) {
                        color_space.full_range =
                            is_full(range).ok_or_else(|| bad("XCOLORRANGE=FULL or XCOLORRANGE=LIMITED"))?;
                    }
                }
                // Interlacing, pixel aspect and other extensions change nothing here.
                _ => {}
            }
        }
        let width = width.ok_or_else(|| not_a_clip("its header has no width (W)".to_owned()))?;
        let height = height.ok_or_else(|| not_a_clip("its header has no height (H)".to_owned()))?;
        if !matches!(format, "420" | "420jpeg" | "420paldv" | "420mpeg2") {
            let got = format!("C{}", format.chars().take(SHOWN).collect::<String>());
            return Err(ClipError::PixelFormat { path: path.to_owned(), got });
        }
        let fits =
            |side: u32| (MIN_SIDE..=VideoFrame::MAX_DIMENSION).contains(&side) && side.is_multiple_of(2);
        if !fits(width) || !fits(height) {
            return Err(ClipError::Size { path: path.to_owned(), width, height });
        }
        let frame_rate = f64::from(rate.0) / f64::from(rate.1);
        if !(1.0..=120.0).contains(&frame_rate) {
            let got = format!("{}:{}", rate.0, rate.1);
            return Err(ClipError::FrameRate { path: path.to_owned(), got });
        }
        Ok(Self { width, height, frame_rate, color_space })
    }

    /// Returns the bytes of one picture: a byte of luma for each pixel, and a quarter as much of each colour.
    pub(super) fn picture_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * 3 / 2
    }
}

/// Writes the line for pictures of a size and a colour space, its end left out.
///
/// * `frame_rate`: frames of a second, kept to a thousandth.
pub(super) fn header_line(width: u32, height: u32, frame_rate: f64, color_space: ColorSpace) -> String {
    let rate = (frame_rate * 1000.0).round();
    let range = if color_space.full_range { FULL } else { LIMITED };
    format!("YUV4MPEG2 W{width} H{height} F{rate}:1000 Ip C420mpeg2 X{COLOR_RANGE}{range}")
}

fn is_full(range: &str) -> Option<bool> {
    match range {
        FULL => Some(true),
        LIMITED => Some(false),
        _ => None,
    }
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once(':')?;
    let denominator = denominator.parse().ok().filter(|denominator| *denominator > 0)?;
    Some((numerator.parse().ok()?, denominator))
}

/// The extension that ffmpeg writes and reads (libavformat, yuv4mpegenc.c), its `X` left out.
const COLOR_RANGE: &str = "COLORRANGE=";
const FULL: &str = "FULL";
const LIMITED: &str = "LIMITED";

/// How much of a foreign text an error repeats, characters.
const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Y4mHeader, String> {
        Y4mHeader::parse(line.as_bytes(), Path::new("x.y4m")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_header_is_read_in_any_order_with_the_usual_defaults() {
        let full = parse("YUV4MPEG2 H360 W640 F30000:1001 Ip A1:1 C420mpeg2 Xhello").expect("valid");
        assert_eq!((full.width, full.height, full.picture_bytes()), (640, 360, 345_600));
        assert!((full.frame_rate - 29.97).abs() < 0.001);
        assert_eq!(parse("YUV4MPEG2 W16 H16").expect("valid").frame_rate, 25.0);
    }

    #[test]
    fn the_range_of_the_colours_is_read_and_limited_if_nothing_is_said() {
        let is_full = |extension: &str| {
            let header = parse(&format!("YUV4MPEG2 W16 H16 C420jpeg {extension}")).expect(extension);
            header.color_space.full_range
        };
        assert!(is_full("XCOLORRANGE=FULL"));
        for limited in ["XCOLORRANGE=LIMITED", "", "XYSCSS=420JPEG", "XCOLOR"] {
            assert!(!is_full(limited), "{limited:?}");
        }
        for bad in ["XCOLORRANGE=", "XCOLORRANGE=full", "XCOLORRANGE=PC"] {
            let refused = parse(&format!("YUV4MPEG2 W16 H16 {bad}")).expect_err(bad);
            let words = format!("{bad:?}, expected XCOLORRANGE=FULL or XCOLORRANGE=LIMITED");
            assert!(refused.contains(&words), "{refused}");
        }
    }

    #[test]
    fn sides_and_rates_are_taken_at_their_limits_and_refused_past_them_by_value() {
        let sized = |w: u64, h: u64| parse(&format!("YUV4MPEG2 W{w} H{h}"));
        assert!(sized(16, 16).is_ok() && sized(8192, 8192).is_ok());
        for (w, h) in [(14, 16), (16, 14), (8194, 16), (17, 16), (16, 17), (0, 16), (4_294_967_294, 16)] {
            let refused = sized(w, h).expect_err("past the limit");
            assert!(refused.contains(&format!("x.y4m is {w}x{h}, expected even sides from 16")), "{refused}");
        }
        let rated = |rate: &str| parse(&format!("YUV4MPEG2 W16 H16 F{rate}"));
        assert!(rated("1:1").is_ok() && rated("120:1").is_ok());
        for rate in ["119:120", "121:1", "0:1"] {
            let refused = rated(rate).expect_err("past the limit");
            assert!(refused.contains(&format!("has {rate} frames a second, expected 1 to 120")), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (line, expected) in [
            ("", "it begins with \"\", expected \"YUV4MPEG2"),
            ("hello", "it begins with \"hello\""),
            ("YUV4MPEG2 H16", "no width"),
            ("YUV4MPEG2 W16", "no height"),
            ("YUV4MPEG2 Wé H16", "\"Wé\", expected W and the width"),
            ("YUV4MPEG2 W16 H-2", "\"H-2\", expected H and the height"),
            ("YUV4MPEG2 W99999999999999999999 H16", "\"W99999999999999999999\""),
            ("YUV4MPEG2 W16 H16 F30", "\"F30\", expected F and a ratio such as 30:1"),
            ("YUV4MPEG2 W16 H16 F30:0", "\"F30:0\""),
            ("YUV4MPEG2 W16 H16 é C444", "pixel format C444, expected 8-bit 4:2:0"),
            ("YUV4MPEG2 W16 H16 Cmono", "pixel format Cmono"),
            ("YUV4MPEG2 W16 H16 C420p10", "pixel format C420p10"),
        ] {
            let refused = parse(line).expect_err(line);
            assert!(refused.contains("x.y4m") && refused.contains(expected), "{refused}");
        }
        let long = format!("YUV4MPEG2 W16 H16 C{}", "4".repeat(900));
        assert!(parse(&long).expect_err("no format").len() < 300, "an error is no dump");
    }
}
