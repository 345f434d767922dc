//! Shared by the tests: a Redis for one test or for all, and events of jobs.
#![allow(dead_code)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use spark_analytics_core::{Day, Event, JobKey, MemoryStore, Rollup, Store, Timestamp};
use spark_analytics_redis::RedisCached;

/// Long enough that no entry expires during a test.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

pub(crate) fn shared_url() -> String {
    std::env::var("SPARK_ANALYTICS_TEST_REDIS")
        .expect("run by scripts/with-services, which sets SPARK_ANALYTICS_TEST_REDIS")
}

/// A namespace that no other test uses.
pub(crate) fn namespace() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let start = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    format!("{}-{start}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// An adapter with its own connection, as in another process.
pub(crate) async fn adapter<S: Store>(store: S, url: &str, namespace: &str) -> RedisCached<S> {
    let cached =
        RedisCached::options().max_age(LONG).open(store, url, namespace).await.expect("a URL");
    until(async || cached.counts().is_available).await;
    cached
}

/// Waits up to a minute for a condition to hold.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(60), "the condition does not come to hold");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn day(number: i32) -> Day {
    Day::from_number(number)
}

pub(crate) fn start(job: i64, on: i32, user: &str) -> Event {
    Event::job_start(job, noon(on), user).expect("valid")
}

pub(crate) fn end(job: i64, on: i32) -> Event {
    Event::job_end(job, noon(on), "ada", noon(on), "JobSucceeded").expect("valid")
}

pub(crate) fn task(job: i64, on: i32, name: &str) -> Event {
    Event::task_end(job, noon(on), "ada", name, 5, true).expect("valid")
}

fn noon(on: i32) -> Timestamp {
    Timestamp::from_micros(day(on).start().as_micros() + 43_200_000_000)
}

/// The number of jobs on each of the days.
pub(crate) async fn jobs_on<S: Store>(
    store: &S,
    from: i32,
    to: i32,
    user: Option<&str>,
) -> Vec<i64> {
    let read = store.rollups(day(from), day(to), user).await.expect("reads");
    let jobs =
        |on| read.iter().find(|(d, _)| *d == day(on)).map_or(0, |(_, r): &(_, Rollup)| r.jobs());
    (from..=to).map(jobs).collect()
}

pub(crate) async fn tasks_of<S: Store>(store: &S, job: i64) -> Option<i64> {
    let record = store.job(&JobKey::new(job)).await.expect("reads");
    record.map(|record| record.events.tasks.task_count())
}

/// Asserts that two stores agree on some jobs and days.
pub(crate) async fn assert_same<A: Store, B: Store>(
    one: &A,
    other: &B,
    jobs: &[JobKey],
    from: i32,
    to: i32,
) {
    for key in jobs {
        assert_eq!(
            one.job(key).await.expect("reads"),
            other.job(key).await.expect("reads"),
            "{key}"
        );
    }
    for user in [None, Some("ada"), Some("bob"), Some("")] {
        let (a, b) =
            (one.rollups(day(from), day(to), user), other.rollups(day(from), day(to), user));
        assert_eq!(
            a.await.expect("reads"),
            b.await.expect("reads"),
            "days {from} to {to} of {user:?}"
        );
    }
}

pub(crate) type InMemory = RedisCached<MemoryStore>;

/// A Redis server for one test, which may stop, kill and fill it.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let port = {
            let socket = TcpListener::bind(("127.0.0.1", 0)).expect("binds");
            socket.local_addr().expect("an address").port()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let child = spawn(port, &folder);
        let server = Self { port, folder, child };
        server.wait().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn wait(&self) {
        until(async || self.command(&["PING"]).await.is_some()).await;
    }

    /// The answer as text; `None` if there is no answer.
    pub(crate) async fn command(&self, words: &[&str]) -> Option<String> {
        let client = redis::Client::open(self.url()).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let answer: redis::Value = command.query_async(&mut connection).await.ok()?;
        Some(format!("{answer:?}"))
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(status.expect("kill runs").success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kills");
        self.child.wait().expect("ends");
    }

    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.wait().await;
    }
}

fn spawn(port: u16, folder: &tempfile::TempDir) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
