//! What the nodes that ship cost: ms for a picture, µs for 10 ms of sound.
//!
//! A node is called as the executor calls it, without queues and threads (`executor_hop` measures those). Criterion
//! runs this in a tight loop, in which caches stay warm: it reads 10 to 35 % lower than at the pace of a camera.
//! `remotemedia demo` measures at real pace; take its figures for what a process costs, and these to compare nodes
//! and changes with one another.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use remotemedia_runtime_core::data::{AudioFrame, NodeId, SessionId, TransportData};
use remotemedia_runtime_core::node::{DynNode, NodeContext, NodeRegistry, Outputs};
use remotemedia_runtime_core::shm::HeapPool;
use serde_json::{Value, json};

/// Pictures in the clip: two seconds, in which a blur of the background has learnt the room.
const CLIP: u64 = 60;

/// Of sound at 48 kHz, one item.
const SAMPLE_RATE: u32 = 48_000;

fn node(node_type: &str, params: Value) -> Box<dyn DynNode> {
    let context = NodeContext {
        node_id: NodeId::new("node").expect("a valid name"),
        session_id: SessionId::new("bench").expect("a valid name"),
        stream: None,
        pool: Arc::new(HeapPool::default()),
    };
    let registry = NodeRegistry::with_builtins();
    registry.factory(node_type).expect("it ships").create(&params, &context).expect("valid params")
}

/// A person in a room, as `TestPattern` draws it.
fn clip(width: u32, height: u32, frames: u64) -> Vec<TransportData> {
    let params = json!({"width": width, "height": height, "scene": "person", "frames": frames});
    let mut camera = node("TestPattern", params);
    let (mut outputs, mut elapsed, mut clip) = (Outputs::default(), Duration::ZERO, Vec::new());
    while let Some(due) = camera.produce(elapsed, &mut outputs).expect("memory") {
        clip.extend(outputs.drain().map(|(_, item)| item));
        elapsed = due;
    }
    clip
}

/// Ten milliseconds of two tones.
fn sound(sample_rate: u32) -> TransportData {
    let samples: Vec<f32> = (0..sample_rate / 100)
        .flat_map(|n| {
            let t = n as f32 / sample_rate as f32;
            [(t * 2_765.0).sin() * 0.3, (t * 6_912.0).sin() * 0.2]
        })
        .collect();
    TransportData::new(AudioFrame::from_samples(&samples, sample_rate, 2).expect("10 ms in stereo"))
}

/// Measures a node over a clip that is played to and fro, so that there is no cut.
fn measure(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    mut node: Box<dyn DynNode>,
    clip: &[TransportData],
) {
    let mut outputs = Outputs::default();
    let length = clip.len();
    let mut turn = 0;
    let mut step = move || {
        let place = turn % (2 * length);
        turn += 1;
        let item = clip[place.min(2 * length - 1 - place)].clone();
        node.process("in", item, &mut outputs).expect("the node takes it");
        outputs.drain().for_each(|item| drop(black_box(item)));
    };
    // A model has learnt and scratch memory is there before anything is measured.
    (0..length).for_each(|_| step());
    criterion.benchmark_group(group).bench_function(name, |bench| bench.iter(&mut step));
}

fn pictures(criterion: &mut Criterion) {
    let hd = clip(1280, 720, CLIP);
    for (name, node_type, params) in [
        ("PassThrough", "PassThrough", json!({})),
        ("VideoBlur_radius_5", "VideoBlur", json!({"radius": 5})),
        ("VideoBlur_radius_15", "VideoBlur", json!({"radius": 15})),
        ("BackgroundBlur", "BackgroundBlur", json!({})),
        ("BackgroundBlur_with_mask", "BackgroundBlur", json!({"mask": true})),
        ("VideoScale_to_480p", "VideoScale", json!({"width": 854, "height": 480})),
        ("VideoFlip_horizontal", "VideoFlip", json!({"direction": "horizontal"})),
        ("VideoConvert_to_nv12", "VideoConvert", json!({"format": "nv12"})),
        ("VideoConvert_to_rgb24", "VideoConvert", json!({"format": "rgb24"})),
    ] {
        measure(criterion, "picture_720p", name, node(node_type, params), &hd);
    }
    let full_hd = clip(1920, 1080, 4);
    let params = json!({"width": 1280, "height": 720});
    measure(criterion, "picture_1080p", "VideoScale_to_720p", node("VideoScale", params), &full_hd);
}

fn sounds(criterion: &mut Criterion) {
    for (name, node_type, params, sample_rate) in [
        ("AudioGain", "AudioGain", json!({"gain_db": -6.0}), SAMPLE_RATE),
        ("AudioLevel", "AudioLevel", json!({}), SAMPLE_RATE),
        ("Resample_44100_to_48000", "Resample", json!({"rate": SAMPLE_RATE}), 44_100),
    ] {
        measure(criterion, "sound_10ms_stereo", name, node(node_type, params), &[sound(sample_rate)]);
    }
}

criterion_group!(benches, pictures, sounds);
criterion_main!(benches);
