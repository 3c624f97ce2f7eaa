//! H.264 in RTP, packetization mode 1: single units, STAP-A for parameter sets, FU-A for what is larger
//! than a packet.
//!
//! Source: RFC 6184 §5.4 (modes), §5.6 (single unit), §5.7.1 (STAP-A), §5.8 (FU-A).

use bytes::{BufMut, Bytes, BytesMut};

use super::{PayloadError, RtpPayloadFormat};
use crate::codec::h264_bitstream::{NAL_LAST_SLICE, NAL_PPS, NAL_SLICE, NAL_SPS, nal_type, nal_units};

/// Splits and joins access units. Its output buffer is taken back once the payloads in it are gone.
#[derive(Debug, Default)]
pub(super) struct H264Payload {
    output: BytesMut,
}

impl RtpPayloadFormat for H264Payload {
    fn split(
        &mut self,
        bitstream: &Bytes,
        max_payload: usize,
        payloads: &mut Vec<Bytes>,
    ) -> Result<(), PayloadError> {
        if max_payload < MIN_MAX_PAYLOAD {
            return Err(PayloadError::SizeLimit { max_payload, needed: MIN_MAX_PAYLOAD });
        }
        self.output.reserve(bitstream.len() + bitstream.len() / 64 + max_payload);
        let before = payloads.len();
        let mut units = nal_units(bitstream).filter(|unit| !is_dispensable(nal_type(unit[0]))).peekable();
        while let Some(unit) = units.next() {
            let aggregate_len = 1 + 2 + unit.len();
            let mut in_reach = |len| {
                let next = units.peek()?;
                let fits = is_parameter_set(nal_type(unit[0])) && is_parameter_set(nal_type(next[0]));
                (fits && len + 2 + next.len() <= max_payload).then(|| units.next())?
            };
            match in_reach(aggregate_len) {
                Some(second) => payloads.push(self.aggregate(unit, second)),
                None if unit.len() <= max_payload => payloads.push(bitstream.slice_ref(unit)),
                None => self.fragment(unit, max_payload, payloads),
            }
        }
        if payloads.len() == before { Err(PayloadError::Empty) } else { Ok(()) }
    }

    fn starts_picture(&self, payload: &[u8]) -> bool {
        let Some((&header, body)) = payload.split_first() else { return false };
        // A slice starts its picture if the number of its first macroblock, an Exp-Golomb 0, is one set bit.
        // Before a key frame's slices come parameter sets, the sequence's first: they are its start.
        let first = |kind: u8, slice: Option<&u8>| match kind {
            NAL_SLICE..=NAL_LAST_SLICE => slice.is_some_and(|byte| byte & 0x80 != 0),
            NAL_SEI | NAL_SPS | NAL_DELIMITER => true,
            _ => false,
        };
        match nal_type(header) {
            STAP_A => body.get(2).is_some_and(|unit| first(nal_type(*unit), body.get(3))),
            FU_A => body.first().is_some_and(|fu| fu & FU_START != 0 && first(nal_type(*fu), body.get(1))),
            kind => first(kind, body.first()),
        }
    }

    fn join(&mut self, payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Bytes, PayloadError> {
        self.output.clear();
        let mut open_fragment = false;
        for payload in payloads.filter(|payload| !payload.is_empty()) {
            let kind = nal_type(payload[0]);
            if open_fragment && kind != FU_A {
                return Err(PayloadError::Fragment);
            }
            match kind {
                STAP_A => self.join_aggregate(payload)?,
                FU_A => open_fragment = self.join_fragment(payload, open_fragment)?,
                1..=23 => self.join_unit(payload),
                payload_type => return Err(PayloadError::Type { payload_type }),
            }
            if self.output.len() > MAX_PICTURE {
                self.output = BytesMut::new();
                return Err(PayloadError::TooLong { limit: MAX_PICTURE });
            }
        }
        match (open_fragment, self.output.is_empty()) {
            (true, _) => Err(PayloadError::Fragment),
            (false, true) => Err(PayloadError::Empty),
            (false, false) => Ok(self.output.split().freeze()),
        }
    }
}

impl H264Payload {
    fn aggregate(&mut self, first: &[u8], second: &[u8]) -> Bytes {
        let importance = (first[0] & NRI).max(second[0] & NRI);
        self.output.put_u8(importance | STAP_A);
        for unit in [first, second] {
            // Parameter sets within a packet are far below 65 536 bytes.
            self.output.put_u16(unit.len() as u16);
            self.output.put_slice(unit);
        }
        self.output.split().freeze()
    }

