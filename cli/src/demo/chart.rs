//! The latency distribution as a picture.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use plotters::prelude::*;

use super::figures::Percentiles;

/// Size of the picture, pixels.
const SIZE: (u32, u32) = (960, 480);

const VIDEO: RGBColor = RGBColor(37, 99, 235);
const AUDIO: RGBColor = RGBColor(217, 119, 6);

/// Draws how many of the video frames and audio marks were back after how long, as an SVG.
pub(super) fn draw_latency(video: &[Duration], audio: &[Duration], path: &Path) -> anyhow::Result<()> {
    draw(video, audio, path)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("cannot draw {}", path.display()))
}

fn draw(video: &[Duration], audio: &[Duration], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let series = [("video", VIDEO, sorted_millis(video)), ("audio", AUDIO, sorted_millis(audio))];
    let longest = series.iter().filter_map(|(_, _, times)| times.last()).fold(10.0, |a: f64, b| a.max(*b));
    let mut chart = ChartBuilder::on(&root)
        .caption("Round trip: share of frames that are back", ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..longest * 1.05, 0.0..100.0)?;
    chart.configure_mesh().x_desc("milliseconds").y_desc("percent").light_line_style(WHITE).draw()?;
    for (name, colour, times) in series {
        if times.is_empty() {
            continue;
        }
        let share = |place: usize| (place + 1) as f64 * 100.0 / times.len() as f64;
        let steps = times.iter().enumerate().map(|(place, time)| (*time, share(place)));
        let durations: Vec<_> = times.iter().map(|time| Duration::from_secs_f64(time / 1e3)).collect();
        let at = Percentiles::of(&durations);
        chart
            .draw_series(LineSeries::new(
                std::iter::once((times[0], 0.0)).chain(steps),
                colour.stroke_width(2),
            ))?
            .label(format!("{name}: p50 {:.1}, p95 {:.1}, p99 {:.1} ms", at.p50, at.p95, at.p99))
            .legend(move |(x, y)| Rectangle::new([(x, y - 1), (x + 18, y + 1)], colour.filled()));
        for (percent, time) in [(50.0, at.p50), (95.0, at.p95), (99.0, at.p99)] {
            chart.draw_series([Circle::new((time, percent), 4, colour.filled())])?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}

fn sorted_millis(times: &[Duration]) -> Vec<f64> {
    let mut millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    millis.sort_unstable_by(f64::total_cmp);
    millis
}
