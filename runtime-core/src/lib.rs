//! The pipeline of RemoteMedia: manifests, the executor that runs them, the nodes that ship, and the
//! frames that pass between them.
//!
//! Floors, imports go down only: `runner → session → executor → manifest → node → data → shm`; beside
//! them `queue`, `ledger` and `latency`, which know none of the others, and between `runner` and
//! `session` the contract `transport`, which every transport (in-process, WebRTC) fulfils. This crate
//! knows no network.

pub mod data;
pub mod executor;
pub mod latency;
pub mod ledger;
pub mod manifest;
pub mod node;
pub mod queue;
pub mod runner;
pub mod session;
pub mod shm;
pub mod transport;
