//! The examples, run as described in their first lines.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/eventlogs");

/// The path of an example, which `cargo test` builds along with this test unless it builds only this test.
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.ancestors().nth(2).unwrap().join("examples");
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} is not built: `cargo test` without `--test` builds it",
        path.display()
    );
    Command::new(path)
}

/// The output of an example, which must succeed.
fn output(example: &mut Command) -> String {
    let output = example.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A new folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An example that runs until it is dropped, and its output.
struct Running(Child, BufReader<ChildStdout>);

impl Running {
    fn start(example: &mut Command) -> Self {
        let mut child = example.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self(child, output)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn embed_gives_the_same_figures_in_a_second_run() {
    let path = folder("embed").join("store.db");
    for _ in 0..2 {
        assert_eq!(output(example("embed").arg(&path)), "job 7 of ada: 5 s, 1 tasks\n");
    }
}

#[test]
fn mount_serves_the_api_beside_its_own_route() {
    let mut service = Running::start(example("mount").arg("127.0.0.1:0"));
    let line = service.line();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    for (path, expected) in [("/", "my service"), ("/spark/health", r#"{"status":"healthy"}"#)] {
        let mut connection = TcpStream::connect(address).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(expected), "{answer}");
    }
}

#[test]
fn custom_store_recognises_its_event_in_a_second_run() {
    let path = folder("custom_store").join("store.json");
    let first = output(example("custom_store").arg(&path));
    assert!(first.starts_with("[Recorded(1)]"), "{first}");
    let second = output(example("custom_store").arg(&path));
    assert!(second.starts_with("[Duplicate(1)]"), "{second}");
}

#[test]
fn read_log_prints_the_jobs_of_a_log() {
    let log = format!("{LOGS}/local-1795465776192");
    let text = output(example("read_log").arg(log));
    assert!(text.contains("\njob 0: "), "{text}");
}

#[test]
fn follow_folder_reports_each_log() {
    let mut following = Running::start(example("follow_folder").arg(LOGS));
    let mut lines = [following.line(), following.line(), following.line()];
    lines.sort();
    assert!(lines.iter().all(|line| line.ends_with(", ended\n")), "{lines:?}");
    assert!(lines[2].starts_with("local-1795465776192 (failures of dave): "), "{lines:?}");
}
