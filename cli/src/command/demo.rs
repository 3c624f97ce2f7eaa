//! `remotemedia demo`: two peers and one pipeline, measured.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use remotemedia_runtime_core::node::NodeRegistry;

use super::Verdict;
use crate::clip::Y4mReader;
use crate::demo::{DemoSettings, PICTURES, check_joinable, check_measurable, direct};
use crate::failure::Failure;
use crate::manifest_file;
use crate::process::{self, interrupted, unless};
use crate::terminal::Terminal;
use crate::writable;

/// Send a clip through a manifest's pipeline in another process and back, and measure it.
///
/// Starts a signaling server, a peer that runs the pipeline, and a peer that sends the clip; shows the
/// progress, and ends with a table and with pictures. Frame rate, latency and bitrate of the progress are
/// those of the last two seconds; lost are the frames that are not back a second after they were sent.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The manifest: a pipeline that takes video and gives it back to its sender.
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
    let inputs = [Some(&arguments.manifest), arguments.input.as_ref()];
    inputs.into_iter().flatten().try_for_each(|path| check_read_twice(path))?;
    let registry = NodeRegistry::with_builtins();
    let Some(checked) = manifest_file::load(&arguments.manifest, &registry, terminal)? else {
        return Ok(Verdict::BadInput);
    };
    let manifest = arguments.manifest.display();
    check_measurable(&checked.graph).map_err(|reason| {
        Failure::bad_input(anyhow!("{manifest} {reason}")).hint(format!(
            "give one such as manifests/video_blur.json; this one runs with: remotemedia serve {manifest}"
        ))
    })?;
    check_joinable(&checked.manifest).map_err(Failure::bad_input)?;
    let input_title = match &arguments.input {
        Some(clip) => {
            Y4mReader::open(clip).map_err(Failure::bad_input)?;
            clip.display().to_string()
        }
        None => "test pattern 1280x720 at 30 frames/s".to_owned(),
    };
    let settings = DemoSettings {
        manifest: arguments.manifest,
        input: arguments.input,
        input_title,
        seconds: arguments.seconds,
        out: arguments.out,
    };
    if let Some(path) = &arguments.json {
        writable::check(path)?;
    }
    let measuring = async { unless(interrupted()?, direct(&settings, false)).await };
    let Some(table) = process::run_with_video(measuring)? else {
        writeln!(terminal, "interrupted")?;
        return Ok(Verdict::Good);
    };
    writeln!(terminal, "{}", table.to_text())?;
    let made = PICTURES.map(|name| settings.out.join(name)).into_iter().filter(|path| path.exists());
    let made: Vec<_> = made.map(|path| path.display().to_string()).collect();
    writeln!(terminal, "\npictures: {}", made.join(", "))?;
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&table)?;
        std::fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Verdict::Good)
}

/// Checks that a path is no pipe: this process looks at what is in it, and one of the demo's own reads it again.
fn check_read_twice(path: &Path) -> Result<(), Failure> {
    let is_pipe = std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if is_pipe || path.as_os_str() == "-" {
        let name = manifest_file::name(path);
        let error = anyhow!("{name} can be read once only, and the demo reads it in two processes");
        return Err(Failure::bad_input(error).hint("write it into a file, and give its path"));
    }
    Ok(())
}

/// Reads a length of 1 to 86 400 seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 =
        text.parse().map_err(|_| format!("{text:?} is no number of seconds, expected 1 to 86400"))?;
    if (1.0..=86_400.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("expected 1 to 86400 seconds".to_owned())
    }
}
