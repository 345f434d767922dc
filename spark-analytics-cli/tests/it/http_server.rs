//! The server as users run it: the real binary, over HTTP, through stops and restarts.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::Value;
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Analytics, Day, Event, Job, JobFilter, MemoryStore, Store};

const STORES: [&str; 2] = ["sqlite:test.db", "redb:test.redb"];

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spark-analytics"));
    command.arg("serve");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPARK_ANALYTICS_")) {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

/// A running server, which is killed when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = command(folder);
        Self::run(command.args(["--listen", "127.0.0.1:0", "--log", "warn"]).args(arguments))
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }

    /// Stops the server and waits until it has exited.
    fn stop(mut self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    fn get(&self, path: &str) -> Value {
        let mut response = ureq::get(format!("{}{path}", self.url)).call().unwrap();
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }

    fn post(&self, path: &str, media: &str, body: &str) -> Result<Value, ureq::Error> {
        let request = ureq::post(format!("{}{path}", self.url)).content_type(media);
        let text = request.send(body)?.body_mut().with_config().limit(1 << 30).read_to_string()?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    fn ingest(&self, event: &Event) -> Result<Value, ureq::Error> {
        self.post("/api/v1/logs/ingest", "application/json", event.raw())
    }

    fn batch(&self, events: &[Event]) -> Value {
        let lines: Vec<&str> = events.iter().map(Event::raw).collect();
        self.post("/api/v1/logs/batch", "application/x-ndjson", &lines.join("\n")).unwrap()
    }

    /// All jobs that the server lists, page by page.
    fn jobs(&self) -> Vec<Value> {
        let (mut jobs, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/v1/analytics/jobs?limit=7{cursor}"));
            jobs.extend(page["jobs"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return jobs,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The content of a store in memory with the same events.
fn expected(events: &[Event]) -> (Analytics, Vec<Job>) {
    let analytics = Analytics::new(MemoryStore::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let jobs = runtime.block_on(async {
        analytics.ingest(events.to_vec()).await.unwrap();
        analytics.store().jobs(&JobFilter::default(), None, usize::MAX).await.unwrap()
    });
    (analytics, jobs)
}

fn assert_figures(server: &Server, events: &[Event]) {
    let (analytics, jobs) = expected(events);
    let listed = server.jobs();
    assert_eq!(listed.len(), jobs.len());
    let is = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 0.005_001;
    let mut days: BTreeMap<Day, usize> = BTreeMap::new();
    for (answer, job) in listed.iter().zip(&jobs) {
        let (id, app) = (job.key.job_id, &job.key.app_id);
        assert_eq!(&server.get(&format!("/api/v1/analytics/jobs/{id}?app={app}")), answer);
        assert_eq!(answer["job_id"], id);
        assert_eq!(answer["user"], job.user);
        assert_eq!(answer["start_time"], job.start.to_string());
        assert_eq!(answer["end_time"], job.end.to_string());
        assert_eq!(answer["job_result"], job.result.name());
        assert_eq!(answer["task_count"], job.tasks.task_count());
        assert_eq!(answer["failed_tasks"], job.tasks.failed);
        assert!(is(&answer["duration_seconds"], job.duration_seconds()));
        assert!(is(&answer["success_rate"], job.success_rate()), "{answer}");
        *days.entry(job.end.day()).or_default() += 1;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (day, count) in days {
        let answer = server.get(&format!("/api/v1/analytics/summary?date={day}"));
        let total = runtime.block_on(analytics.summary(day, day, None)).unwrap();
        assert_eq!(answer["total_jobs"], count);
        assert_eq!(answer["jobs"].as_array().unwrap().len(), count);
        assert!(is(&answer["avg_duration_seconds"], total.avg_duration_seconds()));
        assert!(is(&answer["avg_success_rate"], total.avg_success_rate()));
        assert_eq!(answer["tasks"]["task_count"], total.tasks.task_count());
    }
}

#[test]
fn shuffled_events_sent_twice_by_many_clients_give_the_figures_of_all_of_them() {
    let events = Workload::new(20, 7).batch(800);
    let mut sent: Vec<Event> = [&events[..], &events[..400]].concat();
    sent.shuffle(&mut StdRng::seed_from_u64(7));
    for store in STORES {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["--store", store]);
        let (single, batched) = sent.split_at(700);
        let outcomes: Vec<Value> = thread::scope(|scope| {
            let clients: Vec<_> = single
                .chunks(100)
                .map(|part| {
                    let server = &server;
                    scope.spawn(move || {
                        part.iter().map(|event| server.ingest(event).unwrap()).collect::<Vec<_>>()
                    })
                })
                .collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let batch = server.batch(batched);
        let count = |outcome: &str| {
            outcomes.iter().filter(|answer| answer["outcome"] == outcome).count() as u64
                + batch[outcome].as_u64().unwrap()
        };
        assert_eq!((count("recorded"), count("duplicate")), (800, 400), "{store}");
        assert_figures(&server, &events);
        server.stop("-INT");
    }
}

#[test]
fn acknowledged_events_survive_a_stop_during_writes_and_a_restart() {
    let events = Workload::new(10, 3).batch(3_000);
    for (store, signal) in STORES.into_iter().zip(["-TERM", "-KILL"]) {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["--store", store]);
        let url = server.url.clone();
        let has_begun = AtomicBool::new(false);
        let acknowledged: Vec<Event> = thread::scope(|scope| {
            let clients: Vec<_> = events
                .chunks(750)
                .map(|part| {
                    let (url, has_begun) = (&url, &has_begun);
                    scope.spawn(move || {
                        let send = |event: &&Event| {
                            let post = ureq::post(format!("{url}/api/v1/logs/ingest"));
                            let is_taken =
                                post.content_type("application/json").send(event.raw()).is_ok();
                            has_begun.fetch_or(is_taken, Ordering::Relaxed);
                            is_taken
                        };
                        part.iter().take_while(send).cloned().collect::<Vec<_>>()
                    })
                })
                .collect();
            while !has_begun.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            let id = server.child.id().to_string();
            assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        drop(server);
        assert!(!acknowledged.is_empty());
        let server = Server::start(folder.path(), &["--store", store]);
        let again = server.batch(&acknowledged);
        assert_eq!(again["duplicate"], acknowledged.len(), "{store}");
        server.batch(&events);
        assert_figures(&server, &events);
        server.stop("-TERM");
    }
}

#[test]
fn the_server_starts_in_an_empty_folder_without_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.env("SPARK_ANALYTICS_LISTEN", "127.0.0.1:0").stderr(Stdio::null());
    let server = Server::run(&mut command);
    assert_eq!(server.get("/ready")["status"], "ready");
    assert_eq!(server.get("/api/v1/analytics/summary?date=2024-03-30")["total_jobs"], 0);
    assert!(folder.path().join("spark-analytics.db").exists());
    server.stop("-TERM");
}

#[test]
fn a_body_over_the_limit_is_answered_even_to_a_client_that_sends_it_all_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--store", "memory:"]);
    let long = " ".repeat(80 << 20);
    let error = server.post("/api/v1/logs/batch", "application/x-ndjson", &long).unwrap_err();
    assert!(matches!(error, ureq::Error::StatusCode(413)), "{error}");
}

#[test]
fn the_log_has_an_entry_for_each_response_and_is_json_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--store", "memory:", "--log-format", "json"]);
    let mut server = Server::run(command.stderr(Stdio::piped()));
    let mut log = server.child.stderr.take().unwrap();
    let request = ureq::get(format!("{}/health?a=%1b&b", server.url));
    let request = request.header("x-request-id", "test-1").header("user-agent", "test/1");
    request.call().unwrap();
    server.stop("-TERM");
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let started = &lines[0]["fields"];
    assert_eq!(started["message"], "started");
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&started["store"], &started["tokens"]), (&"memory:".into(), &false.into()));
    let fields = &lines[1]["fields"];
    assert_eq!(fields["id"], "test-1");
    assert_eq!(fields["path"], "/health");
    assert_eq!(fields["query"], "a=%1b&b");
    assert_eq!(fields["client"], "127.0.0.1");
    assert_eq!(fields["user_agent"], "test/1");
    assert!(fields["bytes"].as_u64().unwrap() > 10, "{fields}");
    assert_eq!(fields["status"], 200);
}

#[test]
fn the_server_answers_when_its_output_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--store", "memory:", "--log", "info"]);
    let mut server = Server::run(command.stderr(Stdio::piped()));
    drop(server.child.stderr.take());
    for _ in 0..3 {
        assert_eq!(server.get("/health")["status"], "healthy");
    }
    server.stop("-TERM");
}

#[test]
fn a_reader_of_the_log_that_stands_still_stops_neither_requests_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--store", "memory:", "--log", "info"]);
    let mut server = Server::run(command.stderr(Stdio::piped()));
    let unread = server.child.stderr.take().unwrap();
    // More lines than the pipe holds and the queue takes.
    let mut client = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let mut answers = [0; 64 * 1024];
    for _ in 0..50 {
        client.write_all(request.as_bytes()).unwrap();
        let mut healthy = 0;
        while healthy < 100 {
            let read = client.read(&mut answers).unwrap();
            assert!(read > 0);
            healthy += answers[..read].windows(9).filter(|text| text == b"healthy\"}").count();
        }
    }
    let metrics = ureq::get(format!("{}/metrics", server.url)).call().unwrap();
    let metrics = metrics.into_body().read_to_string().unwrap();
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("spark_analytics_log_lines_dropped_total "))
        .unwrap();
    assert!(dropped.parse::<f64>().unwrap() > 100.0, "{dropped}");
    server.stop("-TERM");
    drop(unread);
}

#[test]
fn the_server_serves_with_a_closed_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(folder.path());
    command.args(["--listen", &free, "--store", "memory:", "--log", "warn"]).stdout(closed);
    let mut server = Server { child: command.spawn().unwrap(), url: format!("http://{free}") };
    while TcpStream::connect(&free).is_err() {
        assert_eq!(server.child.try_wait().unwrap(), None);
        thread::yield_now();
    }
    assert_eq!(server.get("/health")["status"], "healthy");
    server.stop("-TERM");
}

#[test]
fn a_second_signal_ends_the_server_during_requests() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--store", "memory:", "--log", "info"]);
    let mut server = Server::run(command.stderr(Stdio::piped()));
    let mut client = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let head = "POST /api/v1/logs/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n";
    client.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    let id = server.child.id().to_string();
    let mut log = BufReader::new(server.child.stderr.take().unwrap()).lines();
    let started = log.next().unwrap().unwrap();
    assert!(started.contains("started"), "{started}");
    for expected in ["stopping", "ended before the requests and logs in progress"] {
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let line = log.next().unwrap().unwrap();
        assert!(line.contains(expected), "{line}");
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
}

/// Runs a server that must fail to start; returns its exit code and its error.
fn fails(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let Output { status, stderr, stdout } = command(folder).args(arguments).output().unwrap();
    assert_eq!(stdout, b"", "it must not listen");
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn wrong_arguments_are_reported_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let listen = ["--listen", "127.0.0.1:0"];
    let (code, message) = fails(folder.path(), &[&listen[..], &["--store", "mysql://x"]].concat());
    assert_eq!(code, 1);
    assert!(
        message.starts_with("error: `mysql://x` names no store") && message.lines().count() == 1,
        "{message}"
    );
    let redis = ["--store", "memory:", "--redis", "http://ada:secret@x"];
    let (code, message) = fails(folder.path(), &[&listen[..], &redis].concat());
    assert_eq!(code, 1);
    assert!(message.starts_with("error: --redis: not a Redis URL"), "{message}");
    assert!(!message.contains("secret"), "{message}");
    for (arguments, what) in [
        (["--listen", "nowhere"], "--listen"),
        (["--dedup", "none"], "unknown dedup rule `none`; use `task` or `time`"),
        (["--stoer", "memory:"], "--store"),
        (["--log", "=x="], "--log"),
    ] {
        let (code, message) = fails(folder.path(), &arguments);
        assert_eq!(code, 2);
        assert!(message.starts_with("error: ") && message.contains(what), "{message}");
    }
}

#[test]
fn an_unreachable_redis_is_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redis = format!("redis://:secret@{closed}/0");
    let server = Server::start(folder.path(), &["--store", STORES[0], "--redis", &redis]);
    let events = Workload::new(5, 2).batch(50);
    server.batch(&events);
    assert_figures(&server, &events);
    let mut metrics = ureq::get(format!("{}/metrics", server.url)).call().unwrap();
    let text = metrics.body_mut().read_to_string().unwrap();
    assert!(text.contains("\nspark_analytics_redis_available 0\n"), "{text}");
    let bypassed = "spark_analytics_cache_requests_total{cache=\"redis\",result=\"bypassed\"} ";
    assert!(text.contains(bypassed) && !text.contains(&format!("{bypassed}0\n")), "{text}");
    server.stop("-TERM");
}

