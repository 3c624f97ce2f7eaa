//! Keeps the person, or what moves, sharp and blurs what is behind.
//!
//! `node` runs the steps of a frame: `reduced` shrinks it, `segmenter` tells foreground from background by
//! an adaptive model (`model`, `colours`, `light`, `presence`, `prior`, `regions`), `matte` aligns the coarse
//! mask with the picture's edges, `backdrop` blurs the background at reduced size, `compose` puts the foreground
//! on it at full size (`enlarge`). All but `node` know neither items nor time of day.

mod backdrop;
mod colours;
mod compose;
mod enlarge;
mod light;
mod matte;
mod model;
mod node;
mod presence;
mod prior;
mod reduced;
mod regions;
mod segmenter;
mod smoothing;

pub use node::{BackgroundBlur, BackgroundBlurParams};
