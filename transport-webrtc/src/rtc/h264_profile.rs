//! When two H264 formats are the same: not as strings, but as RFC 6184 says.

/// What an H264 stream may use, as far as WebRTC peers tell profiles apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
}

/// The parameters of an H264 format that both ends must agree on, and the level, which may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct H264Params {
    pub(super) profile: H264Profile,
    /// Ten times the level: 31 is level 3.1. Level 1b is 9.
    pub(super) level: u8,
    /// 0: single NAL unit packets only; 1: non-interleaved, with aggregates and fragments.
    pub(super) packetization_mode: u8,
    /// Whether each direction may have its own level.
    pub(super) level_asymmetry_allowed: bool,
}

/// Level 3.1: 1280×720 at 30 frames a second, what every browser offers.
const OFFERED_LEVEL: u8 = 31;

/// `profile-level-id` of a format that names none: baseline, level 1 (RFC 6184 §8.1).
const DEFAULT_PROFILE_LEVEL_ID: &str = "42000a";

/// profile_idc, the bits of profile_iop that matter, their values, and the profile. Constrained high is not
/// in the table: browsers spell it so.
///
/// Source: RFC 6184 §8.1, table 5. Bit 7 is constraint_set0_flag.
const PROFILES: [(u8, u8, u8, H264Profile); 8] = [
    (0x42, 0b0100_1111, 0b0100_0000, H264Profile::ConstrainedBaseline),
    (0x4d, 0b1000_1111, 0b1000_0000, H264Profile::ConstrainedBaseline),
    (0x58, 0b1100_1111, 0b1100_0000, H264Profile::ConstrainedBaseline),
    (0x42, 0b0100_1111, 0b0000_0000, H264Profile::Baseline),
    (0x58, 0b1100_1111, 0b1000_0000, H264Profile::Baseline),
    (0x4d, 0b1010_1111, 0b0000_0000, H264Profile::Main),
    (0x64, 0b1111_1111, 0b0000_0000, H264Profile::High),
    (0x64, 0b1111_1111, 0b0000_1100, H264Profile::ConstrainedHigh),
];

impl H264Params {
    /// Returns the parameters as we offer them.
    pub(super) const fn offered(profile: H264Profile) -> Self {
        Self { profile, level: OFFERED_LEVEL, packetization_mode: 1, level_asymmetry_allowed: true }
    }

    /// Reads `key=value;key=value`; `None`: a value is malformed or the profile is one that no WebRTC peer
    /// uses. What is left out has the default of RFC 6184 §8.1.
    pub(super) fn parse(fmtp: &str) -> Option<Self> {
        let (profile, level) =
            parse_profile_level_id(fmtp_value(fmtp, "profile-level-id").unwrap_or(DEFAULT_PROFILE_LEVEL_ID))?;
        let packetization_mode = match fmtp_value(fmtp, "packetization-mode") {
            None => 0,
            Some(mode) => mode.parse().ok().filter(|mode| *mode <= 2)?,
        };
        let level_asymmetry_allowed = fmtp_value(fmtp, "level-asymmetry-allowed") == Some("1");
        Some(Self { profile, level, packetization_mode, level_asymmetry_allowed })
    }

    /// Whether both name the same format: profile and packetization mode equal, whatever the level.
    ///
    /// Source: RFC 6184 §8.2.2.
    pub(super) fn is_same_format(&self, other: &Self) -> bool {
        self.profile == other.profile && self.packetization_mode == other.packetization_mode
    }

    /// Returns the parameters in the one spelling that the engine compares as a string.
    pub(super) fn to_fmtp(self) -> String {
        format!(
            "level-asymmetry-allowed={};packetization-mode={};profile-level-id={}{:02x}",
            u8::from(self.level_asymmetry_allowed),
            self.packetization_mode,
            self.profile.canonical_prefix(),
            self.level,
        )
    }
}

impl H264Profile {
    /// Returns profile_idc and profile_iop in hexadecimal, in the spelling that browsers offer.
    const fn canonical_prefix(self) -> &'static str {
        match self {
            Self::ConstrainedBaseline => "42e0",
            Self::Baseline => "4200",
            Self::Main => "4d00",
            Self::ConstrainedHigh => "640c",
            Self::High => "6400",
        }
    }
}

/// Returns the value of a format parameter; keys are compared without regard to case (RFC 6184 §8.2.1).
pub(super) fn fmtp_value<'a>(fmtp: &'a str, key: &str) -> Option<&'a str> {
    fmtp.split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case(key))
        .map(|(_, value)| value.trim())
}

/// Writes what decides whether two formats are the same, as it stands there or as it counts if it is left out.
pub(super) fn format_of(fmtp: &str) -> String {
    let profile = fmtp_value(fmtp, "profile-level-id").unwrap_or(DEFAULT_PROFILE_LEVEL_ID);
    let mode = fmtp_value(fmtp, "packetization-mode").unwrap_or("0");
    format!("profile-level-id={profile}, packetization-mode={mode}")
}

