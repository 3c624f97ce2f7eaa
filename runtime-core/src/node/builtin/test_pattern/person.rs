//! A person who sits in a furnished room and moves a little.

use super::Scene;
use super::paint::{Rgb, chance, ellipse_distance, lit, mixed, noise, smooth_step, yuv_from_rgb};
use super::sprite::Sprite;
use crate::data::{PixelFormat, VideoFrame, VideoLoan};
use crate::node::NodeError;
use crate::shm::HeapPool;

/// A person who sits in a furnished room and moves a little: breathes, sways, nods.
///
/// All of it is measured in picture heights. The head is an ellipse of 0.11 by 0.15 around the middle
/// of the picture at 0.43 from the top; the shoulders begin at 0.62 and reach 0.37 to each side.
pub(in crate::node::builtin) struct PersonScene {
    room: VideoFrame,
    torso: Sprite,
    head: Sprite,
    /// Upper left pixels of the sprites when at rest.
    torso_at: (i32, i32),
    head_at: (i32, i32),
    height: f32,
}

/// Half the size of the sprites, picture heights; the outlines keep within.
const TORSO_HALF_WIDTH: f32 = 0.40;
const HEAD_HALF_WIDTH: f32 = 0.15;
const HEAD_HALF_HEIGHT: f32 = 0.21;

const HEAD_CENTRE: f32 = 0.43;
const HEAD_RADIUS: (f32, f32) = (0.11, 0.15);
const SHOULDERS: f32 = 0.62;
/// The torso goes on below the picture, so that it may rise.
const TORSO_END: f32 = 1.05;

const SKIN: Rgb = [0.86, 0.64, 0.52];
const HAIR: Rgb = [0.22, 0.14, 0.10];
const SWEATER: Rgb = [0.16, 0.34, 0.55];

impl PersonScene {
    pub(in crate::node::builtin) fn new(width: u32, height: u32) -> Result<Self, NodeError> {
        let h = height as f32;
        let even = |heights: f32| 2 * (heights * h / 2.0).ceil().max(1.0) as usize;
        let centre = width as f32 / 2.0;
        let torso_size = (2 * even(TORSO_HALF_WIDTH), even(TORSO_END - SHOULDERS + 0.06));
        let head_size = (2 * even(HEAD_HALF_WIDTH), 2 * even(HEAD_HALF_HEIGHT));
        let upper_left =
            |size: (usize, usize), top: f32| (even_i32(centre - size.0 as f32 / 2.0), even_i32(top * h));
        Ok(Self {
            room: paint_room(width, height)?,
            torso: Sprite::new(torso_size.0, torso_size.1, |x, y| {
                torso(((x as f32 + 0.5) - torso_size.0 as f32 / 2.0) / h, (y as f32 + 0.5) / h - 0.06, h)
            }),
            head: Sprite::new(head_size.0, head_size.1, |x, y| {
                let (x, y) =
                    (x as f32 + 0.5 - head_size.0 as f32 / 2.0, y as f32 + 0.5 - head_size.1 as f32 / 2.0);
                head(x / h, y / h, h)
            }),
            torso_at: upper_left(torso_size, SHOULDERS - 0.06),
            head_at: upper_left(head_size, HEAD_CENTRE - head_size.1 as f32 / 2.0 / h),
            height: h,
        })
    }

    /// Returns where torso and head are in frame `n`: upper left pixels.
    fn pose(&self, n: u64) -> [(i32, i32); 2] {
        let wave = |frames: f32| (std::f32::consts::TAU * (n as f32 % frames) / frames).sin();
        let sway = 0.010 * wave(130.0);
        let breath = 0.004 * wave(100.0);
        let (turn, nod) = (0.008 * wave(74.0), 0.005 * wave(53.0));
        let moved = |at: (i32, i32), dx: f32, dy: f32| {
            (at.0 + even_i32(dx * self.height), at.1 + even_i32(dy * self.height))
        };
        [moved(self.torso_at, sway, breath), moved(self.head_at, sway + turn, breath + nod)]
    }
}

impl Scene for PersonScene {
    fn draw(&self, n: u64, picture: &mut VideoLoan) {
        for plane in 0..3 {
            picture.plane_mut(plane).copy_from_slice(self.room.plane(plane));
        }
        let [torso, head] = self.pose(n);
        self.torso.draw(picture, torso.0, torso.1);
        self.head.draw(picture, head.0, head.1);
    }

    fn draw_mask(&self, n: u64, mask: &mut VideoLoan) {
        let [torso, head] = self.pose(n);
        self.torso.cover(mask, torso.0, torso.1);
        self.head.cover(mask, head.0, head.1);
    }
}