    /// Splits a unit into fragments of nearly equal size, so that none is tiny.
    fn fragment(&mut self, unit: &[u8], max_payload: usize, payloads: &mut Vec<Bytes>) {
        let (header, body) = (unit[0], &unit[1..]);
        let count = body.len().div_ceil(max_payload - FU_HEADERS);
        let size = body.len().div_ceil(count);
        let last = body.len().div_ceil(size) - 1;
        for (at, part) in body.chunks(size).enumerate() {
            let start = if at == 0 { FU_START } else { 0 };
            let end = if at == last { FU_END } else { 0 };
            self.output.put_u8(header & !TYPE | FU_A);
            self.output.put_u8(start | end | nal_type(header));
            self.output.put_slice(part);
            payloads.push(self.output.split().freeze());
        }
    }

    fn join_unit(&mut self, unit: &[u8]) {
        self.output.put_slice(&START_CODE);
        self.output.put_slice(unit);
    }

    fn join_aggregate(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        let mut rest = &payload[1..];
        if rest.is_empty() {
            return Err(PayloadError::Empty);
        }
        while !rest.is_empty() {
            let truncated = |needed| PayloadError::Truncated { len: payload.len(), needed };
            let read = payload.len() - rest.len();
            let (len, units) = rest.split_first_chunk::<2>().ok_or_else(|| truncated(read + 2))?;
            let len = usize::from(u16::from_be_bytes(*len));
            let (unit, left) = units.split_at_checked(len).ok_or_else(|| truncated(read + 2 + len))?;
            match unit.first().map(|header| nal_type(*header)) {
                None => return Err(PayloadError::Empty),
                Some(1..=23) => self.join_unit(unit),
                Some(payload_type) => return Err(PayloadError::Type { payload_type }),
            }
            rest = left;
        }
        Ok(())
    }

    /// Returns whether the unit goes on in the next fragment.
    fn join_fragment(&mut self, payload: &[u8], open: bool) -> Result<bool, PayloadError> {
        let [indicator, fu, body @ ..] = payload else {
            return Err(PayloadError::Truncated { len: payload.len(), needed: FU_HEADERS + 1 });
        };
        if body.is_empty() {
            return Err(PayloadError::Truncated { len: payload.len(), needed: FU_HEADERS + 1 });
        }
        let starts = fu & FU_START != 0;
        if starts == open {
            return Err(PayloadError::Fragment);
        }
        if starts {
            self.join_unit(&[indicator & !TYPE | nal_type(*fu)]);
        }
        self.output.put_slice(body);
        Ok(fu & FU_END == 0)
    }
}

const fn is_parameter_set(kind: u8) -> bool {
    matches!(kind, NAL_SPS | NAL_PPS)
}

/// Delimiters and filler: RTP does without them (RFC 6184 §5.1 lets a sender leave them out).
const fn is_dispensable(kind: u8) -> bool {
    matches!(kind, 0 | NAL_DELIMITER | NAL_FILLER | 24..)
}

/// Supplemental information.
const NAL_SEI: u8 = 6;
/// Access unit delimiter.
const NAL_DELIMITER: u8 = 9;
/// Filler.
const NAL_FILLER: u8 = 12;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Fragment indicator and header.
const FU_HEADERS: usize = 2;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;
const TYPE: u8 = 0x1f;
const NRI: u8 = 0x60;
const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Least limit of a payload, bytes: the headers of a fragment and a byte of content.
const MIN_MAX_PAYLOAD: usize = FU_HEADERS + 1;
/// Longest joined picture, bytes. A first key frame of 2160p, of noise, has some 5 MB.
const MAX_PICTURE: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::h264_bitstream::NAL_IDR;

