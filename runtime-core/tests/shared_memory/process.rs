//! Another process of this test binary, and what it says.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::DEADLINE;

/// What the other process is to do; see `roles`.
pub(crate) const ROLE: &str = "SHARED_MEMORY_TEST_ROLE";
/// The folder it is to do it in.
pub(crate) const FOLDER: &str = "SHARED_MEMORY_TEST_FOLDER";
/// How the lines begin that it says to its parent, among those of the test harness.
pub(crate) const MARK: &str = "other process: ";

/// A running process; killed at the end of the test if it is still there.
pub(crate) struct Other {
    child: Child,
    lines: Receiver<String>,
    input: Option<ChildStdin>,
}

impl Other {
    /// Starts this test binary again in the role `role`.
    pub(crate) fn start(role: &str, folder: &Path) -> Self {
        let binary = std::env::current_exe().expect("a path");
        Self::spawn(Command::new(binary), role, folder)
    }

    /// Starts `command` with the arguments and variables that make this test binary take the role `role`.
    pub(crate) fn spawn(mut command: Command, role: &str, folder: &Path) -> Self {
        command
            .args(["--exact", "roles::other_process", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("this binary can be run");
        let output = child.stdout.take().expect("piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Some((_, said)) = line.split_once(MARK) else { continue };
                if sender.send(said.to_owned()).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, lines, input }
    }

    /// Waits for the next line.
    pub(crate) fn hear(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("the other process says something")
    }

    /// Waits for the next line, which must be `line`.
    pub(crate) fn expect(&self, line: &str) {
        assert_eq!(self.hear(), line);
    }

    /// Tells it to go on.
    pub(crate) fn go_on(&mut self) {
        let input = self.input.as_mut().expect("open");
        writeln!(input, "go on").expect("the other process listens");
    }

    /// Ends it at once, as the system does when it is out of memory.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("running");
        self.child.wait().expect("killed");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> ExitStatus {
        drop(self.input.take());
        self.child.wait().expect("a child of ours")
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Already gone unless the test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
