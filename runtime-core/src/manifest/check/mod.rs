//! The check of a manifest: every fault in one pass, and the graph if there is none.
//!
//! The check works on the tree of JSON values, not on [`Manifest`](super::Manifest), so that a wrong
//! type in one place hides no fault in another. `checked` calls a reader for each section (`nodes` with
//! `params`, `connections` with `order`, `routes`, `transport` with `server_url`); each reads what it
//! can through `fields`, reports what it cannot to `findings`, and reports nothing that only follows
//! from a fault reported before. Nothing here does I/O.

mod checked;
mod connections;
mod fields;
mod findings;
mod json_path;
mod nearest;
mod nodes;
mod order;
mod params;
mod routes;
mod server_url;
mod transport;

pub use checked::CheckedManifest;
pub(super) use checked::{Known, check_shape, check_tree};
pub use nearest::did_you_mean;
pub(super) use server_url::{IceScheme, check_ice_url};