/// Rounds to an even number of pixels, so that chroma moves with luma.
fn even_i32(pixels: f32) -> i32 {
    2 * (pixels / 2.0).round() as i32
}

/// The room, by pixel; every part of it has texture, so that blur shows.
fn paint_room(width: u32, height: u32) -> Result<VideoFrame, NodeError> {
    let mut loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, height)?;
    let (w, h) = (width as usize, height as usize);
    let (chroma_width, chroma_height) = (w.div_ceil(2), h.div_ceil(2));
    let aspect = width as f32 / height as f32;
    let [luma, u, v] = loan.planes_mut();
    for chroma_y in 0..chroma_height {
        for chroma_x in 0..chroma_width {
            let (mut sum_u, mut sum_v, mut count) = (0.0, 0.0, 0.0);
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (x, y) = (2 * chroma_x + dx, 2 * chroma_y + dy);
                if x >= w || y >= h {
                    continue;
                }
                let at = ((x as f32 + 0.5) / height as f32 - aspect / 2.0, (y as f32 + 0.5) / height as f32);
                let [level, blue, red] = yuv_from_rgb(room(at.0, at.1));
                luma[y * w + x] = level.round() as u8;
                (sum_u, sum_v, count) = (sum_u + blue, sum_v + red, count + 1.0);
            }
            u[chroma_y * chroma_width + chroma_x] = (sum_u / count).round() as u8;
            v[chroma_y * chroma_width + chroma_x] = (sum_v / count).round() as u8;
        }
    }
    Ok(loan.freeze())
}

/// The room's colour at `x` (0 is the middle) and `y` (0 is the top), picture heights.
fn room(x: f32, y: f32) -> Rgb {
    if (-0.80..-0.30).contains(&x) && (0.16..0.86).contains(&y) {
        return bookshelf(x + 0.80, y - 0.16);
    }
    if (0.34..0.78).contains(&x) && (0.15..0.60).contains(&y) {
        return window(x - 0.34, y - 0.15);
    }
    if (-0.24..0.16).contains(&x) && (0.13..0.36).contains(&y) {
        return painting(x + 0.24, y - 0.13);
    }
    if y > 0.88 {
        let board = (x * 7.0).floor();
        let grain = noise(x * 9.0, y * 120.0 + 37.0 * board, 3);
        return lit([0.46, 0.31, 0.20], 0.7 + 0.35 * grain + 0.08 * chance(board as i32, 0, 9));
    }
    // Wallpaper: lozenges on plaster, brighter towards the window.
    let lozenge = ((x * 26.0).fract().abs() - 0.5).abs() + ((y * 26.0).fract() - 0.5).abs();
    let pattern = smooth_step(0.42, 0.55, lozenge);
    let light = 0.72 + 0.16 * (x + 0.9) + 0.10 * noise(x * 60.0, y * 60.0, 1);
    lit(mixed([0.72, 0.70, 0.62], [0.52, 0.60, 0.56], pattern), light)
}

fn bookshelf(x: f32, y: f32) -> Rgb {
    let (shelf, within) = ((y / 0.175).floor(), (y / 0.175).fract());
    if !(0.015..0.485).contains(&x) || within > 0.91 || y < 0.012 {
        return lit([0.42, 0.28, 0.17], 0.75 + 0.4 * noise(x * 12.0, y * 140.0, 21));
    }
    // Books of two widths; some are lower than others and show the back of the shelf.
    let slot = (x / 0.024).floor();
    let book =
        if chance(slot as i32 / 2, shelf as i32, 33) < 0.4 { (slot / 2.0).floor() * 2.0 } else { slot };
    let seed = (book as i32, shelf as i32);
    if within < 0.08 + 0.30 * chance(seed.0, seed.1, 34) {
        return [0.16, 0.11, 0.08];
    }
    let hue = chance(seed.0, seed.1, 35);
    let colour = match (hue * 6.0) as u32 {
        0 => [0.62, 0.16, 0.14],
        1 => [0.15, 0.32, 0.45],
        2 => [0.78, 0.70, 0.48],
        3 => [0.20, 0.42, 0.24],
        4 => [0.34, 0.22, 0.40],
        _ => [0.80, 0.52, 0.18],
    };
    let title = within > 0.5 && within < 0.8 && noise(x * 160.0, y * 90.0, 36) > 0.55;
    let spine =
        smooth_step(0.0, 0.2, (x / 0.024).fract()) * (1.0 - smooth_step(0.8, 1.0, (x / 0.024).fract()));
    lit(if title { mixed(colour, [0.95, 0.92, 0.80], 0.7) } else { colour }, 0.55 + 0.5 * spine)
}

