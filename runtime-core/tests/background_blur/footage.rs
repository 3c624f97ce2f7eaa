//! Footage of which the truth is known, the same on every machine.

use std::time::Duration;

use remotemedia_runtime_core::data::{PixelFormat, VideoFrame, VideoLoan};
use remotemedia_runtime_core::shm::HeapPool;
use serde_json::json;

use crate::Bench;

/// A camera's picture, and what is in front in it: luma 255, else 0.
#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) picture: VideoFrame,
    pub(crate) truth: VideoFrame,
}

/// How a scene is filmed: each of its takes differs in size and in looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Chooses colours, pattern and noise.
    pub(crate) seed: u32,
}

pub(crate) const FPS: u32 = 30;

/// The takes in which a scene is judged: usual sizes, an odd one, an upright one.
pub(crate) const TAKES: [Take; 4] = [
    Take { width: 640, height: 360, seed: 1 },
    Take { width: 800, height: 450, seed: 2 },
    Take { width: 481, height: 361, seed: 3 },
    Take { width: 360, height: 480, seed: 4 },
];

/// The person of `TestPattern`, who sits in a furnished room and moves a little.
pub(crate) fn person(take: Take, frames: u32) -> Vec<Shot> {
    let params = json!({
        "width": take.width, "height": take.height, "fps": FPS, "frames": frames, "scene": "person", "mask": true,
    });
    let mut camera = Bench::new("TestPattern", params);
    let (mut shots, mut elapsed) = (Vec::new(), Duration::ZERO);
    while let Some(due) = camera.node.produce(elapsed, &mut camera.outputs).expect("memory") {
        let mut given = camera.given().into_iter().map(|(_, frame)| frame);
        if let (Some(truth), Some(picture)) = (given.next(), given.next()) {
            shots.push(Shot { picture, truth });
        }
        elapsed = due;
    }
    shots
}

/// Somebody in a striped coat before a papered wall: where they are in each frame, `None` for nowhere.
///
/// * `place`: of their middle at a time in seconds, picture heights right of the picture's middle.
pub(crate) fn visitor(take: Take, frames: u32, place: impl Fn(f32) -> Option<f32>) -> Vec<Shot> {
    let (looks, build) = (Looks::of(take.seed), Build::of(take.seed));
    let lines = take.height as f32;
    let shot = |frame: u32| {
        let middle = place(frame as f32 / FPS as f32).map(|place| place * lines + take.width as f32 / 2.0);
        let from_middle =
            |x: usize, y: usize| middle.map(|middle| ((x as f32 - middle) / lines, y as f32 / lines));
        let covers = |x: usize, y: usize| from_middle(x, y).filter(|&(x, y)| build.covers(x, y));
        let luma = |x: usize, y: usize| match covers(x, y) {
            Some((x, y)) => looks.coat(x, y),
            None => looks.wall(x as f32 / lines, y as f32 / lines),
        };
        let chroma = |plane: usize, x: usize, y: usize| {
            let front = covers(2 * x, 2 * y).is_some();
            if front { looks.coat_chroma[plane - 1] } else { looks.wall_chroma[plane - 1] }
        };
        Shot {
            picture: draw(take, luma, chroma),
            truth: draw(take, |x, y| if covers(x, y).is_some() { 255 } else { 0 }, |_, _, _| 128),
        }
    };
    (0..frames).map(shot).collect()
}

/// Head, neck and shoulders that reach the lower edge, as different people have them, in picture heights.
struct Build {
    /// Half the width of the head.
    head: f32,
    head_middle: f32,
    shoulders: f32,
    /// Half the width of the body at the lower edge.
    half_width: f32,
}

impl Build {
    fn of(seed: u32) -> Self {
        let [head, shoulders, width] = [seed % 4, seed % 3, seed % 5].map(|part| part as f32);
        let shoulders = 0.57 + 0.03 * shoulders;
        let head = 0.095 + 0.01 * head;
        Self {
            head,
            head_middle: shoulders - 0.02 - 1.35 * head,
            shoulders,
            half_width: 0.28 + 0.025 * width,
        }
    }

