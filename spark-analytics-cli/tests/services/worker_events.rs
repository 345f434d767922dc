//! The worker as users run it: the real binary, a real broker and a store.

#![allow(clippy::unwrap_used)]

use crate::worker_support::{Place, Program, until};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Day, Event, Store, Timestamp};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

fn shuffled(count: usize, seed: u64) -> Vec<Event> {
    let mut events = Workload::new(20, seed).batch(count);
    events.shuffle(&mut StdRng::seed_from_u64(seed));
    events
}

#[tokio::test]
async fn single_events_and_arrays_are_stored_and_acknowledged() {
    let place = Place::new("arrays").await;
    let events = shuffled(1_500, 1);
    place.publish_events(&events[..500], 1).await;
    let mut worker = place.worker(&[]);
    place.publish_events(&events[400..], 100).await;
    place.has_figures_of(&events).await;
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    assert_eq!(place.waiting("spark.events").await, 0);
    assert_eq!(place.waiting("spark.dead").await, 0);
    assert!(place.rejected(0).await.is_empty());
}

/// The number of events in a store, counted by their ids, which are unique.
async fn stored(store: &dyn Store) -> usize {
    let rollups = store.rollups(Day::MIN, Day::MAX, None).await.unwrap();
    rollups.iter().map(|(_, rollup)| rollup.jobs() as usize).sum()
}

#[tokio::test]
async fn messages_of_a_killed_worker_go_to_the_next_and_each_event_counts_once() {
    let place = Place::new("killed").await;
    let events = shuffled(20_000, 2);
    place.publish_events(&events[..4_000], 1).await;
    place.publish_events(&events[4_000..], 100).await;
    let store = place.store().await;
    for round in 0..3 {
        let mut worker = place.worker(&["--concurrency", "3"]);
        until("some jobs", async || (stored(&*store).await > round * 6).then_some(())).await;
        worker.signal("-KILL");
        assert_eq!(worker.ended().await, None);
    }
    let _worker = place.worker(&[]);
    place.has_figures_of(&events).await;
    until("no message", async || (place.waiting("spark.events").await == 0).then_some(())).await;
    assert_eq!(place.waiting("spark.dead").await, 0);
}

