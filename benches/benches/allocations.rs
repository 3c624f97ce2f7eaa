//! Heap allocations per audio packet in steady state, over the whole way of a packet: encode, send, receive,
//! decode, and all that runs beside it (timers, reports, ICE checks); and where they are made.
//!
//! Two peers in one process: each 10 ms of sound goes through `AudioGain` at the other peer and comes back,
//! which is two packets. The allocator is replaced by DHAT's, which notes where each allocation is made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use comfy_table::{Cell, CellAlignment, Table, presets};
use remotemedia_runtime_core::data::{AudioLoan, MediaTime, PeerId, RuntimeData, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_signaling::server::{ServerConfig, SignalingServer};
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use serde::Deserialize;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const GAIN: &str = r#"{"version": "v1", "nodes": [{"id": "gain", "node_type": "AudioGain"}]}"#;

/// 10 ms at 48 kHz.
const FRAMES: usize = 480;
const PERIOD: Duration = Duration::from_millis(10);

/// Packets of one sound on its way there and back.
const PACKETS_PER_SOUND: u64 = 2;

/// Frames of a backtrace that are kept: enough to leave the standard library.
const DEPTH: usize = 24;

/// Places that are shown; the rest is summed.
const SHOWN: usize = 20;

/// Crates whose functions are not where an allocation is decided.
const BENEATH: [&str; 9] =
    ["dhat", "alloc", "core", "std", "u8", "hashbrown", "bytes", "allocations", "tokio"];

fn main() -> anyhow::Result<()> {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let (warm_up, measured) = if smoke { (20, 20) } else { (500, 1_000) };
    let notes = std::env::temp_dir().join(format!("remotemedia-allocations-{}.json", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(warm_up, measured, &notes))?;
    let profile: Profile = serde_json::from_str(&std::fs::read_to_string(&notes)?)?;
    std::fs::remove_file(&notes)?;
    #[allow(clippy::print_stdout, reason = "a bench shows what it measured")]
    {
        println!("{}", table(&profile, measured * PACKETS_PER_SOUND));
    }
    Ok(())
}

async fn run(warm_up: u64, measured: u64, notes: &std::path::Path) -> anyhow::Result<()> {
    let server = SignalingServer::start(ServerConfig::default()).await?;
    let config = |peer| WebRtcConfig::new(server.url(), "room").peer_id(peer);
    let runner = PipelineRunner::new(NodeRegistry::with_builtins());
    let gaining = WebRtcTransport::join(config("gain").serves_pipeline(), runner.clone()).await?;
    gaining.serve(Arc::new(Manifest::parse(GAIN)?)).await?;
    let talking = WebRtcTransport::join(config("talk"), runner.clone()).await?;
    let gain = PeerId::new("gain")?;
    talking.connect(&gain).await?;

    let mut pace = tokio::time::interval(PERIOD);
    let mut profiler = None;
    let (mut sent, mut back) = (0, 0);
    while back < warm_up + measured {
        tokio::select! {
            _ = pace.tick() => {
                let mut sound = AudioLoan::new(&**runner.pool(), FRAMES, 48_000, 1)?;
                tone(sent, sound.samples_mut());
                let at = MediaTime::from_duration(PERIOD * sent as u32);
                talking.send_to(&gain, TransportData::new(sound.freeze()).numbered(sent).at(at)).await?;
                sent += 1;
            }
            item = talking.recv() => if let RuntimeData::Audio(_) = item.context("open")?.data {
                back += 1;
                if back == warm_up {
                    let builder = dhat::Profiler::builder().file_name(notes).trim_backtraces(Some(DEPTH));
                    profiler = Some(builder.build());
                }
            },
        }
    }
    ensure!(profiler.is_some(), "the measurement never began");
    drop(profiler);
    tokio::join!(talking.close(), gaining.close());
    server.stop(Duration::from_secs(1)).await?;
    Ok(())
}

/// Fills a stretch of a 440 Hz tone.
fn tone(number: u64, samples: &mut [f32]) {
    let first = number * FRAMES as u64;
    for (at, sample) in (first..).zip(samples) {
        let turns = (at * 440 % 48_000) as f32 / 48_000.0;
        *sample = 0.3 * (std::f32::consts::TAU * turns).sin();
    }
}

/// What DHAT writes, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Profile {
    pps: Vec<Place>,
    ftbl: Vec<String>,
}

/// Allocations with one backtrace.
#[derive(Debug, Deserialize)]
struct Place {
    /// How many.
    tbk: u64,
    /// How many bytes.
    tb: u64,
    /// Frames, innermost first, as places in the table.
    fs: Vec<usize>,
}

impl Profile {
    /// Allocations and bytes by the innermost function that is not of the standard library.
    fn by_function(&self) -> BTreeMap<String, (u64, u64)> {
        let mut sums = BTreeMap::<_, (u64, u64)>::new();
        for place in &self.pps {
            let mut names = place.fs.iter().filter_map(|&at| self.ftbl.get(at)).map(|frame| function(frame));
            let name = names.find(|name| decides(name)).unwrap_or_else(|| "the standard library".to_owned());
            let sum = sums.entry(name).or_default();
            *sum = (sum.0 + place.tbk, sum.1 + place.tb);
        }
        sums
    }
}

/// Cuts address, file, line and generics off a frame: `0x1234: <crate::Type<T> as Trait>::function (file:1:2)`
/// is `crate::Type::function`.
fn function(frame: &str) -> String {
    let named = frame.split_once(": ").map_or(frame, |(_, name)| name);
    let named = named.split_once(" (").map_or(named, |(name, _)| name);
    let (mut short, mut depth) = (String::new(), 0_usize);
    // Of a type in angle brackets at the start, what stands before ` as ` is the type.
    let mut own_type = usize::from(named.starts_with('<'));
    let mut in_trait = false;
    for (at, character) in named.char_indices() {
        in_trait |= depth == own_type && named[at..].starts_with(" as ");
        match character {
            '<' => depth += 1,
            '>' => {
                depth = depth.saturating_sub(1);
                in_trait &= depth > 0;
                own_type = own_type.min(depth);
            }
            '&' | '[' | ']' => {}
            _ if depth <= own_type && !in_trait => short.push(character),
            _ => {}
        }
    }
    short.replace("::::", "::")
}

/// Whether an allocation is decided in a function: it is of a crate, and of none that serves them all.
fn decides(function: &str) -> bool {
    let mut path = function.split("::");
    let crate_name = path.next().unwrap_or_default();
    path.next().is_some() && !BENEATH.contains(&crate_name)
}

fn table(profile: &Profile, packets: u64) -> Table {
    let number = |value: u64| {
        Cell::new(format!("{:.2}", value as f64 / packets as f64)).set_alignment(CellAlignment::Right)
    };
    let mut places: Vec<_> = profile.by_function().into_iter().collect();
    places.sort_unstable_by_key(|(_, sum)| std::cmp::Reverse(sum.0));
    let total = places.iter().fold((0, 0), |sum, (_, place)| (sum.0 + place.0, sum.1 + place.1));
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "where",
        "allocations per packet",
        "bytes per packet",
    ]);
    table.add_row([Cell::new("all"), number(total.0), number(total.1)]);
    for (name, (blocks, bytes)) in places.iter().take(SHOWN) {
        table.add_row([Cell::new(name), number(*blocks), number(*bytes)]);
    }
    let rest = places.iter().skip(SHOWN).fold((0, 0), |sum, (_, place)| (sum.0 + place.0, sum.1 + place.1));
    table.add_row([Cell::new("elsewhere"), number(rest.0), number(rest.1)]);
    table
}