fn window(x: f32, y: f32) -> Rgb {
    let bar = |at: f32, from: f32, to: f32| (at - from).abs() < 0.012 || (at - to).abs() < 0.012;
    if bar(x, 0.012, 0.428) || bar(y, 0.012, 0.438) || bar(x, 0.22, 0.22) || bar(y, 0.20, 0.20) {
        return lit([0.93, 0.92, 0.88], 0.9 + 0.1 * noise(x * 90.0, y * 90.0, 41));
    }
    let leaves = noise(x * 14.0, y * 14.0, 43) * 0.6 + noise(x * 45.0, y * 45.0, 44) * 0.4;
    if y + 0.25 * noise(x * 6.0, 0.0, 42) > 0.36 {
        return lit([0.30, 0.48, 0.18], 0.45 + 0.9 * leaves);
    }
    let cloud = noise(x * 7.0, y * 12.0, 45) * 0.65 + noise(x * 25.0, y * 40.0, 46) * 0.35;
    mixed([0.52, 0.72, 0.93], [0.97, 0.97, 0.97], smooth_step(0.42, 0.68, cloud))
}

fn painting(x: f32, y: f32) -> Rgb {
    if !(0.02..0.38).contains(&x) || !(0.02..0.21).contains(&y) {
        return lit([0.55, 0.42, 0.16], 0.7 + 0.5 * noise(x * 80.0, y * 80.0, 51));
    }
    let strokes = noise(x * 30.0 + 4.0 * y, y * 55.0, 52);
    let hills = 0.12 + 0.05 * noise(x * 9.0, 0.0, 53);
    if y < hills {
        return lit(mixed([0.92, 0.62, 0.34], [0.70, 0.36, 0.42], y / hills), 0.75 + 0.4 * strokes);
    }
    lit(mixed([0.25, 0.40, 0.22], [0.52, 0.50, 0.20], strokes), 0.6 + 0.5 * strokes)
}

/// Colour and coverage of the torso; `x` from its middle, `y` from the shoulders' top, picture heights.
fn torso(x: f32, y: f32, height: f32) -> (Rgb, f32) {
    let neck = ellipse_distance(x, y + 0.03, 0.058, 0.095);
    // Half the width of the sweater: round shoulders, then nearly straight sides.
    let slope = smooth_step(-0.005, 0.16, y);
    let half_width = 0.065 + 0.255 * slope.sqrt() + 0.05 * smooth_step(0.1, 0.5, y);
    let sweater = if y < 0.0 { 0.01 - y } else { 0.75 * (x.abs() - half_width) };
    let coverage = 0.5 - neck.min(sweater) * height;
    let collar = ellipse_distance(x, y - 0.005, 0.075, 0.05);
    if collar < -0.008 || y < 0.0 {
        return (
            lit(SKIN, 0.80 - 0.25 * smooth_step(0.0, 0.06, y) + 0.06 * noise(x * 90.0, y * 90.0, 61)),
            coverage,
        );
    }
    let knit = 0.5 + 0.5 * (x * 330.0).sin() * (y * 330.0 + 2.0 * (x * 165.0).sin()).sin();
    let stripe =
        smooth_step(0.30, 0.38, (y * 11.0).fract()) * (1.0 - smooth_step(0.62, 0.70, (y * 11.0).fract()));
    let colour = mixed(SWEATER, [0.84, 0.84, 0.78], 0.75 * stripe);
    let fold = 0.80 + 0.25 * noise(x * 9.0, y * 5.0, 62) - 0.25 * smooth_step(0.2, 0.38, x.abs());
    (lit(colour, fold * (0.75 + 0.4 * knit)), coverage)
}

