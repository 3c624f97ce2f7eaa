//! Looks through a remote description before the engine does: what is missing is named, what is spelt
//! differently is respelt, what we cannot use is left out. Pure.

use std::collections::HashSet;
use std::fmt::Write;

use super::h264_profile::{H264Params, canonical_fmtp, format_of};
use super::{ConnectionError, SdpKind};

/// Largest description; signaling refuses larger ones too. A browser's has 3–8 KB.
pub(super) const MAX_SDP_BYTES: usize = 256 * 1024;

/// Most media sections; a call has three.
const MAX_SECTIONS: usize = 16;

/// A codec of ours, as far as the comparison needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalCodec {
    /// `audio` or `video`.
    pub(super) media: &'static str,
    /// As in `H264`.
    pub(super) name: String,
    pub(super) clock_rate: u32,
    pub(super) fmtp: String,
}

/// What a description is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expectation<'a> {
    pub(super) kind: SdpKind,
    pub(super) codecs: &'a [LocalCodec],
    /// Our offer, if this is the answer to it.
    pub(super) offer: Option<&'a str>,
}

/// The session part, or one media section.
#[derive(Debug, Default)]
struct Section<'a> {
    /// The `m=` line without `m=`; empty for the session part.
    media: &'a str,
    lines: Vec<&'a str>,
}

/// One codec of a remote section.
struct RemoteCodec<'a> {
    name: &'a str,
    clock_rate: u32,
    fmtp: &'a str,
}

/// Checks a remote offer or answer; returns it in the spelling that the engine understands.
///
/// # Errors
/// [`ConnectionError::InvalidSdp`] and [`ConnectionError::NoCommonCodec`], naming the value.
pub(super) fn check(sdp: &str, expected: Expectation<'_>) -> Result<String, ConnectionError> {
    let refuse = |reason: String| ConnectionError::InvalidSdp { kind: expected.kind, reason };
    let sections = split(sdp).map_err(refuse)?;
    let (session, media) = sections.split_first().ok_or_else(|| refuse("it is empty".into()))?;
    check_sections(session, media).map_err(refuse)?;
    if let Some(offer) = expected.offer {
        check_answers(offer, media).map_err(refuse)?;
    }
    media
        .iter()
        .filter(|section| section.is_used())
        .try_for_each(|section| check_codecs(section, expected.codecs))?;
    Ok(respell(&sections))
}

fn split(sdp: &str) -> Result<Vec<Section<'_>>, String> {
    if sdp.trim().is_empty() {
        return Err("it is empty".into());
    }
    if sdp.len() > MAX_SDP_BYTES {
        return Err(format!("it has {} bytes, at most {MAX_SDP_BYTES} are read", sdp.len()));
    }
    let mut sections = vec![Section::default()];
    for (number, line) in sdp.lines().enumerate() {
        if line.is_empty() {
            continue;
        }
        let well_formed = line.as_bytes()[0].is_ascii_lowercase() && line.as_bytes().get(1) == Some(&b'=');
        if !well_formed || line.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(format!("line {} is {:?}, expected letter=value", number + 1, shorten(line)));
        }
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section { media, lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    if !sdp.starts_with("v=0") {
        return Err(format!("it begins with {:?}, expected \"v=0\"", shorten(sdp)));
    }
    Ok(sections)
}

fn check_sections(session: &Section<'_>, media: &[Section<'_>]) -> Result<(), String> {
    if media.is_empty() {
        return Err("it has no media section (m= line)".into());
    }
    if media.len() > MAX_SECTIONS {
        return Err(format!("it has {} media sections, at most {MAX_SECTIONS} are read", media.len()));
    }
    let mut mids = HashSet::new();
    let used = media.iter().filter(|section| section.is_used());
    let tracks = used.clone().filter(|section| section.is_track()).count();
    for (index, section) in media.iter().enumerate() {
        let name = section.name(index);
        if section.media.split(' ').count() < 4 {
            return Err(format!(
                "{name} has the line {:?}, expected kind, port, protocol and formats",
                shorten(section.media)
            ));
        }
        match section.attribute("mid").filter(|mid| !mid.is_empty()) {
            None => return Err(format!("{name} has no a=mid: is the description cut off?")),
            Some(mid) if !mids.insert(mid) => {
                return Err(format!("{name} has a=mid:{mid}, which was there before"));
            }
            Some(_) => (),
        }
        if section.is_used() {
            section
                .check_transport(session)
                .map_err(|key| format!("{name} has no a={key}: is the description cut off?"))?;
            if tracks > 1
                && section.is_track()
                && section.sends()
                && section.names_track()
                && !section.names_source()
            {
                return Err(format!(
                    "{name} sends, but has no a=ssrc by which its packets could be told apart"
                ));
            }
        }
    }
    match used.count() {
        0 => Err("all its media sections are refused (port 0)".into()),
        _ => Ok(()),
    }
}

