//! The handle for programs: it groups concurrent calls into one commit.

mod joint;

use std::sync::{Arc, Weak};

use crate::analytics::joint::{Joint, WeakJoint};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::figures::job::Job;
use crate::figures::rollup::Rollup;
use crate::identity::JobKey;
use crate::log::LogSnapshot;
use crate::store::apart::{IngestedPart, ingest_apart, outcomes_in};
use crate::store::{LogReceipt, Pruned, Receipt, Store};
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};
use crate::time::Day;

/// Limits on the number of events that [`Analytics::ingest`] puts into one commit, and on those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CommitLimits {
    /// Maximum number of events in one commit, 10,000 by default. A larger call is committed in pieces.
    pub batch: usize,
    /// Maximum number of events that wait for a commit or are in one, 100,000 by default. An event
    /// counts once per started KiB of JSON, so that memory is bounded too. A call beyond the limit
    /// fails with [`Error::Busy`], unless nothing else waits.
    pub waiting: usize,
}

impl CommitLimits {
    /// The default.
    pub const DEFAULT: Self = Self { batch: 10_000, waiting: 100_000 };

    /// Maximum number of events in one commit.
    #[must_use]
    pub const fn batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    /// Maximum number of events that wait for a commit or are in one.
    #[must_use]
    pub const fn waiting(self, waiting: usize) -> Self {
        Self { waiting, ..self }
    }
}

impl Default for CommitLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A store with group commit: callers that arrive while a commit runs form the next batch,
/// which is one future that any of them drives.
///
/// There is no background task, and any async runtime will do. Clones share the batches. Use the
/// [`store`](Self::store) for everything else.
///
/// ```
/// use spark_analytics_core::{Analytics, Event, JobKey, MemoryStore, Receipt};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let analytics = Analytics::new(MemoryStore::default());
/// let at = |s: &str| s.parse().unwrap();
/// let events = vec![
///     Event::job_start(7, at("2024-03-30T10:00:00Z"), "ada")?,
///     Event::task_end(7, at("2024-03-30T10:00:04Z"), "ada", "task_1", 4_000, true)?,
///     Event::job_end(7, at("2024-03-30T10:00:05Z"), "ada", at("2024-03-30T10:00:05Z"), "JobSucceeded")?,
/// ];
/// futures::executor::block_on(async {
///     let receipts = analytics.ingest(events).await?;
///     assert_eq!(receipts[0], Receipt::Recorded(1));
///     let job = analytics.job(&JobKey::new(7)).await?.unwrap();
///     assert_eq!(job.duration_seconds(), 5.0);
///     assert_eq!(job.tasks.task_count(), 1);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Analytics {
    shared: Arc<Group>,
}

#[derive(Debug)]
struct Group {
    store: Arc<dyn Store>,
    limits: CommitLimits,
    queue: Mutex<Queue>,
    /// The weight of all batches whose commit has not finished.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    /// The batches that have not finished; the last one may still accept events.
    batches: Vec<OpenBatch>,
}

type Outcome = Arc<[IngestedPart]>;
type Commit = Joint<Outcome>;

/// A batch with its commit, both held weakly: when all callers that wait for it have been dropped, they are dropped, too,
/// and with them the store's transaction.
#[derive(Debug)]
struct OpenBatch {
    events: Weak<Mutex<Vec<Event>>>,
    commit: WeakJoint<Outcome>,
}

impl Analytics {
    /// A handle on a store, with the default limits.
    pub fn new(store: impl Store) -> Self {
        Self::with_limits(store, CommitLimits::default())
    }

    /// A handle on a store with the given limits. A limit of 0 counts as 1, and the batch size is
    /// at least 1/32 of the waiting limit.
    pub fn with_limits(store: impl Store, limits: CommitLimits) -> Self {
        // Each waiting batch is polled from within the next, so there must not be many.
        let waiting = limits.waiting.max(1);
        let limits = CommitLimits { waiting, batch: limits.batch.max(waiting.div_ceil(32)) };
        let (queue, waiting) = (Mutex::default(), AtomicUsize::new(0));
        Self { shared: Arc::new(Group { store: Arc::new(store), limits, queue, waiting }) }
    }

