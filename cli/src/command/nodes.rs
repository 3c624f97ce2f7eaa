//! `remotemedia nodes`: the node types, and what each takes.

use std::io::Write;

use anyhow::anyhow;
use clap::Args;
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use remotemedia_runtime_core::manifest::{ParamSpec, did_you_mean};
use remotemedia_runtime_core::node::{NodeFactory, NodeRegistry, NodeScope, NodeSpec, NodeWeight, PortSpec};
use serde::Serialize;
use serde_json::Value;

use super::Verdict;
use super::nodes_page::NodesPage;
use crate::failure::Failure;
use crate::terminal::{Style, Terminal};

/// List the node types, or describe one with its ports and params.
#[derive(Debug, Args)]
pub(crate) struct NodesArguments {
    /// The node type to describe; without it all are listed.
    #[arg(value_name = "TYPE")]
    node_type: Option<String>,
    /// Print for programs, as JSON, params as JSON schema included.
    #[arg(long)]
    json: bool,
    /// Print all of them as the page docs/nodes.md.
    #[arg(long, conflicts_with_all = ["json", "node_type"])]
    markdown: bool,
}

pub(crate) fn run(arguments: &NodesArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    let registry = NodeRegistry::with_builtins();
    if arguments.markdown {
        write!(terminal, "{}", NodesPage(&registry))?;
        return Ok(Verdict::Good);
    }
    match (&arguments.node_type, arguments.json) {
        (None, true) => {
            let reports: Vec<_> = registry.factories().map(|factory| NodeReport::of(&**factory)).collect();
            terminal.json(&reports)?;
        }
        (None, false) => print_all(&registry, terminal)?,
        (Some(node_type), json) => {
            let factory = registry.factory(node_type).ok_or_else(|| unknown(node_type, &registry))?;
            match json {
                true => terminal.json(&NodeReport::of(&**factory))?,
                false => print_one(&**factory, terminal)?,
            }
        }
    }
    Ok(Verdict::Good)
}

fn unknown(node_type: &str, registry: &NodeRegistry) -> Failure {
    let names = registry.factories().map(|factory| factory.spec().node_type);
    let hint = did_you_mean(node_type, names);
    Failure::bad_input(anyhow!("node type {node_type:?} is unknown"))
        .hint(hint.unwrap_or_else(|| "`remotemedia nodes` lists them".to_owned()))
}

fn print_all(registry: &NodeRegistry, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut table = table(&["type", "takes", "gives", "what it does"]);
    for factory in registry.factories() {
        let spec = factory.spec();
        table.add_row([spec.node_type, &all_kinds(spec.inputs), &all_kinds(spec.outputs), spec.summary]);
    }
    writeln!(terminal, "{}", table.trim_fmt())?;
    Ok(writeln!(terminal, "`remotemedia nodes TYPE` shows a type's ports and params.")?)
}

fn print_one(factory: &dyn NodeFactory, terminal: &mut Terminal) -> Result<(), Failure> {
    let spec = factory.spec();
    let name = terminal.styled(Style::Strong, spec.node_type);
    writeln!(terminal, "{name}: {}\n", spec.summary)?;
    let rows = [
        ("inputs", ports(spec.inputs)),
        ("outputs", ports(spec.outputs)),
        ("scope", scope(&spec).to_owned()),
        ("runs", runs(&spec).to_owned()),
    ];
    for (label, text) in rows {
        let label = terminal.styled(Style::Faint, format_args!("{label:<8}"));
        writeln!(terminal, "{label} {text}")?;
    }
    for port in spec.inputs.iter().chain(spec.outputs).filter(|port| !port.doc.is_empty()) {
        let label = terminal.styled(Style::Faint, format_args!("{:<8}", port.name));
        writeln!(terminal, "{label} {}", port.doc)?;
    }
    let params = ParamSpec::all_of(factory);
    if params.is_empty() {
        return Ok(writeln!(terminal, "\nIt has no params.")?);
    }
    let mut table = table(&["param", "value", "default", "what it does"]);
    for param in params {
        let default = match (param.default, param.required) {
            (Some(default), _) => default.to_string(),
            (None, true) => "must be given".to_owned(),
            (None, false) => "–".to_owned(),
        };
        table.add_row([param.name, param.expected, default, unwrapped(&param.doc)]);
    }
    Ok(writeln!(terminal, "\n{}", table.trim_fmt())?)
}

/// A table that fits the terminal, and 100 columns where there is none.
fn table(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE_STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(WIDTH_WITHOUT_TERMINAL);
    }
    table.set_header(titles.iter().copied());
    table
}

fn ports(ports: &[PortSpec]) -> String {
    match ports {
        [] => "none".to_owned(),
        ports => {
            let named: Vec<_> = ports.iter().map(|port| format!("{} ({})", port.name, kinds(port))).collect();
            named.join(", ")
        }
    }
}

fn all_kinds(ports: &[PortSpec]) -> String {
    let mut all: Vec<_> = ports.iter().map(kinds).collect();
    all.dedup();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

pub(super) fn kinds(port: &PortSpec) -> String {
    match port.kinds {
        [] => "any".to_owned(),
        kinds => kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or "),
    }
}

fn scope(spec: &NodeSpec) -> &'static str {
    match spec.default_scope {
        NodeScope::Stream => "stream: one instance per incoming stream",
        NodeScope::Session => "session: one instance that sees all streams",
    }
}

fn runs(spec: &NodeSpec) -> &'static str {
    match spec.weight {
        NodeWeight::Light => "in an async task",
        NodeWeight::Heavy => "on a thread of its own",
    }
}

/// Returns a doc comment without its line breaks, which are the source file's.
pub(super) fn unwrapped(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The report for programs.
#[derive(Debug, Serialize)]
struct NodeReport {
    node_type: &'static str,
    summary: &'static str,
    inputs: &'static [PortSpec],
    outputs: &'static [PortSpec],
    scope: NodeScope,
    weight: NodeWeight,
    params: Vec<ParamSpec>,
    schema: Value,
}

impl NodeReport {
    fn of(factory: &dyn NodeFactory) -> Self {
        let spec = factory.spec();
        Self {
            node_type: spec.node_type,
            summary: spec.summary,
            inputs: spec.inputs,
            outputs: spec.outputs,
            scope: spec.default_scope,
            weight: spec.weight,
            params: ParamSpec::all_of(factory),
            schema: factory.param_schema(),
        }
    }
}

/// A line under the titles and no other.
const TABLE_STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Columns of a table that is written to a file or a pipe.
const WIDTH_WITHOUT_TERMINAL: u16 = 100;
