//! The main job, measured whole: set-up, round trips, processor time and memory from runs of `remotemedia
//! demo` (two peers, each in a process of its own), and how long a session takes to be gone.
//!
//! `./dev bench end_to_end` builds what it needs, prints the table and writes it to
//! `target/figures.md`. It fails, and says with which figures, if one is more than it may be. With `--test`
//! every measurement is taken once and short, and nothing is judged.

mod closing;
mod demo_run;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use demo_run::DemoRun;
use indicatif::{ProgressBar, ProgressStyle};
use remotemedia_benches::{Figure, Limit, over_limits, percentile, table};

/// How often and how long each thing is measured.
struct Extent {
    set_ups: usize,
    seconds: u32,
    closes: usize,
}

const FULL: Extent = Extent { set_ups: 20, seconds: 90, closes: 20 };
const SMOKE: Extent = Extent { set_ups: 1, seconds: 1, closes: 1 };

/// What decoding and encoding a picture of 720p took where the limits were set (1.0 and 2.6 ms on a core of a Zen 5), % of
/// a core at 30 pictures per second. Where it takes more, the machine is slower by as much.
const REFERENCE_CODEC: f64 = 11.0;

fn main() -> anyhow::Result<()> {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let extent = if smoke { SMOKE } else { FULL };
    let bar = ProgressBar::new((extent.set_ups + 2) as u64).with_style(
        ProgressStyle::with_template("{bar:30.cyan/blue} {pos}/{len}  {msg}  {elapsed}")
            .context("the bar's template is valid")?,
    );
    bar.enable_steady_tick(Duration::from_millis(200));

    bar.set_message("set-up");
    let mut set_ups = Vec::new();
    for _ in 0..extent.set_ups {
        set_ups.push(DemoRun::of(1)?.setup_ms);
        bar.inc(1);
    }
    bar.set_message(format!("{} s through BackgroundBlur", extent.seconds));
    let run = DemoRun::of(extent.seconds)?;
    bar.inc(1);
    bar.set_message("close");
    let closes = closing::measure(extent.closes)?;
    bar.finish_and_clear();

    let p95 = |limit| Limit { at_most: limit, unit: "ms" };
    let codec = run.codec_core_percent()?;
    let mut figures = vec![
        Figure::new("join to first processed frame back, p95", percentile(&set_ups, 95), p95(400.0)),
        Figure::new("720p30 video there and back, p50", run.video_round_trip_ms.p50, p95(70.0)),
        Figure::new("720p30 video there and back, p95", run.video_round_trip_ms.p95, p95(70.0)),
        Figure::new("10 ms audio there and back, p50", run.audio_round_trip_ms.p50, p95(50.0)),
        Figure::new("10 ms audio there and back, p95", run.audio_round_trip_ms.p95, p95(50.0)),
        Figure::new(
            "processor time of the pipeline's peer",
            run.cpu_core_percent.processor,
            Limit { at_most: 25.0, unit: "% of a core" },
        ),
        Figure::new(
            "resident memory of the pipeline's peer, at the end",
            run.rss_mb.processor,
            Limit { at_most: 80.0, unit: "MB" },
        ),
        Figure::new("close until all is gone, p95", percentile(&closes, 95), p95(200.0)),
    ];
    if let Some(growth) = &run.rss_growth_mb {
        let flat = Limit { at_most: 4.0, unit: "MB" };
        figures.push(Figure::new("its growth after the first 30 s", growth.processor, flat));
    }
    let heading = format!(
        "{} · {} set-ups, {} s of media, {} closes · {} frames sent, {} back, {} dropped · by its medians \
         H264 takes {codec:.0} % of a core, {REFERENCE_CODEC:.0} % where the limits were set",
        run.run.machine,
        extent.set_ups,
        extent.seconds,
        extent.closes,
        run.ledger.sent,
        run.ledger.delivered,
        run.ledger.dropped.values().sum::<u64>(),
    );
    let table = table(&figures);
    #[allow(clippy::print_stdout, reason = "a bench shows what it measured")]
    {
        println!("{heading}\n\n{table}");
    }
    anyhow::ensure!(run.ledger.is_balanced(), "frames are missing: {:?}", run.ledger);
    if !smoke {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/figures.md");
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        std::fs::write(&path, format!("{heading}\n\n{table}\n"))?;
        if let Some(over) = over_limits(&figures) {
            bail!("over the limit: {over}");
        }
    }
    Ok(())
}
