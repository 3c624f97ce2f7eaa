//! Pictures as PNG files.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, bail};
use remotemedia_runtime_core::data::{PixelFormat, VideoFrame};

/// Writes an I420 picture as an RGB PNG.
pub(super) fn write_png(frame: &VideoFrame, path: &Path) -> anyhow::Result<()> {
    if frame.format() != PixelFormat::I420 {
        bail!("picture is {:?}, expected I420", frame.format());
    }
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), frame.width(), frame.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb(frame)).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Converts limited-range BT.601 (ITU-R BT.601-7 §3) to RGB, three bytes a pixel.
fn rgb(frame: &VideoFrame) -> Vec<u8> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut pixels = Vec::with_capacity(3 * width * height);
    for row in 0..height {
        let (y, u, v) = (frame.row(0, row), frame.row(1, row / 2), frame.row(2, row / 2));
        for column in 0..width {
            let luma = 1.164 * (f32::from(y[column]) - 16.0);
            let (cb, cr) = (f32::from(u[column / 2]) - 128.0, f32::from(v[column / 2]) - 128.0);
            // A float to integer cast saturates.
            pixels.push((luma + 1.596 * cr).round() as u8);
            pixels.push((luma - 0.392 * cb - 0.813 * cr).round() as u8);
            pixels.push((luma + 2.017 * cb).round() as u8);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use remotemedia_runtime_core::data::VideoLoan;
    use remotemedia_runtime_core::shm::HeapPool;

    #[test]
    fn white_black_and_red_come_out_as_such() {
        let mut loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, 2, 2).expect("small");
        for (y, u, v, expected) in
            [(235, 128, 128, [255, 255, 255]), (16, 128, 128, [0, 0, 0]), (81, 90, 240, [254, 0, 0])]
        {
            let [luma, blue, red] = loan.planes_mut();
            luma.fill(y);
            blue.fill(u);
            red.fill(v);
            let frame = std::mem::replace(
                &mut loan,
                VideoLoan::new(&HeapPool::default(), PixelFormat::I420, 2, 2).expect("small"),
            )
            .freeze();
            assert_eq!(rgb(&frame)[..3], expected);
        }
    }
}
