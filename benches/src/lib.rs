//! What benches measure with: figures and what they may be at most.

mod figure;

pub use figure::{Figure, Limit, over_limits, percentile, table};
