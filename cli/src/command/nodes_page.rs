//! The page on the node types, `docs/nodes.md`.

use std::fmt::{Display, Formatter, Result};

use remotemedia_runtime_core::manifest::ParamSpec;
use remotemedia_runtime_core::node::{NodeFactory, NodeRegistry, NodeScope, PortSpec};

use super::nodes::{kinds, unwrapped};

/// Displays a registry's node types as the page `docs/nodes.md`.
pub(crate) struct NodesPage<'a>(pub(crate) &'a NodeRegistry);

const PREFACE: &str = "\
# Nodes

<!-- Written by `remotemedia nodes --markdown > docs/nodes.md`; a test fails when it is not. The texts stand
     with each node in runtime-core/src/node/builtin/. -->

The nodes that ship. `remotemedia nodes` prints this list, `remotemedia nodes TYPE` one of them, `--json` both
for programs. Params may be written in snake_case or camelCase. To write a node of your own, see
[`examples/examples/custom_node.rs`](../examples/examples/custom_node.rs): one trait (`Node`), and one line that
registers it.

Nodes that compute on pixels take I420, which is what comes from a peer and goes to one; `VideoConvert` makes it
of other formats, and other formats of it.
";

impl Display for NodesPage<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(PREFACE)?;
        self.0.factories().try_for_each(|factory| section(&**factory, f))
    }
}

fn section(factory: &dyn NodeFactory, f: &mut Formatter<'_>) -> Result {
    let spec = factory.spec();
    writeln!(f, "\n## {}\n\n{}\n", spec.node_type, spec.summary)?;
    writeln!(f, "In: {}. Out: {}.", ports(spec.inputs), ports(spec.outputs))?;
    if spec.default_scope == NodeScope::Session {
        writeln!(f, "One instance sees all streams of a session.")?;
    }
    let mut explained = spec.inputs.iter().chain(spec.outputs).filter(|port| !port.doc.is_empty()).peekable();
    if explained.peek().is_some() {
        writeln!(f)?;
    }
    for port in explained {
        writeln!(f, "- `{}`: {}", port.name, port.doc)?;
    }
    let params = ParamSpec::all_of(factory);
    if params.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n| param | value | default | |\n|---|---|---|---|")?;
    for param in params {
        let default = match (param.default, param.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "must be given".to_owned(),
            (None, false) => "–".to_owned(),
        };
        let cells = [&param.expected, &default, &unwrapped(&param.doc)].map(|cell| cell.replace('|', "\\|"));
        writeln!(f, "| `{}` | {} |", param.name, cells.join(" | "))?;
    }
    Ok(())
}

fn ports(ports: &[PortSpec]) -> String {
    let named: Vec<_> = ports.iter().map(|port| format!("`{}` ({})", port.name, kind_names(port))).collect();
    if named.is_empty() { "none".to_owned() } else { named.join(", ") }
}

fn kind_names(port: &PortSpec) -> String {
    if port.kinds.is_empty() { "any kind".to_owned() } else { kinds(port) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_command_prints() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/nodes.md");
        let written = std::fs::read_to_string(path).expect("docs/nodes.md is there");
        let printed = NodesPage(&NodeRegistry::with_builtins()).to_string();
        for (number, (written, printed)) in written.lines().zip(printed.lines()).enumerate() {
            assert_eq!(
                written,
                printed,
                "line {}: run `remotemedia nodes --markdown > docs/nodes.md`",
                number + 1
            );
        }
        assert_eq!(written.len(), printed.len(), "run `remotemedia nodes --markdown > docs/nodes.md`");
    }

    #[test]
    fn every_node_has_its_section_with_its_ports_and_params() {
        let registry = NodeRegistry::with_builtins();
        let page = NodesPage(&registry).to_string();
        let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
        assert_eq!(sections.len(), registry.factories().count());
        for (factory, section) in registry.factories().zip(sections) {
            let spec = factory.spec();
            assert!(section.starts_with(spec.node_type) && section.contains(spec.summary), "{section}");
            for port in spec.inputs.iter().chain(spec.outputs) {
                assert!(section.contains(&format!("`{}`", port.name)), "{section}");
            }
            for param in ParamSpec::all_of(&**factory) {
                assert!(
                    section.contains(&format!("\n| `{}` | {} | ", param.name, param.expected)),
                    "{section}"
                );
            }
        }
    }
}