/// Colour and coverage of the head; `x`, `y` from its middle, picture heights.
fn head(x: f32, y: f32, height: f32) -> (Rgb, f32) {
    let face = ellipse_distance(x, y, HEAD_RADIUS.0, HEAD_RADIUS.1);
    let ears = ellipse_distance(x.abs() - 0.108, y - 0.005, 0.018, 0.034);
    let hair = ellipse_distance(x, y + 0.055, 0.125, 0.125).max(y - 0.03);
    let coverage = 0.5 - face.min(ears).min(hair) * height;
    let parting = -0.062 + 0.05 * smooth_step(0.0, 0.11, x.abs()) + 0.014 * noise(x * 60.0, 0.0, 71);
    if hair < 0.0 && (y < parting || x.abs() > 0.103) {
        let strand = noise(x * 190.0 + 8.0 * y, y * 22.0, 72);
        return (lit(HAIR, 0.7 + 1.1 * strand), coverage);
    }
    let shade = 0.92 - 0.25 * smooth_step(-0.02, 0.11, x) - 0.10 * smooth_step(0.05, 0.15, y);
    let skin = lit(SKIN, shade + 0.08 * noise(x * 110.0, y * 110.0, 73));
    let eye = ellipse_distance(x.abs() - 0.043, y + 0.012, 0.020, 0.010);
    let pupil = ellipse_distance(x.abs() - 0.043, y + 0.012, 0.009, 0.009);
    let brow = ellipse_distance(x.abs() - 0.044, y + 0.040 + 0.12 * (x.abs() - 0.044), 0.028, 0.006);
    let mouth = ellipse_distance(x, y - 0.084 + 7.0 * x * x, 0.038, 0.009);
    let nose = ellipse_distance(x - 0.008, y - 0.040, 0.012, 0.009);
    let mark = |colour: Rgb, distance: f32, under: Rgb| mixed(under, colour, 0.5 - distance * height);
    let features = mark([0.72, 0.48, 0.40], nose, skin);
    let features = mark([0.62, 0.26, 0.26], mouth, features);
    let features = mark([0.20, 0.13, 0.10], brow, features);
    let features = mark([0.95, 0.94, 0.92], eye, features);
    (mark([0.16, 0.10, 0.08], pupil.max(eye), features), coverage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(scene: &PersonScene, n: u64) -> VideoFrame {
        let pool = HeapPool::default();
        let (width, height) = (scene.room.width(), scene.room.height());
        let mut loan = VideoLoan::new(&pool, PixelFormat::I420, width, height).expect("fits");
        scene.draw(n, &mut loan);
        loan.freeze()
    }

    /// How much of each luma pixel the person covers, 0..=255.
    fn coverage(scene: &PersonScene, n: u64) -> Vec<u8> {
        let pool = HeapPool::default();
        let (width, height) = (scene.room.width(), scene.room.height());
        let mut loan = VideoLoan::new(&pool, PixelFormat::I420, width, height).expect("fits");
        loan.plane_mut(0).fill(0);
        scene.draw_mask(n, &mut loan);
        loan.freeze().plane(0).to_vec()
    }

    #[test]
    fn only_where_the_person_is_does_the_picture_differ_from_the_room() {
        let scene = PersonScene::new(640, 360).expect("a small scene");
        for n in [0, 20, 40, 90] {
            let (frame, covered) = (frame(&scene, n), coverage(&scene, n));
            let pixels = frame.plane(0).iter().zip(scene.room.plane(0)).zip(&covered);
            assert!(pixels.clone().all(|((a, b), &c)| c > 0 || a == b), "frame {n}");
            let share = covered.iter().filter(|&&c| c > 127).count() as f64 / covered.len() as f64;
            assert!((0.12..0.25).contains(&share), "frame {n}: {share} of the picture");
        }
    }

    #[test]
    fn the_person_moves_a_little_and_keeps_its_place() {
        let scene = PersonScene::new(1280, 720).expect("a small scene");
        let first = coverage(&scene, 0);
        let mut moved = 0;
        for n in (10..400).step_by(30) {
            let covered = coverage(&scene, n);
            let both = first.iter().zip(&covered).filter(|&(&a, &b)| a > 127 && b > 127).count();
            let either = first.iter().zip(&covered).filter(|&(&a, &b)| a > 127 || b > 127).count();
            let overlap = both as f64 / either as f64;
            assert!(overlap > 0.88, "frame {n}: {overlap}");
            moved += usize::from(overlap < 0.99);
        }
        assert!(moved > 8, "moved in {moved} of 13 frames");
    }

    #[test]
    fn no_part_of_the_outline_is_cut_by_the_edge_of_its_sprite() {
        let scene = PersonScene::new(1280, 720).expect("a small scene");
        let covered = coverage(&scene, 0);
        let row = |y: usize| &covered[y * 1280..(y + 1) * 1280];
        // Between two neighbours coverage changes in more than one step where the outline is smooth.
        for y in 0..719 {
            let jumps = row(y).windows(2).filter(|w| w[0].abs_diff(w[1]) == 255).count();
            assert!(jumps <= 2, "row {y} has {jumps} hard edges");
        }
        assert!(row(719).contains(&255), "the torso reaches the lower edge");
    }
}