fn check_answers(offer: &str, answer: &[Section<'_>]) -> Result<(), String> {
    let offered = split(offer).unwrap_or_default();
    let offered = offered.get(1..).unwrap_or_default();
    if offered.len() != answer.len() {
        return Err(format!("it has {} media sections, the offer has {}", answer.len(), offered.len()));
    }
    for (index, (asked, got)) in offered.iter().zip(answer).enumerate() {
        let (asked_mid, got_mid) = (asked.attribute("mid"), got.attribute("mid"));
        if asked.kind() != got.kind() || asked_mid != got_mid {
            return Err(format!(
                "{} has a=mid:{}, the offer has {} with a=mid:{}",
                got.name(index),
                got_mid.unwrap_or_default(),
                asked.kind(),
                asked_mid.unwrap_or_default(),
            ));
        }
    }
    Ok(())
}

fn check_codecs(section: &Section<'_>, codecs: &[LocalCodec]) -> Result<(), ConnectionError> {
    let local: Vec<&LocalCodec> = codecs.iter().filter(|codec| codec.media == section.kind()).collect();
    if !section.is_track() || local.is_empty() {
        return Ok(());
    }
    let remote = section.codecs();
    if remote.iter().any(|remote| local.iter().any(|local| local.matches(remote))) {
        return Ok(());
    }
    Err(ConnectionError::NoCommonCodec {
        media: section.kind().to_owned(),
        remote: spell(remote.iter().map(|codec| (codec.name, codec.fmtp))),
        local: spell(local.iter().map(|codec| (codec.name.as_str(), codec.fmtp.as_str()))),
    })
}

/// Lists codecs with what tells them apart.
fn spell<'a>(mut codecs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let listed = codecs.by_ref().take(SHOWN_CODECS).map(|(name, fmtp)| match fmtp {
        fmtp if name.eq_ignore_ascii_case("H264") => format!("{name} ({})", shorten(&format_of(fmtp))),
        "" => shorten(name).to_owned(),
        fmtp => format!("{} ({})", shorten(name), shorten(fmtp)),
    });
    let listed = listed.collect::<Vec<_>>().join(", ");
    match codecs.count() {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Writes the sections out again, H264 parameters respelt, candidates that we cannot use left out.
fn respell(sections: &[Section<'_>]) -> String {
    let mut sdp = String::new();
    for section in sections {
        if !section.media.is_empty() {
            write!(sdp, "m={}\r\n", section.media).expect("a string takes all");
        }
        for line in &section.lines {
            match line.strip_prefix("a=candidate:") {
                Some(candidate) if !is_usable_candidate(candidate) => continue,
                _ => (),
            }
            match section.respell_h264(line) {
                Some(respelt) => sdp.push_str(&respelt),
                None => sdp.push_str(line),
            }
            sdp.push_str("\r\n");
        }
    }
    sdp
}

/// Returns the peer's name in the connectivity checks: another one means that it restarts ICE (RFC 8839 §4.4.3).
pub(super) fn ice_user(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::trim)
}

/// Whether a candidate (without `candidate:`) is one we connect to: UDP, for media and control together,
/// with an address. Names ending in `.local` would need multicast DNS; who hides behind one calls us first.
pub(super) fn is_usable_candidate(candidate: &str) -> bool {
    let mut fields = candidate.split_ascii_whitespace().skip(1);
    let (component, transport, address) = (fields.next(), fields.next(), fields.nth(1));
    component == Some("1")
        && transport.is_some_and(|transport| transport.eq_ignore_ascii_case("udp"))
        && address.is_some_and(|address| !address.ends_with(".local"))
}

impl<'a> Section<'a> {
    fn kind(&self) -> &'a str {
        self.media.split(' ').next().unwrap_or_default()
    }

    fn name(&self, index: usize) -> String {
        format!("media section {index} ({})", shorten(self.kind()))
    }

    fn is_track(&self) -> bool {
        matches!(self.kind(), "audio" | "video")
    }

    /// Whether it is not refused: port 0 refuses, unless it rides on another section.
    fn is_used(&self) -> bool {
        self.media.split(' ').nth(1) != Some("0") || self.attribute("bundle-only").is_some()
    }

    fn sends(&self) -> bool {
        self.attribute("recvonly").is_none() && self.attribute("inactive").is_none()
    }

    fn names_track(&self) -> bool {
        self.attribute("msid").is_some_and(|msid| !msid.starts_with('-'))
    }

    fn names_source(&self) -> bool {
        self.attribute("ssrc").is_some() || self.attribute("rid").is_some()
    }

    /// Returns the value of the first attribute of that name, empty if it has none.
    fn attribute(&self, key: &str) -> Option<&'a str> {
        self.attributes(key).next()
    }

    fn attributes<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.lines.iter().filter_map(move |line| {
            let attribute = line.strip_prefix("a=")?;
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            (name == key).then_some(value)
        })
    }

    /// Returns the attribute that is missing to connect (RFC 8839 §5.4, RFC 8122 §5).
    fn check_transport(&self, session: &Section<'_>) -> Result<(), &'static str> {
        let has =
            |key: &str| self.attribute(key).or(session.attribute(key)).is_some_and(|value| !value.is_empty());
        match ["ice-ufrag", "ice-pwd", "fingerprint"].into_iter().find(|key| !has(key)) {
            Some(missing) => Err(missing),
            None => Ok(()),
        }
    }

    fn codecs(&self) -> Vec<RemoteCodec<'a>> {
        let formats: HashSet<&str> = self.media.split(' ').skip(3).collect();
        let mapped = self.attributes("rtpmap").filter_map(|value| value.split_once(' '));
        mapped
            .filter(|(payload_type, _)| formats.contains(payload_type))
            .map(|(payload_type, codec)| {
                let mut parts = codec.split('/');
                let name = parts.next().unwrap_or_default();
                let clock_rate = parts.next().and_then(|rate| rate.trim().parse().ok()).unwrap_or(0);
                RemoteCodec { name, clock_rate, fmtp: self.fmtp(payload_type) }
            })
            .collect()
    }

    fn fmtp(&self, payload_type: &str) -> &'a str {
        let mut values = self.attributes("fmtp").filter_map(|value| value.split_once(' '));
        values.find(|(number, _)| *number == payload_type).map(|(_, fmtp)| fmtp).unwrap_or_default()
    }

    fn respell_h264(&self, line: &str) -> Option<String> {
        let (payload_type, fmtp) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
        let is_h264 = self.attributes("rtpmap").any(|value| {
            value.split_once(' ').is_some_and(|(number, codec)| {
                number == payload_type
                    && codec.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("H264/"))
            })
        });
        let canonical = canonical_fmtp(fmtp).filter(|_| is_h264)?;
        Some(format!("a=fmtp:{payload_type} {canonical}"))
    }
}

