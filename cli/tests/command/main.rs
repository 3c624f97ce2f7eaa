//! The command as its users meet it: what it says and how it ends when it is given something wrong, or is
//! interrupted.

mod addresses;
mod clips;
mod flags;
mod folder;
mod interruption;
mod manifests;
mod program;
mod signal;
