//! The nodes that ship, one file each, and [`NodeRegistry::with_builtins`] that knows them all.
//!
//! Pictures stay in I420 from decoder to encoder: a node that computes on pixels takes no other format
//! and says so. Each node owns its state; what several need stands in files of its own (`gaussian`,
//! `input`, `param`). The crates that do the arithmetic (libblur, fast_image_resize, rubato, yuv) are
//! imported in this folder alone, and none of their types leaves it.
//!
//! [`NodeRegistry::with_builtins`]: super::NodeRegistry::with_builtins

mod audio_gain;
mod audio_level;
mod background_blur;
mod barcode;
mod blend;
mod calculator;
mod catalog;
mod gaussian;
mod input;
mod param;
mod pass_through;
mod resample;
mod test_pattern;
mod test_tone;
mod video_blur;
mod video_convert;
mod video_flip;
mod video_scale;

pub use audio_gain::{AudioGain, AudioGainParams};
pub use audio_level::{AudioLevel, AudioLevelParams};
pub use background_blur::{BackgroundBlur, BackgroundBlurParams};
pub use barcode::{draw_barcode, read_barcode};
pub use calculator::{Calculator, CalculatorError, CalculatorParams};
pub use pass_through::{PassThrough, PassThroughParams};
pub use resample::{Resample, ResampleParams};
pub use test_pattern::{TestPattern, TestPatternParams, TestScene};
pub use test_tone::{TestTone, TestToneParams};
pub use video_blur::{VideoBlur, VideoBlurParams};
pub use video_convert::{ConvertedFormat, VideoConvert, VideoConvertParams};
pub use video_flip::{FlipDirection, VideoFlip, VideoFlipParams};
pub use video_scale::{ScaleFilter, VideoScale, VideoScaleParams};