    /// The store, for reads and for calls that are not grouped.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Stores events in order; receipts are returned in the same order.
    ///
    /// Up to [`CommitLimits::batch`] events are one commit, stored whole or not at all, possibly together
    /// with events of other callers; more are committed in pieces of that size, in order. When it returns,
    /// the events are durable and visible to every later read. Dropping the future loses nothing that was
    /// acknowledged and counts nothing twice: if events that were stored are sent again, their receipt is
    /// [`Receipt::Duplicate`].
    ///
    /// # Errors
    /// [`Error::Busy`] if too many events wait; otherwise those of the store. Pieces committed before the
    /// error stay, and if it [is of one event](Error::is_of_one_part), so do all others.
    pub async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.ingest_each(events).await?.into_iter().collect()
    }

    /// Like [`ingest`](Self::ingest), with the outcome of each event: one that the store can never take fails alone. Any
    /// other error is that of all events after it, which are not tried.
    ///
    /// # Errors
    /// [`Error::Busy`] if too many events wait. Pieces committed before it stay.
    pub async fn ingest_each(&self, events: Vec<Event>) -> Result<Vec<Result<Receipt>>> {
        let mut outcomes = Vec::with_capacity(events.len());
        let mut rest = events.into_iter();
        while rest.len() > 0 {
            let begin = outcomes.len();
            let piece: Vec<Event> = rest.by_ref().take(self.shared.limits.batch).collect();
            let len = piece.len();
            let (commit, offset) = self.join(piece)?;
            match commit.await {
                Some(parts) => outcomes.extend(outcomes_in(&parts, offset..offset + len)),
                None => outcomes.extend((0..len).map(|_| Err(panicked()))),
            }
            let mut errors = outcomes[begin..].iter().filter_map(|outcome| outcome.as_ref().err());
            if let Some(error) = errors.find(|error| !error.is_of_one_part()).cloned() {
                outcomes.extend(rest.map(|_| Err(error.clone())));
                break;
            }
        }
        Ok(outcomes)
    }

    /// Stores the snapshot of an event log, atomically.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ingest_log(&self, log: LogSnapshot) -> Result<LogReceipt> {
        let receipts = self.shared.store.ingest_logs(vec![log], Vec::new()).await?;
        Ok(receipts.into_iter().next().unwrap_or_default())
    }

    /// The figures of a job; `None` while the job, its start or its end is unknown.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn job(&self, key: &JobKey) -> Result<Option<Job>> {
        Ok(self.shared.store.job(key).await?.and_then(|record| record.figures(key)))
    }

    /// The figures of the jobs that ended on the days `from` to `to`, both included, of one user or of
    /// all users. The cost does not depend on the number of jobs.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn summary(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        self.shared.store.total(from, to, user).await
    }

    /// Removes raw events before a day, see [`Store::prune`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune(&self, before: Day) -> Result<Pruned> {
        self.shared.store.prune(before).await
    }

    /// Adds events to the open batch, or to a new one behind it; returns the batch and their offset in it.
    fn join(&self, mut events: Vec<Event>) -> Result<(Commit, usize)> {
        let group = &self.shared;
        let weight = weight(&events);
        let mut queue = lock(&group.queue);
        let others = group.waiting.load(Ordering::Acquire);
        if others > 0 && others + weight > group.limits.waiting {
            return Err(Error::Busy { waiting: others + weight, limit: group.limits.waiting });
        }
        queue.batches.retain(|batch| batch.commit.upgrade().is_some());
        let last = queue.batches.last();
        let previous = last.and_then(|last| last.commit.upgrade());
        let open = last.and_then(|last| last.events.upgrade());
        if let (Some(open), Some(commit)) = (open, &previous) {
            let mut held = lock(&open);
            let offset = held.len();
            // An empty batch is one whose commit has begun.
            if offset > 0 && offset + events.len() <= group.limits.batch {
                held.append(&mut events);
                group.waiting.fetch_add(weight, Ordering::AcqRel);
                return Ok((commit.clone(), offset));
            }
        }
        group.waiting.fetch_add(weight, Ordering::AcqRel);
        let batch = BatchEvents { group: Arc::clone(group), events: Arc::new(Mutex::new(events)) };
        let events = Arc::downgrade(&batch.events);
        let commit = Joint::new(batch.commit(previous));
        queue.batches.push(OpenBatch { events, commit: commit.downgrade() });
        Ok((commit, 0))
    }
}

/// The weight of events against the waiting limit.
fn weight(events: &[Event]) -> usize {
    events.iter().map(|event| event.raw().len().div_ceil(1024).max(1)).sum()
}

/// The events of one batch; while it lives they count as waiting.
struct BatchEvents {
    group: Arc<Group>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl BatchEvents {
    async fn commit(self, previous: Option<Commit>) -> Outcome {
        if let Some(previous) = previous {
            // The outcome of an earlier batch is reported to its own callers.
            let _ = previous.await;
        }
        let events = std::mem::take(&mut *lock(&self.events));
        let in_commit = Waiting { group: &self.group, weight: weight(&events) };
        let parts = ingest_apart(&*self.group.store, events).await;
        drop(in_commit);
        parts.into()
    }
}

fn panicked() -> Error {
    Error::engine("given", "ingest a batch", "it panicked")
}

impl Drop for BatchEvents {
    fn drop(&mut self) {
        let weight = weight(&lock(&self.events));
        drop(Waiting { group: &self.group, weight });
    }
}

/// Events that stop waiting when this is dropped.
struct Waiting<'a> {
    group: &'a Group,
    weight: usize,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.group.waiting.fetch_sub(self.weight, Ordering::AcqRel);
    }
}
