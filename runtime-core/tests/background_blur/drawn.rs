//! A drawn figure that moves before a drawn room, as a browser page without a camera sends it.

use remotemedia_runtime_core::data::VideoFrame;

use crate::footage::{FPS, Shot, Take, draw, loan};

/// How the figure and the room look; lengths in picture heights, colours as Y, U, V.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawing {
    pub(crate) name: &'static str,
    /// The room at its top and at its bottom; between, it changes evenly.
    pub(crate) room: [[f32; 3]; 2],
    /// Levels of luma by which the room's fine lines are brighter or darker.
    pub(crate) bars: f32,
    pub(crate) boards: f32,
    pub(crate) head: [f32; 3],
    pub(crate) body: [f32; 3],
    /// Radius of the head.
    pub(crate) head_radius: f32,
    /// Radii of the upper half of an ellipse; its lower edge is straight.
    pub(crate) body_radii: [f32; 2],
    /// Of the head's middle, from the top.
    pub(crate) head_middle: f32,
}

/// Where the figure's head is at a time in seconds: right of and below its usual place, picture heights.
pub(crate) type Path = fn(f32) -> [f32; 2];

/// What the browser page draws, and figures and rooms that differ from it in contrast and in shape.
pub(crate) const DRAWINGS: [Drawing; 5] = [
    Drawing {
        name: "the page's own",
        room: [[63.0, 139.0, 109.0], [172.0, 108.0, 136.0]],
        bars: 70.0,
        boards: -60.0,
        head: [195.0, 104.0, 142.0],
        body: [98.0, 108.0, 175.0],
        head_radius: 0.146,
        body_radii: [0.264, 0.292],
        head_middle: 0.458,
    },
    Drawing {
        name: "a dark figure before a pale room",
        room: [[190.0, 132.0, 124.0], [150.0, 122.0, 134.0]],
        bars: -50.0,
        boards: 30.0,
        head: [120.0, 116.0, 148.0],
        body: [50.0, 140.0, 122.0],
        head_radius: 0.12,
        body_radii: [0.34, 0.45],
        head_middle: 0.40,
    },
    Drawing {
        name: "a pale figure before a dark room",
        room: [[60.0, 130.0, 126.0], [40.0, 124.0, 132.0]],
        bars: 24.0,
        boards: 20.0,
        head: [180.0, 112.0, 146.0],
        body: [200.0, 126.0, 128.0],
        head_radius: 0.11,
        body_radii: [0.22, 0.5],
        head_middle: 0.36,
    },
    Drawing {
        name: "a figure much like its room",
        room: [[130.0, 122.0, 130.0], [110.0, 118.0, 134.0]],
        bars: 20.0,
        boards: -20.0,
        head: [150.0, 112.0, 142.0],
        body: [92.0, 124.0, 126.0],
        head_radius: 0.13,
        body_radii: [0.30, 0.30],
        head_middle: 0.44,
    },
    Drawing {
        name: "a small figure before a plain room",
        room: [[120.0, 128.0, 124.0], [140.0, 128.0, 124.0]],
        bars: 8.0,
        boards: 8.0,
        head: [170.0, 110.0, 150.0],
        body: [80.0, 150.0, 110.0],
        head_radius: 0.08,
        body_radii: [0.15, 0.22],
        head_middle: 0.50,
    },
];

impl Drawing {
    /// The footage of a figure that goes along a path.
    pub(crate) fn film(&self, take: Take, frames: u32, path: Path) -> Vec<Shot> {
        let room = self.empty_room(take);
        (0..frames).map(|frame| self.shot(&room, path(frame as f32 / FPS as f32))).collect()
    }

    fn empty_room(&self, take: Take) -> VideoFrame {
        let lines = take.height as f32;
        let at =
            |plane: usize, x: usize, y: usize| self.room(x as f32 / lines, y as f32 / lines)[plane] as u8;
        draw(take, |x, y| at(0, x, y), |plane, x, y| at(plane, 2 * x, 2 * y))
    }

    fn shot(&self, room: &VideoFrame, [right, down]: [f32; 2]) -> Shot {
        let lines = room.height() as f32;
        let (x, y) = (room.width() as f32 / 2.0 + right * lines, (self.head_middle + down) * lines);
        let (mut picture, mut truth) = (loan(room.width(), room.height()), loan(room.width(), room.height()));
        let reach = self.head_radius.max(self.body_radii[0]) * lines;
        for plane in 0..3 {
            let pitch = if plane == 0 { 1.0 } else { 2.0 };
            let layout = room.plane_layout(plane);
            let (left, right) = (((x - reach) / pitch) as usize, ((x + reach) / pitch) as usize + 1);
            let (picture, truth) = (picture.plane_mut(plane), truth.plane_mut(plane));
            picture.copy_from_slice(room.plane(plane));
            truth.fill(if plane == 0 { 0 } else { 128 });
            for row in 0..layout.rows {
                for column in left..right.min(layout.row_bytes) {
                    let (from_x, from_y) = (column as f32 * pitch - x, row as f32 * pitch - y);
                    if let Some(colour) = self.figure(from_x / lines, from_y / lines) {
                        picture[row * layout.stride + column] = colour[plane] as u8;
                        if plane == 0 {
                            truth[row * layout.stride + column] = 255;
                        }
                    }
                }
            }
        }
        Shot { picture: picture.freeze(), truth: truth.freeze() }
    }

    /// The figure's colour at a point, from the middle of its head; `None` beside it.
    fn figure(&self, x: f32, y: f32) -> Option<[f32; 3]> {
        let radius = self.head_radius;
        if x * x + y * y < radius * radius {
            let eye = (0.25..0.48).contains(&(x.abs() / radius)) && (-0.3..-0.06).contains(&(y / radius));
            let mouth = x.abs() < 0.38 * radius && (0.38..0.46).contains(&(y / radius));
            return Some(if eye || mouth { [26.0, 126.0, 132.0] } else { self.head });
        }
        let [across, up] = self.body_radii;
        let (u, v) = (x / across, (y - 1.14 * radius - up) / up);
        let badge = x.abs() < 0.5 * across && (-0.5..-0.3).contains(&v) && (40.0 * x).rem_euclid(1.0) < 0.5;
        (v < 0.0 && u * u + v * v < 1.0).then_some(if badge { [225.0, 128.0, 128.0] } else { self.body })
    }

    /// The room's colour at a point: bars above that are the coarser the farther right, boards below.
    fn room(&self, x: f32, y: f32) -> [f32; 3] {
        let [top, bottom] = self.room;
        let mut colour = std::array::from_fn(|plane| top[plane] + (bottom[plane] - top[plane]) * y);
        let (column, across) = ((x / 0.222).floor(), x.rem_euclid(0.222));
        let pitch = 0.0056 * (1.0 + column.rem_euclid(8.0));
        if (0.15..0.61).contains(&y)
            && across > 0.014
            && across < 0.208
            && across.rem_euclid(pitch) < pitch / 2.0
        {
            colour[0] += self.bars;
        }
        if y > 0.65 && y.rem_euclid(0.0167) < 0.0028 {
            colour[0] += self.boards;
        }
        colour
    }
}
