//! A pipeline that begins with sources of its own: whoever joins sees and hears them.

use remotemedia_runtime_core::data::RuntimeData;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::builtin::read_barcode;
use remotemedia_tests::{Room, loudest_tone_hz};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_peer_that_joins_sees_the_numbered_picture_and_hears_the_tone() {
    let room = Room::open().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/test_pattern.json");
    let serving = room.serve("studio", Manifest::read(path).expect("the shipped manifest").into()).await;
    for name in ["ada", "bob"] {
        let viewer = room.join(name).await;
        viewer.connect(&Room::peer("studio")).await.expect("a path on the loopback");
        let (mut numbers, mut heard) = (Vec::new(), Vec::new());
        while numbers.len() < 15 || heard.len() < 48_000 {
            match Room::next(&viewer).await.data {
                RuntimeData::Video(picture) => numbers.extend(read_barcode(&picture)),
                RuntimeData::Audio(sound) => {
                    heard.extend(sound.samples().iter().step_by(usize::from(sound.channels())));
                }
                _ => {}
            }
        }
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{name} sees {numbers:?}");
        let tone = loudest_tone_hz(&heard, &[300.0, 440.0, 700.0, 2_000.0]);
        assert_eq!(tone, 440.0, "{name} hears another tone");
        assert!(viewer.close().await.complete);
    }
    assert!(serving.close().await.complete);
}
