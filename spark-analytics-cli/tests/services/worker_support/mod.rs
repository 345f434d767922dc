//! Workers and a real broker. Each test has its own virtual host and thus its own queues.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "it is a part of tests")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection};
use spark_analytics_amqp::{AmqpUrl, connect, declare};
use spark_analytics_cli::open_store;
use spark_analytics_conformance::{Dump, Reference};
use spark_analytics_core::{Dedup, Event, JobFilter, MemoryStore, Rejected, Store};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the control script of the services.
pub(crate) fn control(arguments: &[&str]) {
    let script =
        std::env::var("SPARK_ANALYTICS_TEST_CONTROL").expect("run by scripts/with-services");
    assert!(Command::new(script).args(arguments).status().unwrap().success(), "{arguments:?}");
}

/// A database of Redis, a different one for each test.
pub(crate) fn redis(database: u8) -> String {
    let server = std::env::var("SPARK_ANALYTICS_TEST_REDIS").expect("run by scripts/with-services");
    format!("{server}/{database}")
}

/// The URL of a store in a new schema of PostgreSQL.
pub(crate) async fn postgres(schema: &str) -> String {
    let server =
        std::env::var("SPARK_ANALYTICS_TEST_POSTGRES").expect("run by scripts/with-services");
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    format!("{server}?options[search_path]={schema}")
}

/// The figures that the model computes from these events.
pub(crate) fn expected(events: &[Event]) -> Dump {
    let mut reference = Reference::new(Dedup::default());
    events.iter().for_each(|event| reference.ingest(event));
    Dump::of_reference(&reference, &[])
}

/// Waits until a store has exactly these figures.
pub(crate) async fn is_like(store: &dyn Store, expected: &Dump) {
    let (all, limit) = (JobFilter::default(), expected.jobs.len() + 1);
    until("the figures", async || {
        (store.jobs(&all, None, limit).await.unwrap() == expected.jobs).then_some(())
    })
    .await;
    assert!(Dump::of(store).await.unwrap() == *expected, "jobs are the same, roll-ups are not");
}

/// Waits until a value is available.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look).await
}

/// Waits up to `patience` until a value is available.
pub(crate) async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A virtual host of the broker and a folder, for one test.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) amqp: String,
    connection: Connection,
    pub(crate) channel: Channel,
}

impl Place {
    /// A new virtual host, with the queues declared.
    pub(crate) async fn new(name: &str) -> Self {
        control(&["rabbitmq", "vhost", name]);
        let broker = std::env::var("SPARK_ANALYTICS_TEST_AMQP").unwrap();
        Self::at(format!("{broker}/{name}")).await
    }

    pub(crate) async fn at(amqp: String) -> Self {
        let url: AmqpUrl = amqp.parse().unwrap();
        let connection = connect(&url, "test").await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        declare(&channel).await.unwrap();
        Self { folder: TempDir::new().unwrap(), amqp, connection, channel }
    }

    /// Publishes a message as any client could.
    pub(crate) async fn publish(&self, queue: &str, body: &[u8]) {
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default().with_delivery_mode(2);
        let published =
            self.channel.basic_publish("".into(), queue.into(), options, body, properties);
        published.await.unwrap().await.unwrap();
    }

    /// Publishes events, this many per message.
    pub(crate) async fn publish_events(&self, events: &[Event], a_message: usize) {
        for chunk in events.chunks(a_message) {
            let raw: Vec<&str> = chunk.iter().map(Event::raw).collect();
            let body =
                if a_message == 1 { raw[0].to_owned() } else { format!("[{}]", raw.join(",")) };
            self.publish("spark.events", body.as_bytes()).await;
        }
    }

    /// How many messages wait in a queue.
    pub(crate) async fn waiting(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared =
            self.channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        declared.unwrap().message_count()
    }

    /// Takes the next dead letter: its body, its reason and its queue.
    pub(crate) async fn dead(&self) -> (String, String, String) {
        let options = BasicGetOptions { no_ack: true };
        let message = until("a dead letter", async || {
            self.channel.basic_get("spark.dead".into(), options).await.unwrap()
        })
        .await;
        let headers = message.properties.headers().clone().unwrap();
        let header = |name: &str| {
            let value =
                headers.inner().get(name).unwrap_or_else(|| panic!("no {name}: {headers:?}"));
            value.as_long_string().unwrap().to_string()
        };
        let body = String::from_utf8_lossy(&message.data).into_owned();
        (body, header("reason"), header("queue"))
    }