#[test]
fn a_port_in_use_and_another_dedup_rule_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--store", STORES[0]]);
    let taken = server.url.strip_prefix("http://").unwrap();
    let (code, message) = fails(folder.path(), &["--listen", taken, "--store", "memory:"]);
    assert_eq!(code, 1);
    assert!(message.starts_with(&format!("error: cannot listen on {taken}: ")), "{message}");
    let arguments = ["--listen", "127.0.0.1:0", "--store", STORES[0], "--dedup", "time"];
    let (code, message) = fails(folder.path(), &arguments);
    assert_eq!((code, message.lines().count()), (1, 1), "{message}");
    assert!(message.starts_with("error: ") && message.contains("task"), "{message}");
    server.stop("-TERM");
}

#[test]
fn a_folder_of_event_logs_is_followed_while_serving() {
    let folder = tempfile::tempdir().unwrap();
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/eventlogs");
    let name = "app-20261123203120-0000";
    let arguments = ["--store", "sqlite:a.db", "--import", "logs", "--import-interval", "20ms"];
    let (code, said) = fails(folder.path(), &arguments);
    assert_eq!(code, 1);
    assert!(
        said.starts_with("error: cannot import from logs: No such file or directory"),
        "{said}"
    );
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    let server = Server::start(folder.path(), &arguments);
    assert_eq!(server.get("/api/v1/applications"), Value::Array(Vec::new()));
    std::fs::copy(logs.join(name), folder.path().join("logs").join(name)).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while server.get("/api/v1/applications") == Value::Array(Vec::new()) {
        assert!(std::time::Instant::now() < deadline, "the log was not imported");
        thread::yield_now();
    }
    let jobs = server.get(&format!("/api/v1/applications/{name}/jobs"));
    assert_eq!(jobs.as_array().unwrap().len(), 5);

    let until = |status: &str| loop {
        let ready = server.get("/ready");
        if ready["status"] == status {
            break ready;
        }
        assert!(std::time::Instant::now() < deadline, "{ready}");
        thread::sleep(std::time::Duration::from_millis(20));
    };
    std::fs::rename(folder.path().join("logs"), folder.path().join("away")).unwrap();
    let degraded = until("degraded");
    let detail = degraded["detail"].as_str().unwrap();
    assert!(detail.starts_with("cannot read ") && detail.contains("/logs: No such"), "{detail}");
    std::fs::rename(folder.path().join("away"), folder.path().join("logs")).unwrap();
    assert_eq!(until("ready"), serde_json::json!({"status": "ready"}));
    let metrics = ureq::get(format!("{}/metrics", server.url)).call().unwrap();
    let metrics = metrics.into_body().read_to_string().unwrap();
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
        line.parse().unwrap()
    };
    let size = std::fs::metadata(logs.join(name)).unwrap().len();
    assert_eq!(value("spark_analytics_import_bytes_total"), size as f64);
    assert_eq!(value("spark_analytics_import_failing"), 0.0);
    assert_eq!(value("spark_analytics_import_lag_seconds_count"), 1.0);
    assert!(value("spark_analytics_import_last_look_timestamp_seconds") > 1.7e9);
    server.stop("-TERM");
}

