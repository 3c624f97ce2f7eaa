//! How bright the picture is, compared with the first.

/// How much brighter the picture has become since the first frame: a lamp, or the camera's exposure.
///
/// It is what most of the background has in common: the median of its changes, which somebody who comes in
/// does not move as long as more of the background is seen than is newly covered.
#[derive(Debug)]
pub(super) struct Light {
    /// Levels of luma.
    level: f32,
    /// For each change from −255 to 255, the cells that show it.
    counts: [u32; 511],
}

impl Light {
    pub(super) fn new() -> Self {
        Self { level: 0.0, counts: [0; 511] }
    }

    /// Levels of luma that the picture has gained.
    pub(super) fn level(&self) -> f32 {
        self.level
    }

    /// Follows the changes of the background's cells since it was learnt, levels of luma; fewer than `enough`
    /// say nothing.
    pub(super) fn follow(&mut self, changes: impl Iterator<Item = f32>, enough: u32) {
        self.counts.fill(0);
        let mut total = 0;
        for change in changes {
            self.counts[((change.round() as i32).clamp(-255, 255) + 255) as usize] += 1;
            total += 1;
        }
        if total < enough.max(1) {
            return;
        }
        let mut below = 0;
        for (change, count) in (-255..).zip(self.counts) {
            below += count;
            if 2 * below > total {
                self.level = change as f32;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_have_in_common_counts_and_not_what_some_do() {
        let mut light = Light::new();
        light.follow([-30.0, -29.6, -30.2, 90.0, 91.0].into_iter(), 5);
        assert_eq!(light.level(), -30.0);
        light.follow([300.0; 3].into_iter(), 1);
        assert_eq!(light.level(), 255.0);
        light.follow([-300.0; 3].into_iter(), 1);
        assert_eq!(light.level(), -255.0);
    }

    #[test]
    fn too_few_say_nothing() {
        let mut light = Light::new();
        light.follow([10.0; 4].into_iter(), 4);
        light.follow([20.0; 3].into_iter(), 4);
        light.follow(std::iter::empty(), 0);
        assert_eq!(light.level(), 10.0);
    }
}
