//! A server that publishes events, and a worker that stores them.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;

use crate::worker_support::{Place, Server, until};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use spark_analytics_conformance::Workload;
use spark_analytics_core::Event;

#[tokio::test]
async fn events_published_by_a_server_are_stored_by_a_worker() {
    let place = Place::new("publish").await;
    let mut events = Workload::new(20, 5).batch(4_000);
    events.shuffle(&mut StdRng::seed_from_u64(5));
    let server = Server::start(place.folder.path(), "sqlite:test.db", &place.amqp).await;
    for event in &events[..200] {
        let (status, body) = server.post("/api/v1/logs/ingest", event.raw()).await;
        assert_eq!(
            (status, &*body),
            (202, r#"{"success":true,"message":"Log queued","log_id":null}"#)
        );
    }
    let batch: Vec<&str> = events[100..].iter().map(Event::raw).collect();
    let (status, body) =
        server.post("/api/v1/logs/batch", &format!("[{}, 7]", batch.join(","))).await;
    assert_eq!(status, 202);
    let counts =
        r#"{"recorded":0,"duplicate":0,"replaced":0,"queued":3900,"rejected":1,"results":["#;
    assert!(body.starts_with(counts), "{}", &body[..200]);
    assert_eq!(server.post("/api/v1/logs/ingest", "{}").await.0, 400);
    let _worker = place.worker(&[]);
    place.has_figures_of(&events).await;
    assert_eq!(place.rejected(2).await[0].rejection.raw, "{}");
}

#[tokio::test]
async fn events_are_accepted_while_another_process_holds_the_store() {
    let place = Place::new("held").await;
    let store = "redb:test.redb";
    let mut arguments = vec!["--amqp", &place.amqp, "--store", store];
    arguments.extend(["--metrics", "127.0.0.1:0"]);
    let mut worker = crate::worker_support::Program::start("work", place.folder.path(), &arguments);
    worker.says("consuming").await;
    let server = Server::start(place.folder.path(), store, &place.amqp).await;
    let events = Workload::new(3, 6).batch(30);
    for event in &events {
        assert_eq!(server.post("/api/v1/logs/ingest", event.raw()).await.0, 202);
    }
    assert_eq!(server.get("/api/v1/analytics/jobs").await.0, 503);
    assert_eq!(server.get("/ready").await.0, 200);
    assert_eq!(server.post("/api/v1/logs/ingest", "{}").await.0, 400);
    until("no message", async || (place.waiting("spark.events").await == 0).then_some(())).await;
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    until("the store", async || {
        let (status, body) = server.get("/api/v1/analytics/jobs").await;
        (status == 200 && body.matches("job_id").count() == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_are_a_503_without_a_broker_and_figures_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let amqp = format!("amqp://ada:secret@{closed}/a");
    let server = Server::start(folder.path(), "memory:", &amqp).await;
    let event = &Workload::new(1, 1).batch(1)[0];
    let (status, body) = server.post("/api/v1/logs/ingest", event.raw()).await;
    assert_eq!(status, 503);
    assert!(
        body.contains(&format!("the broker at amqp://ada@{closed}/a cannot be reached")),
        "{body}"
    );
    assert_eq!(server.get("/ready").await.0, 503);
    assert_eq!(server.get("/health").await.0, 200);
    until("the store", async || {
        (server.get("/api/v1/analytics/jobs").await.0 == 200).then_some(())
    })
    .await;
    assert!(!server.program.log().contains("secret"));
}
