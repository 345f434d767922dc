//! Running the real binary in a separate folder.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "it is a part of tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use spark_analytics_core::{Event, MemoryStore, Store};
use tempfile::TempDir;

/// The program, which cargo builds before it runs the tests.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_spark-analytics");

/// The sample event logs of the project.
pub(crate) fn event_logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/eventlogs")
}

/// A folder in which commands run, without any of their environment variables.
pub(crate) struct Folder(TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(self.0.path()).env_clear();
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).stdin(Stdio::null()))
    }

    /// Runs a command with text on standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Ended {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::from(child.wait_with_output().unwrap())
    }

    /// Runs a command that must succeed; returns its output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Runs a command that must succeed; returns its output as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.ok(&[args, &["--format", "json"]].concat());
        serde_json::from_str(&output).unwrap()
    }

    /// Writes sample events of the days before a day of 2024; all tests get the same.
    pub(crate) fn generate(&self, name: &str, jobs: &str, seed: &str) {
        let size = ["--jobs", jobs, "--days", "3", "--seed", seed];
        let rest = ["--until", "2024-04-02", "--output", name];
        self.ok(&[&["generate"], &size[..], &rest[..]].concat());
    }

    pub(crate) fn events(&self, name: &str) -> Vec<Event> {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

impl Ended {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// The only line of an error.
    pub(crate) fn error(&self) -> &str {
        let mut lines = self.stderr.lines();
        let line = lines.next_back().unwrap_or_default();
        assert!(line.starts_with("error: "), "{self:?}");
        line
    }
}

impl From<std::process::Output> for Ended {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// How many rows CSV has; a text in it may have several lines.
pub(crate) fn csv_rows(text: &str) -> usize {
    csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).count()
}

/// Interrupts a command as Ctrl-C does.
#[cfg(unix)]
pub(crate) fn interrupt(child: &Child) {
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// A server that is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(store: &str) -> Self {
        let mut command = Command::new(BINARY);
        command.arg("serve");
        command.args(["--listen", "127.0.0.1:0", "--log", "off", "--store", store]).env_clear();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap();
        Self { child, url: format!("{address}/api/v1/logs/ingest") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A store in memory with the events of a file, for comparison.
pub(crate) async fn memory_with(events: Vec<Event>) -> MemoryStore {
    let store = MemoryStore::default();
    store.ingest(events).await.unwrap();
    store
}

/// Rounds a value that is not close to a half to two decimals.
pub(crate) fn is_rounded(written: &Value, figure: f64) -> bool {
    (written.as_f64().unwrap() - figure).abs() <= 0.005 + 1e-9
}
