//! The demo: a signaling server and two peers, each a process of its own, so that its figures are its own.
//!
//! `director` is the process that the user starts: it runs the server, starts `source` and `processor`,
//! shows their progress and writes the results. They talk in lines of JSON ([`messages`]) over their
//! standard streams. `measurable`, `marks`, `round_trip`, `recent_rate`, `accounting` and `figures` are pure;
//! `chart` and `picture` write files.

mod accounting;
mod chart;
mod director;
mod figures;
mod marks;
mod measurable;
mod messages;
mod orders;
mod picture;
mod process_figures;
mod processor;
mod recent_rate;
mod round_trip;
mod source;

pub(crate) use director::{DemoSettings, PICTURES, direct};
pub(crate) use measurable::check_measurable;
pub(crate) use processor::{ProcessorSettings, check_joinable, process};
pub(crate) use source::{SourceSettings, film};
