//! Group commit: which calls wait for which, what is bounded, and what a dropped call leaves behind.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{LocalBoxFuture, Shared, join_all};
use futures::task::noop_waker;
use spark_analytics_conformance::{Dump, Gate, Reference, Workload};
use spark_analytics_core::{
    Analytics, CommitLimits, Error, Event, JobKey, MemoryStore, Receipt, Result, Store, Timestamp,
};
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;

fn event(job_id: i64) -> Vec<Event> {
    vec![Event::job_start(job_id, Timestamp::from_millis(job_id), "ada").unwrap()]
}

/// A call that a test polls itself.
struct Call(Shared<LocalBoxFuture<'static, Result<Vec<Receipt>>>>);

impl Call {
    fn new(analytics: &Analytics, events: Vec<Event>) -> Self {
        let analytics = analytics.clone();
        Self(async move { analytics.ingest(events).await }.boxed_local().shared())
    }

    fn finish(&self) -> Result<Vec<Receipt>> {
        block_on(self.0.clone())
    }

    /// `None` until it has finished; then the same result each time.
    fn poll(&mut self) -> Option<Result<Vec<Receipt>>> {
        match Pin::new(&mut self.0.clone()).poll(&mut Context::from_waker(&noop_waker())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }
}

#[test]
fn callers_that_arrive_during_a_commit_form_the_next_batch() {
    let gate = Gate::new();
    let store = gate.store();
    let analytics = Analytics::new(store.clone());
    let mut calls: Vec<Call> = (0..5).map(|n| Call::new(&analytics, event(n))).collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_none()));
    assert_eq!(gate.arrived(), [1]);
    gate.let_through(2);
    let receipts: Vec<_> = calls.iter_mut().map(|call| call.finish().unwrap()).collect();
    assert_eq!(gate.arrived(), [1, 4]);
    assert_eq!(receipts.concat(), (1..=5).map(Receipt::Recorded).collect::<Vec<_>>());
}

#[test]
fn any_of_the_callers_drives_the_commit() {
    let gate = Gate::new();
    let store = gate.store();
    let analytics = Analytics::new(store.clone());
    let mut calls: Vec<Call> = (0..4).map(|n| Call::new(&analytics, event(n))).collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_none()));
    gate.let_through(9);
    // Only the last call is polled from here on: it drives the batch of the first, too.
    assert_eq!(calls[3].finish().unwrap(), [Receipt::Recorded(4)]);
    assert_eq!(calls[0].poll().unwrap().unwrap(), [Receipt::Recorded(1)]);
}

#[test]
fn a_dropped_leader_leaves_the_commit_to_the_others() {
    let gate = Gate::new();
    let store = gate.store();
    let analytics = Analytics::new(store.clone());
    let mut calls: Vec<Call> = (0..4).map(|n| Call::new(&analytics, event(n))).collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_none()));
    calls.remove(0);
    calls.remove(0);
    gate.let_through(9);
    for call in &mut calls {
        assert!(matches!(call.finish().unwrap()[..], [Receipt::Recorded(_)]));
    }
    // The first batch lost its caller, but the second call, which waits for it, has driven it.
    let again = block_on(analytics.ingest((0..4).flat_map(event).collect())).unwrap();
    assert!(again.iter().all(|receipt| matches!(receipt, Receipt::Duplicate(_))), "{again:?}");
}

#[test]
fn a_call_dropped_after_any_number_of_polls_does_not_affect_others() {
    for polls in 0..6 {
        let gate = Gate::new();
        let store = gate.store();
        let analytics = Analytics::new(store.clone());
        let mut first = Call::new(&analytics, event(0));
        let mut dropped = Call::new(&analytics, event(1));
        let mut other = Call::new(&analytics, event(2));
        assert!(first.poll().is_none());
        for n in 0..polls {
            gate.let_through(usize::from(n % 2 == 1));
            let _ = dropped.poll();
            let _ = other.poll();
        }
        drop(dropped);
        gate.let_through(9);
        assert!(other.finish().is_ok());
        assert!(first.finish().is_ok());
        let receipts = block_on(analytics.ingest([event(1), event(1)].concat())).unwrap();
        assert!(matches!(receipts[1], Receipt::Duplicate(_)));
        assert_eq!(block_on(store.events(&JobKey::new(1), None, 9)).unwrap().len(), 1);
    }
}

