//! A database that is down under load. The test has its own binary, because all others use the same database.

#![allow(clippy::unwrap_used)]

#[path = "../services/worker_support/mod.rs"]
mod worker_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::worker_support::{
    Place, Program, Server, control, expected, is_like, postgres, redis, until,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use spark_analytics_cli::open_store;
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Dedup, Event};
use tokio::task::JoinSet;

const CLIENTS: usize = 4;
const AWAY: Duration = Duration::from_secs(10);
const LOAD: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn events_are_accepted_while_the_database_is_down_and_figures_are_exact_afterwards() {
    let place = Place::new("database-down").await;
    let (store, redis) = (postgres("database_down").await, redis(2));
    let mut events = Workload::new(200, 12).batch(16_000);
    events.shuffle(&mut StdRng::seed_from_u64(12));
    let folder = place.folder.path();
    let server = Server::start_with(folder, &store, &place.amqp, &["--redis", &redis]).await;
    let server = Arc::new(server);
    let arguments = ["--amqp", &place.amqp, "--store", &store, "--redis", &redis];
    let worker = Program::start("work", folder, &arguments);
    worker.says("consuming").await;

    let started = Instant::now();
    let (is_away, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for part in events.chunks(events.len() / CLIENTS) {
        let (server, part) = (Arc::clone(&server), part.to_vec());
        let (is_away, taken) = (Arc::clone(&is_away), Arc::clone(&taken));
        clients.spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(25));
            // Events are sent a second time, which changes nothing.
            for (at, chunk) in part.chunks(8).enumerate().cycle() {
                if started.elapsed() < LOAD {
                    pace.tick().await;
                } else if at == 0 {
                    break;
                }
                send(&server, chunk, at.is_multiple_of(4)).await;
                if is_away.load(Ordering::Acquire) {
                    taken.fetch_add(chunk.len(), Ordering::Relaxed);
                }
            }
        });
    }

    until("the first figures", async || {
        let (status, jobs) = server.get("/api/v1/analytics/jobs?limit=1").await;
        (status == 200 && jobs.contains("job_id")).then_some(())
    })
    .await;
    let away = Arc::clone(&is_away);
    let stopping = tokio::task::spawn_blocking(move || {
        control(&["postgres", "stop"]);
        away.store(true, Ordering::Release);
        std::thread::sleep(AWAY);
        away.store(false, Ordering::Release);
        control(&["postgres", "start"]);
    });
    until("the stop", async || is_away.load(Ordering::Acquire).then_some(())).await;
    let (status, _) = server.get("/api/v1/analytics/jobs?limit=7").await;
    assert!(matches!(status, 500 | 503), "a {status} without the database");
    assert_eq!(server.get("/ready").await.0, 200);
    stopping.await.unwrap();
    clients.join_all().await;
    let taken = taken.load(Ordering::Relaxed);
    println!("{taken} events were taken while the database was away");
    assert!(taken > 100, "{taken}");

    let store = open_store(&store, Dedup::default()).await.unwrap();
    is_like(&*store, &expected(&events)).await;
    let waiting = Instant::now();
    until("the server's figures", async || {
        (server.get("/api/v1/analytics/jobs?limit=7").await.0 == 200).then_some(())
    })
    .await;
    println!("{:.1?}, and {:.1?} for the server", started.elapsed(), waiting.elapsed());
    store.close().await.unwrap();
}

/// Sends events one by one or as a batch; each must be accepted.
async fn send(server: &Server, events: &[Event], single: bool) {
    if single {
        for event in events {
            assert_eq!(server.post("/api/v1/logs/ingest", event.raw()).await.0, 202);
        }
    } else {
        let raw: Vec<&str> = events.iter().map(Event::raw).collect();
        let body = format!("[{}]", raw.join(","));
        let (status, answer) = server.post("/api/v1/logs/batch?errors=only", &body).await;
        assert_eq!(status, 202);
        let queued = format!("\"queued\":{},\"rejected\":0", events.len());
        assert!(answer.contains(&queued), "{answer}");
    }
}
