//! One run of `remotemedia demo` and what it wrote for programs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use remotemedia_runtime_core::ledger::LedgerReport;
use serde::Deserialize;

/// The table of `remotemedia demo --json`, as far as it is looked at here.
#[derive(Debug, Deserialize)]
pub(crate) struct DemoRun {
    pub setup_ms: f64,
    pub video_round_trip_ms: Percentiles,
    pub audio_round_trip_ms: Percentiles,
    stages_ms: BTreeMap<String, Percentiles>,
    pub cpu_core_percent: PerProcess,
    pub rss_mb: PerProcess,
    pub rss_growth_mb: Option<PerProcess>,
    pub ledger: LedgerReport,
    pub run: RunFacts,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Percentiles {
    pub p50: f64,
    pub p95: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PerProcess {
    pub processor: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RunFacts {
    pub machine: String,
}

impl DemoRun {
    /// Runs the demo with its default manifest and clip.
    pub(crate) fn of(seconds: u32) -> anyhow::Result<Self> {
        let program = program()?;
        let out = std::env::temp_dir().join(format!("remotemedia-figures-{}", std::process::id()));
        let json = out.join("demo.json");
        std::fs::create_dir_all(&out)?;
        let ran = Command::new(&program)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .args(["demo", "--seconds", &seconds.to_string()])
            .arg("--out")
            .arg(&out)
            .arg("--json")
            .arg(&json)
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(ran.success(), "{} demo ended with {ran}", program.display());
        let table = std::fs::read_to_string(&json).context("the demo wrote no table")?;
        std::fs::remove_dir_all(&out)?;
        serde_json::from_str(&table).context("the demo's table has another form")
    }

    /// Returns what decoding and encoding take at the processor, % of a core: how fast this machine was in this run.
    /// Medians of the time that passed, so that a busy machine counts as a slow one.
    pub(crate) fn codec_core_percent(&self) -> anyhow::Result<f64> {
        let stages = ["processor: decode video", "processor: encode video"];
        let stages =
            stages.map(|stage| self.stages_ms.get(stage).with_context(|| format!("no stage {stage:?}")));
        let mut millis_per_picture = 0.0;
        for stage in stages {
            millis_per_picture += stage?.p50;
        }
        Ok(millis_per_picture * PICTURES_PER_SECOND / 1000.0 * 100.0)
    }
}

/// Of the demo's own clip.
const PICTURES_PER_SECOND: f64 = 30.0;

/// Finds the `remotemedia` of this build: two folders above this bench's own file.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(|deps| deps.parent()).context("a bench lies in target/…/deps")?;
    let program = folder.join("remotemedia");
    ensure!(
        program.exists(),
        "{} is missing: build it first, or run ./dev bench end_to_end, which does",
        program.display()
    );
    Ok(program)
}
