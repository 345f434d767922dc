//! A broker that restarts under load. The test has its own binary, because all others use the same broker.

#![allow(clippy::unwrap_used)]

#[path = "../services/worker_support/mod.rs"]
mod worker_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::worker_support::{Place, Server, control};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use spark_analytics_conformance::Workload;
use spark_analytics_core::Event;

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_event_is_lost_when_the_broker_restarts() {
    let place = Place::new("restart").await;
    let mut events = Workload::new(20, 8).batch(3_000);
    events.shuffle(&mut StdRng::seed_from_u64(8));
    let server = Server::start(place.folder.path(), "sqlite:test.db", &place.amqp).await;
    let worker = place.worker(&[]);
    worker.says("consuming").await;
    let (before, after) = events.split_at(1_500);
    assert_eq!(send(&server, before).await, 0, "nothing is refused while the broker runs");
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let restarting = tokio::task::spawn_blocking(move || {
        for action in ["stop", "start", "kill", "start"] {
            control(&["rabbitmq", action]);
        }
        over.store(true, Ordering::Release);
    });
    let mut refused = send(&server, after).await;
    // Events are sent a second time, which changes nothing.
    while !is_over.load(Ordering::Acquire) {
        refused += send(&server, after).await;
    }
    restarting.await.unwrap();
    assert!(refused > 0, "the broker was away");
    place.has_figures_of(&events).await;
}

/// Sends each event until it is accepted; returns the number of refusals.
async fn send(server: &Server, events: &[Event]) -> usize {
    let mut refused = 0;
    for chunk in events.chunks(10) {
        let raw: Vec<&str> = chunk.iter().map(Event::raw).collect();
        let body = format!("[{}]", raw.join(","));
        loop {
            match server.post("/api/v1/logs/batch", &body).await.0 {
                202 => break,
                503 => refused += 1,
                other => panic!("a {other}"),
            }
        }
    }
    refused
}
