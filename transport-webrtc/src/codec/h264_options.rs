//! What OpenH264's safe interface lacks: another bitrate without a key frame, and silence from the start.

use openh264::encoder::Encoder;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_TRACE_LEVEL,
    SBitrateInfo, SPATIAL_LAYER_0, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};

use super::EncodeError;

/// Changes the bitrate of a started encoder from `from_bps` to `to_bps`.
///
/// The library refuses a target above its maximum at any moment, so the order of the two steps depends
/// on the direction.
///
/// # Errors
/// [`EncodeError::Library`] if the library refuses; the encoder goes on with what it had.
pub(super) fn set_running_bitrate(
    encoder: &mut Encoder,
    from_bps: u32,
    to_bps: u32,
) -> Result<(), EncodeError> {
    let maximum = (ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0);
    let target = (ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL);
    let steps = if to_bps > from_bps { [maximum, target] } else { [target, maximum] };
    for (option, layer) in steps {
        set_bitrate_option(encoder, option, layer, to_bps)?;
    }
    Ok(())
}

/// Keeps the library from writing to the standard error while it starts; what goes wrong is returned.
///
/// The safe interface silences it too, but only after the start, which warns of settings that are meant.
pub(super) fn silence(encoder: &mut Encoder) {
    set_trace_level(encoder, WELS_LOG_QUIET);
}

// The library's interface for options is a raw pointer; there is no safe one.
#[allow(unsafe_code)]
fn set_trace_level(encoder: &mut Encoder, mut level: i32) {
    // SAFETY: the option reads one `int` through the pointer, which is live and exclusive for the call and
    // not kept; the library takes this option before its start, too. Failing, it leaves a warning in a log.
    let _ = unsafe { encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast()) };
}

// As above.
#[allow(unsafe_code)]
fn set_bitrate_option(
    encoder: &mut Encoder,
    option: ENCODER_OPTION,
    layer: i32,
    bitrate_bps: u32,
) -> Result<(), EncodeError> {
    let bitrate = i32::try_from(bitrate_bps).unwrap_or(i32::MAX);
    let mut info = SBitrateInfo { iLayer: layer, iBitrate: bitrate };
    // SAFETY: both options read one `SBitrateInfo` through the pointer, which is live and exclusive for
    // the call and not kept by the library; `&mut Encoder` rules out a call at the same time. Neither
    // option touches the size or the buffers that the safe interface relies on.
    let code = unsafe { encoder.raw_api().set_option(option, (&raw mut info).cast()) };
    match code {
        0 => Ok(()),
        code => {
            let reason = format!("bitrate of {bitrate_bps} bit/s refused with code {code}");
            Err(EncodeError::Library { library: "OpenH264", reason })
        }
    }
}
