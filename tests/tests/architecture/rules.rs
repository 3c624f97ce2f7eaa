//! The rules, as tables.

/// Where the source lies.
pub(crate) const FOLDERS: &[&str] =
    &["runtime-core", "signaling", "transport-webrtc", "cli", "examples", "benches", "tests", "web"];

/// Folders that hold nothing of ours.
pub(crate) const SKIPPED: &[&str] = &["target", "node_modules", "demo-out"];

/// What is looked at; all rules but that on names are for Rust.
pub(crate) const EXTENSIONS: &[&str] = &[".rs", ".js", ".mjs", ".py"];

/// The floors of one crate.
pub(crate) struct Floors {
    /// The crate's folder.
    pub(crate) folder: &'static str,
    /// Top-level modules, the highest floor first. A module may import those of lower floors only, and
    /// none beside it.
    pub(crate) floors: &'static [&'static [&'static str]],
    /// What lies in the crate's root and may be imported from there.
    pub(crate) root_items: &'static [&'static str],
}

/// As the documentation of each crate's root says.
pub(crate) const FLOORS: &[Floors] = &[
    Floors {
        folder: "runtime-core",
        floors: &[
            &["runner"],
            &["transport"],
            &["session"],
            &["executor"],
            &["manifest"],
            &["node"],
            &["data"],
            &["shm"],
            &["queue"],
            &["ledger", "latency"],
        ],
        root_items: &[],
    },
    Floors {
        folder: "signaling",
        floors: &[&["server"], &["openrpc", "rpc", "room", "websocket"], &["protocol"]],
        root_items: &["openrpc_document"],
    },
    Floors {
        folder: "transport-webrtc",
        floors: &[
            &["transport"],
            &["session"],
            &["peer"],
            &["media", "config", "support"],
            &["signaling", "rtc", "codec"],
            &["codec_name", "ids"],
        ],
        root_items: &["sentence"],
    },
];

/// Which of our crates may be named in which folder; a crate that is not listed names none.
pub(crate) const OUR_CRATES: &[(&str, &[&str])] = &[
    ("runtime-core/src", &[]),
    ("signaling/src", &[]),
    ("transport-webrtc/src", &["remotemedia_runtime_core", "remotemedia_signaling"]),
];

/// How our crates' names begin.
pub(crate) const OURS: &str = "remotemedia_";

/// Foreign crates and the folders that may import them: another engine, codec or shared memory is one
/// folder's work. Crates that are not listed may be used everywhere.
pub(crate) const HOMES: &[(&str, &[&str])] = &[
    ("webrtc", &["transport-webrtc/src/rtc"]),
    ("rtc", &["transport-webrtc/src/rtc"]),
    ("opus", &["transport-webrtc/src/codec"]),
    ("openh264", &["transport-webrtc/src/codec"]),
    ("iceoryx2", &["runtime-core/src/shm"]),
    ("rustix", &["runtime-core/src/shm"]),
    ("openh264_sys2", &["transport-webrtc/src/codec"]),
    ("socket2", &["transport-webrtc/src/rtc"]),
    ("jsonrpsee", &["signaling/src", "transport-webrtc/src/signaling"]),
    ("tokio_tungstenite", &["signaling/src/websocket"]),
    ("hyper", &["signaling/src", "tests"]),
    ("libblur", &["runtime-core/src/node"]),
    ("fast_image_resize", &["runtime-core/src/node"]),
    ("rubato", &["runtime-core/src/node"]),
    ("yuv", &["runtime-core/src/node"]),
    ("jsonschema", &["runtime-core/src/manifest"]),
    ("serde_saphyr", &["runtime-core/src/manifest"]),
    ("strsim", &["runtime-core/src/manifest"]),
    ("schemars", &["runtime-core/src/node", "runtime-core/tests", "signaling/src", "examples", "benches"]),
    ("clap", &["cli"]),
    ("comfy_table", &["cli", "benches"]),
    ("indicatif", &["cli", "benches"]),
    ("plotters", &["cli"]),
    ("png", &["cli"]),
    ("procfs", &["cli"]),
    ("criterion", &["benches"]),
    ("dhat", &["benches"]),
];

/// Paths that a folder may not name although no crate is foreign to it.
pub(crate) const FORBIDDEN_PATHS: &[(&str, &[&str])] = &[
    // runtime-core knows no network; an address may be parsed.
    (
        "runtime-core/src",
        &["tokio::net", "std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket"],
    ),
];

/// The files with `unsafe`, each with its reason there.
pub(crate) const UNSAFE: &[&str] = &[
    "runtime-core/src/shm/frame.rs",
    "runtime-core/src/shm/iceoryx.rs",
    "runtime-core/tests/heap_pool_allocations.rs",
    "transport-webrtc/src/codec/h264_options.rs",
];

/// Most lines of a file in `src`, without the tests at its foot.
pub(crate) const MAX_LINES: usize = 500;

/// Files that are longer, and how long at most: they may shrink, not grow.
pub(crate) const LONG_FILES: &[(&str, usize)] = &[];

/// Most lines of a file in `src`, tests and all: past it, the tests are a file of their own.
pub(crate) const MAX_LINES_WITH_TESTS: usize = 650;

/// Names that say nothing, of files, folders and modules.
pub(crate) const EMPTY_NAMES: &[&str] =
    &["common", "helper", "helpers", "impl", "impls", "inner", "misc", "stuff", "util", "utilities", "utils"];
