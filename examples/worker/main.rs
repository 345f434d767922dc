//! Events and event logs from RabbitMQ into a store:
//! `cargo run --release --example worker -- --help`.
#![forbid(unsafe_code)]

mod events;
mod logs;
mod message;
mod monitor;
mod session;
mod sink;

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::anyhow;
use clap::Parser;
use metrics::gauge;
use spark_analytics_core::{Dedup, Store, Timestamp};
use spark_analytics_examples::amqp::{AmqpUrl, Publisher};
use spark_analytics_examples::{
    AccessArgs, Backoff, LogArgs, Metered, SharedCache, Signals, at_hangup, open_when_there,
    prometheus,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::sink::Sink;

/// Takes Spark's events and event logs from RabbitMQ's queues into a store.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The broker: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps: for TLS
    #[arg(long, env = "SPARK_ANALYTICS_AMQP", value_name = "URL", hide_env_values = true)]
    amqp: String,
    /// The store: sqlite:PATH, redb:PATH, postgres://… or memory:
    #[arg(
        long,
        env = "SPARK_ANALYTICS_STORE",
        value_name = "URL",
        default_value = "sqlite:spark-analytics.db",
        hide_env_values = true
    )]
    store: String,
    /// The Redis of the servers on the same store, redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]: what they keep there
    /// is stale as soon as the worker has written. Without it they see its writes up to 60 s later
    #[arg(long, env = "SPARK_ANALYTICS_REDIS", value_name = "URL", hide_env_values = true)]
    redis: Option<String>,
    /// When two events are the same: by job, type, time and `task`, or without the task, by `time`.
    #[arg(long, env = "SPARK_ANALYTICS_DEDUP", default_value = "task")]
    dedup: Dedup,
    /// How many batches of events, and how many logs, are taken at a time
    #[arg(
        long,
        env = "SPARK_ANALYTICS_CONCURRENCY",
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    concurrency: u16,
    /// Where to serve /metrics, for Prometheus, and /health, such as 127.0.0.1:9100; port 0 takes a free one
    #[arg(long, env = "SPARK_ANALYTICS_METRICS", value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The exit code tells it where nobody reads the text.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    args.log.start();
    let url: AmqpUrl = args.amqp.parse().map_err(|error| anyhow!("--amqp: {error}"))?;
    let signals = Signals::new()?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        signals.stop().await;
        stopping.cancel();
    });
    let metrics = prometheus::start()?;
    let shared = SharedCache::default();
    if let Some(address) = args.metrics {
        let tokens = args.access.open(address, None)?;
        let access = tokens.as_ref().map(|tokens| &tokens.access);
        monitor::serve(address, access, metrics, shared.clone(), stop.clone()).await?;
        if let Some(tokens) = tokens {
            at_hangup(move || tokens.reload())?;
        }
    }
    let store = tokio::select! {
        store = open_when_there(&args.store, args.dedup) => store?,
        // Not by returning: that would wait for what the opening blocks on.
        () = stop.cancelled() => std::process::exit(0),
    };
    let store = shared.around(Metered::new(store), args.redis.as_deref()).await?;
    consume(&url, Arc::clone(&store), args.concurrency, stop).await;
    store.close().await?;
    Ok(())
}

/// Consumes until the worker stops, over one connection after another.
async fn consume(url: &AmqpUrl, store: Arc<dyn Store>, concurrency: u16, stop: CancellationToken) {
    let publisher = Arc::new(Publisher::new(url.clone(), "spark-analytics worker's dead letters"));
    let reading = Arc::new(Semaphore::new(concurrency.into()));
    let sink = Sink { store, publisher, stop: stop.clone() };
    let mut backoff = Backoff::new();
    gauge!("spark_analytics_broker_connected", "connection" => "consume").set(0.0);
    while !stop.is_cancelled() {
        let connected = std::time::Instant::now();
        let Err(error) = session::run(url, &sink, concurrency, &reading).await else { return };
        tracing::warn!(broker = %url, %error, "not consuming, connecting again");
        if connected.elapsed() > STEADY {
            backoff = Backoff::new();
        }
        tokio::select! {
            () = backoff.wait() => {}
            () = stop.cancelled() => {}
        }
    }
}

/// A connection that has held for so long is no failed attempt.
const STEADY: std::time::Duration = std::time::Duration::from_secs(10);

/// This instant: the core knows no clock.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
