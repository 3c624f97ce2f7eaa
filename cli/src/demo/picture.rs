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

/// Converts to RGB by the picture's colour space (ITU-T H.273 §8.3), three bytes a pixel.
fn rgb(frame: &VideoFrame) -> Vec<u8> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut pixels = Vec::with_capacity(3 * width * height);
    let color_space = frame.color_space();
    let (kr, kb) = color_space.luma_weights();
    let (black, luma_range, chroma_range) =
        if color_space.full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
    let chroma = |sample: u8| (f64::from(sample) - 128.0) / chroma_range;
    for row in 0..height {
        let (y, u, v) = (frame.row(0, row), frame.row(1, row / 2), frame.row(2, row / 2));
        for column in 0..width {
            let luma = (f64::from(y[column]) - black) / luma_range;
            let (cb, cr) = (2.0 * chroma(u[column / 2]), 2.0 * chroma(v[column / 2]));
            let (red, blue) = (luma + (1.0 - kr) * cr, luma + (1.0 - kb) * cb);
            let green = (luma - kr * red - kb * blue) / (1.0 - kr - kb);
            // A float to integer cast saturates.
            pixels.extend([red, green, blue].map(|part| (255.0 * part).round() as u8));
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
    fn a_picture_of_the_full_range_and_of_another_matrix_has_its_own_colours() {
        use remotemedia_runtime_core::data::ColorSpace;
        let canvas = ColorSpace { primaries: 1, transfer: 13, matrix: 1, full_range: true };
        // Pure red by BT.709: Y 0.2126, Cb −0.1146, Cr 0.5.
        let loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, 2, 2).expect("small");
        let mut loan = loan.with_color_space(canvas);
        for (plane, value) in loan.planes_mut().into_iter().zip([54, 99, 255]) {
            plane.fill(value);
        }
        let pixel = &rgb(&loan.freeze())[..3];
        assert!(pixel[0] >= 253 && pixel[1] <= 2 && pixel[2] <= 2, "{pixel:?}");
    }

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
