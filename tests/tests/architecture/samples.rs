//! Source that breaks each rule, and source beside it that does not: a check that cannot fail proves
//! nothing.

use crate::SourceFile;
use crate::faults::{self, Fault};
use crate::rules::{MAX_LINES, MAX_LINES_WITH_TESTS};

/// Asserts that `text` at `path` breaks the rule as `expected` says; an empty one: does not break it.
fn assert_found(rule: fn(&SourceFile) -> Vec<Fault>, path: &str, text: &str, expected: &str) {
    let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
    let found: Vec<_> = rule(&file).iter().map(Fault::to_string).collect();
    match expected {
        "" => assert!(found.is_empty(), "{path}: {text:?}: {found:?}"),
        _ => assert!(found.len() == 1 && found[0].contains(expected), "{path}: {text:?}: {found:?}"),
    }
}

#[test]
fn an_import_upwards_is_found_however_it_is_written() {
    let shm = "runtime-core/src/shm/heap.rs";
    for (path, text, expected) in [
        (shm, "use crate::data::VideoFrame;", "shm imports data::VideoFrame from a floor above"),
        (shm, "use crate::{ledger::Ledger, data::{self}};", "shm imports data from a floor above"),
        (shm, "use super::super::node::Node;", "shm imports node::Node from a floor above"),
        (shm, "fn f() -> crate::session::Session { todo!() }", "imports session::Session"),
        (shm, "mod tests { use super::super::super::data::A; }", "imports data::A"),
        ("runtime-core/src/data/mod.rs", "use super::node::Node;", "data imports node::Node"),
        ("runtime-core/src/ledger.rs", "use crate::latency::Histogram;", "from beside it"),
        ("transport-webrtc/src/codec/opus.rs", "use crate::rtc::Packet;", "from beside it"),
        ("transport-webrtc/src/media/track.rs", "use crate::WebRtcTransport;", "through the crate's root"),
        ("transport-webrtc/src/newcomer/mod.rs", "", "module newcomer has no floor"),
        (shm, "use crate::ledger::Ledger; use super::frame::SharedFrame;", ""),
        (shm, "// use crate::data::A;\n/// [`B`](crate::data::B)\nconst C: &str = \"crate::data::C\";", ""),
        ("runtime-core/src/runner/mod.rs", "use crate::{data::A, session::B, shm::C};", ""),
        ("runtime-core/src/lib.rs", "pub use runner::PipelineRunner; use crate::data::A;", ""),
        ("transport-webrtc/src/peer/actor.rs", "use crate::sentence;", ""),
        ("cli/src/command/demo.rs", "use crate::anything::At::All;", ""),
    ] {
        assert_found(faults::upward_imports, path, text, expected);
    }
}

#[test]
fn a_crate_of_ours_that_must_not_be_known_is_found() {
    let core = "runtime-core/src/runner/mod.rs";
    let signaling = "signaling/src/room/mod.rs";
    for (path, text, expected) in [
        (core, "use remotemedia_signaling::protocol;", "names remotemedia_signaling::protocol"),
        (core, "fn f() { tokio::net::TcpStream::connect(a); }", "names tokio::net::TcpStream"),
        (core, "use std::net::{IpAddr, UdpSocket};", "names std::net::UdpSocket"),
        (signaling, "use remotemedia_runtime_core::data::VideoFrame;", "names remotemedia_runtime_core"),
        (core, "use std::net::IpAddr; use tokio::sync::Notify;", ""),
        ("transport-webrtc/src/peer/mod.rs", "use remotemedia_runtime_core::data::A;", ""),
        ("cli/src/main.rs", "use remotemedia_signaling::SignalingServer;", ""),
    ] {
        assert_found(faults::foreign_floors, path, text, expected);
    }
}

#[test]
fn a_foreign_crate_outside_its_folder_is_found() {
    for (path, text, expected) in [
        ("transport-webrtc/src/peer/actor.rs", "use webrtc::Peer;", "names the crate webrtc"),
        ("transport-webrtc/src/media/track.rs", "fn f(p: rtc::rtp::Packet) {}", "names the crate rtc"),
        ("transport-webrtc/src/rtc/codec.rs", "use opus;", "names the crate opus"),
        ("runtime-core/src/data/mod.rs", "use ::iceoryx2::prelude::*;", "names the crate iceoryx2"),
        ("runtime-core/src/manifest/mod.rs", "use rubato::Fft;", "stays in runtime-core/src/node"),
        ("examples/examples/call.rs", "use clap::Parser;", "names the crate clap"),
        ("cli/src/main.rs", "use jsonrpsee::core::client::Client;", "names the crate jsonrpsee"),
        ("transport-webrtc/src/rtc/connection.rs", "use webrtc::Peer; use rtc::rtp::Packet;", ""),
        ("transport-webrtc/src/media/track.rs", "use crate::rtc; fn f(p: rtc::Packet) {}", ""),
        ("transport-webrtc/src/lib.rs", "pub mod rtc; pub use rtc::Connection;", ""),
        ("signaling/src/rpc.rs", "use jsonrpsee::proc_macros::rpc;", ""),
        ("cli/src/main.rs", "use clap::Parser; const KIND: &str = \"webrtc::x\";", ""),
    ] {
        assert_found(faults::strays, path, text, expected);
    }
}

#[test]
fn unsafe_code_in_another_file_is_found() {
    for (path, text, expected) in [
        ("runtime-core/src/shm/heap.rs", "fn f() { unsafe { g() } }", "has unsafe code"),
        ("runtime-core/src/shm/heap.rs", "#![allow(unsafe_code)]", "has unsafe code"),
        ("runtime-core/src/shm/heap.rs", "// unsafe, said a comment", ""),
        ("runtime-core/src/shm/iceoryx.rs", "fn f() { unsafe { g() } }", ""),
    ] {
        assert_found(faults::unsafety, path, text, expected);
    }
}

#[test]
fn a_file_is_as_long_as_allowed_or_found() {
    let path = "runtime-core/src/shm/heap.rs";
    let code = |lines| "//\n".repeat(lines);
    let tested = |lines, tests| format!("{}#[cfg(test)]\nmod tests {{\n{}", code(lines), code(tests));
    for (path, text, expected) in [
        (path, code(MAX_LINES), ""),
        (path, code(MAX_LINES + 1), "lines before its tests"),
        (path, tested(MAX_LINES, MAX_LINES_WITH_TESTS - MAX_LINES - 2), ""),
        (path, tested(MAX_LINES, MAX_LINES_WITH_TESTS - MAX_LINES - 1), "with its tests"),
        ("signaling/tests/server.rs", code(2 * MAX_LINES_WITH_TESTS), ""),
    ] {
        assert_found(faults::too_long, path, &text, expected);
    }
}

#[test]
fn a_name_that_says_nothing_is_found() {
    for (path, text, expected) in [
        ("runtime-core/src/utils.rs", "", "\"utils\" says nothing"),
        ("runtime-core/tests/common/mod.rs", "", "\"common\" says nothing"),
        ("web/helpers.js", "", "\"helpers\" says nothing"),
        ("runtime-core/src/node/x.rs", "", "\"x\" says nothing"),
        ("runtime-core/src/node/mod.rs", "mod misc { }", "\"misc\" says nothing"),
        ("runtime-core/src/node/mod.rs", "mod utility_pole; // mod utils", ""),
    ] {
        assert_found(faults::empty_names, path, text, expected);
    }
}
