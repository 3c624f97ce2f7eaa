//! A measured figure and what it may be at most.

use std::fmt;

use comfy_table::{Cell, CellAlignment, Table, presets};

/// What a figure may be at most.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The greatest good value.
    pub at_most: f64,
    /// The unit of both.
    pub unit: &'static str,
}

/// A measured figure.
#[derive(Debug)]
pub struct Figure {
    name: &'static str,
    measured: f64,
    limit: Limit,
}

impl Figure {
    /// Notes what was measured.
    pub fn new(name: &'static str, measured: f64, limit: Limit) -> Self {
        Self { name, measured, limit }
    }

    /// Whether it is no more than it may be; what is no number is not.
    fn is_within(&self) -> bool {
        self.measured <= self.limit.at_most
    }

    fn verdict(&self) -> &'static str {
        if self.is_within() { "within" } else { "OVER" }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limit { at_most, unit } = self.limit;
        write!(f, "{}: {:.1} {unit}, at most {at_most:.0} {unit}", self.name, self.measured)
    }
}

/// Says which figures are more than they may be; `None`: none is.
pub fn over_limits(figures: &[Figure]) -> Option<String> {
    let over: Vec<_> = figures.iter().filter(|figure| !figure.is_within()).map(Figure::to_string).collect();
    (!over.is_empty()).then(|| over.join("; "))
}

/// Sets the figures as a Markdown table.
pub fn table(figures: &[Figure]) -> Table {
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(["figure", "measured", "at most", "unit", ""]);
    for figure in figures {
        table.add_row([
            Cell::new(figure.name),
            right(format!("{:.1}", figure.measured)),
            right(format!("{:.0}", figure.limit.at_most)),
            Cell::new(figure.limit.unit),
            Cell::new(figure.verdict()),
        ]);
    }
    table
}

/// Returns a percentile by the nearest-rank method; 0 of nothing.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(0.0, |place| sorted[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &'static str, measured: f64) -> Figure {
        Figure::new(name, measured, Limit { at_most: 70.0, unit: "ms" })
    }

    #[test]
    fn a_figure_at_its_limit_is_within_and_one_past_it_is_named_with_both() {
        assert_eq!(over_limits(&[figure("a", 70.0), figure("b", 0.0)]), None);
        let figures = [figure("a", 70.1), figure("b", 70.0), figure("c", f64::NAN)];
        let told = over_limits(&figures).expect("two are over");
        assert_eq!(told, "a: 70.1 ms, at most 70 ms; c: NaN ms, at most 70 ms");
        let table = table(&figures).to_string();
        assert_eq!(table.matches("OVER").count(), 2, "{table}");
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!([50, 95, 100].map(|percent| percentile(&values, percent)), [10.0, 19.0, 20.0]);
        assert_eq!(percentile(&[], 95), 0.0);
    }
}
