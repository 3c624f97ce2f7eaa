//! Changes how pixels lie in memory: I420, NV12, RGB24, RGBA.
//!
//! `node` knows items and params, `conversion` pictures alone. The `yuv` crate does the arithmetic of colours;
//! what only moves bytes is done here.

mod conversion;
mod node;

pub use node::{ConvertedFormat, VideoConvert, VideoConvertParams};
