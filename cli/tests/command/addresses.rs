//! Addresses that cannot be listened on or reached.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::program::{MANIFEST, run, serving};

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    for command in [&["signal"][..], &["serve", MANIFEST]] {
        let ended = run(&[command, &["--listen", &address]].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let words = format!("cannot listen on {address}: is another program using the port?");
        assert!(ended.error.contains(&words) && ended.error.contains("in use"), "{ended:?}");
    }
}

#[test]
fn an_address_of_another_machine_is_told_from_one_that_is_taken() {
    // Of a block that is for documents alone, RFC 5737.
    let ended = run(&["signal", "--listen", "192.0.2.1:8080"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = "cannot listen on 192.0.2.1:8080: does this machine have the address?";
    assert!(ended.error.contains(words), "{ended:?}");
}

#[test]
fn an_address_that_is_none_is_bad_input() {
    for command in [&["signal"][..], &["serve", MANIFEST]] {
        for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", "localhost:8080"] {
            let ended = run(&[command, &["--listen", address]].concat());
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(ended.error.contains(address) && ended.error.contains("--listen"), "{ended:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let url = format!("ws://{free}/ws");
    let ended = run(&["join", &url, "--session", "s"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [&url, "refused", "remotemedia signal"] {
        assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
    }
    let ended = run(&["join", "ws://nobody.invalid:9/ws", "--session", "s"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in ["ws://nobody.invalid:9/ws", "check host and port"] {
        assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
    }
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/ws", silent.local_addr().expect("bound"));
    let ended = run(&["join", &url, "--session", "s"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.error.contains(&url) && ended.error.contains("within 5s"), "{ended:?}");
}

#[test]
fn a_peer_or_a_session_that_is_not_there_is_named_and_the_session_left_with_a_word() {
    let (mut serve, url) = serving();
    let join = ["join", &url, "--session", "demo", "--peer-id", "film", "--seconds", "1", "--to", "nobody"];
    let ended = run(&join);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.error.contains("peer nobody is not in the session, which has pipeline"), "{ended:?}");
    serve.says("film left: left");
    let ended = run(&["join", &url, "--session", "dmeo", "--seconds", "1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in ["session dmeo", "nobody else", "check --session", "remotemedia serve"] {
        assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
    }
    serve.interrupt();
    assert_eq!(serve.ended().code, Some(0));
}

#[test]
fn a_web_server_is_told_from_a_signaling_server() {
    for (status, page) in [(200, "200 OK"), (404, "404 Not Found")] {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("ws://{}/ws", server.local_addr().expect("bound"));
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("the command connects");
            let mut head = [0; 4096];
            let _read = stream.read(&mut head).expect("a request");
            let answer = format!("HTTP/1.1 {page}\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("the command waits");
        });
        let ended = run(&["join", &url, "--session", "s"]);
        answering.join().expect("no panic");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let words = format!("HTTP status {status}");
        assert!(ended.error.contains(&words) && ended.error.contains(&url), "{ended:?}");
        assert!(ended.error.contains("hint: give the URL that"), "{ended:?}");
    }
}

#[test]
fn a_url_or_a_name_that_cannot_be_used_is_bad_input() {
    let url = "ws://127.0.0.1:9/ws";
    for (arguments, words) in [
        (&["join", "http://127.0.0.1:9/ws", "--session", "s"][..], "http://127.0.0.1:9/ws"),
        (&["join", "ws://", "--session", "s"], "expected ws://"),
        (&["join", "ws://127.0.0.1:99999/ws", "--session", "s"], "\"ws://127.0.0.1:99999/ws\""),
        (&["join", "ws://127.0.0.1:99999/ws", "--session", "s"], "the port is not a number from 1 to 65535"),
        (&["join", "wss://127.0.0.1/ws", "--session", "s"], "TLS is not supported"),
        (&["join", url, "--session", "a b"], "\"a b\""),
        (&["join", url, "--session", "s", "--peer-id", ""], "\"\""),
        (&["join", url, "--session", "s", "--seconds", "soon"], "soon"),
        (&["join", url, "--session", "s", "--to", "x y"], "\"x y\""),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.error.contains(words), "{words:?} is not in {ended:?}");
    }
}
