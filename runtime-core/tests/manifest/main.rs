//! What the check of a manifest finds, and what it makes of a manifest without faults.
//!
//! Each case names every fault that is to be found, so that a fault that only follows from another
//! shows as a failure too.

mod connections;
mod fixture;
mod graph;
mod mutation;
mod nodes;
mod params;
mod routes;
mod shape;
mod shipped;
mod syntax;
mod transport;
