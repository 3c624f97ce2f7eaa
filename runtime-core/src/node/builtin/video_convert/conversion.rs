//! From one pixel format to another, picture by picture.

use std::borrow::Cow;

use yuv::{
    BufferStoreMut, YuvBiPlanarImage, YuvBiPlanarImageMut, YuvConversionMode, YuvError, YuvPlanarImage,
    YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

use crate::data::{PixelFormat, VideoFrame, VideoLoan};
use crate::node::NodeError;

const MODE: YuvConversionMode = YuvConversionMode::Balanced;

/// Writes `frame`, which is of another format than `format`, to `to`, which is of that format.
pub(super) fn convert(frame: &VideoFrame, to: &mut VideoLoan, format: PixelFormat) -> Result<(), NodeError> {
    use PixelFormat::{I420, Nv12, Rgb24, Rgba};
    match (frame.format(), format) {
        (I420, Nv12) => {
            copy_luma(frame, to);
            interleave(frame, to);
            Ok(())
        }
        (Nv12, I420) => {
            copy_luma(frame, to);
            separate(frame, to);
            Ok(())
        }
        (Rgb24, Rgba) => {
            each_pixel::<3, 4>(frame, to, |&[r, g, b]| [r, g, b, u8::MAX]);
            Ok(())
        }
        (Rgba, Rgb24) => {
            each_pixel::<4, 3>(frame, to, |&[r, g, b, _]| [r, g, b]);
            Ok(())
        }
        (I420 | Nv12, _) => to_rgb(frame, to, format),
        (Rgb24 | Rgba, _) => from_rgb(frame, to, format),
    }
    .map_err(NodeError::failed)
}

/// Returns how the frame's colour space is called here.
fn range_and_matrix(frame: &VideoFrame) -> (YuvRange, YuvStandardMatrix) {
    let color_space = frame.color_space();
    let range = if color_space.full_range { YuvRange::Full } else { YuvRange::Limited };
    let matrix = match color_space.matrix {
        1 => YuvStandardMatrix::Bt709,
        4 => YuvStandardMatrix::Fcc,
        7 => YuvStandardMatrix::Smpte240,
        9 | 10 => YuvStandardMatrix::Bt2020,
        _ => YuvStandardMatrix::Bt601,
    };
    (range, matrix)
}

fn to_rgb(frame: &VideoFrame, to: &mut VideoLoan, format: PixelFormat) -> Result<(), YuvError> {
    let (width, height) = (frame.width(), frame.height());
    let (range, matrix) = range_and_matrix(frame);
    let stride = to.plane_layout(0).stride as u32;
    let to = to.plane_mut(0);
    let alpha = format == PixelFormat::Rgba;
    let chroma_width = width.div_ceil(2);
    let (y, y_stride) = without_gaps(frame, 0, width);
    if frame.format() == PixelFormat::Nv12 {
        let convert = if alpha { yuv::yuv_nv12_to_rgba } else { yuv::yuv_nv12_to_rgb };
        let (uv, uv_stride) = without_gaps(frame, 1, 2 * chroma_width);
        let from = YuvBiPlanarImage { y_plane: &y, y_stride, uv_plane: &uv, uv_stride, width, height };
        return convert(&from, to, stride, range, matrix, MODE);
    }
    let convert = if alpha { yuv::yuv420_to_rgba } else { yuv::yuv420_to_rgb };
    let [(u, u_stride), (v, v_stride)] = [1, 2].map(|plane| without_gaps(frame, plane, chroma_width));
    let from =
        YuvPlanarImage { y_plane: &y, y_stride, u_plane: &u, u_stride, v_plane: &v, v_stride, width, height };
    convert(&from, to, stride, range, matrix)
}

fn from_rgb(frame: &VideoFrame, to: &mut VideoLoan, format: PixelFormat) -> Result<(), YuvError> {
    let (width, height) = (frame.width(), frame.height());
    let (range, matrix) = range_and_matrix(frame);
    let alpha = frame.format() == PixelFormat::Rgba;
    let (from, stride) = without_gaps(frame, 0, if alpha { 4 * width } else { 3 * width });
    let [y_stride, second] = [0, 1].map(|plane| to.plane_layout(plane).stride as u32);
    let [y, u, v] = to.planes_mut().map(BufferStoreMut::Borrowed);
    if format == PixelFormat::Nv12 {
        let convert = if alpha { yuv::rgba_to_yuv_nv12 } else { yuv::rgb_to_yuv_nv12 };
        let mut to =
            YuvBiPlanarImageMut { y_plane: y, y_stride, uv_plane: u, uv_stride: second, width, height };
        return convert(&mut to, &from, stride, range, matrix, MODE);
    }
    let convert = if alpha { yuv::rgba_to_yuv420 } else { yuv::rgb_to_yuv420 };
    let mut to = YuvPlanarImageMut {
        y_plane: y,
        y_stride,
        u_plane: u,
        u_stride: second,
        v_plane: v,
        v_stride: second,
        width,
        height,
    };
    convert(&mut to, &from, stride, range, matrix, MODE)
}

/// Returns the rows of a plane one behind the other, and the bytes of a row.
///
/// With gaps between rows `yuv` may leave out the last two, since the last has no gap behind it.
fn without_gaps(frame: &VideoFrame, plane: usize, row_bytes: u32) -> (Cow<'_, [u8]>, u32) {
    let layout = frame.plane_layout(plane);
    if layout.stride == row_bytes as usize {
        return (Cow::Borrowed(frame.plane(plane)), row_bytes);
    }
    let rows = (0..layout.rows).flat_map(|y| &frame.row(plane, y)[..row_bytes as usize]);
    (Cow::Owned(rows.copied().collect()), row_bytes)
}

/// Returns the rows of a plane that is being written.
fn rows(to: &mut VideoLoan, plane: usize) -> std::slice::ChunksExactMut<'_, u8> {
    let row_bytes = to.plane_layout(plane).row_bytes;
    to.plane_mut(plane).chunks_exact_mut(row_bytes)
}

