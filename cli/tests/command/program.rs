//! Starts the command, reads what it says, and ends it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A manifest that every command takes.
pub(crate) const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/video_blur.json");

/// A command that has not ended by then hangs. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Names the processes of one test in their environment, which their children inherit.
const MARK: &str = "REMOTEMEDIA_TEST_MARK";

/// What a command that has ended said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

/// A command that runs.
pub(crate) struct Program {
    child: Child,
    mark: String,
    lines: Receiver<String>,
    /// Lines that were read already.
    heard: String,
    reading: Option<(JoinHandle<()>, JoinHandle<String>)>,
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    Program::start(arguments).ended()
}

/// Starts a pipeline for others; returns it with its URL.
pub(crate) fn serving() -> (Program, String) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/video_blur.json");
    let mut serve = Program::start(&["serve", manifest, "--listen", "127.0.0.1:0"]);
    let line = serve.says("signaling at ");
    let url = line.trim_start_matches("signaling at ").split(';').next().expect("a first part").to_owned();
    (serve, url)
}

impl Program {
    /// Starts the command.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let mut child = Command::new(env!("CARGO_BIN_EXE_remotemedia"))
            .args(arguments)
            .env(MARK, &mark)
            .env("NO_COLOR", "1")
            .env_remove("REMOTEMEDIA_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command was built");
        let out: ChildStdout = child.stdout.take().expect("piped");
        let mut error: ChildStderr = child.stderr.take().expect("piped");
        let (told, lines) = channel();
        let out = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        let error = std::thread::spawn(move || {
            let mut text = String::new();
            error.read_to_string(&mut text).ok();
            text
        });
        Self { child, mark, lines, heard: String::new(), reading: Some((out, error)) }
    }

    /// Waits for a line of its output that holds `words`, and returns it.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("{words:?} was not said, but: {}", self.heard);
            };
            self.heard += &line;
            self.heard.push('\n');
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Sends SIGINT, as Ctrl-C does, to this process alone.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -INT \"$0\"", &id]).status();
        assert!(sent.expect("a shell").success(), "process {id} is gone already");
    }

    /// How many processes there are of this command: itself and its children.
    pub(crate) fn processes(&self) -> usize {
        count_marked(&self.mark)
    }

    /// Waits until the command has ended, and returns what it said. No process of it is left then.
    pub(crate) fn ended(mut self) -> Ended {
        eventually(|| self.child.try_wait().expect("a child of ours").is_some(), "the command ends");
        let status = self.child.wait().expect("a child of ours");
        let mark = self.mark.clone();
        eventually(|| count_marked(&mark) == 0, "its child processes end");
        let (out, error) = self.reading.take().expect("joined only here");
        out.join().expect("no panic");
        let error = error.join().expect("no panic");
        let mut heard = std::mem::take(&mut self.heard);
        heard.extend(self.lines.try_iter().flat_map(|line| [line, "\n".to_owned()]));
        Ended { code: status.code(), out: heard, error }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Of a test that failed; otherwise it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until something is so.
pub(crate) fn eventually(mut is_so: impl FnMut() -> bool, what: &str) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "in vain: {what}");
        // Other processes make it so: nothing can be awaited.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn count_marked(mark: &str) -> usize {
    let wanted = format!("{MARK}={mark}");
    let is_marked = |process: &Path| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").expect("/proc");
    processes.flatten().filter(|entry| is_marked(&entry.path())).count()
}
