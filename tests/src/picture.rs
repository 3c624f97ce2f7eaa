//! Pictures to send and to look at.

use remotemedia_runtime_core::data::{PixelFormat, VideoFrame, VideoLoan};
use remotemedia_runtime_core::node::builtin::draw_barcode;
use remotemedia_runtime_core::shm::FramePool;

/// Draws a picture of fine vertical stripes with `number` as a barcode in its top ninth.
pub fn numbered_picture(pool: &dyn FramePool, width: u32, height: u32, number: u64) -> VideoFrame {
    let mut loan = VideoLoan::new(pool, PixelFormat::I420, width, height).expect("memory");
    let [luma, blue, red] = loan.planes_mut();
    for (at, pixel) in luma.iter_mut().enumerate() {
        *pixel = if (at % width as usize / 4).is_multiple_of(2) { 60 } else { 190 };
    }
    blue.fill(128);
    red.fill(128);
    draw_barcode(&mut loan, number);
    loan.freeze()
}

/// Returns the mean difference of neighbouring pixels in the given part of the picture's luma, levels: how
/// sharp it is.
///
/// * `columns`, `rows`: in pixels.
pub fn sharpness(frame: &VideoFrame, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> f64 {
    let mut differences = 0;
    let pixels = (columns.len() - 1) * rows.len();
    for row in rows {
        let line = &frame.row(0, row)[columns.clone()];
        differences += line.windows(2).map(|pair| u64::from(pair[0].abs_diff(pair[1]))).sum::<u64>();
    }
    differences as f64 / pixels as f64
}