#[test]
fn waiting_events_are_bounded_and_dropped_calls_free_their_space() {
    let gate = Gate::new();
    let store = gate.store();
    let analytics =
        Analytics::with_limits(store.clone(), CommitLimits::DEFAULT.batch(2).waiting(3));
    let mut first = Call::new(&analytics, event(0));
    assert!(first.poll().is_none());
    let mut second = Call::new(&analytics, [event(1), event(2)].concat());
    assert!(second.poll().is_none());
    let refused = Call::new(&analytics, event(3)).poll().unwrap().unwrap_err();
    assert!(matches!(refused, Error::Busy { waiting: 4, limit: 3 }));
    assert_eq!(refused.to_string(), "4 events are waiting to be stored (limit: 3); retry shortly");
    drop(second);
    let mut third = Call::new(&analytics, event(3));
    assert!(third.poll().is_none());
    assert_eq!(gate.arrived(), [1], "one commit at a time, even if calls were dropped in between");
    gate.let_through(9);
    assert!(first.finish().is_ok());
    assert!(third.finish().is_ok());
    // Nothing waits any longer, so there is room below the limit again.
    assert!(block_on(analytics.ingest((10..13).flat_map(event).collect())).is_ok());
}

#[test]
fn a_call_larger_than_the_limit_is_stored_in_pieces() {
    let gate = Gate::new();
    let store = gate.store();
    gate.let_through(99);
    let analytics =
        Analytics::with_limits(store.clone(), CommitLimits::DEFAULT.batch(4).waiting(8));
    let receipts = block_on(analytics.ingest((0..21).flat_map(event).collect())).unwrap();
    assert_eq!(receipts, (1..=21).map(Receipt::Recorded).collect::<Vec<_>>());
    assert_eq!(gate.arrived(), [4, 4, 4, 4, 4, 1]);
    assert!(block_on(analytics.ingest(vec![])).unwrap().is_empty());
}

#[test]
fn a_call_of_several_pieces_ends_at_the_first_error_of_the_store() {
    let gate = Gate::new();
    let store = gate.store();
    gate.let_through(99);
    gate.fail_next(1);
    let analytics =
        Analytics::with_limits(store.clone(), CommitLimits::DEFAULT.batch(4).waiting(8));
    let outcomes = block_on(analytics.ingest_each((0..21).flat_map(event).collect())).unwrap();
    assert_eq!(
        (outcomes.len(), outcomes.iter().filter(|outcome| outcome.is_err()).count()),
        (21, 21)
    );
    assert_eq!(gate.arrived(), [4]);
}

#[test]
fn an_error_reaches_every_caller_of_its_batch_and_no_other() {
    let gate = Gate::new();
    let store = gate.store();
    let analytics = Analytics::new(store.clone());
    let mut calls: Vec<Call> = (0..3).map(|n| Call::new(&analytics, event(n))).collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_none()));
    gate.let_through(1);
    assert!(calls[0].finish().is_ok());
    gate.fail_next(1);
    gate.let_through(1);
    for call in &mut calls[1..] {
        let error = call.finish().unwrap_err().to_string();
        assert_eq!(error, "the gated store failed to ingest a batch: the test asked for it");
    }
    gate.let_through(1);
    let again = block_on(analytics.ingest([event(0), event(1)].concat())).unwrap();
    assert_eq!(again, [Receipt::Duplicate(1), Receipt::Recorded(2)]);
}

/// Many callers with overlapping events, on any executor: each event is recorded once.
async fn callers_on_any_runtime<S: Store + Clone>(store: S) {
    let analytics =
        Analytics::with_limits(store.clone(), CommitLimits::DEFAULT.batch(50).waiting(100_000));
    let events = Workload::new(30, 5).batch(1_000);
    let mut reference = Reference::default();
    events.iter().for_each(|event| reference.ingest(event));
    let overlapping = events.chunks(7).chain(events.chunks(13));
    let calls = overlapping.map(|part| analytics.ingest(part.to_vec()));
    let receipts = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>().unwrap().concat();
    let recorded = receipts.iter().filter(|receipt| matches!(receipt, Receipt::Recorded(_)));
    assert_eq!(recorded.count(), events.len());
    assert_eq!(Dump::of(&store).await.unwrap(), Dump::of_reference(&reference, &[]));
}