/// Respells the three parameters that name the format, keeps all others; `None` if they are malformed.
pub(super) fn canonical_fmtp(fmtp: &str) -> Option<String> {
    let mut canonical = H264Params::parse(fmtp)?.to_fmtp();
    let others = fmtp.split(';').map(str::trim).filter(|parameter| {
        let key = parameter.split('=').next().unwrap_or_default().trim();
        !key.is_empty() && !FORMAT_KEYS.iter().any(|format| key.eq_ignore_ascii_case(format))
    });
    for parameter in others {
        canonical.push(';');
        canonical.push_str(parameter);
    }
    Some(canonical)
}

/// The parameters that [`H264Params`] holds.
const FORMAT_KEYS: [&str; 3] = ["profile-level-id", "packetization-mode", "level-asymmetry-allowed"];

fn parse_profile_level_id(id: &str) -> Option<(H264Profile, u8)> {
    if id.len() != 6 || !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [_, idc, iop, level] = u32::from_str_radix(id, 16).ok()?.to_be_bytes();
    let (_, _, _, profile) =
        PROFILES.into_iter().find(|(row_idc, mask, value, _)| *row_idc == idc && iop & mask == *value)?;
    Some((profile, level))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(id: &str) -> Option<H264Profile> {
        parse_profile_level_id(id).map(|(profile, _)| profile)
    }

    #[test]
    fn profiles_are_told_apart_as_table_5_says() {
        use H264Profile::*;
        let table = [
            ("42e01f", Some(ConstrainedBaseline)),
            ("42c01f", Some(ConstrainedBaseline)),
            ("42E01F", Some(ConstrainedBaseline)),
            ("42f00b", Some(ConstrainedBaseline)),
            ("4d801f", Some(ConstrainedBaseline)),
            ("58c01f", Some(ConstrainedBaseline)),
            ("42001f", Some(Baseline)),
            ("42a01f", Some(Baseline)),
            ("58801f", Some(Baseline)),
            ("4d001f", Some(Main)),
            ("4d401f", Some(Main)),
            ("64001f", Some(High)),
            ("640c1f", Some(ConstrainedHigh)),
            ("58001f", None),
            ("64081f", None),
            ("42e11f", None),
            ("7a001f", None),
        ];
        for (id, expected) in table {
            assert_eq!(profile(id), expected, "{id}");
        }
    }

    #[test]
    fn malformed_profiles_are_refused() {
        for id in ["", "42e0", "42e01f0", "42e01g", "+2e01f", "42e0é"] {
            assert_eq!(profile(id), None, "{id:?}");
        }
    }

    #[test]
    fn the_spelling_and_the_level_do_not_matter_but_profile_and_mode_do() {
        let table = [
            (
                "packetization-mode=1;profile-level-id=42e01f",
                "packetization-mode=1;profile-level-id=42c01f",
                true,
            ),
            (
                "packetization-mode=1;profile-level-id=42e01f",
                "packetization-mode=1;profile-level-id=42e034",
                true,
            ),
            (
                "profile-level-id=42e01f;packetization-mode=1",
                "PACKETIZATION-MODE=1; Profile-Level-Id=4d801f",
                true,
            ),
            (
                "packetization-mode=1;profile-level-id=42e01f",
                "packetization-mode=1;profile-level-id=42001f",
                false,
            ),
            (
                "packetization-mode=1;profile-level-id=42e01f",
                "packetization-mode=0;profile-level-id=42e01f",
                false,
            ),
            ("packetization-mode=1;profile-level-id=42e01f", "profile-level-id=42e01f", false),
            ("", "profile-level-id=42001f;packetization-mode=0", true),
        ];
        for (a, b, same) in table {
            let (left, right) = (H264Params::parse(a).expect(a), H264Params::parse(b).expect(b));
            assert_eq!(left.is_same_format(&right), same, "{a} and {b}");
        }
    }

    #[test]
    fn respelling_names_all_three_and_keeps_what_else_was_said() {
        let fmtp = "profile-level-id=42C01F; packetization-mode=1;x-google-start-bitrate=3000";
        let canonical = "level-asymmetry-allowed=0;packetization-mode=1;profile-level-id=42e01f;x-google-start-bitrate=3000";
        assert_eq!(canonical_fmtp(fmtp).as_deref(), Some(canonical));
        assert_eq!(canonical_fmtp(canonical).as_deref(), Some(canonical));
        assert_eq!(
            canonical_fmtp("").as_deref(),
            Some("level-asymmetry-allowed=0;packetization-mode=0;profile-level-id=42000a")
        );
        assert_eq!(canonical_fmtp("packetization-mode=3"), None);
        assert_eq!(canonical_fmtp("packetization-mode=-1"), None);
    }

    #[test]
    fn what_we_offer_reads_back_as_what_was_meant() {
        use H264Profile::*;
        for profile in [ConstrainedBaseline, Baseline, Main, ConstrainedHigh, High] {
            let offered = H264Params::offered(profile);
            assert_eq!(H264Params::parse(&offered.to_fmtp()), Some(offered));
        }
    }
}
