//! The group commit under a model checker, which runs threads in orders that hardly ever occur on a real machine:
//! `scripts/check/group-commit`.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used)]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use shuttle::future::{block_on, spawn, yield_now};
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::*;

/// A store whose commits are slow, before and after they take effect.
#[derive(Clone, Debug, Default)]
struct Slow {
    store: MemoryStore,
    is_committing: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
}

/// Also ends when the commit is dropped.
struct Committing<'a>(&'a AtomicBool);

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Slow {
    fn dedup(&self) -> Dedup {
        self.store.dedup()
    }
    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        assert!(!self.is_committing.swap(true, Ordering::SeqCst), "two commits at once");
        let _committing = Committing(&self.is_committing);
        self.commits.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
        let receipts = self.store.ingest(events).await;
        yield_now().await;
        receipts
    }
    async fn ingest_logs(&self, _: Vec<LogSnapshot>, _: Vec<LogSource>) -> Result<Vec<LogReceipt>> {
        unreachable!()
    }
    async fn job(&self, _: &JobKey) -> Result<Option<JobRecord>> {
        unreachable!()
    }
    async fn jobs(&self, _: &JobFilter, _: Option<&JobCursor>, _: usize) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn rollups(&self, _: Day, _: Day, _: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        unreachable!()
    }
    async fn events(
        &self,
        _: &JobKey,
        _: Option<&EventCursor>,
        _: usize,
    ) -> Result<Vec<StoredEvent>> {
        unreachable!()
    }
    async fn applications(&self, _: Option<&AttemptKey>, _: usize) -> Result<Vec<Application>> {
        unreachable!()
    }
    async fn log(&self, _: &AttemptKey) -> Result<Option<LogSnapshot>> {
        unreachable!()
    }
    async fn log_source(&self, _: &str) -> Result<Option<LogSource>> {
        unreachable!()
    }
    async fn reject(&self, _: Vec<Rejection>) -> Result<()> {
        unreachable!()
    }
    async fn rejected(&self, _: Option<i64>, _: usize) -> Result<Vec<Rejected>> {
        unreachable!()
    }
    async fn prune(&self, _: Day) -> Result<Pruned> {
        unreachable!()
    }
    async fn prune_logs(&self, _: Day, _: PruneScope) -> Result<PrunedLogs> {
        unreachable!()
    }
    async fn forget(&self, _: &str, _: Option<&str>) -> Result<Forgotten> {
        unreachable!()
    }
    async fn check(&self) -> Result<()> {
        unreachable!()
    }
}

fn event(number: i64) -> Event {
    Event::job_start(number, Timestamp::from_millis(number), "ada").unwrap()
}

/// Polls a call `polls` times, then drops it.
async fn give_up_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    for _ in 0..polls {
        let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(done) = polled {
            return Some(done);
        }
        yield_now().await;
    }
    None
}

/// Callers with two events each; some of them give up after the given number of polls.
fn callers(limits: CommitLimits, polls: &[Option<usize>]) {
    let store = Slow::default();
    let analytics = Analytics::with_limits(store.clone(), limits);
    let calls: Vec<_> = (0..).zip(polls.iter().copied()).collect();
    let tasks = calls.into_iter().map(|(number, polls)| {
        let analytics = analytics.clone();
        spawn(async move {
            let events = vec![event(2 * number), event(2 * number + 1)];
            let call = analytics.ingest(events);
            match polls {
                None => Some(call.await),
                Some(polls) => give_up_after(polls, call).await,
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    block_on(async {
        let mut acknowledged = Vec::new();
        for (number, task) in (0..).zip(tasks) {
            match task.await.unwrap() {
                Some(Ok(receipts)) => {
                    assert!(matches!(receipts[..], [Receipt::Recorded(_), Receipt::Recorded(_)]));
                    acknowledged.extend([event(2 * number), event(2 * number + 1)]);
                }
                Some(Err(Error::Busy { waiting, limit })) => assert!(waiting > limit),
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        let commits = store.commits.load(Ordering::SeqCst);
        assert!(commits <= polls.len(), "{commits} commits");
        let count = acknowledged.len();
        // A batch as large as the limit is accepted, and only if nothing is waiting any more.
        acknowledged.extend((count..limits.waiting).map(|n| event(1_000 + n as i64)));
        let again = analytics.ingest(acknowledged).await.unwrap();
        let known = again.iter().take(count);
        assert!(known.cloned().all(|receipt| matches!(receipt, Receipt::Duplicate(_))));
    });
}

const WIDE: CommitLimits = CommitLimits::DEFAULT.batch(8).waiting(64);

#[test]
fn all_callers_are_answered_and_commits_do_not_overlap() {
    shuttle::check_random(|| callers(WIDE, &[None; 4]), 600);
    shuttle::check_pct(|| callers(WIDE, &[None; 4]), 600, 3);
    shuttle::check_dfs(|| callers(WIDE, &[None; 2]), Some(5_000));
}

#[test]
fn callers_that_give_up_at_any_point_do_not_affect_others() {
    for polls in 0..8 {
        let calls = [Some(polls), None, Some(polls / 2), None];
        shuttle::check_random(move || callers(WIDE, &calls), 100);
        shuttle::check_pct(move || callers(WIDE, &calls), 100, 3);
        shuttle::check_dfs(move || callers(WIDE, &[Some(polls), None]), Some(500));
    }
}

#[test]
fn callers_beyond_the_limit_are_refused_until_space_is_free_again() {
    let narrow = CommitLimits::DEFAULT.batch(4).waiting(4);
    for polls in 0..6 {
        let calls = [None, Some(polls), None, None];
        shuttle::check_random(move || callers(narrow, &calls), 100);
        shuttle::check_pct(move || callers(narrow, &calls), 100, 3);
    }
}
