//! Events a second from RabbitMQ into SQLite by one worker, beside a bare loop over the same store:
//! `just bench-worker`.

#![allow(clippy::unwrap_used, reason = "it is a measurement")]

#[path = "../tests/worker_support/mod.rs"]
mod worker_support;

use std::time::Instant;

use spark_analytics_core::{Event, Store};
use spark_analytics_sqlite::SqliteStore;
use spark_analytics_tests::Workload;
use worker_support::{Place, get, until};

const EVENTS: usize = 200_000;

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let events = Workload::new(10_000, 1).batch(EVENTS);
    bare(&events).await;
    for (name, a_message, concurrency) in
        [("arrays", 100, "1"), ("arrays", 100, "2"), ("single", 1, "1"), ("single", 1, "2")]
    {
        consumed(&format!("{name}-{concurrency}"), &events, a_message, concurrency).await;
    }
}

fn tell(what: &str, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {:.0} events/s ({seconds:.2} s)", EVENTS as f64 / seconds);
}

async fn bare(events: &[Event]) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("bare.db")).await.unwrap();
    let started = Instant::now();
    for batch in events.chunks(1_000) {
        store.ingest(batch.to_vec()).await.unwrap();
    }
    tell("a bare loop, 1,000 a commit", started);
}

async fn consumed(name: &str, events: &[Event], a_message: usize, concurrency: &str) {
    let place = Place::new(name).await;
    place.publish_events(events, a_message).await;
    let worker = place.worker(&["--metrics", "127.0.0.1:0", "--concurrency", concurrency]);
    worker.says("consuming").await;
    let started = Instant::now();
    let url = worker.says("metrics on ").await.trim_start_matches("metrics on ").to_owned();
    let acknowledged = format!(
        "spark_analytics_messages_total{{queue=\"spark.events\",outcome=\"acknowledged\"}} {}\n",
        events.len() / a_message
    );
    until("the end", async || get(&url).await.1.contains(&acknowledged).then_some(())).await;
    tell(name, started);
}
