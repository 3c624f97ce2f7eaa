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
        Err(unreadable) => {
            Err(Failure::bad_input(unreadable).hint("give the path of a manifest, a JSON or YAML file"))
        }
    }
}

/// Reads and checks a manifest that is to be run; says what is wrong with it, and what has no effect.
///
/// * Returns `None` if it cannot be run, which has been said.
pub(crate) fn load(
    file: &Path,
    registry: &NodeRegistry,
    terminal: &mut Terminal,
) -> Result<Option<CheckedManifest>, Failure> {
    match check(file, registry)? {
        Ok(checked) => {
            print_faults(&checked.warnings, terminal)?;
            Ok(Some(checked))
        }
        Err(faults) => {
            print_refused(&name(file), &faults, terminal)?;
            Ok(None)
        }
    }
}

/// Names a manifest for people.
pub(crate) fn name(file: &Path) -> String {
    match file.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    }
}

/// Writes the faults of a manifest that cannot be run, and how many there are.
pub(crate) fn print_refused(
    name: &str,
    faults: &ManifestFaults,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    print_faults(faults, terminal)?;
    let verdict = terminal.styled(Style::Error, "invalid");
    let (errors, all) = (faults.error_count(), faults.iter().len());
    let mut counts = counted(errors, "error");
    if all > errors {
        counts += &format!(", {}", counted(all - errors, "warning"));
    }
    if faults.unlisted() > 0 {
        counts += &format!(", and {} more not listed", faults.unlisted());
    }
    Ok(writeln!(terminal, "{name}: {verdict}, {counts}")?)
}

/// Counts things in words.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
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