/// The status of `/health` and of `/metrics` for a host.
fn statuses(server: &Server, host: &str) -> [u16; 2] {
    ["/health", "/metrics"].map(|path| {
        let request = ureq::get(format!("{}{path}", server.url)).header("host", host);
        request.config().http_status_as_error(false).build().call().unwrap().status().as_u16()
    })
}

#[test]
fn a_server_without_tokens_answers_for_its_own_hosts_only() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--store", "memory:"]);
    assert_eq!(statuses(&server, "localhost"), [200; 2]);
    assert_eq!(statuses(&server, "127.0.0.1:1"), [200; 2]);
    assert_eq!(statuses(&server, "rebound.example"), [421; 2]);
    let named = ["--store", "memory:", "--host", "a.example,b.example", "--host", "c.example"];
    let server = Server::start(folder.path(), &named);
    assert_eq!(statuses(&server, "b.example:8000"), [200; 2]);
    assert_eq!(statuses(&server, "c.example"), [200; 2]);
    assert_eq!(statuses(&server, "rebound.example"), [421; 2]);
    let token = ["token", "new", "--name", "ci", "--role", "read"];
    let new = Command::new(env!("CARGO_BIN_EXE_spark-analytics")).args(token).output().unwrap();
    std::fs::write(folder.path().join("tokens"), new.stdout).unwrap();
    let server = Server::start(folder.path(), &["--store", "memory:", "--tokens", "tokens"]);
    assert_eq!(statuses(&server, "rebound.example"), [200, 401]);
}