    /// The store to which the worker writes.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        let url = format!("sqlite:{}", self.folder.path().join("test.db").display());
        open_store(&url, Dedup::default()).await.unwrap()
    }

    /// Waits until the store has exactly the figures of these events.
    pub(crate) async fn has_figures_of(&self, events: &[Event]) {
        let reference = MemoryStore::default();
        reference.ingest(events.to_vec()).await.unwrap();
        self.is_like(&reference).await;
    }

    /// Waits until the store returns the same as a reference store.
    pub(crate) async fn is_like(&self, reference: &MemoryStore) {
        let store = self.store().await;
        is_like(&*store, &Dump::of(reference).await.unwrap()).await;
        store.close().await.unwrap();
    }

    /// Waits until the store keeps this many rejected inputs; the newest is first.
    pub(crate) async fn rejected(&self, count: usize) -> Vec<Rejected> {
        let store = self.store().await;
        until("the rejected", async || {
            let rejected = store.rejected(None, 10_000).await.unwrap();
            (rejected.len() == count).then_some(rejected)
        })
        .await
    }

    /// Starts a worker that uses this broker and store.
    pub(crate) fn worker(&self, arguments: &[&str]) -> Program {
        let mut all = vec!["--amqp", &self.amqp, "--store", "sqlite:test.db"];
        all.extend(arguments);
        Program::start("work", self.folder.path(), &all)
    }
}

/// A running program, which is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub(crate) fn start(name: &str, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spark-analytics"));
        command.arg(name);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPARK_ANALYTICS_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let outputs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    log.lock().unwrap().push(line);
                }
            });
        }
        Self { child, log }
    }

    /// Waits until the program has logged a line with this text; returns the line.
    pub(crate) async fn says(&self, text: &str) -> String {
        let found = until(text, async || {
            self.log.lock().unwrap().iter().find(|line| line.contains(text)).cloned()
        });
        found.await
    }

    /// Everything that the program has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until the program has exited; returns its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ended = until("the end of the program", async || self.child.try_wait().unwrap());
        ended.await.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// A running server that publishes events.
pub(crate) struct Server {
    pub(crate) program: Program,
    url: String,
    agent: ureq::Agent,
}

impl Server {
    pub(crate) async fn start(folder: &Path, store: &str, amqp: &str) -> Self {
        Self::start_with(folder, store, amqp, &[]).await
    }

    pub(crate) async fn start_with(folder: &Path, store: &str, amqp: &str, more: &[&str]) -> Self {
        let arguments = ["--listen", "127.0.0.1:0", "--store", store, "--publish", amqp];
        let arguments = [&arguments[..], &["--log", "warn"], more].concat();
        let program = Program::start("serve", folder, &arguments);
        let line = program.says("listening on ").await;
        let url = line.trim_start_matches("listening on ").to_owned();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { program, url, agent }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path).await.unwrap()
    }

    /// Sends a GET to a server that may be killed.
    pub(crate) async fn try_get(&self, path: &str) -> Result<(u16, String), ureq::Error> {
        let request = self.agent.get(format!("{}{path}", self.url));
        tokio::task::spawn_blocking(move || answer(request.call()?)).await.unwrap()
    }

    /// Posts JSON; returns the status and the body of the response.
    pub(crate) async fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.try_post(path, body).await.unwrap()
    }

    /// Posts JSON to a server that may be killed.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        body: &str,
    ) -> Result<(u16, String), ureq::Error> {
        let request =
            self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let body = body.to_owned();
        tokio::task::spawn_blocking(move || answer(request.send(body)?)).await.unwrap()
    }
}

/// The status and the body of the response to a GET.
pub(crate) async fn get(url: &str) -> (u16, String) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.get(url);
    let answered = tokio::task::spawn_blocking(move || answer(request.call()?));
    answered.await.unwrap().unwrap()
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<(u16, String), ureq::Error> {
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}
