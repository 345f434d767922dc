//! The cache adapter: its own writes are visible immediately, others' within the age limit.

use std::sync::Arc;
use std::time::Duration;

use spark_analytics_conformance::{Fixture, Gate, conformance};
use spark_analytics_core::{
    Cached, Day, Dedup, Event, JobFilter, JobKey, MemoryStore, Result, Store, Timestamp,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn whole_job(id: i64) -> Vec<Event> {
    let at = Timestamp::from_millis;
    vec![
        Event::job_start(id, at(0), "ada").unwrap(),
        Event::job_end(id, at(1_000), "ada", at(1_000), "JobSucceeded").unwrap(),
    ]
}

async fn jobs_seen(store: &impl Store) -> (bool, usize, i64) {
    let job = store.job(&JobKey::new(1)).await.unwrap();
    let listed = store.jobs(&JobFilter::default(), None, 10).await.unwrap().len();
    let rollups = store.rollups(Day::MIN, Day::MAX, None).await.unwrap();
    (job.is_some(), listed, rollups.first().map_or(0, |(_, rollup)| rollup.jobs()))
}

#[tokio::test]
async fn a_write_through_the_cache_is_visible_immediately() {
    let cached = Cached::with_limits(MemoryStore::default(), 1_000, HOUR);
    assert_eq!(jobs_seen(&cached).await, (false, 0, 0));
    cached.ingest(whole_job(1)).await.unwrap();
    assert_eq!(jobs_seen(&cached).await, (true, 1, 1));
    cached.clone().ingest(whole_job(2)).await.unwrap();
    assert_eq!(jobs_seen(&cached).await, (true, 2, 2));
}

#[tokio::test]
async fn a_write_that_bypasses_the_cache_is_hidden_for_the_age_limit_only() {
    let store = MemoryStore::default();
    let cached = Cached::with_limits(store.clone(), 1_000, HOUR);
    assert_eq!(jobs_seen(&cached).await, (false, 0, 0));
    store.ingest(whole_job(1)).await.unwrap();
    assert_eq!(jobs_seen(&cached).await, (false, 0, 0), "what was read is held");
    assert_eq!((cached.counts().hits, cached.counts().misses), (3, 3));

    let ageless = Cached::with_limits(store.clone(), 1_000, Duration::ZERO);
    assert_eq!(jobs_seen(&ageless).await, (true, 1, 1));
    store.ingest(whole_job(2)).await.unwrap();
    assert_eq!(jobs_seen(&ageless).await, (true, 2, 2));
}

#[tokio::test]
async fn a_cache_of_size_0_holds_nothing_and_a_full_one_still_answers() {
    let store = MemoryStore::default();
    let none = Cached::with_limits(store.clone(), 0, HOUR);
    assert_eq!(jobs_seen(&none).await, (false, 0, 0));
    store.ingest((1..=500).flat_map(whole_job).collect()).await.unwrap();
    assert_eq!(jobs_seen(&none).await, (true, 10, 500));
    let small = Cached::with_limits(store, 64, HOUR);
    for _ in 0..2 {
        for id in 1..=500 {
            assert!(small.job(&JobKey::new(id)).await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn a_read_that_a_write_overtook_is_not_cached() {
    let gate = Gate::new();
    let store = gate.store();
    let cached = Cached::with_limits(store.clone(), 1_000, HOUR);
    gate.hold_reads(true);
    let key = JobKey::new(1);
    let mut read = cached.job(&key);
    assert!(futures::poll!(&mut read).is_pending());
    gate.let_through(1);
    cached.ingest(whole_job(1)).await.unwrap();
    gate.let_through(1);
    // The slow read returns the state before the write; later reads do not.
    assert_eq!(read.await.unwrap(), None);
    gate.hold_reads(false);
    assert!(cached.job(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn entries_are_bounded_in_number() {
    let store = MemoryStore::default();
    store.ingest((1..=2_000).flat_map(whole_job).collect()).await.unwrap();
    let cached = Cached::with_limits(store.clone(), 64, HOUR);
    for id in 1..=2_000 {
        cached.job(&JobKey::new(id)).await.unwrap();
    }
    store.ingest((1..=2_000).map(late_task).collect()).await.unwrap();
    let mut held = 0;
    for id in (1..=2_000).rev() {
        let record = cached.job(&JobKey::new(id)).await.unwrap().unwrap();
        held += usize::from(record.events.tasks.is_empty());
    }
    assert!((1..=64).contains(&held), "{held} jobs are held");
}

fn late_task(id: i64) -> Event {
    Event::task_end(id, Timestamp::from_millis(500), "ada", "t", 1, true).unwrap()
}

/// A store in memory behind a cache whose entries do not expire.
#[derive(Debug)]
struct Behind(Dedup);

#[async_trait::async_trait]
impl Fixture for Behind {
    fn new(dedup: Dedup) -> Self {
        Self(dedup)
    }

    const IS_LASTING: bool = false;

    async fn open(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(Cached::with_limits(MemoryStore::new(self.0), 10_000, HOUR)))
    }
}

conformance!(behind_a_cache, super::Behind);
