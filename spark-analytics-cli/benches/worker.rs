//! Events a second from RabbitMQ into SQLite by one worker, beside a bare loop over the same store:
//! `just bench worker`.

#![allow(clippy::unwrap_used, reason = "it is a measurement")]

#[path = "../../tests/benches/measured/mod.rs"]
mod measured;
#[path = "../tests/services/worker_support/mod.rs"]
mod worker_support;

use std::time::Instant;

use measured::{Measure, is_quick};
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Event, Store};
use spark_analytics_sqlite::SqliteStore;
use worker_support::{Place, get, until};

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (events, runs) = if is_quick() { (30_000, 1) } else { (200_000, 3) };
    let events = Workload::new(10_000, 1).batch(events);
    let cases = [("arrays of 100", 100, "1"), ("arrays of 100", 100, "2"), ("single", 1, "1")];
    let (mut of_bare, mut of_cases) = (Vec::new(), cases.map(|_| Vec::new()));
    for run in 0..runs {
        of_bare.push(bare(&events).await);
        for ((_, a_message, concurrency), rates) in cases.iter().zip(&mut of_cases) {
            let name = format!("bench-{a_message}-{concurrency}-{run}");
            rates.push(consumed(&name, &events, *a_message, concurrency).await);
        }
    }
    for ((messages, _, concurrency), rates) in cases.iter().zip(&of_cases) {
        Measure(&format!("{messages} events a message, --concurrency {concurrency}"), "events/s")
            .compare(rates, "bare loop, 1,000 a commit", &of_bare);
    }
}

fn rate(events: &[Event], started: Instant) -> f64 {
    events.len() as f64 / started.elapsed().as_secs_f64()
}

async fn bare(events: &[Event]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("bare.db")).await.unwrap();
    let started = Instant::now();
    for batch in events.chunks(1_000) {
        store.ingest(batch.to_vec()).await.unwrap();
    }
    rate(events, started)
}

async fn consumed(name: &str, events: &[Event], a_message: usize, concurrency: &str) -> f64 {
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
    rate(events, started)
}
