//! Ctrl-C ends every command that runs for a while: exit code 0, what was begun is finished, and no process
//! is left.

use std::fs;

use crate::folder::{Folder, text};
use crate::program::{MANIFEST, Program, eventually, serving};

#[test]
fn the_signaling_server_ends() {
    let mut signal = Program::start(&["signal", "--listen", "127.0.0.1:0"]);
    signal.says("signaling at ws://127.0.0.1:");
    signal.says("browser client at ");
    signal.interrupt();
    let ended = signal.ended();
    assert_eq!((ended.code, ended.error.as_str()), (Some(0), ""), "{ended:?}");
}

#[test]
fn a_served_pipeline_says_goodbye_and_a_sender_keeps_what_came_back() {
    let folder = Folder::new();
    let (mut serve, url) = serving();
    let (clip, sound) = (folder.path("back.y4m"), folder.path("back.wav"));
    let arguments = ["join", &url, "--session", "demo", "--peer-id", "film", "--seconds", "600", "--output"];
    let join = Program::start(&[&arguments[..], &[text(&clip)]].concat());
    serve.says("film: connected");
    let size = |path| fs::metadata(path).map_or(0, |file| file.len());
    eventually(|| size(&clip) > 3_000_000, "pictures come back");

    join.interrupt();
    let joined = join.ended();
    assert_eq!(joined.code, Some(0), "{joined:?}");
    let sent = joined.out.split_ascii_whitespace().nth(1).and_then(|sent| sent.parse().ok());
    assert!(sent.is_some_and(|sent: u64| sent > 0), "{joined:?}");
    let header = b"YUV4MPEG2 W1280 H720";
    assert!(fs::read(&clip).expect("kept").starts_with(header));
    // A RIFF file tells its own length, written last.
    if let Ok(sound) = fs::read(&sound) {
        let told = u32::from_le_bytes([sound[4], sound[5], sound[6], sound[7]]) as usize;
        assert_eq!(told + 8, sound.len());
    }

    serve.says("film left");
    serve.interrupt();
    let served = serve.ended();
    assert_eq!(served.code, Some(0), "{served:?}");
    assert!(served.out.contains("closed in "), "{served:?}");
}

#[test]
fn a_sender_whose_pipeline_goes_says_why() {
    let (mut serve, url) = serving();
    let join = Program::start(&["join", &url, "--session", "demo", "--peer-id", "film", "--seconds", "600"]);
    serve.says("film: connected");
    serve.interrupt();
    assert_eq!(serve.ended().code, Some(0));
    let joined = join.ended();
    assert_eq!(joined.code, Some(1), "{joined:?}");
    assert!(joined.error.contains("the connection to pipeline ended"), "{joined:?}");
    // Which is heard first, by signaling or by the connection itself, is open.
    let causes = ["the peer left the session", "the peer closed the connection"];
    assert!(causes.iter().any(|cause| joined.error.contains(cause)), "{joined:?}");
}

#[test]
fn a_sender_that_still_waits_for_its_server_ends() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/ws", silent.local_addr().expect("bound"));
    let join = Program::start(&["join", &url, "--session", "s"]);
    drop(silent.accept().map(|(stream, _)| {
        join.interrupt();
        let ended = join.ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        drop(stream);
    }));
}

#[test]
fn the_demo_ends_with_both_its_peers() {
    let folder = Folder::new();
    let out = folder.path("out");
    let demo = Program::start(&["demo", MANIFEST, "--seconds", "600", "--out", text(&out)]);
    eventually(|| demo.processes() == 3, "source and processor are started");
    demo.interrupt();
    let ended = demo.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("interrupted"), "{ended:?}");
}