    /// Whether it covers a point; `x` from its middle, `y` from the top.
    fn covers(&self, x: f32, y: f32) -> bool {
        let head = (x / self.head).powi(2) + ((y - self.head_middle) / (1.35 * self.head)).powi(2) < 1.0;
        let neck = (self.head_middle..self.shoulders).contains(&y) && x.abs() < 0.55 * self.head;
        let below = (y - self.shoulders) / (1.0 - self.shoulders);
        head || neck || below > 0.0 && x.abs() < 0.06 + (self.half_width - 0.06) * below.sqrt()
    }
}

/// Colours and patterns of a visitor and the wall behind.
struct Looks {
    coat: f32,
    coat_chroma: [u8; 2],
    wall: f32,
    wall_chroma: [u8; 2],
    /// Lozenges of the wallpaper in a picture height.
    lozenges: f32,
}

impl Looks {
    fn of(seed: u32) -> Self {
        let light_coat = seed % 3 == 2;
        Self {
            coat: if light_coat { 170.0 } else { 60.0 + 7.0 * (seed % 5) as f32 },
            coat_chroma: [[116, 146], [150, 112], [120, 140], [134, 120], [110, 136]][seed as usize % 5],
            wall: if light_coat { 90.0 } else { 128.0 + 6.0 * (seed % 4) as f32 },
            wall_chroma: [[124, 128], [128, 126], [122, 132]][seed as usize % 3],
            lozenges: 30.0 + 5.0 * (seed % 4) as f32,
        }
    }

    fn coat(&self, x: f32, y: f32) -> u8 {
        let stripe = if ((60.0 * (x + 8.0)) as u32).is_multiple_of(2) { 30.0 } else { 0.0 };
        let fold = if ((70.0 * y) as u32).is_multiple_of(2) { 14.0 } else { 0.0 };
        (self.coat + stripe + fold) as u8
    }

    fn wall(&self, x: f32, y: f32) -> u8 {
        let [rising, falling] = [x + y, x + 10.0 - y].map(|at| (self.lozenges * at) as u32);
        let lozenge = if (rising + falling) % 2 == 0 { 22.0 } else { 0.0 };
        (self.wall + lozenge + 8.0 * x) as u8
    }
}

/// The same footage under changing light: `light(seconds)` levels more luma.
pub(crate) fn lit(shots: &[Shot], light: impl Fn(f32) -> f32) -> Vec<Shot> {
    let change = |(frame, shot): (usize, &Shot)| {
        let light = light(frame as f32 / FPS as f32);
        changed(shot, |level| f32::from(level) + light)
    };
    shots.iter().enumerate().map(change).collect()
}

/// The same footage by a camera that adds noise of up to `levels`.
pub(crate) fn noisy(shots: &[Shot], levels: f32, seed: u32) -> Vec<Shot> {
    let mut state = 0x2545_F491_u32 ^ seed;
    let mut chance = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 24) as f32
    };
    // The sum of three is near enough to a normal distribution.
    let mut noise = move || (chance() + chance() + chance() - 1.5) / 1.5;
    shots.iter().map(|shot| changed(shot, |level| f32::from(level) + levels * noise())).collect()
}

fn changed(shot: &Shot, mut change: impl FnMut(u8) -> f32) -> Shot {
    let from = &shot.picture;
    let mut loan = loan(from.width(), from.height());
    for plane in 0..3 {
        let stride = loan.plane_layout(plane).stride;
        for (y, row) in loan.plane_mut(plane).chunks_exact_mut(stride).enumerate() {
            row.copy_from_slice(&from.row(plane, y)[..row.len()]);
            if plane == 0 {
                for level in row {
                    *level = change(*level).round().clamp(16.0, 235.0) as u8;
                }
            }
        }
    }
    Shot { picture: loan.freeze(), truth: shot.truth.clone() }
}

fn draw(
    take: Take,
    luma: impl Fn(usize, usize) -> u8,
    chroma: impl Fn(usize, usize, usize) -> u8,
) -> VideoFrame {
    let mut loan = loan(take.width, take.height);
    for plane in 0..3 {
        let stride = loan.plane_layout(plane).stride;
        for (y, row) in loan.plane_mut(plane).chunks_exact_mut(stride).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = if plane == 0 { luma(x, y) } else { chroma(plane, x, y) };
            }
        }
    }
    loan.freeze()
}

fn loan(width: u32, height: u32) -> VideoLoan {
    VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, height).expect("memory")
}
