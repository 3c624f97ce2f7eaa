//! Names of codecs and how they are called in SDP.

use std::fmt;

use super::CodecError;

/// A video codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum VideoCodec {
    /// H.264, Constrained Baseline.
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
    /// [`CodecError::Unknown`] names the value and what there is.
    pub fn from_name(name: &str) -> Result<Self, CodecError> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            CodecError::Unknown {
                name: name.chars().take(64).collect(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }

    /// Returns the media type for SDP. Source: RFC 6184 §8.1.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Self::H264 => "video/H264",
        }
    }

    /// Returns the format parameters for SDP.
    ///
    /// Constrained Baseline, level 3.1 as the floor that every browser offers; larger pictures pass since
    /// levels may be asymmetric. Source: RFC 6184 §8.1, RFC 7742 §6.2.
    pub const fn format_parameters(self) -> &'static str {
        match self {
            Self::H264 => "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
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
    /// [`CodecError::Unknown`] names the value and what there is.
    pub fn from_name(name: &str) -> Result<Self, CodecError> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            CodecError::Unknown {
                name: name.chars().take(64).collect(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }

    /// Returns the media type for SDP. Source: RFC 7587 §7.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Self::Opus => "audio/opus",
        }
    }

    /// Returns the format parameters for SDP: 10 ms packets, stereo, in-band error correction
    /// understood. Source: RFC 7587 §6.1.
    pub const fn format_parameters(self) -> &'static str {
        match self {
            Self::Opus => "minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1",
        }
    }

    /// Returns the RTP clock rate, Hz; Opus counts at 48 kHz whatever it encodes. Source: RFC 7587 §4.1.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
        }
    }

    /// Returns the channels that SDP names. Source: RFC 7587 §7: always 2.
    pub const fn sdp_channels(self) -> u16 {
        match self {
            Self::Opus => 2,
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
