//! What the documents say is so: commands are there, links lead somewhere, snippets are real.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_transport_webrtc::peer::Envelope;
use remotemedia_transport_webrtc::rtc::{Connection, ConnectionConfig, SdpKind};
use serde_json::Value;

/// A complete two-peer program may have as many lines.
const PROGRAM_LINES: usize = 40;

/// A working node has fewer lines, comments and blank lines aside.
const NODE_LINES: usize = 30;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Documents, by their path from the root.
fn documents() -> Vec<String> {
    let in_folder = |folder: &'static str| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        entries.map(move |entry| {
            let name = entry.expect("readable").file_name().into_string().expect("a plain name");
            if folder.is_empty() { name } else { format!("{folder}/{name}") }
        })
    };
    let all = in_folder("").chain(in_folder("docs")).filter(|path| path.ends_with(".md"));
    all.collect()
}

/// The code blocks of a document in one language.
fn blocks<'a>(document: &'a str, language: &'a str) -> Vec<&'a str> {
    let parts = document.split("\n```").skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[test]
fn links_to_files_lead_somewhere() {
    let mut links = 0;
    for path in documents() {
        let document = text(&path);
        let folder = root().join(&path).parent().expect("a file has a folder").to_owned();
        for target in document.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            assert!(folder.join(file).exists(), "{path} links to {target}, which is not there");
        }
    }
    assert!(links >= 8, "only {links} links found: the search is broken");
}

#[test]
fn every_dev_command_that_a_document_names_is_one() {
    let help = Command::new("bash").arg(root().join("dev")).arg("help").output().expect("bash runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let known: BTreeSet<_> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_ascii_whitespace().next()).collect();
    for needed in ["demo", "test"] {
        assert!(known.contains(needed), "{needed} is not in: {help}");
    }
    for path in documents() {
        for rest in text(&path).split("./dev ").skip(1) {
            let name = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            assert!(known.contains(name), "{path} names ./dev {name}, there are {known:?}");
        }
    }
}

#[test]
fn the_shortest_program_is_as_short_as_said_and_its_core_is_in_it() {
    let readme = text("README.md");
    let program = text("examples/examples/two_peers.rs");
    let lines = program.lines().count();
    assert!(lines <= PROGRAM_LINES, "{lines} lines, at most {PROGRAM_LINES}");
    assert!(
        readme.contains(&format!("in {lines} lines")),
        "README.md says another number than {lines} lines"
    );
    let snippet = blocks(&readme, "rust,ignore");
    assert_eq!(snippet.len(), 1);
    for line in snippet[0].lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(program.contains(line), "README.md shows a line that is not in the program: {line}");
    }
}

#[test]
fn a_node_of_ones_own_has_as_few_lines_as_said() {
    let example = text("examples/examples/custom_node.rs");
    let node = example.split_once("\nstruct ").expect("the node's type").1;
    let node = node.split_once("\nconst MANIFEST").expect("what comes after it").0;
    assert!(node.contains("impl Node for ") && node.trim_end().ends_with('}'), "{node}");
    let registering = example.lines().filter(|line| line.contains(".register::<")).count();
    assert_eq!(registering, 1, "a node is registered in one line");
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let lines = node.lines().filter(is_code).count() + registering;
    assert!(lines < NODE_LINES, "{lines} lines, under {NODE_LINES}");
}

#[test]
fn the_manifest_of_the_readme_is_valid() {
    let readme = text("README.md");
    let manifests = blocks(&readme, "json");
    assert_eq!(manifests.len(), 1);
    let manifest = Manifest::parse(manifests[0]).expect("it parses");
    PipelineRunner::new(NodeRegistry::with_builtins()).validate(&manifest).expect("it is valid");
}

#[test]
fn every_example_is_named_in_a_document() {
    let all: String = documents().iter().map(|path| text(path)).collect();
    for entry in fs::read_dir(root().join("examples/examples")).expect("the folder is there") {
        let name = entry.expect("readable").file_name().into_string().expect("a plain name");
        assert!(all.contains(&name), "no document names the example {name}");
    }
}

/// Text of every Rust file of a folder, tests left out, its lines joined.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = fs::read_to_string(&path).expect("text");
            all += file.split("#[cfg(test)]").next().unwrap_or_default();
        }
    }
    all
}

#[test]
fn every_error_of_the_fault_table_is_one_that_the_code_gives() {
    let folders = ["runtime-core/src", "signaling/src", "transport-webrtc/src", "cli/src"];
    let code: String = folders.iter().map(|folder| sources(&root().join(folder))).collect();
    let table = text("docs/faults.md");
    let errors: Vec<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(errors.len() > 30, "only {} errors found: the search is broken", errors.len());
    for error in errors {
        // Around the values.
        for part in error.split('…').map(str::trim).filter(|part| part.len() > 3) {
            assert!(
                code.contains(part),
                "docs/faults.md has {error:?}, but nothing in the code says {part:?}"
            );
        }
    }
}

