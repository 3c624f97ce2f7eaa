//! A manifest's text, read from a file or elsewhere.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check::{CheckedManifest, Known, check_shape, check_tree};
use super::fault::{FaultCode, ManifestFault, ManifestFaults};
use super::syntax::parse_tree;
use super::{Manifest, PipelineGraph, TransportSupport};
use crate::node::NodeRegistry;

/// A manifest's text, parsed but not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestDocument {
    tree: Value,
}

/// How a manifest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestFormat {
    /// JSON, RFC 8259.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// Why a manifest could not be read from a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestReadError {
    /// The file cannot be read.
    #[error("could not read manifest {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What stands in the file is no manifest.
    #[error("could not use manifest {}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ManifestFaults,
    },
}

impl ManifestDocument {
    /// Longest text, bytes: 1 MiB. A thousand nodes with all their params take a tenth of it.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Parses a manifest's text.
    ///
    /// * `format`: `None`: JSON if it begins with `{` or `[`, else YAML.
    ///
    /// # Errors
    /// [`ManifestFaults`] with one fault: the text is too long, or is not of that format (with the line
    /// and column at which it stops being so).
    pub fn parse(text: &str, format: Option<ManifestFormat>) -> Result<Self, ManifestFaults> {
        Self::parse_bytes(text.as_bytes(), format)
    }

    /// Reads and parses a file; its name's end (`.json`, `.yaml`, `.yml`) says the format.
    ///
    /// # Errors
    /// [`ManifestReadError`] if the file cannot be read, or as [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ManifestReadError> {
        let path = path.as_ref();
        let failed = |source| ManifestReadError::Read { path: path.to_owned(), source };
        let bytes = read_bounded(File::open(path).map_err(failed)?).map_err(failed)?;
        let invalid = |source| ManifestReadError::Invalid { path: path.to_owned(), source };
        Self::parse_bytes(&bytes, ManifestFormat::of_path(path)).map_err(invalid)
    }

    /// Reads and parses a stream, such as the standard input, up to its end.
    ///
    /// # Errors
    /// [`ManifestReadError`] as [`read`](Self::read), which names the stream `name`.
    pub fn read_stream(stream: impl Read, name: &str) -> Result<Self, ManifestReadError> {
        let failed = |source| ManifestReadError::Read { path: name.into(), source };
        let bytes = read_bounded(stream).map_err(failed)?;
        Self::parse_bytes(&bytes, None)
            .map_err(|source| ManifestReadError::Invalid { path: name.into(), source })
    }

    /// Finds every fault: of shape, and of meaning as far as the shape lets it be seen.
    ///
    /// # Errors
    /// [`ManifestFaults`] with all errors and warnings.
    pub fn check(&self, registry: &NodeRegistry) -> Result<CheckedManifest, ManifestFaults> {
        check_tree(&self.tree, Known { nodes: Some(registry), transport: None })
    }

    /// Finds every fault as [`check`](Self::check) does, and beside them what `transport` cannot do.
    ///
    /// # Errors
    /// [`ManifestFaults`] with all errors and warnings.
    pub fn check_for(
        &self,
        registry: &NodeRegistry,
        transport: &dyn TransportSupport,
    ) -> Result<CheckedManifest, ManifestFaults> {
        check_tree(&self.tree, Known { nodes: Some(registry), transport: Some(transport) })
    }

    /// Returns the manifest, checked as far as it can be without knowing any node type.
    ///
    /// # Errors
    /// [`ManifestFaults`] with all errors and warnings.
    pub fn manifest(&self) -> Result<Manifest, ManifestFaults> {
        check_shape(&self.tree)
    }

    fn parse_bytes(bytes: &[u8], format: Option<ManifestFormat>) -> Result<Self, ManifestFaults> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(ManifestFault::error(FaultCode::TooLarge, "$")
                .expected(format!("at most {} bytes", Self::MAX_BYTES))
                .got("more")
                .into());
        }
        Ok(Self { tree: parse_tree(bytes, format)? })
    }
}

impl ManifestFormat {
    /// Returns the format that a file's name says, if it says one.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

impl Manifest {
    /// Parses a manifest, JSON or YAML, and checks it as far as it can be without knowing any node type.
    ///
    /// # Errors
    /// [`ManifestFaults`] with all errors and warnings.
    pub fn parse(text: &str) -> Result<Self, ManifestFaults> {
        ManifestDocument::parse(text, None)?.manifest()
    }

    /// Reads a manifest's file, and checks it as [`parse`](Self::parse) does.
    ///
    /// # Errors
    /// [`ManifestReadError`] if the file cannot be read or has faults.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ManifestReadError> {
        let path = path.as_ref();
        let invalid = |source| ManifestReadError::Invalid { path: path.to_owned(), source };
        ManifestDocument::read(path)?.manifest().map_err(invalid)
    }

    /// Finds every fault and resolves the manifest into what the executor runs. What has no effect
    /// (unknown params) is logged as a warning.
    ///
    /// # Errors
    /// [`ManifestFaults`] with all errors and warnings.
    pub fn check(&self, registry: &NodeRegistry) -> Result<PipelineGraph, ManifestFaults> {
        let tree = serde_json::to_value(self).map_err(|error| {
            ManifestFault::error(FaultCode::WrongType, "$").expected("a manifest").got(error.to_string())
        })?;
        let checked = check_tree(&tree, Known { nodes: Some(registry), transport: None })?;
        for warning in &checked.warnings {
            tracing::warn!(
                path = warning.path,
                code = warning.code.name(),
                hint = warning.hint,
                "has no effect"
            );
        }
        Ok(checked.graph)
    }
}

/// Reads to the end, but no further than one byte past the longest manifest.
fn read_bounded(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(ManifestDocument::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
