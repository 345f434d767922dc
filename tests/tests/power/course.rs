//! The batches that are sent to a store, and what it must hold after each.

use std::ops::{Range, RangeInclusive};

use spark_analytics_conformance::{Dump, Workload, history};
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{
    Day, Event, EventContent, EventCursor, JobKey, MemoryStore, Rejected, Rejection, Result, Store,
    Timestamp,
};

use crate::disk::Disk;
use crate::support::random::Random;
use crate::tape::Image;

/// A disk that fails once affects few batches.
const MOST_TRIES: usize = 10;

/// One batch, which is stored as a whole or not at all.
#[derive(Clone, Debug)]
pub(crate) enum Batch {
    Events(Vec<Event>),
    Log(Box<LogSnapshot>),
    Reject(Rejection),
    Prune(Day),
}

/// Everything that a store returns.
#[derive(Debug, PartialEq)]
pub(crate) struct Held {
    dump: Dump,
    /// The events of each job that no prune of the course removes.
    events: Vec<Vec<(EventCursor, EventContent)>>,
    rejected: Vec<Rejected>,
}

#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) batches: Vec<Batch>,
    /// What is held after this many batches.
    pub(crate) held: Vec<Held>,
}

impl Course {
    /// Histories in which everything collides, single events and hundreds at once, logs, prunes.
    pub(crate) async fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut batches = Vec::new();
        let mut workload = Workload::new(40, seed);
        let (mut events, mut size) = (Vec::new(), 3);
        for input in history::sample(160) {
            match input {
                history::Input::Event(event) => events.push(event),
                history::Input::Log(log) => batches.push(Batch::Log(log)),
            }
            if events.len() >= size {
                batches.push(Batch::Events(std::mem::take(&mut events)));
                size = 1 + random.below(8);
            }
            match random.below(40) {
                0..3 => batches.push(Batch::Events(workload.batch(200))),
                3 => {
                    let reason = format!("no event {}", batches.len());
                    let rejection = Rejection::new(Timestamp::from_millis(1), reason, b"{");
                    batches.push(Batch::Reject(rejection));
                }
                _ => {}
            }
        }
        for (at, day) in [(batches.len() / 2, 19_813), (batches.len() - 2, 19_820)] {
            batches.insert(at, Batch::Prune(Day::from_number(day)));
        }
        Self::of(batches).await
    }

    /// The first batches of another course.
    pub(crate) async fn short(seed: u64, batches: usize) -> Self {
        let mut course = Self::new(seed).await;
        course.batches.truncate(batches);
        Self::of(course.batches).await
    }

    pub(crate) async fn of(batches: Vec<Batch>) -> Self {
        let mut course = Self { batches, held: Vec::new() };
        let memory = MemoryStore::default();
        course.held.push(course.held_by(&memory).await.unwrap());
        for batch in &course.batches {
            batch.send(&memory).await.unwrap();
            course.held.push(course.held_by(&memory).await.unwrap());
        }
        course
    }

    /// Sends the batches of a range and records each acknowledgement.
    pub(crate) async fn send(&self, store: &dyn Store, disk: &Disk, numbers: Range<usize>) {
        for number in numbers.start..numbers.end.min(self.batches.len()) {
            self.batches[number].send(store).await.unwrap();
            disk.acknowledge(number + 1);
        }
    }

    /// How many batches a store holds, one of `numbers`. A batch that changes nothing may be
    /// missing: it is sent again.
    pub(crate) async fn prefix(&self, store: &dyn Store, numbers: RangeInclusive<usize>) -> usize {
        let held = self.held_by(store).await.unwrap();
        let is_held = |batches: &usize| self.held.get(*batches) == Some(&held);
        numbers.clone().find(is_held).unwrap_or_else(|| {
            let others: Vec<usize> = (0..self.held.len()).filter(is_held).collect();
            panic!("holds batches {others:?}, not one of {numbers:?}")
        })
    }

    /// Sends all batches, each until it succeeds.
    pub(crate) async fn insist(&self, store: &dyn Store, disk: &Disk) {
        for (batch, number) in self.batches.iter().zip(1..) {
            let mut tries = 1;
            while let Err(error) = batch.send(store).await {
                assert!(disk.failed() > 0, "an error without a cause");
                assert!(tries < MOST_TRIES, "it does not go on: {error}");
                tries += 1;
            }
            disk.acknowledge(number);
        }
    }

    /// Sends the missing batches; then all must be stored.
    pub(crate) async fn complete(&self, store: &dyn Store, held: usize) {
        let whole = self.batches.len();
        self.send(store, &Disk::new(Image::new()), held..whole).await;
        self.prefix(store, whole..=whole).await;
    }

    pub(crate) async fn held_by(&self, store: &dyn Store) -> Result<Held> {
        let mut events = Vec::new();
        let from = self.pruned_before();
        for key in self.keys() {
            let stored = store.events(&key, None, usize::MAX).await?;
            let rows = stored.iter().filter(|stored| stored.event.timestamp().day() >= from);
            events.push(rows.map(row).collect());
        }
        let rejected = store.rejected(None, 1_000).await?;
        Ok(Held { dump: Dump::of(store).await?, events, rejected })
    }

    fn keys(&self) -> Vec<JobKey> {
        let events = self.batches.iter().flat_map(|batch| match batch {
            Batch::Events(events) => events.as_slice(),
            _ => &[],
        });
        let mut keys: Vec<JobKey> = events.map(|event| event.job().clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn pruned_before(&self) -> Day {
        let days = self.batches.iter().filter_map(|batch| match batch {
            Batch::Prune(day) => Some(*day),
            _ => None,
        });
        days.max().unwrap_or(Day::MIN)
    }
}

fn row(stored: &spark_analytics_core::StoredEvent) -> (EventCursor, EventContent) {
    (EventCursor::from(&stored.event), stored.event.content().clone())
}

impl Batch {
    pub(crate) async fn send(&self, store: &dyn Store) -> Result<()> {
        match self {
            Self::Events(events) => store.ingest(events.clone()).await.map(drop),
            Self::Log(log) => store.ingest_logs(vec![(**log).clone()], Vec::new()).await.map(drop),
            Self::Reject(rejection) => store.reject(vec![rejection.clone()]).await,
            Self::Prune(day) => store.prune(*day).await.map(drop),
        }
    }
}
