//! The subcommands, one file each: its arguments, and `run`, which does it.

mod demo;
mod demo_peer;
mod join;
mod nodes;
mod serve;
mod signal;
mod validate;

use clap::Subcommand;

use crate::demo::{ProcessorSettings, SourceSettings};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::DemoArguments),
    Serve(serve::ServeArguments),
    Join(join::JoinArguments),
    Signal(signal::SignalArguments),
    Validate(validate::ValidateArguments),
    Nodes(nodes::NodesArguments),
    #[command(hide = true)]
    DemoSource(SourceSettings),
    #[command(hide = true)]
    DemoProcessor(ProcessorSettings),
}

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done.
    Good,
    /// What it looked at is bad, and it has said so.
    BadInput,
}

impl Command {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Verdict, Failure> {
        match self {
            Self::Demo(arguments) => demo::run(arguments, terminal),
            Self::Serve(arguments) => serve::run(arguments, terminal),
            Self::Join(arguments) => join::run(arguments, terminal),
            Self::Signal(arguments) => signal::run(&arguments, terminal),
            Self::DemoSource(settings) => demo_peer::run_source(settings),
            Self::DemoProcessor(settings) => demo_peer::run_processor(settings),
            Self::Validate(arguments) => validate::run(&arguments, terminal),
            Self::Nodes(arguments) => nodes::run(&arguments, terminal),
        }
    }
}
