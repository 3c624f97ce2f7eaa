//! Clips that cannot be sent: exit code 2 before anything is started, with the file, what was found and what
//! was expected.

use std::net::TcpListener;

use crate::folder::{Folder, text};
use crate::program::{run, serving};

/// Frames of 64x48 pixels after a header of the caller's.
fn clip(header: &str, frames: usize) -> Vec<u8> {
    let mut bytes = format!("{header}\n").into_bytes();
    for frame in 0..frames {
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend(std::iter::repeat_n(frame as u8, 64 * 48 * 3 / 2));
    }
    bytes
}

/// What is wrong with each clip: its bytes, and the words that say so.
fn faulty() -> Vec<(&'static str, Vec<u8>, Vec<&'static str>)> {
    let header = "YUV4MPEG2 W64 H48 F30:1 Ip A1:1 C420jpeg";
    let mut cut = clip(header, 3);
    cut.truncate(cut.len() - 1000);
    vec![
        ("cut.y4m", cut, vec!["is truncated", "frame 2", "3608 of 4608 bytes"]),
        ("header-only.y4m", clip(header, 0), vec!["holds no frame"]),
        ("odd.y4m", clip("YUV4MPEG2 W63 H48 F30:1 C420", 1), vec!["is 63x48", "expected even sides", "crop"]),
        ("small.y4m", clip("YUV4MPEG2 W8 H8 F30:1 C420", 1), vec!["is 8x8", "expected even sides from 16"]),
        (
            "444.y4m",
            clip("YUV4MPEG2 W64 H48 F30:1 C444", 1),
            vec!["pixel format C444", "expected 8-bit 4:2:0"],
        ),
        (
            "mono.y4m",
            clip("YUV4MPEG2 W64 H48 F30:1 Cmono", 1),
            vec!["pixel format Cmono", "-pix_fmt yuv420p"],
        ),
        ("fast.y4m", clip("YUV4MPEG2 W64 H48 F1000:1 C420", 1), vec!["1000:1 frames a second", "1 to 120"]),
        ("empty.y4m", Vec::new(), vec!["it is empty"]),
        ("notes.txt", b"Dear diary,\n".to_vec(), vec!["is not a YUV4MPEG2 clip", "Dear diary,"]),
        ("film.mp4", b"\x00\x00\x00\x20ftypisom".to_vec(), vec!["is not a YUV4MPEG2 clip", "ffmpeg -i"]),
        (
            "huge-header.y4m",
            [b"YUV4MPEG2 W64 H48 X".to_vec(), vec![b'x'; 1 << 20]].concat(),
            vec!["its header line has no end within 1024 bytes"],
        ),
        (
            "huge-picture.y4m",
            clip("YUV4MPEG2 W4294967294 H4294967294 F30:1 C420", 0),
            vec!["is 4294967294x4294967294", "8192"],
        ),
        (
            "overflow.y4m",
            clip("YUV4MPEG2 W99999999999999999999 H48 F30:1 C420", 0),
            vec!["\"W99999999999999999999\"", "expected W and the width"],
        ),
    ]
}

#[test]
fn a_clip_that_cannot_be_sent_is_refused_before_a_peer_joins() {
    let folder = Folder::new();
    // Accepts nobody: a command that tried to join would hang here and end with another code.
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/ws", server.local_addr().expect("bound"));
    server.set_nonblocking(true).expect("a socket");
    for (name, bytes, words) in faulty() {
        let path = folder.write(name, &bytes);
        let ended = run(&["join", &url, "--session", "s", "--input", text(&path)]);
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(ended.error.contains(text(&path)), "{name}: {ended:?}");
        for word in words {
            assert!(ended.error.contains(word), "{name}: {word:?} is not in {ended:?}");
        }
    }
    assert!(server.accept().is_err(), "nobody connected");
}

#[test]
fn a_clip_that_cannot_be_sent_is_refused_before_the_demo_begins() {
    let folder = Folder::new();
    let (manifest, out) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/video_blur.json"), folder.path("out"));
    for (name, bytes, words) in faulty() {
        let path = folder.write(name, &bytes);
        let ended = run(&["demo", manifest, "--input", text(&path), "--out", text(&out)]);
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(words.iter().all(|word| ended.error.contains(word)), "{name}: {ended:?}");
        assert!(!out.exists(), "{name}: nothing was started");
    }
}

#[test]
fn results_that_cannot_be_written_are_refused_before_anything_begins() {
    let folder = Folder::new();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/video_blur.json");
    let (out, nowhere) = (folder.path("out"), folder.path("nowhere"));
    let (json, clip) = (nowhere.join("table.json"), nowhere.join("back.y4m"));
    let ended = run(&["demo", manifest, "--out", text(&out), "--json", text(&json)]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.error.contains(text(&json)) && !out.exists(), "{ended:?}");
    let ended = run(&["join", "ws://127.0.0.1:9/ws", "--session", "s", "--output", text(&clip)]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.error.contains(text(&clip)), "{ended:?}");
}

#[test]
fn what_comes_back_does_not_go_over_what_is_sent() {
    let folder = Folder::new();
    let bytes = clip("YUV4MPEG2 W64 H48 F30:1 C420", 2);
    let input = folder.write("film.y4m", &bytes);
    let roundabout = folder.path(".").join("film.y4m");
    for output in [&input, &roundabout] {
        let join = ["join", "ws://127.0.0.1:9/ws", "--session", "s", "--input", text(&input), "--output"];
        let ended = run(&[&join[..], &[text(output)]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error.contains("--output would overwrite"), "{ended:?}");
        assert!(ended.error.contains(text(output)), "{ended:?}");
        assert_eq!(std::fs::read(&input).expect("still there"), bytes);
    }
}

#[test]
fn sound_that_cannot_be_written_beside_the_clip_is_refused_before_anything_begins() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("back.wav")).expect("the folder is ours");
    let clip = folder.path("back.y4m");
    let ended = run(&["join", "ws://127.0.0.1:9/ws", "--session", "s", "--output", text(&clip)]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.error.contains("back.wav"), "{ended:?}");
}

#[test]
fn a_clip_comes_back_at_its_own_rate_and_the_files_are_named() {
    let folder = Folder::new();
    let input = folder.write("film.y4m", &clip("YUV4MPEG2 W64 H48 F10:1 C420", 10));
    let (back, sound) = (folder.path("back.y4m"), folder.path("back.wav"));
    let (mut serve, url) = serving();
    let join = ["join", &url, "--session", "demo", "--input", text(&input), "--output", text(&back)];
    let ended = run(&[&join[..], &["--seconds", "2"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains(&format!("saved: {}", text(&back))), "{ended:?}");
    assert_eq!(ended.out.contains(text(&sound)), sound.exists(), "{ended:?}");
    let header = b"YUV4MPEG2 W64 H48 F10000:1000 Ip C420mpeg2 XCOLORRANGE=LIMITED\n";
    assert!(std::fs::read(&back).expect("saved").starts_with(header));
    serve.says("left: left");
    serve.interrupt();
    assert_eq!(serve.ended().code, Some(0));
}

#[test]
fn a_clip_that_is_not_there_is_named_with_what_the_system_says() {
    let folder = Folder::new();
    let missing = folder.path("missing.y4m");
    for (path, words) in [(missing, "No such file"), (folder.path(""), "directory")] {
        let ended = run(&["join", "ws://127.0.0.1:9/ws", "--session", "s", "--input", text(&path)]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error.contains(text(&path)) && ended.error.contains(words), "{ended:?}");
    }
}
