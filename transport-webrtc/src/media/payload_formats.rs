//! Which codec travels in which format.

use super::RtpPayloadFormat;
use super::h264_payload::H264Payload;
use crate::codec::VideoCodec;

/// Makes the payload format of a video codec.
pub fn payload_format(codec: VideoCodec) -> Box<dyn RtpPayloadFormat> {
    match codec {
        VideoCodec::H264 => Box::new(H264Payload::default()),
    }
}
