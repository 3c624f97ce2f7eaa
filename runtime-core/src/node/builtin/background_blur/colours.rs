//! Which colours belong to the foreground and which to the background.

/// Counts of colours seen in the foreground and in the background, and what they say of a colour.
///
/// It tells a person from the room where no background has been seen yet, and finds the rest of a person
/// of whom a part has moved.
#[derive(Debug)]
pub(super) struct Colours {
    foreground: Histogram,
    background: Histogram,
    /// Log-odds that a cell of the colour is foreground.
    verdicts: Vec<f32>,
}

/// Where a colour is counted.
pub(super) type Bin = u16;

#[derive(Debug)]
struct Histogram {
    counts: Vec<f32>,
    /// The counts, shared with the neighbouring colours.
    smooth: Vec<f32>,
    /// Room for the work of smoothing.
    before: Vec<f32>,
    total: f32,
}

/// Levels of luma and of each chroma that are told apart.
const LUMA_LEVELS: usize = 12;
const CHROMA_LEVELS: usize = 16;
const BINS: usize = LUMA_LEVELS * CHROMA_LEVELS * CHROMA_LEVELS;

/// Chroma per level. Rooms and people keep within ±40 of grey; what lies beyond is counted in the
/// outermost levels.
const CHROMA_STEP: i32 = 5;

/// Most that a colour alone can say, log-odds.
const MOST: f32 = 2.5;

/// Share of all cells that a colour needs to be evidence: less is noise.
const SUBSTANTIAL: f32 = 0.002;

/// Foreground cells that must be known before their colours count, as a share of the grid.
const FOREGROUND_NEEDED: f32 = 0.01;

/// Returns where a colour is counted.
pub(super) fn bin(y: u8, u: u8, v: u8) -> Bin {
    let last = CHROMA_LEVELS as i32 - 1;
    let chroma =
        |c: u8| ((i32::from(c) - 128).div_euclid(CHROMA_STEP) + (last + 1) / 2).clamp(0, last) as usize;
    let luma = usize::from(y) * LUMA_LEVELS / 256;
    ((luma * CHROMA_LEVELS + chroma(u)) * CHROMA_LEVELS + chroma(v)) as Bin
}

impl Colours {
    pub(super) fn new() -> Self {
        let empty = || vec![0.0; BINS];
        let histogram = || Histogram { counts: empty(), smooth: empty(), before: empty(), total: 0.0 };
        Self { foreground: histogram(), background: histogram(), verdicts: empty() }
    }

    /// Returns the log-odds that a cell of the colour is foreground, within ±2.5; 0 while too little has
    /// been seen.
    pub(super) fn verdict(&self, bin: Bin) -> f32 {
        self.verdicts[usize::from(bin)]
    }

    /// Counts what was seen.
    ///
    /// * `cells`: colour, whether it is foreground, and weight, of the cells that are sure.
    /// * `grid`: cells in a frame.
    /// * `kept`: how much of what was seen before still counts, 0.0 (nothing) to 1.0.
    pub(super) fn learn(&mut self, cells: impl Iterator<Item = (Bin, bool, f32)>, grid: usize, kept: f32) {
        for histogram in [&mut self.foreground, &mut self.background] {
            histogram.counts.iter_mut().for_each(|count| *count *= kept);
        }
        // What is counted now weighs as much as what is forgotten, so that a steady picture has steady
        // counts: the number of its cells.
        for (bin, foreground, weight) in cells {
            let histogram = if foreground { &mut self.foreground } else { &mut self.background };
            histogram.counts[usize::from(bin)] += weight * (1.0 - kept);
        }
        self.foreground.settle();
        self.background.settle();
        let needed = FOREGROUND_NEEDED * grid as f32;
        let trust = self.foreground.total / (self.foreground.total + needed);
        let (of_foreground, of_background) =
            (1.0 / self.foreground.total.max(1.0), 1.0 / self.background.total.max(1.0));
        let pairs = self.foreground.smooth.iter().zip(&self.background.smooth);
        for (verdict, (foreground, background)) in self.verdicts.iter_mut().zip(pairs) {
            let odds =
                (foreground * of_foreground + SUBSTANTIAL) / (background * of_background + SUBSTANTIAL);
            *verdict = (trust * odds.ln()).clamp(-MOST, MOST);
        }
    }
}

impl Histogram {
    /// Adds up, and shares each count with its neighbours, so that noise at the border of two levels does
    /// not flip the verdict.
    fn settle(&mut self) {
        self.total = self.counts.iter().sum();
        self.smooth.copy_from_slice(&self.counts);
        for step in [1, CHROMA_LEVELS, CHROMA_LEVELS * CHROMA_LEVELS] {
            self.before.copy_from_slice(&self.smooth);
            // At the outermost level the neighbour is the next row's innermost, which is empty unless
            // the picture has both at once.
            let neighbours = self.before[..BINS - 2 * step].iter().zip(&self.before[2 * step..]);
            for (count, (lower, upper)) in self.smooth[step..BINS - step].iter_mut().zip(neighbours) {
                *count = 0.5 * *count + 0.25 * (lower + upper);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: usize = 1000;

    fn learnt(foreground: &[Bin], background: &[Bin], frames: usize) -> Colours {
        let mut colours = Colours::new();
        for _ in 0..frames {
            let cells = foreground
                .iter()
                .map(|&bin| (bin, true, 1.0))
                .chain(background.iter().map(|&bin| (bin, false, 1.0)));
            colours.learn(cells, GRID, 0.9);
        }
        colours
    }

    #[test]
    fn colours_of_one_side_speak_for_it_and_colours_of_both_for_none() {
        let (skin, wall, grey) = (bin(150, 110, 150), bin(160, 128, 120), bin(80, 128, 128));
        let colours = learnt(&[[skin; 200], [grey; 200]].concat(), &[[wall; 300], [grey; 300]].concat(), 30);
        assert!(colours.verdict(skin) > 2.0, "{}", colours.verdict(skin));
        assert!(colours.verdict(wall) < -2.0, "{}", colours.verdict(wall));
        assert!(colours.verdict(grey).abs() < 0.5, "{}", colours.verdict(grey));
        assert_eq!(colours.verdict(bin(240, 200, 20)), 0.0);
    }

    #[test]
    fn a_handful_of_foreground_cells_says_little() {
        let (skin, wall) = (bin(150, 110, 150), bin(160, 128, 120));
        let few = learnt(&[skin; 2], &[wall; 900], 30).verdict(skin);
        let many = learnt(&[skin; 200], &[wall; 700], 30).verdict(skin);
        assert!(few < 0.5 * many, "{few} {many}");
    }

    #[test]
    fn what_is_no_longer_seen_is_forgotten() {
        let (skin, wall) = (bin(150, 110, 150), bin(160, 128, 120));
        let mut colours = learnt(&[skin; 300], &[wall; 300], 30);
        for _ in 0..3000 {
            colours.learn([(wall, true, 1.0), (skin, false, 1.0)].into_iter().cycle().take(600), GRID, 0.99);
        }
        assert!(colours.verdict(skin) < -2.0 && colours.verdict(wall) > 2.0);
    }
}
