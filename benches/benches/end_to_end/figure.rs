//! A measured figure and what it may be at most.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// What a figure may be at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// The greatest good value.
    pub at_most: f64,
    /// The unit of both.
    pub unit: &'static str,
}

/// A measured figure.
#[derive(Debug)]
pub(crate) struct Figure {
    name: &'static str,
    measured: f64,
    limit: Limit,
}

impl Figure {
    /// Notes what was measured.
    pub(crate) fn new(name: &'static str, measured: f64, limit: Limit) -> Self {
        Self { name, measured, limit }
    }

    fn verdict(&self) -> &'static str {
        if self.measured <= self.limit.at_most { "within" } else { "OVER" }
    }
}

/// Sets the figures as a Markdown table.
pub(crate) fn table(figures: &[Figure]) -> Table {
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
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(0.0, |place| sorted[place])
}
