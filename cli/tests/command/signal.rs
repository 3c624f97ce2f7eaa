//! The signaling server's options: limits at their ends and one past them, and who may connect.

use std::io::{Read, Write};
use std::net::TcpStream;

use remotemedia_signaling::protocol::IceServer;
use remotemedia_transport_webrtc::signaling::{Endpoint, SignalingClient, SignalingClientConfig};

use crate::folder::{Folder, text};
use crate::program::{MANIFEST, Program, run};

/// An option, its least and its greatest value; the least of `--sdp-bytes` is the default of `--control-bytes`.
const RANGES: [(&str, u64, u64); 7] = [
    ("--sessions", 1, 4096),
    ("--peers-per-session", 1, 512),
    ("--connections", 1, 100_000),
    ("--requests-per-second", 1, 100_000),
    ("--request-burst", 1, 100_000),
    ("--control-bytes", 1024, 1_048_576),
    ("--sdp-bytes", 65_536, 4_194_304),
];

fn start(options: &[&str]) -> Program {
    Program::start(&[&["signal", "--listen", "127.0.0.1:0"], options].concat())
}

/// Opens a connection as the page of an origin does that calls the server `host`, and returns the server's first line.
fn answer_to(address: &str, host: &str, origin: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    while !answer.contains(&b'\n') {
        let mut part = [0; 256];
        let read = stream.read(&mut part).expect("it answers");
        assert_ne!(read, 0, "it answered {:?} only", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..read]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Reads where a server listens from what it says.
fn address_of(server: &mut Program) -> String {
    let line = server.says("signaling at ws://");
    let url = line.split([' ', ';']).find(|word| word.starts_with("ws://")).expect("a URL");
    url.trim_start_matches("ws://").trim_end_matches("/ws").to_owned()
}

#[test]
fn limits_are_taken_at_both_ends() {
    for end in [|range: (u64, u64)| range.0, |range: (u64, u64)| range.1] {
        let mut options = Vec::new();
        for (option, least, most) in RANGES {
            options.extend([option.to_owned(), end((least, most)).to_string()]);
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut server = start(&options);
        server.says("signaling at ws://127.0.0.1:");
        server.interrupt();
        let ended = server.ended();
        assert_eq!(ended.code, Some(0), "{options:?}: {ended:?}");
    }
}

#[test]
fn a_limit_past_its_end_is_refused_by_the_options_name_and_nothing_is_started() {
    for (option, least, most) in RANGES {
        for value in [least - 1, most + 1] {
            let ended = run(&["signal", "--listen", "127.0.0.1:0", option, &value.to_string()]);
            assert_eq!(ended.code, Some(2), "{option} {value}: {ended:?}");
            let words = format!("{option} is {value}, expected {least} to {most}");
            assert!(ended.error.contains(&words), "{words:?} is not in {ended:?}");
            assert_eq!(ended.out, "");
        }
    }
}

#[test]
fn a_request_with_a_description_may_be_no_shorter_than_one_without() {
    let sizes = |sdp| ["--control-bytes", "300000", "--sdp-bytes", sdp];
    let mut server = start(&sizes("300000"));
    server.says("signaling at ws://127.0.0.1:");
    server.interrupt();
    assert_eq!(server.ended().code, Some(0));
    let ended = run(&[&["signal", "--listen", "127.0.0.1:0"], &sizes("299999")[..]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.error.contains("--sdp-bytes is 299999, expected 300000 to 4194304"), "{ended:?}");
}

#[test]
fn a_page_of_another_origin_may_connect_only_if_it_is_allowed() {
    let (ours, others) = ("https://app.example.org", "https://evil.example.org");
    for (options, fits) in [
        (&[][..], [false, false]),
        (&["--allow-origin", ours], [true, false]),
        (&["--allow-origin", "any"], [true, true]),
    ] {
        let mut server = start(options);
        let address = address_of(&mut server);
        for (origin, fits) in [ours, others].into_iter().zip(fits) {
            let expected = if fits { "HTTP/1.1 101" } else { "HTTP/1.1 403" };
            let answer = answer_to(&address, &address, origin);
            assert!(answer.starts_with(expected), "{options:?}, {origin}: {answer:?}");
        }
        server.interrupt();
        assert_eq!(server.ended().code, Some(0));
    }
}

#[test]
fn a_proxys_name_is_taken_with_its_origin_and_another_name_is_not() {
    let (name, origin) = ("media.example.org", "https://media.example.org");
    for command in [&["signal"][..], &["serve", MANIFEST]] {
        for (options, expected) in [(&[][..], "HTTP/1.1 421"), (&["--allow-origin", origin], "HTTP/1.1 101")]
        {
            let mut server = Program::start(&[command, &["--listen", "127.0.0.1:0"], options].concat());
            let address = address_of(&mut server);
            let answer = answer_to(&address, name, origin);
            assert!(answer.starts_with(expected), "{command:?}, {options:?}: {answer:?}");
            server.interrupt();
            assert_eq!(server.ended().code, Some(0));
        }
    }
}

/// Asks a server which STUN and TURN servers it has for its clients.
fn ice_servers_of(address: &str) -> Vec<IceServer> {
    let endpoint = Endpoint::parse(&format!("ws://{address}/ws")).expect("the server's own URL");
    let runtime = tokio::runtime::Runtime::new().expect("an async runtime");
    runtime.block_on(async {
        let connecting = SignalingClient::connect(&endpoint, SignalingClientConfig::default());
        let (client, _events) = connecting.await.expect("it listens");
        client.server_info().ice_servers.clone()
    })
}

#[test]
fn clients_are_told_of_the_ice_servers_of_the_options_and_of_the_manifest() {
    let stun = IceServer { urls: vec!["stun:stun.example.org".to_owned()], username: None, credential: None };
    let turn = IceServer {
        urls: vec!["turn:turn.example.org:3478?transport=udp".to_owned()],
        username: Some("ada".to_owned()),
        credential: Some("se,cret".to_owned()),
    };
    let options = [
        "--ice-server",
        "stun:stun.example.org",
        "--ice-server",
        "turn:turn.example.org:3478?transport=udp,ada,se,cret",
    ];
    let folder = Folder::new();
    let manifest = folder.write(
        "ice.json",
        br#"{
            "version": "v1",
            "nodes": [{"id": "echo", "node_type": "PassThrough"}],
            "transport": {"kind": "webrtc", "ice_servers": [
                {"urls": "stun:stun.example.org"},
                {"urls": ["turn:turn.example.org:3478?transport=udp"], "username": "ada", "credential": "se,cret"}
            ]}
        }"#,
    );
    for (arguments, expected) in [
        ([&["signal"][..], &options].concat(), vec![stun.clone(), turn.clone()]),
        (vec!["serve", text(&manifest)], vec![stun, turn]),
        (vec!["signal"], Vec::new()),
        (vec!["serve", MANIFEST], Vec::new()),
    ] {
        let mut server = Program::start(&[&arguments[..], &["--listen", "127.0.0.1:0"]].concat());
        let address = address_of(&mut server);
        assert_eq!(ice_servers_of(&address), expected, "{arguments:?}");
        server.interrupt();
        assert_eq!(server.ended().code, Some(0));
    }
}

#[test]
fn an_ice_server_that_is_none_or_one_too_many_is_bad_input() {
    let ended = run(&["signal", "--listen", "127.0.0.1:0", "--ice-server", "turn:turn.example.org:3478"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in ["turn:turn.example.org:3478", "has no username", "URL,USERNAME,CREDENTIAL"] {
        assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
    }
    let options = ["--ice-server", "stun:a"].repeat(17);
    let ended = run(&[&["signal", "--listen", "127.0.0.1:0"][..], &options].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.error.contains("the number of --ice-server is 17, expected 0 to 16"), "{ended:?}");
}

#[test]
fn an_origin_that_no_browser_sends_is_bad_input() {
    let ended = run(&["signal", "--allow-origin", "https://app.example.org/"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in ["--allow-origin", "https://app.example.org/", "nothing else"] {
        assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
    }
}
