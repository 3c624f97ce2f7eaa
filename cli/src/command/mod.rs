//! The subcommands, one file each: its arguments, and `run`, which does it.

mod demo;
mod demo_peer;
mod ice_servers;
mod join;
mod listening;
mod nodes;
mod nodes_page;
mod origins;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_every_command() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let readme = std::fs::read_to_string(path).expect("README.md is there");
        let command = Command::augment_subcommands(clap::Command::new("remotemedia"));
        let names: Vec<_> = command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
        assert!(names.len() >= 6);
        for command in &names {
            let row = format!("\n| `remotemedia {}", command.get_name());
            assert!(readme.contains(&row), "README.md's table has no row {row}");
        }
        for row in readme.split("\n| `remotemedia ").skip(1) {
            let name = row.split([' ', '`']).next().unwrap_or_default();
            assert!(names.iter().any(|command| command.get_name() == name), "there is no command {name}");
        }
    }
}
