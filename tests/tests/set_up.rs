//! `./dev setup` on machines that lack something, and after a set-up that was cut short. The tools are stand-ins
//! in a folder that is the whole `PATH`: nothing is installed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the script itself uses.
const SHELL_TOOLS: [&str; 13] =
    ["bash", "cat", "cp", "dirname", "env", "grep", "head", "id", "mkdir", "rm", "sed", "sha256sum", "sort"];

/// What it would install if it were not there.
const PACKAGED_TOOLS: [&str; 7] = ["g++", "make", "cmake", "nasm", "chromium", "fc-list", "turnserver"];

/// Makes an environment whose pip notes that it ran; it fails while there is a file `no-network`.
const PYTHON: &str = r#"case "$1" in
  --version) echo "Python 3.11.2" ;;
  -c) ;;
  -m)
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    cp "$(dirname "$0")/pip" "$3/bin/pip" ;;
esac"#;
const PIP: &str = r#"[ ! -e no-network ] || { echo "no network" >&2; exit 1; }
echo pip >>ran"#;
const NPM: &str = r#"mkdir -p node_modules/half
[ ! -e ../../no-network ] || { echo "no network" >&2; exit 1; }
echo npm >>../../ran"#;

/// A copy of what set-up needs of the project, and the tools of a machine.
struct Machine(PathBuf);

impl Machine {
    /// A machine that has everything.
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("remotemedia-set-up-{}-{number}", std::process::id()));
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
        for part in ["tools", "tests/browser"] {
            fs::create_dir_all(folder.join(part)).expect("a folder of our own");
        }
        for file in ["dev", "Cargo.toml", "tests/browser/package-lock.json", "tests/browser/requirements.txt"]
        {
            fs::copy(project.join(file), folder.join(file)).expect("a file of the project");
        }
        let machine = Self(folder);
        for tool in SHELL_TOOLS {
            symlink(found(tool), machine.0.join("tools").join(tool)).expect("the folder is ours");
        }
        for tool in PACKAGED_TOOLS {
            machine.tool(tool, "");
        }
        machine.tool("cargo", "echo 'cargo 1.90.0 (840b83a10 2025-07-30)'");
        machine.tool("node", "echo v20.0.0");
        machine.tool("npm", NPM);
        machine.tool("python3", PYTHON);
        machine.tool("pip", PIP);
        machine
    }

    /// Puts a stand-in for a tool there.
    fn tool(&self, name: &str, script: &str) {
        let path = self.0.join("tools").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }

    /// Runs `./dev setup`; what it said if it failed.
    fn set_up(&self) -> Result<(), String> {
        let ran = Command::new(found("bash"))
            .arg(self.0.join("dev"))
            .arg("setup")
            .env("PATH", self.0.join("tools"))
            .output()
            .expect("bash runs");
        if ran.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&ran.stderr).into_owned())
    }

    /// Which installers ran to their end since the last call.
    fn ran(&self) -> Vec<String> {
        let path = self.0.join("ran");
        let ran = fs::read_to_string(&path).unwrap_or_default();
        fs::remove_file(path).ok();
        ran.lines().map(str::to_owned).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Finds a tool of this machine.
fn found(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("there is one");
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(tool));
    places.find(|place| place.is_file()).unwrap_or_else(|| panic!("{tool} is not in PATH"))
}

#[test]
fn a_tool_that_is_too_old_is_named_with_its_version_and_what_is_needed() {
    for (tool, told, words) in [
        (
            "cargo",
            "cargo 1.89.9 (abc 2025-01-01)",
            "cargo is version 1.89.9, expected 1.90 or later: install Rust",
        ),
        ("cargo", "cargo 1.9.0", "cargo is version 1.9.0, expected 1.90 or later: "),
        ("node", "v19.9.1", "node is version 19.9.1, expected 20 or later: install a newer Node"),
        ("node", "v9.0.0", "node is version 9.0.0, expected 20 or later: "),
        ("node", "nothing of use", "node --version says \"nothing of use\", expected version 20 or later: "),
        (
            "python3",
            "Python 3.9.18",
            "python3 is version 3.9.18, expected 3.11 or later: install a newer Python",
        ),
    ] {
        let machine = Machine::new();
        machine.tool(tool, &format!("echo '{told}'"));
        let error = machine.set_up().expect_err("too old");
        assert!(error.contains(&format!("error: {words}")), "{words:?} is not in {error:?}");
        assert_eq!(machine.ran(), [""; 0], "{told}");
    }
}

#[test]
fn a_tool_that_is_missing_is_named_with_what_to_do() {
    for (tool, words) in [
        ("cargo", "cargo is missing, expected version 1.90 or later: install Rust"),
        ("node", "node is missing, expected version 20 or later: "),
        ("npm", "npm is missing, expected beside node: "),
        ("python3", "python3 is missing, expected version 3.11 or later: "),
        ("nasm", "missing: nasm. Install them, on Debian with: sudo apt-get update"),
    ] {
        let machine = Machine::new();
        fs::remove_file(machine.0.join("tools").join(tool)).expect("it was there");
        let error = machine.set_up().expect_err("it is missing");
        assert!(error.contains(words), "{words:?} is not in {error:?}");
        assert_eq!(machine.ran(), [""; 0], "{tool}");
    }
}

#[test]
fn what_was_set_up_to_its_end_is_not_set_up_again_until_its_list_changes() {
    let machine = Machine::new();
    machine.set_up().expect("all is there");
    assert_eq!(machine.ran(), ["npm", "pip"]);
    machine.set_up().expect("all is there");
    assert_eq!(machine.ran(), [""; 0]);
    fs::write(machine.0.join("tests/browser/requirements.txt"), "aiortc==1.0\n").expect("the file is ours");
    machine.set_up().expect("all is there");
    assert_eq!(machine.ran(), ["pip"]);
    fs::write(machine.0.join("tests/browser/package-lock.json"), "{}").expect("the file is ours");
    machine.set_up().expect("all is there");
    assert_eq!(machine.ran(), ["npm"]);
}

#[test]
fn a_set_up_that_was_cut_short_is_made_anew() {
    let machine = Machine::new();
    let modules = machine.0.join("tests/browser/node_modules");
    fs::write(machine.0.join("no-network"), "").expect("the folder is ours");
    machine.set_up().expect_err("npm fails");
    assert!(modules.join("half").exists());
    fs::remove_file(machine.0.join("no-network")).expect("it was there");
    fs::write(modules.join("leftover"), "").expect("the folder is ours");
    machine.set_up().expect("all is there");
    assert_eq!(machine.ran(), ["npm", "pip"]);
    assert!(!modules.join("leftover").exists());

    // An environment of a Python that is gone.
    machine.tool("old", "exit 127");
    fs::copy(machine.0.join("tools/old"), machine.0.join(".venv/bin/python")).expect("both are ours");
    machine.set_up().expect("all is there");
    assert_eq!(machine.ran(), ["pip"]);
}
