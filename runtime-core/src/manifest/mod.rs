//! Manifests: a pipeline as its user writes it, and as the executor runs it.
//!
//! [`Manifest`] is the document (version `v1`, JSON or YAML); [`Manifest::check`] finds all its faults
//! at once and returns the [`PipelineGraph`], in which nothing can be invalid. [`ManifestDocument`] is
//! the text before that: its check also finds what does not fit the document's types, and returns
//! warnings. This folder starts nothing.

mod check;
mod document;
mod fault;
mod graph;
mod ice_server;
mod param_spec;
mod source;
mod syntax;
mod transport_section;
mod transport_support;

pub use check::{CheckedManifest, did_you_mean};
pub use document::{
    ConnectionManifest, Manifest, ManifestMetadata, NodeManifest, RouteManifest, RouteTarget,
};
pub use fault::{FaultCode, ManifestFault, ManifestFaults, Severity};
pub use graph::{EdgeSettings, NodeSettings, PipelineGraph, RouteSettings};
pub use ice_server::{IceServer, IceServerError};
pub use param_spec::ParamSpec;
pub use source::{ManifestDocument, ManifestFormat, ManifestReadError};
pub use transport_section::{Topology, TransportSection};
pub use transport_support::{TransportSupport, Unsupported};