#[tokio::test]
async fn sigterm_finishes_the_batch_in_hand() {
    let place = Place::new("term").await;
    let starts: Vec<Event> = (0..6_000)
        .map(|job| Event::job_start(job, "2024-03-30T10:00:00Z".parse().unwrap(), "ada").unwrap())
        .collect();
    place.publish_events(&starts, 1).await;
    let store = place.store().await;
    let held = async |job: i64| {
        let record = store.job(&starts[job as usize].job().clone()).await.unwrap();
        record.is_some()
    };
    let mut worker = place.worker(&["--concurrency", "1"]);
    until("the first batch", async || held(0).await.then_some(())).await;
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    let mut count = 0;
    for job in 0..6_000 {
        count += u32::from(held(job).await);
    }
    // Stored messages are acknowledged, and acknowledged messages are stored.
    until("the rest", async || {
        (place.waiting("spark.events").await == 6_000 - count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_not_an_event_is_dead_lettered_and_kept_with_its_reason() {
    let place = Place::new("bad").await;
    let good = shuffled(3, 3);
    let mixed = format!("[{}, {{\"event\":\"x\"}}, 7, {}]", good[0].raw(), good[1].raw());
    let _worker = place.worker(&[]);
    for body in ["oops", &mixed, good[2].raw()] {
        place.publish("spark.events", body.as_bytes()).await;
    }
    let mut dead = [place.dead().await, place.dead().await];
    dead.sort();
    let [(whole, reasons, _), (oops, reason, queue)] = dead;
    assert_eq!((&*oops, &*queue), ("oops", "spark.events"));
    assert_eq!(reason, "the event cannot be read: not a JSON object: `oops`");
    assert_eq!(whole, mixed);
    assert!(reasons.starts_with("index 1: ") && reasons.contains("; index 2: "), "{reasons}");
    let mut raw: Vec<String> =
        place.rejected(3).await.into_iter().map(|rejected| rejected.rejection.raw).collect();
    raw.sort();
    assert_eq!(raw, ["7", "oops", "{\"event\":\"x\"}"]);
    place.has_figures_of(&good).await;
    until("no message", async || (place.waiting("spark.events").await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_dead_lettered_whole() {
    let place = Place::new("long").await;
    let body = vec![b' '; (4 << 20) + 1];
    place.publish("spark.events", &body).await;
    let _worker = place.worker(&[]);
    let (dead, reason, _) = place.dead().await;
    assert_eq!(dead.len(), body.len());
    assert!(reason.contains("more than the limit of 4194304"), "{reason}");
}

#[tokio::test]
async fn an_event_before_the_prune_day_is_dead_lettered() {
    let place = Place::new("old").await;
    let at = |text: &str| text.parse().unwrap();
    place.store().await.prune("2024-03-30".parse().unwrap()).await.unwrap();
    let old = Event::job_start(1, at("2024-03-29T10:00:00Z"), "ada").unwrap();
    let new = Event::job_start(2, at("2024-03-30T10:00:00Z"), "ada").unwrap();
    let _worker = place.worker(&[]);
    place.publish_events(&[new, old.clone()], 2).await;
    let (_, reason, _) = place.dead().await;
    assert!(reason.starts_with("index 1: the event is older than the day"), "{reason}");
    let rejected = place.rejected(1).await;
    assert_eq!(rejected[0].rejection.raw, old.raw());
}

#[tokio::test]
async fn a_wrong_configuration_is_an_immediate_error_that_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    for (amqp, store) in [
        ("http://ada:secret@localhost", "sqlite:a.db"),
        ("amqp://ada:secret@localhost", "mongodb:a"),
        ("amqp://ada:secret@localhost", "sqlite:no/such/folder/a.db"),
    ] {
        let mut worker = Program::start("work", folder.path(), &["--amqp", amqp, "--store", store]);
        assert_eq!(worker.ended().await, Some(1));
        worker.says("error: ").await;
        assert!(!worker.log().contains("secret"), "{}", worker.log());
    }
}

#[tokio::test]
async fn a_worker_that_waits_for_its_broker_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("amqp://ada:secret@{closed}/a");
    let mut worker = Program::start("work", folder.path(), &["--amqp", &url, "--store", "memory:"]);
    let line = worker.says("connecting again").await;
    assert!(line.contains(&format!("amqp://ada@{closed}/a")), "{line}");
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    assert!(!worker.log().contains("secret"));
}

#[tokio::test]
async fn a_batch_that_the_store_refuses_is_retried_and_returned_when_the_worker_stops() {
    let place = Place::new("locked").await;
    let events = shuffled(300, 4);
    place.store().await.close().await.unwrap();
    let file = SqliteConnectOptions::new().filename(place.folder.path().join("test.db"));
    let mut other = file.connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    place.publish_events(&events, 100).await;
    let mut worker = place.worker(&["--concurrency", "1"]);
    worker.says("events were not stored, trying again").await;
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    worker.says("the messages stay in their queue").await;
    until("the messages", async || (place.waiting("spark.events").await == 3).then_some(())).await;
    let worker = place.worker(&[]);
    worker.says("events were not stored, trying again").await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    place.has_figures_of(&events).await;
    until("no message", async || (place.waiting("spark.events").await == 0).then_some(())).await;
}

#[tokio::test]
async fn an_event_that_the_store_can_never_take_is_dead_lettered_and_others_are_stored() {
    let place = Place::new("poison").await;
    let events = shuffled(300, 5);
    let job = |id: i64, ms: i64| {
        Event::job_start(1_000_000 + id, Timestamp::from_millis(ms), "ada").unwrap()
    };
    let store = place.store().await;
    store.ingest(vec![job(0, 1)]).await.unwrap();
    store.close().await.unwrap();
    let file = SqliteConnectOptions::new().filename(place.folder.path().join("test.db"));
    let damage = "UPDATE spark_jobs SET tasks_failed = -7 WHERE job_id = 1000000";
    sqlx::query(damage).execute(&mut file.connect().await.unwrap()).await.unwrap();
    let poison = job(0, 2);
    place.publish_events(&events[..150], 1).await;
    place.publish_events(&[events[150].clone(), poison.clone(), events[151].clone()], 3).await;
    place.publish_events(&events[152..], 1).await;
    let _worker = place.worker(&[]);
    let (body, reason, _) = place.dead().await;
    assert!(body.contains(poison.raw()), "{body}");
    assert!(reason.starts_with("index 1: the SQLite store holds a damaged row"), "{reason}");
    assert_eq!(place.rejected(1).await[0].rejection.raw, poison.raw());
    until("no message", async || (place.waiting("spark.events").await == 0).then_some(())).await;
    let store = place.store().await;
    for event in &events {
        assert!(store.job(event.job()).await.unwrap().is_some());
    }
}
