//! Events that many writers send at the same time, each in a different order, and the expected result.
use std::sync::Arc;
use std::time::Duration;

use spark_analytics_conformance::{Dump, Reference, Workload};
use spark_analytics_core::{Error, Event, EventDetail, Receipt, Store};
use spark_analytics_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The URL of a new schema on the server that the environment names.
pub(crate) async fn schema(name: &str) -> String {
    let server = std::env::var("SPARK_ANALYTICS_TEST_POSTGRES").expect("scripts/with-services");
    let name = format!("{name}_{}", std::process::id());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let create = format!("CREATE SCHEMA {name}");
    sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
    format!("{server}?options[search_path]={name}")
}

pub(crate) async fn open(url: &str) -> PostgresStore {
    let options = PostgresStore::options().connections(2);
    options.open(url).await.unwrap()
}

/// `count` events of `jobs` jobs, and for one in twenty another event with the same identity and different content.
pub(crate) fn events(jobs: u64, count: usize) -> Vec<Event> {
    let mut events = Workload::new(jobs, 7).batch(count);
    let others: Vec<Event> = events.iter().step_by(20).map(contradicting).collect();
    events.extend(others);
    events
}

fn contradicting(event: &Event) -> Event {
    let (job, at, user) = (event.job().clone(), event.timestamp(), event.user().to_owned());
    let event = match event.content().detail.clone() {
        EventDetail::JobStart => Event::job_start(job, at, format!("{user}.org")),
        EventDetail::TaskEnd { task_id, duration_ms, successful } => {
            Event::task_end(job, at, user, task_id, 10_000 - duration_ms / 2, !successful)
        }
        EventDetail::JobEnd { completion_time, .. } => {
            Event::job_end(job, at, user, completion_time, "JobFailed")
        }
    };
    event.unwrap()
}

/// The events in an order that depends on `seed`, one in ten of them twice.
pub(crate) fn shuffled(events: &[Event], seed: u64) -> Vec<Event> {
    let mut random = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = |below: usize| {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as usize % below
    };
    let mut shuffled = events.to_vec();
    shuffled.extend((0..events.len() / 10).map(|_| events[next(events.len())].clone()));
    for last in (1..shuffled.len()).rev() {
        shuffled.swap(last, next(last + 1));
    }
    shuffled
}

/// Sends a batch until it is accepted.
pub(crate) async fn send(store: &PostgresStore, batch: &[Event]) -> Vec<Receipt> {
    for _ in 0..600 {
        match store.ingest(batch.to_vec()).await {
            Ok(receipts) => return receipts,
            Err(error @ Error::Unavailable { .. }) => {
                eprintln!("{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never taken");
}

/// The content of a store that has received the events.
pub(crate) fn expected(events: &[Event]) -> Dump {
    let mut reference = Reference::default();
    events.iter().for_each(|event| reference.ingest(event));
    Dump::of_reference(&reference, &[])
}

/// Asserts that a store holds what it would if it had received the events once and in order.
pub(crate) async fn holds(store: PostgresStore, events: &[Event]) {
    let expected = expected(events);
    let store: Arc<dyn Store> = Arc::new(store);
    let dump = Dump::of(&store).await.unwrap();
    assert_eq!(dump.jobs.len(), expected.jobs.len());
    assert!(dump.jobs == expected.jobs, "jobs' figures");
    assert!(dump.rollups == expected.rollups, "roll-ups");
    assert!(dump == expected);
}
