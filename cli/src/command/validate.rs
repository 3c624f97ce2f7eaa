//! `remotemedia validate`: every fault of a manifest.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use remotemedia_runtime_core::manifest::{
    CheckedManifest, ManifestFault, ManifestFaults, PipelineGraph, RouteTarget,
};
use remotemedia_runtime_core::node::NodeRegistry;
use serde::Serialize;

use super::Verdict;
use crate::failure::Failure;
use crate::manifest_file::{check, counted, name, print_faults, print_refused};
use crate::terminal::{Style, Terminal};

/// Check a manifest and print every fault.
///
/// Exit code 0: it can run, though it may have warnings; 2: it has errors, or cannot be read.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// The manifest, JSON or YAML; `-` reads the standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print for programs, as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &ValidateArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    let outcome = check(&arguments.file, &NodeRegistry::with_builtins())?;
    let name = name(&arguments.file);
    match (&outcome, arguments.json) {
        (outcome, true) => terminal.json(&Report::new(name, outcome))?,
        (Ok(checked), false) => print_checked(&name, checked, terminal)?,
        (Err(faults), false) => print_refused(&name, faults, terminal)?,
    }
    Ok(if outcome.is_ok() { Verdict::Good } else { Verdict::BadInput })
}

fn print_checked(name: &str, checked: &CheckedManifest, terminal: &mut Terminal) -> Result<(), Failure> {
    print_faults(&checked.warnings, terminal)?;
    let PipelineGraph { nodes, edges, routes, .. } = &checked.graph;
    let verdict = terminal.styled(Style::Good, "valid");
    let warnings = match checked.warnings.len() {
        0 => String::new(),
        count => format!(", {}", counted(count, "warning")),
    };
    let (nodes, edges) = (counted(nodes.len(), "node"), counted(edges.len(), "connection"));
    writeln!(terminal, "{name}: {verdict}, {nodes}, {edges}{warnings}")?;
    for route in routes {
        writeln!(terminal, "  {} → {}", route.output, route.to)?;
    }
    Ok(())
}

/// The report for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: String,
    valid: bool,
    faults: Vec<&'a ManifestFault>,
    /// Faults beyond those listed.
    unlisted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<PipelineReport>,
}

#[derive(Debug, Serialize)]
struct PipelineReport {
    nodes: Vec<String>,
    connections: usize,
    outputs: Vec<OutputReport>,
}

#[derive(Debug, Serialize)]
struct OutputReport {
    output: String,
    to: RouteTarget,
}

impl<'a> Report<'a> {
    fn new(file: String, outcome: &'a Result<CheckedManifest, ManifestFaults>) -> Self {
        match outcome {
            Ok(checked) => Self {
                file,
                valid: true,
                faults: checked.warnings.iter().collect(),
                unlisted: 0,
                pipeline: Some(PipelineReport::of(&checked.graph)),
            },
            Err(faults) => {
                let unlisted = faults.unlisted();
                Self { file, valid: false, faults: faults.iter().collect(), unlisted, pipeline: None }
            }
        }
    }
}

impl PipelineReport {
    fn of(graph: &PipelineGraph) -> Self {
        let outputs = graph.routes.iter();
        Self {
            nodes: graph.nodes.iter().map(|node| node.id.to_string()).collect(),
            connections: graph.edges.len(),
            outputs: outputs
                .map(|route| OutputReport { output: route.output.to_string(), to: route.to.clone() })
                .collect(),
        }
    }
}