impl LocalCodec {
    fn matches(&self, remote: &RemoteCodec<'_>) -> bool {
        if !self.name.eq_ignore_ascii_case(remote.name) || self.clock_rate != remote.clock_rate {
            return false;
        }
        if !self.name.eq_ignore_ascii_case("H264") {
            return true;
        }
        match (H264Params::parse(&self.fmtp), H264Params::parse(remote.fmtp)) {
            (Some(own), Some(remote)) => own.is_same_format(&remote),
            _ => false,
        }
    }
}

/// Most codecs that a message lists; a browser offers some 30.
const SHOWN_CODECS: usize = 40;

/// Most characters of a foreign value in a message.
const SHOWN_CHARS: usize = 60;

fn shorten(text: &str) -> &str {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codecs that a refused description has, as the message lists them.
    fn remote_of(formats: &[(&str, &str)]) -> String {
        let numbers: Vec<_> = (96..).take(formats.len()).map(|number: u32| number.to_string()).collect();
        let mut sdp = format!(
            "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF {}\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
             a=fingerprint:sha-256 00\r\n",
            numbers.join(" ")
        );
        for (number, (codec, fmtp)) in numbers.iter().zip(formats) {
            write!(sdp, "a=rtpmap:{number} {codec}/90000\r\na=fmtp:{number} {fmtp}\r\n").expect("takes all");
        }
        let own = LocalCodec {
            media: "video",
            name: "H264".to_owned(),
            clock_rate: 90_000,
            fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f".to_owned(),
        };
        let expected = Expectation { kind: SdpKind::Offer, codecs: &[own], offer: None };
        match check(&sdp, expected) {
            Err(ConnectionError::NoCommonCodec { remote, local, .. }) => {
                assert_eq!(local, "H264 (profile-level-id=42e01f, packetization-mode=1)");
                remote
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn formats_in_vain_are_listed_with_profile_and_mode_whatever_stands_before_them() {
        let high = "level-asymmetry-allowed=1;sprop-parameter-sets=Z2QAHqzZQNg9sBEAAAMAAQAAAwA8DxYtlg==,aOvjyyLA;\
             packetization-mode=1;profile-level-id=64001f";
        let formats =
            [("H264", high), ("H264", "profile-level-id=42e01f"), ("H264", ""), ("VP8", "max-fr=30")];
        assert_eq!(
            remote_of(&formats),
            "H264 (profile-level-id=64001f, packetization-mode=1), H264 (profile-level-id=42e01f, \
             packetization-mode=0), H264 (profile-level-id=42000a, packetization-mode=0), VP8 (max-fr=30)"
        );
    }

    #[test]
    fn a_list_of_hundreds_and_names_without_end_are_cut() {
        let name = "X".repeat(1000);
        let remote = remote_of(&[(name.as_str(), "a=b"); SHOWN_CODECS + 7]);
        assert!(remote.ends_with(" and 7 more"), "{remote}");
        assert!(remote.len() < SHOWN_CODECS * (SHOWN_CHARS + 10), "{} bytes", remote.len());
    }
}
