//! An event that a store can never take fails alone.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join_all;
use futures::{FutureExt, join};
use spark_analytics_conformance::{Call, Dump, Probe, Reference, When};
use spark_analytics_core::backend::ingest_apart;
use spark_analytics_core::{
    Analytics, CommitLimits, Dedup, Error, Event, MemoryStore, Receipt, Store, Timestamp,
};

const POISON: &str = "poison";

fn event(job_id: i64, user: &str) -> Event {
    Event::job_start(job_id, Timestamp::from_millis(job_id), user).unwrap()
}

/// A store that refuses each batch with an event of one user, how often it was called, and what
/// lets it answer: a message, or its end.
fn store(error: fn() -> Error) -> (Probe<MemoryStore>, Arc<AtomicUsize>, oneshot::Sender<()>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let (open, opened) = oneshot::channel();
    let opened = opened.shared();
    let store = Probe::new(MemoryStore::default(), move |when, call| {
        let (When::Before, Call::Ingest(events)) = (when, call) else {
            return ready(Ok(())).boxed();
        };
        counted.fetch_add(1, Ordering::Relaxed);
        let is_refused = events.iter().any(|event| event.user() == POISON);
        let opened = opened.clone();
        async move {
            let _ = opened.await;
            if is_refused { Err(error()) } else { Ok(()) }
        }
        .boxed()
    });
    (store, calls, open)
}

fn refused() -> Error {
    Error::refused("probe", "a character that it lacks")
}

fn damaged() -> Error {
    Error::damaged("probe", "job 7", "it ends early")
}

#[test]
fn callers_beside_it_are_not_affected() {
    for error in [refused, damaged] {
        let (store, calls, open) = store(error);
        let analytics = Analytics::new(store.clone());
        let users = |job_id| if job_id == 77 { POISON } else { "ada" };
        let callers = (0..1_000).map(|job_id| analytics.ingest(vec![event(job_id, users(job_id))]));
        // All callers arrive before the first commit ends.
        let open = async { open.send(()).unwrap() };
        let (outcomes, ()) = block_on(async { join!(join_all(callers), open) });
        for (job_id, outcome) in (0..).zip(outcomes) {
            match users(job_id) {
                POISON => assert_eq!(outcome.unwrap_err().to_string(), error().to_string()),
                _ => assert!(matches!(outcome.unwrap()[..], [Receipt::Recorded(_)])),
            }
        }
        assert!(calls.load(Ordering::Relaxed) < 30, "{calls:?}");
        let mut reference = Reference::new(Dedup::default());
        for job_id in (0..1_000).filter(|job_id| users(*job_id) != POISON) {
            reference.ingest(&event(job_id, "ada"));
        }
        let stored = block_on(Dump::of(store.inner())).unwrap();
        assert_eq!(stored, Dump::of_reference(&reference, &[]));
    }
}

#[test]
fn events_of_the_same_call_are_stored_in_their_order() {
    let (store, ..) = store(refused);
    let analytics = Analytics::with_limits(store, CommitLimits::default().batch(100));
    let users = |job_id| if [0, 4, 5, 999].contains(&job_id) { POISON } else { "ada" };
    let events = (0..1_000).map(|job_id| event(job_id, users(job_id))).collect();
    let outcomes = block_on(analytics.ingest_each(events)).unwrap();
    assert_eq!(outcomes.len(), 1_000);
    let mut ids = 1..;
    for (job_id, outcome) in (0..).zip(outcomes) {
        match users(job_id) {
            POISON => assert!(matches!(outcome, Err(Error::Refused { .. })), "{job_id}"),
            _ => assert_eq!(outcome.unwrap(), Receipt::Recorded(ids.next().unwrap())),
        }
    }
    let mixed = vec![event(2_000, "ada"), event(2_001, POISON)];
    assert!(matches!(block_on(analytics.ingest(mixed)), Err(Error::Refused { .. })));
    assert!(block_on(analytics.store().job(event(2_000, "ada").job())).unwrap().is_some());
}

#[test]
fn too_many_of_them_are_left_for_another_call() {
    let (store, calls, _) = store(refused);
    let events: Vec<Event> = (0..10_000).map(|job_id| event(job_id, POISON)).collect();
    let parts = block_on(ingest_apart(&store, events));
    assert_eq!(parts.iter().map(|part| part.events).sum::<usize>(), 10_000);
    assert!(calls.load(Ordering::Relaxed) <= 64, "{calls:?}");
    let errors = parts.iter().filter_map(|part| part.receipts.as_ref().err());
    let (found, left): (Vec<_>, Vec<_>) = errors.partition(|error| error.is_of_one_part());
    assert!(!found.is_empty() && !left.is_empty());
    assert!(left.iter().all(|error| error.is_retryable()), "{left:?}");
}

#[test]
fn other_errors_fail_the_batch_as_a_whole() {
    let (store, calls, _) = store(|| Error::engine("probe", "commit", "the disk is full"));
    let events = vec![event(1, "ada"), event(2, POISON)];
    let parts = block_on(ingest_apart(&store, events));
    assert_eq!((parts.len(), calls.load(Ordering::Relaxed)), (1, 1));
    assert!(parts[0].outcomes().all(|outcome| matches!(outcome, Err(Error::Engine { .. }))));
}