    fn unit(kind: u8, len: usize) -> Vec<u8> {
        // No zeros: a unit's content never looks like a start code.
        std::iter::once(0x60 | kind).chain((1..len).map(|n| (n % 255) as u8 + 1)).collect()
    }

    fn bitstream(units: &[Vec<u8>]) -> Bytes {
        units.iter().flat_map(|unit| START_CODE.into_iter().chain(unit.iter().copied())).collect()
    }

    fn split(bitstream: &Bytes, max_payload: usize) -> Vec<Bytes> {
        let mut payloads = Vec::new();
        H264Payload::default().split(bitstream, max_payload, &mut payloads).expect("has units");
        payloads
    }

    fn join(payloads: &[&[u8]]) -> Result<Bytes, PayloadError> {
        H264Payload::default().join(&mut payloads.iter().copied())
    }

    #[test]
    fn a_key_frame_travels_as_one_aggregate_and_fragments() {
        let stream = bitstream(&[unit(NAL_SPS, 20), unit(NAL_PPS, 5), unit(NAL_IDR, 3_000)]);
        let payloads = split(&stream, 1_200);
        let kinds: Vec<u8> = payloads.iter().map(|payload| nal_type(payload[0])).collect();
        assert_eq!(kinds, [STAP_A, FU_A, FU_A, FU_A]);
        let marks: Vec<u8> = payloads[1..].iter().map(|payload| payload[1] & !TYPE).collect();
        assert_eq!(marks, [FU_START, 0, FU_END]);
        assert!(payloads.iter().all(|payload| payload.len() <= 1_200));
    }

    #[test]
    fn small_units_travel_without_a_copy() {
        let stream = bitstream(&[unit(NAL_SLICE, 800)]);
        let payloads = split(&stream, 1_200);
        assert_eq!(payloads.len(), 1);
        assert_eq!(payloads[0].as_ptr(), stream[4..].as_ptr());
    }

    #[test]
    fn a_unit_at_the_limit_travels_whole_and_one_byte_more_in_two() {
        assert_eq!(split(&bitstream(&[unit(NAL_SLICE, 1_200)]), 1_200).len(), 1);
        let halves = split(&bitstream(&[unit(NAL_SLICE, 1_201)]), 1_200);
        assert_eq!(halves.iter().map(Bytes::len).collect::<Vec<_>>(), [602, 602]);
    }