/// The name of a message's kind in its header. A kind that is new here must be in the document, too.
fn kind_of(message: &Envelope) -> &'static str {
    match message {
        Envelope::Data(_) => "data",
        Envelope::Execute { .. } => "execute",
        Envelope::Result { .. } => "result",
        Envelope::Failed { .. } => "failed",
        Envelope::Open { .. } => "open",
        Envelope::Opened { .. } => "opened",
        Envelope::Close { .. } => "close",
        Envelope::Closed { .. } => "closed",
    }
}

/// What [`kind_of`] can say.
const KINDS: [&str; 8] = ["data", "execute", "result", "failed", "open", "opened", "close", "closed"];

/// A line of the transcript, `P> 00000018 HEADER PAYLOAD`, as the bytes of its message.
fn message_of(line: &str) -> Bytes {
    let (length, rest) = line[3..].split_once(' ').expect("a length and a header");
    let length = u32::from_str_radix(length, 16).expect("hexadecimal");
    let (header, payload) = rest.split_at(length as usize);
    let payload = payload.strip_prefix(' ').unwrap_or(payload);
    [&length.to_be_bytes()[..], header.as_bytes(), payload.as_bytes()].concat().into()
}

/// The header of a message, and its payload as text.
fn parts_of(message: &Bytes) -> (Value, &str) {
    let (length, rest) = message.split_first_chunk().expect("a length");
    let (header, payload) = rest.split_at(u32::from_be_bytes(*length) as usize);
    (serde_json::from_slice(header).expect("JSON"), std::str::from_utf8(payload).expect("text"))
}

#[test]
fn the_data_channel_transcript_has_messages_of_every_kind_as_they_travel() {
    let page = text("docs/media.md");
    let transcripts = blocks(&page, "frames");
    assert_eq!(transcripts.len(), 1);
    let mut seen = BTreeSet::new();
    for line in transcripts[0].lines() {
        let message = message_of(line);
        let read = Envelope::decode(&message).unwrap_or_else(|error| panic!("{line}: {error}"));
        // What the pipeline says has all fields; a client may leave some out.
        if line.starts_with("P> ") {
            let written = read.encode().expect("it was read");
            assert_eq!(parts_of(&written), parts_of(&message), "{line}");
        }
        seen.insert(kind_of(&read));
    }
    assert_eq!(seen, BTreeSet::from(KINDS));
    for kind in KINDS {
        assert!(page.contains(&format!("\n| `{kind}` | ")), "no row for {kind}");
    }
}

/// The codecs of an offer, as the lines that name them.
fn codec_lines(offer: &str) -> BTreeSet<String> {
    let is_codec = |line: &&str| line.starts_with("a=rtpmap:") || line.starts_with("a=fmtp:");
    offer.lines().filter(is_codec).map(|line| line.trim().to_owned()).collect()
}

#[tokio::test]
async fn the_codecs_of_the_media_page_are_those_that_a_pipeline_offers_and_takes() {
    let open = async || Connection::open(ConnectionConfig::default()).await.expect("opens");
    let (offering, _events) = open().await;
    let offer = offering.create_offer(false).await.expect("an offer");
    let page = text("docs/media.md");
    let (mut expected, mut formats) = (BTreeSet::new(), Vec::new());
    for row in page.lines().filter(|row| row.contains("`opus/48000/2` |") || row.contains("`H264/90000` |")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, _, numbers, codec, format, _] = cells[..] else { panic!("{row}") };
        if codec.starts_with("H264") {
            formats.push(format);
        }
        if numbers == "not offered" {
            continue;
        }
        let (number, repair) = numbers.split_once(", RTX ").unwrap_or((numbers, ""));
        expected.extend([format!("a=rtpmap:{number} {codec}"), format!("a=fmtp:{number} {format}")]);
        if !repair.is_empty() {
            let lines = [format!("a=rtpmap:{repair} rtx/90000"), format!("a=fmtp:{repair} apt={number}")];
            expected.extend(lines);
        }
    }
    assert_eq!(codec_lines(&offer), expected);
    for feedback in ["nack", "nack pli", "ccm fir", "transport-cc"] {
        assert!(page.contains(&format!("`{feedback}`")), "no word on {feedback}");
        let line = format!("a=rtcp-fb:96 {feedback}");
        assert!(offer.lines().any(|offered| offered.trim() == line), "{line} is not in: {offer}");
    }
    assert!(page.contains("`a=max-message-size:262144`") && offer.contains("a=max-message-size:262144"));

    assert_eq!(formats.len(), 3, "{formats:?}");
    for format in &formats {
        let (answering, _events) = open().await;
        let offer = offer.replace(formats[0], format);
        answering.set_remote(SdpKind::Offer, &offer).await.expect("it is taken");
        let answer = answering.create_answer().await.expect("an answer");
        assert_eq!(codec_lines(&answer), codec_lines(&offer));
        answering.close(Duration::from_secs(1)).await;
    }
    offering.close(Duration::from_secs(1)).await;
}
