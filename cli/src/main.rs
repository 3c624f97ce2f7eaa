//! The `remotemedia` command.
//!
//! `command` has a file per subcommand; each takes its arguments, writes its results to the
//! `Terminal`, and returns a `Verdict` or a
//! `Failure`. Results go to the standard output, everything else to the standard error.
//!
//! Exit codes: 0 done, 1 it failed while running, 2 the input (arguments, manifest, files) is bad.

mod clip;
mod command;
mod demo;
mod failure;
mod footage;
mod logging;
mod manifest_file;
mod process;
mod terminal;
mod web_client;
mod writable;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use command::{Command, Verdict};
use terminal::Terminal;

/// Real-time media pipelines over WebRTC.
#[derive(Debug, Parser)]
#[command(name = "remotemedia", version, max_term_width = 100)]
struct Arguments {
    /// What to log, to the standard error: a level (error, warn, info, debug, trace) or a list such as
    /// `info,remotemedia_signaling=debug`.
    #[arg(
        long,
        global = true,
        display_order = LAST,
        env = "REMOTEMEDIA_LOG",
        value_name = "FILTER",
        default_value = "warn"
    )]
    log: String,
    #[command(subcommand)]
    command: Command,
}

/// Where the help lists an option that every command has: after its own.
const LAST: usize = 900;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = logging::start(&arguments.log).and_then(|()| {
        let mut terminal = Terminal::stdout();
        let verdict = arguments.command.run(&mut terminal)?;
        terminal.flush()?;
        Ok(verdict)
    });
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::BadInput) => ExitCode::from(2),
        // The reader of our output, such as `head`, has read enough.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Nowhere is left to report that the standard error is closed.
            write!(io::stderr(), "{failure}").ok();
            failure.exit_code()
        }
    }
}
