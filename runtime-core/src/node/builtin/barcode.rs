//! A number drawn into a picture, readable after lossy codecs, scaling and blur.
//!
//! The top ninth of the picture is 16 cells: bright, dark, twelve bits of the number with the most
//! significant first (bright is 1), dark, bright. The outer four cells tell a barcode from a picture and
//! give the levels to compare with.

use crate::data::{PixelFormat, VideoFrame, VideoLoan};

const BITS: usize = 12;
const CELLS: usize = BITS + 4;

/// The strip is this fraction of the picture's height.
const STRIP: usize = 9;

/// Luma of a bright and of a dark cell: white and black in limited range.
const BRIGHT: u8 = 235;
const DARK: u8 = 16;

/// Least difference between the outer bright and dark cells, levels. A picture washed out further (of
/// the 219 drawn) is taken for one without a barcode.
const MIN_CONTRAST: u32 = 50;

/// Draws `number` (modulo 4096) into the top ninth of an I420 picture.
pub fn draw_barcode(picture: &mut VideoLoan, number: u64) {
    let (width, rows) = (picture.width() as usize, picture.height() as usize / STRIP);
    let stride = picture.plane_layout(0).stride;
    let strip = &mut picture.plane_mut(0)[..stride * rows];
    let Some((first, rest)) = strip.split_at_mut_checked(stride) else { return };
    for cell in 0..CELLS {
        let bright = match cell {
            0 | 15 => true,
            1 | 14 => false,
            bit => number >> (BITS + 1 - bit) & 1 == 1,
        };
        first[cell * width / CELLS..(cell + 1) * width / CELLS].fill(if bright { BRIGHT } else { DARK });
    }
    for row in rest.chunks_mut(stride) {
        row[..width].copy_from_slice(&first[..width]);
    }
    for plane in 1..3 {
        let stride = picture.plane_layout(plane).stride;
        picture.plane_mut(plane)[..stride * (rows / 2)].fill(128);
    }
}

/// Reads the number that a [`TestPattern`](super::TestPattern) drew into a picture, 0 to 4095.
///
/// Works on every pixel format and on scaled, blurred and coded pictures. `None` if there is no barcode
/// or a cell is so far between bright and dark that its bit would be a guess.
pub fn read_barcode(frame: &VideoFrame) -> Option<u16> {
    let (width, rows) = (frame.width() as usize, frame.height() as usize / STRIP);
    if width < 2 * CELLS || rows < 2 {
        return None;
    }
    let mut levels = [0_u32; CELLS];
    for (cell, level) in levels.iter_mut().enumerate() {
        let (left, right) = (cell * width / CELLS, (cell + 1) * width / CELLS);
        *level = mean_level(frame, left, right, rows);
    }
    let bright = levels[0].min(levels[15]);
    let dark = levels[1].max(levels[14]);
    let contrast = bright.checked_sub(dark).filter(|&contrast| contrast >= MIN_CONTRAST)?;
    let mut number = 0;
    for &level in &levels[2..14] {
        let height = level.saturating_sub(dark).min(contrast);
        if (contrast * 2 / 5..=contrast * 3 / 5).contains(&height) {
            return None;
        }
        number = number << 1 | u16::from(2 * height > contrast);
    }
    Some(number)
}

/// The mean brightness of the inner half of a cell, where blur and ringing reach least.
fn mean_level(frame: &VideoFrame, left: usize, right: usize, rows: usize) -> u32 {
    // Green stands for brightness in RGB: it carries most of it.
    let (step, offset) = match frame.format() {
        PixelFormat::I420 | PixelFormat::Nv12 => (1, 0),
        PixelFormat::Rgb24 => (3, 1),
        PixelFormat::Rgba => (4, 1),
    };
    let margin = (right - left) / 4;
    let (mut sum, mut count) = (0_u32, 0_u32);
    for y in rows / 4..rows - rows / 4 {
        let row = &frame.row(0, y)[(left + margin) * step..(right - margin) * step];
        sum += row[offset..].iter().step_by(step).map(|&p| u32::from(p)).sum::<u32>();
        count += (right - left - 2 * margin) as u32;
    }
    sum / count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::builtin::VideoBlur;
    use crate::node::builtin::input::tests::{draw, make, run_video};
    use crate::shm::HeapPool;

    fn numbered(width: u32, height: u32, number: u64) -> VideoFrame {
        let mut loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, height).expect("fits");
        for plane in 0..3 {
            loan.plane_mut(plane).fill(90);
        }
        draw_barcode(&mut loan, number);
        loan.freeze()
    }

    #[test]
    fn every_number_is_read_as_it_was_drawn() {
        for number in 0..4096 {
            assert_eq!(read_barcode(&numbered(64, 36, number)), Some(number as u16));
        }
        assert_eq!(read_barcode(&numbered(64, 36, 4096 + 5)), Some(5));
    }

    #[test]
    fn the_smallest_picture_with_a_barcode_is_32_by_18() {
        assert_eq!(read_barcode(&numbered(32, 18, 2730)), Some(2730));
        assert_eq!(read_barcode(&numbered(31, 18, 2730)), None);
        assert_eq!(read_barcode(&numbered(32, 17, 2730)), None);
        assert_eq!(read_barcode(&numbered(1, 1, 2730)), None);
    }

    #[test]
    fn a_blur_of_a_quarter_cell_leaves_it_readable() {
        for number in [0b1010_1010_1010, 0b0101_0101_0101, 0b1000_0000_0001, 0b0111_1111_1110] {
            let mut blur: VideoBlur = make(serde_json::json!({"radius": 20})).expect("valid params");
            let blurred = run_video(&mut blur, &numbered(1280, 720, number));
            assert_eq!(read_barcode(&blurred), Some(number as u16));
        }
    }

    #[test]
    fn pictures_without_a_barcode_have_no_number() {
        let flat = draw(320, 180, |_, _| 120, |_, _, _| 128);
        let gradient = draw(320, 180, |x, y| (x + y) as u8, |_, _, _| 128);
        let washed_out = draw(320, 180, |x, _| if x / 20 % 15 == 0 { 144 } else { 100 }, |_, _, _| 128);
        for frame in [flat, gradient, washed_out] {
            assert_eq!(read_barcode(&frame), None);
        }
    }

    #[test]
    fn a_cell_that_is_neither_bright_nor_dark_is_not_guessed() {
        let grey_cell = |grey: u8| {
            draw(
                320,
                180,
                move |x, _| match x / 20 {
                    0 | 15 => 235,
                    7 => grey,
                    _ => 16,
                },
                |_, _, _| 128,
            )
        };
        assert_eq!(read_barcode(&grey_cell(125)), None);
        assert_eq!(read_barcode(&grey_cell(180)), Some(1 << 6));
        assert_eq!(read_barcode(&grey_cell(70)), Some(0));
    }

    #[test]
    fn rgb_pictures_are_read_too() {
        let grey = numbered(320, 180, 1234);
        for (format, step) in [(PixelFormat::Rgb24, 3), (PixelFormat::Rgba, 4)] {
            let mut loan = VideoLoan::new(&HeapPool::default(), format, 320, 180).expect("fits");
            for (pixel, &luma) in loan.plane_mut(0).chunks_mut(step).zip(grey.plane(0)) {
                pixel.fill(luma);
            }
            assert_eq!(read_barcode(&loan.freeze()), Some(1234));
        }
    }
}
