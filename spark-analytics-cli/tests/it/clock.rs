//! The real server while its machine's clock steps back, which libfaketime simulates: `apt-get install faketime`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use spark_analytics_conformance::Workload;
use spark_analytics_core::Event;

fn faketime() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let library = |folder| Path::new(folder).join("faketime/libfaketimeMT.so.1");
    folders.into_iter().map(library).find(|library| library.exists())
}

/// A server whose clock differs from the real one by the offset in the file `clock` of its folder.
struct Server {
    child: Child,
    url: String,
    folder: PathBuf,
}

impl Server {
    fn start(folder: &Path, faketime: &Path, store: &str, clock: &str) -> Self {
        std::fs::write(folder.join("clock"), clock).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_spark-analytics"));
        command.arg("serve");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPARK_ANALYTICS_")) {
            command.env_remove(name);
        }
        command.current_dir(folder).args(["--listen", "127.0.0.1:0", "--log", "warn"]);
        command.args(["--store", store, "--import", "logs", "--import-interval", "20ms"]);
        command.env("LD_PRELOAD", faketime).env("FAKETIME_TIMESTAMP_FILE", folder.join("clock"));
        // Setting a machine's clock changes neither the monotonic clock nor the times of files.
        for name in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"] {
            command.env(name, "1");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url, folder: folder.to_owned() }
    }

    fn set_clock(&self, clock: &str) {
        let new = self.folder.join("clock.new");
        std::fs::write(&new, clock).unwrap();
        std::fs::rename(new, self.folder.join("clock")).unwrap();
    }

    /// A response, and the id of its request.
    fn get(&self, path: &str) -> (Value, String) {
        let mut response = ureq::get(format!("{}{path}", self.url)).call().unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        (serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap(), id)
    }

    fn batch(&self, lines: &[&str]) -> Value {
        let request = ureq::post(format!("{}/api/v1/logs/batch", self.url));
        let request = request.content_type("application/x-ndjson");
        let text = request.send(lines.join("\n")).unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until the server has stored this many jobs of a log.
    fn until_imported(&self, app: &str, jobs: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let path = format!("/api/v1/analytics/jobs?app={app}&limit=1000");
        while self.get(&path).0["jobs"].as_array().unwrap().len() < jobs {
            assert!(Instant::now() < deadline, "{jobs} jobs of the log were not imported");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const APP: &str = "app-20261123203120-0000";

/// The first lines of a real log up to the end of its second job, and the rest.
fn log() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/eventlogs").join(APP);
    let text = std::fs::read_to_string(path).unwrap();
    let (second_end, _) = text.match_indices("SparkListenerJobEnd").nth(1).unwrap();
    let end = second_end + text[second_end..].find('\n').unwrap() + 1;
    (text[..end].to_owned(), text[end..].to_owned())
}

/// Appends to a log and sets its time to an offset from now.
fn append(path: &Path, text: &str, days: i64) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let ago = Duration::from_secs(86_400 * days.unsigned_abs());
    let now = std::time::SystemTime::now();
    file.set_modified(if days < 0 { now - ago } else { now + ago }).unwrap();
}

fn counts(answer: &Value) -> [u64; 3] {
    ["recorded", "duplicate", "rejected"].map(|name| answer[name].as_u64().unwrap())
}

#[test]
fn a_clock_that_steps_back_changes_no_figure_and_stops_nothing() {
    let Some(faketime) = faketime() else {
        let message = b"\nNOT TESTED: clock: no libfaketime here\n";
        return std::io::stderr().write_all(message).unwrap();
    };
    for store in ["sqlite:store", "redb:store"] {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        std::fs::create_dir(&logs).unwrap();
        let events = Workload::new(20, 1).batch(400);
        let lines: Vec<&str> = events.iter().map(Event::raw).collect();
        let (begin, rest) = log();

        let server = Server::start(folder.path(), &faketime, store, "+400d");
        append(&logs.join(format!("{APP}.inprogress")), &begin, 400);
        assert_eq!(counts(&server.batch(&lines[..200])), [200, 0, 0]);
        assert_eq!(counts(&server.batch(&["before"])), [0, 0, 1]);
        server.until_imported(APP, 2);
        let mut ids: BTreeSet<String> = (0..20).map(|_| server.get("/health").1).collect();

        server.set_clock("-400d");
        assert_eq!(counts(&server.batch(&["after"])), [0, 0, 1]);
        assert_eq!(counts(&server.batch(&lines)), [200, 200, 0]);
        append(&logs.join(format!("{APP}.inprogress")), &rest, -400);
        std::fs::rename(logs.join(format!("{APP}.inprogress")), logs.join(APP)).unwrap();
        server.until_imported(APP, 5);
        ids.extend((0..20).map(|_| server.get("/health").1));
        assert_eq!(ids.len(), 40, "each request has an id of its own");

        // The clock set their times, but not their order.
        let (rejected, _) = server.get("/api/v1/logs/rejected");
        let field = |n: usize, name: &str| rejected["rejected"][n][name].clone();
        assert_eq!([field(0, "raw"), field(1, "raw")], ["after", "before"]);
        let [after, before] = [0, 1].map(|n| field(n, "at").as_str().unwrap().to_owned());
        assert!(after < before, "{after} is the later one, and the clock went back from {before}");
        let listed = server.get("/api/v1/analytics/jobs?limit=1000").0;
        assert_eq!(listed["jobs"].as_array().unwrap().len(), 25);

        drop(server);
        let server = Server::start(folder.path(), &faketime, store, "-4000d");
        assert_eq!(server.get("/api/v1/analytics/jobs?limit=1000").0, listed);
        assert_eq!(counts(&server.batch(&lines)), [0, 400, 0]);
    }
}
