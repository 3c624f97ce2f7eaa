//! A manifest named on the command line: read, checked, and its faults shown.

use std::io::{self, Write};
use std::path::Path;

use remotemedia_runtime_core::manifest::{
    CheckedManifest, ManifestDocument, ManifestFault, ManifestFaults, ManifestReadError, Severity,
};
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_transport_webrtc::WebRtcSupport;

use crate::failure::Failure;
use crate::terminal::{Style, Terminal};

/// Reads and checks a manifest, also for what this build cannot do; `-` names the standard input.
///
/// Faults of the manifest are the result, not a failure: [`print_faults`] shows them.
pub(crate) fn check(
    file: &Path,
    registry: &NodeRegistry,
) -> Result<Result<CheckedManifest, ManifestFaults>, Failure> {
    let document = match file.as_os_str() == "-" {
        true => ManifestDocument::read_stream(io::stdin().lock(), "-"),
        false => ManifestDocument::read(file),
    };
    match document {
        Ok(document) => Ok(document.check_for(registry, &WebRtcSupport)),
        Err(ManifestReadError::Invalid { source, .. }) => Ok(Err(source)),
        Err(unreadable) => Err(Failure::bad_input(unreadable)
            .hint("give the path of a JSON or YAML file, or - for the standard input")),
    }
}

/// Writes faults, each with what was expected, what stands there, and what to do.
pub(crate) fn print_faults<'a>(
    faults: impl IntoIterator<Item = &'a ManifestFault>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    for fault in faults {
        let style = match fault.severity {
            Severity::Error => Style::Error,
            Severity::Warning => Style::Warning,
        };
        let severity = terminal.styled(style, format_args!("{}[{}]", fault.severity, fault.code));
        let path = terminal.styled(Style::Strong, &fault.path);
        writeln!(terminal, "{severity} {path}")?;
        let rows =
            [("expected", Some(&fault.expected)), ("got", Some(&fault.got)), ("hint", fault.hint.as_ref())];
        for (label, text) in rows {
            if let Some(text) = text {
                let label = terminal.styled(Style::Faint, format_args!("{label:<8}"));
                writeln!(terminal, "  {label}  {text}")?;
            }
        }
    }
    Ok(())
}
