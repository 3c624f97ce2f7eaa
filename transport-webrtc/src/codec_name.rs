//! Names of codecs: in manifests and reports, and as media types. What a format says beyond that is the business
//! of who negotiates it.

use std::fmt;

/// No codec has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no codec {name:?}, there are: {known}")]
pub struct UnknownCodec {
    /// The name asked for.
    pub name: String,
    /// The names that exist.
    pub known: String,
}

/// A video codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum VideoCodec {
    /// H.264: sent in Constrained Baseline, taken in that, Baseline and Main, packetization mode 1 (RFC 6184).
    H264,
}

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AudioCodec {
    /// Opus.
    Opus,
}

impl VideoCodec {
    /// All video codecs, the preferred one first.
    pub const ALL: [Self; 1] = [Self::H264];

    /// Returns the name as it stands in manifests and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
        }
    }

    /// Finds a codec by its name, in any case.
    ///
    /// # Errors
    /// [`UnknownCodec`] names the value and what there is.
    pub fn from_name(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            UnknownCodec {
                name: name.chars().take(64).collect(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }

    /// Returns the media type; compare without regard to case. Source: RFC 6184 §8.1.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Self::H264 => "video/H264",
        }
    }

    /// Returns the RTP clock rate, Hz. Source: RFC 6184 §5.1.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::H264 => 90_000,
        }
    }
}

impl AudioCodec {
    /// All audio codecs, the preferred one first.
    pub const ALL: [Self; 1] = [Self::Opus];

    /// Returns the name as it stands in manifests and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
        }
    }

    /// Finds a codec by its name, in any case.
    ///
    /// # Errors
    /// [`UnknownCodec`] names the value and what there is.
    pub fn from_name(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            UnknownCodec {
                name: name.chars().take(64).collect(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }

    /// Returns the media type; compare without regard to case. Source: RFC 7587 §7.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Self::Opus => "audio/opus",
        }
    }

    /// Returns the RTP clock rate, Hz; Opus counts at 48 kHz whatever it encodes. Source: RFC 7587 §4.1.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
        }
    }
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_is_found_by_its_name_in_any_case() {
        for codec in VideoCodec::ALL {
            assert_eq!(VideoCodec::from_name(&codec.name().to_uppercase()), Ok(codec));
        }
        for codec in AudioCodec::ALL {
            assert_eq!(AudioCodec::from_name(codec.name()), Ok(codec));
        }
    }

    #[test]
    fn an_unknown_codec_is_named_together_with_the_known_ones() {
        let refused = VideoCodec::from_name("h265").expect_err("not there");
        assert_eq!(refused.to_string(), "no codec \"h265\", there are: h264");
    }
}