    #[test]
    fn whatever_is_split_joins_to_the_same() {
        let mut random = 1u64;
        let mut next = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % limit
        };
        let kinds = [NAL_SLICE, NAL_IDR, NAL_SPS, NAL_PPS, 6];
        for _ in 0..500 {
            let units: Vec<Vec<u8>> =
                (0..1 + next(5)).map(|_| unit(kinds[next(5) as usize], 2 + next(4_000) as usize)).collect();
            let stream = bitstream(&units);
            let max_payload = MIN_MAX_PAYLOAD + next(1_400) as usize;
            let payloads = split(&stream, max_payload);
            assert!(payloads.iter().all(|payload| payload.len() <= max_payload));
            let parts: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..]).collect();
            assert_eq!(join(&parts).expect("whole"), stream);
        }
    }

    #[test]
    fn only_first_payloads_start_a_picture() {
        let format = H264Payload::default();
        for (payload, starts) in [
            (&[][..], false),
            (&[0x67, 1], true),
            (&[0x41], false),
            (&[0x41, 0x9a], true),
            (&[0x41, 0x1a], false),
            (&[0x78], false),
            (&[0x78, 0, 2, 0x67, 1], true),
            (&[0x78, 0, 2, 0x41, 0x1a], false),
            (&[0x7c], false),
            (&[0x7c, 0x85], false),
            (&[0x7c, 0x81, 0x9a], true),
            (&[0x7c, 0x01, 0x9a], false),
            (&[0x7c, 0x85, 0x88], false),
            (&[0x65, 0x88], false),
            (&[0x68, 1], false),
            (&[0x7c, 0x81, 0x22], false),
        ] {
            assert_eq!(format.starts_picture(payload), starts, "{payload:02x?}");
        }
    }

    #[test]
    fn payloads_that_break_the_format_are_refused_by_what_is_wrong() {
        let truncated = |len, needed| Err(PayloadError::Truncated { len, needed });
        type Case<'a> = (&'a [&'a [u8]], Result<Bytes, PayloadError>);
        let cases: [Case<'_>; 16] = [
            (&[], Err(PayloadError::Empty)),
            (&[&[]], Err(PayloadError::Empty)),
            (&[&[0x78]], Err(PayloadError::Empty)),
            (&[&[0x78, 0]], truncated(2, 3)),
            (&[&[0x78, 0, 9, 0x67]], truncated(4, 12)),
            (&[&[0x78, 0xff, 0xff, 0x67]], truncated(4, 65_538)),
            (&[&[0x78, 0, 0]], Err(PayloadError::Empty)),
            (&[&[0x78, 0, 1, 0x78]], Err(PayloadError::Type { payload_type: 24 })),
            (&[&[0x7c]], truncated(1, 3)),
            (&[&[0x7c, 0x85]], truncated(2, 3)),
            (&[&[0x7c, 0x05, 1]], Err(PayloadError::Fragment)),
            (&[&[0x7c, 0x85, 1]], Err(PayloadError::Fragment)),
            (&[&[0x7c, 0x85, 1], &[0x41, 1]], Err(PayloadError::Fragment)),
            (&[&[0x7c, 0x85, 1], &[0x7c, 0x85, 1]], Err(PayloadError::Fragment)),
            (&[&[0x60, 1]], Err(PayloadError::Type { payload_type: 0 })),
            (&[&[0x7d, 0x85, 1]], Err(PayloadError::Type { payload_type: 29 })),
        ];
        for (payloads, expected) in cases {
            assert_eq!(join(payloads), expected, "{payloads:02x?}");
        }
    }

    #[test]
    fn endless_fragments_are_bounded() {
        let part = [&[0x7c, 0x05][..], &[1; 1_198]].concat();
        let start = [&[0x7c, 0x85][..], &[1; 1_198]].concat();
        let mut endless = std::iter::once(&start[..]).chain(std::iter::repeat(&part[..]));
        let refused = H264Payload::default().join(&mut endless);
        assert_eq!(refused, Err(PayloadError::TooLong { limit: MAX_PICTURE }));
    }

    #[test]
    fn any_bytes_are_joined_or_refused() {
        let (mut random, mut format) = (99u64, H264Payload::default());
        for _ in 0..20_000 {
            let payloads: Vec<Vec<u8>> = (0..random % 4)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (0..random >> 40 & 31).map(|n| (random >> (n % 56)) as u8).collect()
                })
                .collect();
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            payloads.iter().for_each(|payload| {
                format.starts_picture(payload);
            });
            let _ = format.join(&mut payloads.iter().map(Vec::as_slice));
        }
    }

    #[test]
    fn a_failed_picture_leaves_nothing_for_the_next() {
        let mut format = H264Payload::default();
        let broken: [&[u8]; 1] = [&[0x7c, 0x85, 1]];
        assert!(format.join(&mut broken.into_iter()).is_err());
        let whole: [&[u8]; 1] = [&[0x41, 0x9a]];
        assert_eq!(format.join(&mut whole.into_iter()).expect("whole"), &[0, 0, 0, 1, 0x41, 0x9a][..]);
    }

    #[test]
    fn bitstreams_without_units_and_limits_below_the_headers_are_refused() {
        let mut payloads = Vec::new();
        let mut format = H264Payload::default();
        let nothing = format.split(&Bytes::from_static(&[0, 0, 1, 9]), 1_200, &mut payloads);
        assert_eq!(nothing, Err(PayloadError::Empty));
        let stream = bitstream(&[unit(NAL_SLICE, 50)]);
        assert_eq!(
            format.split(&stream, 2, &mut payloads),
            Err(PayloadError::SizeLimit { max_payload: 2, needed: 3 })
        );
    }
}