fn copy_luma(frame: &VideoFrame, to: &mut VideoLoan) {
    for (y, row) in rows(to, 0).enumerate() {
        row.copy_from_slice(&frame.row(0, y)[..row.len()]);
    }
}

fn interleave(frame: &VideoFrame, to: &mut VideoLoan) {
    for (y, row) in rows(to, 1).enumerate() {
        let chroma = frame.row(1, y).iter().zip(frame.row(2, y));
        for (pair, (&u, &v)) in row.as_chunks_mut::<2>().0.iter_mut().zip(chroma) {
            *pair = [u, v];
        }
    }
}

fn separate(frame: &VideoFrame, to: &mut VideoLoan) {
    for (plane, part) in [(1, 0), (2, 1)] {
        for (y, row) in rows(to, plane).enumerate() {
            for (sample, pair) in row.iter_mut().zip(frame.row(1, y).as_chunks::<2>().0) {
                *sample = pair[part];
            }
        }
    }
}

fn each_pixel<const FROM: usize, const TO: usize>(
    frame: &VideoFrame,
    to: &mut VideoLoan,
    convert: impl Fn(&[u8; FROM]) -> [u8; TO],
) {
    for (y, row) in rows(to, 0).enumerate() {
        for (to, from) in row.as_chunks_mut::<TO>().0.iter_mut().zip(frame.row(0, y).as_chunks::<FROM>().0) {
            *to = convert(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use PixelFormat::{I420, Nv12, Rgb24, Rgba};

    use super::*;
    use crate::data::PlaneLayout;
    use crate::shm::{HeapPool, SharedFrame};

    const FORMATS: [PixelFormat; 4] = [I420, Nv12, Rgb24, Rgba];

    const SIZES: [(u32, u32); 12] = [
        (64, 36),
        (65, 37),
        (64, 37),
        (65, 36),
        (2, 2),
        (1, 1),
        (1, 7),
        (7, 1),
        (3, 2),
        (17, 2),
        (641, 3),
        (130, 6),
    ];

    fn converted(frame: &VideoFrame, format: PixelFormat) -> VideoFrame {
        let mut loan =
            VideoLoan::new(&HeapPool::default(), format, frame.width(), frame.height()).expect("small");
        // What is not written must not look as if it were.
        (0..format.plane_count()).for_each(|plane| loan.plane_mut(plane).fill(0xAA));
        convert(frame, &mut loan, format).expect("every pair of formats");
        loan.freeze()
    }

    /// A picture of bytes that look random; all values of luma and chroma that exist, or all of RGB.
    fn noise(format: PixelFormat, width: u32, height: u32) -> VideoFrame {
        let mut loan = VideoLoan::new(&HeapPool::default(), format, width, height).expect("small");
        let mut state = 7 * width + height;
        for plane in 0..format.plane_count() {
            for byte in loan.plane_mut(plane) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = match format {
                    I420 | Nv12 => 16 + (state >> 24) as u8 % 220,
                    Rgb24 | Rgba => (state >> 24) as u8,
                };
            }
        }
        loan.freeze()
    }

    /// What a pixel is: Y, U, V or R, G, B, opacity; not yet rounded.
    type Pixel = [f64; 4];

    /// Source: ITU-R BT.601-7 §2.5 and §3.5, 8 bits.
    fn yuv_from_rgb([r, g, b, _]: Pixel) -> Pixel {
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        let chroma = |colour: f64, weight: f64| 128.0 + 112.0 / 255.0 * (colour - luma) / (1.0 - weight);
        [16.0 + 219.0 / 255.0 * luma, chroma(b, 0.114), chroma(r, 0.299), 255.0]
    }

    fn rgb_from_yuv([y, u, v, _]: Pixel) -> Pixel {
        let luma = (y - 16.0) * 255.0 / 219.0;
        let r = luma + (v - 128.0) * 255.0 / 112.0 * (1.0 - 0.299);
        let b = luma + (u - 128.0) * 255.0 / 112.0 * (1.0 - 0.114);
        let g = (luma - 0.299 * r - 0.114 * b) / 0.587;
        [r, g, b, 255.0].map(|level| level.clamp(0.0, 255.0))
    }

    fn pixel(frame: &VideoFrame, x: usize, y: usize) -> Pixel {
        let at = |plane: usize, x: usize, y: usize| f64::from(frame.row(plane, y)[x]);
        match frame.format() {
            I420 => [at(0, x, y), at(1, x / 2, y / 2), at(2, x / 2, y / 2), 255.0],
            Nv12 => [at(0, x, y), at(1, x / 2 * 2, y / 2), at(1, x / 2 * 2 + 1, y / 2), 255.0],
            Rgb24 => [at(0, 3 * x, y), at(0, 3 * x + 1, y), at(0, 3 * x + 2, y), 255.0],
            Rgba => [0, 1, 2, 3].map(|part| at(0, 4 * x + part, y)),
        }
    }

    fn is_rgb(format: PixelFormat) -> bool {
        matches!(format, Rgb24 | Rgba)
    }

    /// What a pixel becomes in another format, by the definitions.
    fn expected(frame: &VideoFrame, format: PixelFormat, x: usize, y: usize) -> Pixel {
        let own = pixel(frame, x, y);
        match (is_rgb(frame.format()), is_rgb(format)) {
            (false, true) => rgb_from_yuv(own),
            (true, false) => {
                let [x0, y0] = [x, y].map(|at| at / 2 * 2);
                let (x1, y1) = ((x0 + 2).min(frame.width() as usize), (y0 + 2).min(frame.height() as usize));
                let covered: Vec<_> =
                    (y0..y1).flat_map(|y| (x0..x1).map(move |x| yuv_from_rgb(pixel(frame, x, y)))).collect();
                let mean = |part: usize| covered.iter().map(|p| p[part]).sum::<f64>() / covered.len() as f64;
                [yuv_from_rgb(own)[0], mean(1), mean(2), 255.0]
            }
            (true, true) if format == Rgba && frame.format() == Rgba => own,
            _ => [own[0], own[1], own[2], 255.0],
        }
    }

    fn assert_converts(frame: &VideoFrame, format: PixelFormat) {
        let to = converted(frame, format);
        let (width, height) = (frame.width(), frame.height());
        assert_eq!((to.format(), to.width(), to.height()), (format, width, height));
        // Two roundings: of the mean of pixels, and of the result.
        let exact = is_rgb(frame.format()) == is_rgb(format);
        let tolerance = if exact { 0.0 } else { 1.5 };
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (got, expected) = (pixel(&to, x, y), expected(frame, format, x, y));
                let off = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(
                    off <= tolerance,
                    "{:?} to {format:?}, {width}x{height} at {x},{y}: {got:?}, not {expected:?}",
                    frame.format()
                );
            }
        }
    }

    /// The same picture in memory with gaps behind its rows, but for the last of each plane.
    fn with_gaps(frame: &VideoFrame, gap: usize) -> VideoFrame {
        let (mut bytes, mut planes) = (vec![0x55; gap], [PlaneLayout::default(); 3]);
        for (plane, target) in planes.iter_mut().enumerate().take(frame.format().plane_count()) {
            let layout = frame.plane_layout(plane);
            *target = PlaneLayout { offset: bytes.len(), stride: layout.row_bytes + gap, ..layout };
            for y in 0..layout.rows {
                bytes.extend_from_slice(frame.row(plane, y));
                bytes.resize(bytes.len() + if y + 1 < layout.rows { gap } else { 0 }, 0x55);
            }
        }
        let (format, memory) = (frame.format(), SharedFrame::from_vec(bytes));
        VideoFrame::new(memory, format, frame.width(), frame.height(), planes).expect("a valid layout")
    }

    fn every_pair() -> impl Iterator<Item = (PixelFormat, PixelFormat)> {
        let pairs = FORMATS.into_iter().flat_map(|from| FORMATS.map(|to| (from, to)));
        pairs.filter(|(from, to)| from != to)
    }

    #[test]
    fn every_pair_of_formats_agrees_with_the_standard_in_every_size() {
        for (from, to) in every_pair() {
            for (width, height) in SIZES {
                assert_converts(&noise(from, width, height), to);
            }
        }
    }

    #[test]
    fn gaps_between_rows_do_not_show() {
        for (from, to) in every_pair() {
            for (width, height) in SIZES {
                for gap in [1, 12, 31] {
                    assert_converts(&with_gaps(&noise(from, width, height), gap), to);
                }
            }
        }
    }

    #[test]
    fn primaries_and_greys_have_the_levels_of_the_standard() {
        for (rgb, yuv) in [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([128, 128, 128], [126, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
            ([255, 255, 0], [210, 16, 146]),
            ([0, 255, 255], [170, 166, 16]),
            ([255, 0, 255], [107, 202, 222]),
        ] {
            let pixels = SharedFrame::from_vec(rgb.repeat(32 * 8));
            let (planes, _) = Rgb24.packed_layout(32, 8).expect("small");
            let frame = VideoFrame::new(pixels, Rgb24, 32, 8, planes).expect("a valid layout");
            let i420 = converted(&frame, I420);
            for (plane, level) in yuv.into_iter().enumerate() {
                let off = i420.plane(plane).iter().map(|p: &u8| p.abs_diff(level)).max();
                assert!(off <= Some(1), "{rgb:?}: {} in plane {plane}, not {level}", i420.plane(plane)[0]);
            }
            let back = converted(&i420, Rgb24);
            let off = back.plane(0).iter().zip(rgb.iter().cycle()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(3), "{rgb:?} comes back as {:?}", &back.plane(0)[..3]);
        }
    }

    #[test]
    fn levels_beyond_the_limited_range_are_cut_and_do_not_wrap() {
        for (level, grey) in [(0, 0), (15, 0), (16, 0), (235, 255), (255, 255)] {
            let (planes, len) = I420.packed_layout(40, 4).expect("small");
            let mut pixels = vec![128; len];
            pixels[..160].fill(level);
            let frame = VideoFrame::new(SharedFrame::from_vec(pixels), I420, 40, 4, planes).expect("valid");
            for format in [Rgb24, Rgba] {
                let rgb = converted(&frame, format);
                assert!(pixel(&rgb, 39, 3)[..3].iter().all(|&p| p == f64::from(grey)), "luma {level}");
            }
        }
    }

    #[test]
    fn a_grey_ramp_comes_back_from_every_format_as_that_ramp() {
        let (planes, len) = I420.packed_layout(220, 20).expect("small");
        let mut pixels: Vec<u8> = (0..20).flat_map(|_| 16..=235).collect();
        pixels.resize(len, 128);
        let ramp = VideoFrame::new(SharedFrame::from_vec(pixels), I420, 220, 20, planes).expect("valid");
        for format in [Nv12, Rgb24, Rgba] {
            let back = converted(&converted(&ramp, format), I420);
            for plane in 0..3 {
                let levels = back.plane(plane).iter().zip(ramp.plane(plane));
                assert!(levels.clone().all(|(a, b)| a.abs_diff(*b) <= 1), "{format:?} plane {plane}");
            }
        }
    }
}
