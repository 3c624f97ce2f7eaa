//! `remotemedia demo`: two peers and one pipeline, measured.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use remotemedia_runtime_core::node::NodeRegistry;

use super::Verdict;
use crate::clip::Y4mReader;
use crate::demo::{DemoSettings, direct};
use crate::failure::Failure;
use crate::manifest_file;
use crate::process::{self, interrupted, unless, warn_of_slow_build};
use crate::terminal::Terminal;

/// Send a clip through a manifest's pipeline in another process and back, and measure it.
///
/// Starts a signaling server, a peer that runs the pipeline, and a peer that sends the clip; shows the
/// progress, and ends with a table and with pictures.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The manifest.
    #[arg(default_value = "manifests/background_blur.json")]
    manifest: PathBuf,
    /// The clip, YUV4MPEG2, played again and again; its top ninth is covered by a barcode. Default: a
    /// test pattern of 1280x720 at 30 frames a second.
    #[arg(long, value_name = "FILE.y4m")]
    input: Option<PathBuf>,
    /// How long to measure, seconds.
    #[arg(long, default_value = "10", value_parser = seconds, allow_negative_numbers = true)]
    seconds: f64,
    /// The folder for the pictures.
    #[arg(long, default_value = "demo-out", value_name = "FOLDER")]
    out: PathBuf,
    /// Write the table as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) fn run(arguments: DemoArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    if let Err(faults) = manifest_file::check(&arguments.manifest, &NodeRegistry::with_builtins())? {
        manifest_file::print_faults(faults.iter(), terminal)?;
        return Ok(Verdict::BadInput);
    }
    let input_title = match &arguments.input {
        Some(clip) => {
            Y4mReader::open(clip).map_err(Failure::bad_input)?;
            clip.display().to_string()
        }
        None => "test pattern 1280x720 at 30 frames/s".to_owned(),
    };
    warn_of_slow_build();
    let settings = DemoSettings {
        manifest: arguments.manifest,
        input: arguments.input,
        input_title,
        seconds: arguments.seconds,
        out: arguments.out,
    };
    let measuring = async { unless(interrupted()?, direct(&settings, false)).await };
    let Some(table) = process::run(measuring)? else {
        writeln!(terminal, "interrupted")?;
        return Ok(Verdict::Good);
    };
    writeln!(terminal, "{}", table.to_text())?;
    let out = settings.out.display();
    writeln!(terminal, "\npictures: {out}/before.png, {out}/after.png, {out}/latency.svg")?;
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&table)?;
        std::fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Verdict::Good)
}

/// Reads a length of 1 to 86 400 seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    if (1.0..=86_400.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("expected 1 to 86400 seconds".to_owned())
    }
}