async fn redb_in(folder: &tempfile::TempDir) -> RedbStore {
    RedbStore::options().create(folder.path().join("store.redb")).await.unwrap()
}

#[test]
fn it_runs_on_futures_executor() {
    let folder = tempfile::tempdir().unwrap();
    block_on(callers_on_any_runtime(MemoryStore::default()));
    block_on(async { callers_on_any_runtime(redb_in(&folder).await).await });
}

#[test]
fn it_runs_on_smol() {
    let folder = tempfile::tempdir().unwrap();
    smol::block_on(callers_on_any_runtime(MemoryStore::default()));
    smol::block_on(async { callers_on_any_runtime(redb_in(&folder).await).await });
}

#[tokio::test]
async fn it_runs_on_tokio() {
    let folder = tempfile::tempdir().unwrap();
    callers_on_any_runtime(MemoryStore::default()).await;
    callers_on_any_runtime(redb_in(&folder).await).await;
    callers_on_any_runtime(SqliteStore::in_memory().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_on_two_threads_are_all_answered() {
    let analytics = Analytics::new(MemoryStore::default());
    let calls = (0..1_000).map(|n| {
        let analytics = analytics.clone();
        tokio::spawn(async move {
            let mut receipts = Vec::new();
            for round in 0..5 {
                receipts.extend(analytics.ingest(event(n * 5 + round)).await.unwrap());
            }
            receipts
        })
    });
    let mut ids: Vec<i64> = Vec::new();
    for call in join_all(calls).await {
        ids.extend(call.unwrap().iter().map(|receipt| match receipt {
            Receipt::Recorded(id) => *id,
            other => panic!("{other:?}"),
        }));
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=5_000).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_on_two_threads_run_concurrently() {
    const ROUNDS: usize = 10;
    // A store with slow commits. One commit has room for a quarter of the callers.
    let store = SqliteStore::in_memory().await.unwrap();
    let analytics = Analytics::with_limits(store, CommitLimits::DEFAULT.batch(250).waiting(2_000));
    let progress: Arc<Vec<AtomicUsize>> = Arc::new((0..1_000).map(|_| 0.into()).collect());
    let start = Arc::new(tokio::sync::Barrier::new(1_000));
    let calls = (0..1_000).map(|caller| {
        let (analytics, progress) = (analytics.clone(), Arc::clone(&progress));
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            for round in 0..ROUNDS {
                analytics.ingest(event((caller * ROUNDS + round) as i64)).await.unwrap();
                progress[caller].store(round + 1, Ordering::Relaxed);
            }
            progress.iter().map(|done| done.load(Ordering::Relaxed)).min().unwrap()
        })
    });
    let slowest = join_all(calls).await.into_iter().map(|call| call.unwrap()).min().unwrap();
    // When the first has ended, the last has done at least half, however threads are scheduled.
    assert!(slowest >= ROUNDS / 2, "one caller had done {slowest} of {ROUNDS} calls");
}

#[test]
fn long_events_count_for_each_kib_that_they_hold() {
    let gate = Gate::new();
    let store = gate.store();
    let analytics =
        Analytics::with_limits(store.clone(), CommitLimits::DEFAULT.batch(9).waiting(18));
    let long = |job_id: i64| {
        let start = event(job_id).remove(0);
        let padded = start.raw().replacen('{', &format!(r#"{{"pad":"{}","#, "x".repeat(9_000)), 1);
        vec![Event::from_json(&padded).unwrap()]
    };
    let mut first = Call::new(&analytics, long(0));
    assert!(first.poll().is_none());
    let mut second = Call::new(&analytics, long(1));
    assert!(second.poll().is_none());
    let refused = Call::new(&analytics, event(2)).poll().unwrap().unwrap_err();
    assert!(matches!(refused, Error::Busy { waiting: 19, limit: 18 }), "{refused:?}");
    gate.let_through(2);
    assert!(first.finish().is_ok() && second.finish().is_ok());
}
