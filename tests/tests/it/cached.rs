//! The cache adapter: its own writes are visible immediately, others' within the age limit.

use std::sync::Arc;
use std::time::Duration;

use spark_analytics_conformance::{Fixture, Gate, conformance};
use spark_analytics_core::{
    Cached, Day, Dedup, Event, JobCursor, JobFilter, JobKey, MemoryStore, Result, Store, Timestamp,
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
    let cached = Cached::with_limits(MemoryStore::default(), 1 << 20, HOUR);
    assert_eq!(jobs_seen(&cached).await, (false, 0, 0));
    cached.ingest(whole_job(1)).await.unwrap();
    assert_eq!(jobs_seen(&cached).await, (true, 1, 1));
    cached.clone().ingest(whole_job(2)).await.unwrap();
    assert_eq!(jobs_seen(&cached).await, (true, 2, 2));
}

#[tokio::test]
async fn a_write_that_bypasses_the_cache_is_hidden_for_the_age_limit_only() {
    let store = MemoryStore::default();
    let cached = Cached::with_limits(store.clone(), 1 << 20, HOUR);
    assert_eq!(jobs_seen(&cached).await, (false, 0, 0));
    store.ingest(whole_job(1)).await.unwrap();
    assert_eq!(jobs_seen(&cached).await, (false, 0, 0), "what was read is held");
    assert_eq!((cached.counts().hits, cached.counts().misses), (3, 3));

    let ageless = Cached::with_limits(store.clone(), 1 << 20, Duration::ZERO);
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
    let small = Cached::with_limits(store, 64 << 10, HOUR);
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
    let cached = Cached::with_limits(store.clone(), 1 << 20, HOUR);
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

/// The most that entries of a cache of this many bytes may take.
const SMALL: usize = 128 << 10;

#[tokio::test]
async fn entries_are_bounded_in_bytes() {
    let store = MemoryStore::default();
    store.ingest((1..=2_000).flat_map(whole_job).collect()).await.unwrap();
    let cached = Cached::with_limits(store.clone(), SMALL, HOUR);
    for id in 1..=2_000 {
        cached.job(&JobKey::new(id)).await.unwrap();
        assert!(cached.held_bytes() <= SMALL / 2, "{id}: {}", cached.held_bytes());
    }
    store.ingest((1..=2_000).map(late_task).collect()).await.unwrap();
    let mut held = 0;
    for id in (1..=2_000).rev() {
        let record = cached.job(&JobKey::new(id)).await.unwrap().unwrap();
        held += usize::from(record.events.tasks.is_empty());
    }
    // A record takes about half a KB.
    assert!((10..=200).contains(&held), "{held} jobs are held");
}

/// A job with as many buckets as tasks.
fn wide_job(id: i64, tasks: i64) -> Vec<Event> {
    let end = Timestamp::from_millis(id * 1_000 + 500);
    let task = |task| Event::task_end(id, end, "ada", format!("{task}"), task, true).unwrap();
    whole_job(id).into_iter().chain((0..tasks).map(task)).collect()
}

#[tokio::test]
async fn different_lists_and_ranges_are_bounded_in_bytes_and_large_ones_are_not_held() {
    let store = MemoryStore::default();
    store.ingest((1..=20).flat_map(|id| wide_job(id, 100)).collect()).await.unwrap();
    let cached = Cached::with_limits(store, SMALL, HOUR);
    for n in 0..1_000 {
        let filter = JobFilter::default().user(if n % 2 == 0 { "ada" } else { "bob" });
        cached.jobs(&filter, None, 1 + n).await.unwrap();
        let day = Day::from_number(i32::try_from(n).unwrap());
        cached.rollups(Day::MIN, day, None).await.unwrap();
        assert!(cached.held_bytes() <= SMALL / 2, "{n}: {}", cached.held_bytes());
    }
    let misses = cached.counts().misses;
    // Each of 20 jobs has 100 buckets of 16 bytes: more than an eighth of a quarter.
    cached.jobs(&JobFilter::default().user("ada"), None, 999).await.unwrap();
    assert_eq!(cached.counts().misses, misses + 1);
}

#[tokio::test]
async fn entries_over_age_are_dropped() {
    let store = MemoryStore::default();
    store.ingest((1..=500).flat_map(whole_job).collect()).await.unwrap();
    let cached = Cached::with_limits(store, 1 << 20, Duration::from_millis(1));
    for id in 1..=500 {
        cached.job(&JobKey::new(id)).await.unwrap();
    }
    jobs_seen(&cached).await;
    assert!(cached.held_bytes() > 0);
    std::thread::sleep(Duration::from_millis(2));
    cached.sweep();
    assert_eq!(cached.held_bytes(), 0);
}

#[tokio::test]
async fn every_page_of_a_list_is_held() {
    let store = MemoryStore::default();
    store.ingest((1..=20).flat_map(whole_job).collect()).await.unwrap();
    let cached = Cached::with_limits(store, 1 << 20, HOUR);
    for _ in 0..2 {
        let mut after = None;
        loop {
            let page = cached.jobs(&JobFilter::default(), after.as_ref(), 8).await.unwrap();
            after = page.last().map(JobCursor::from);
            if page.len() < 8 {
                break;
            }
        }
    }
    assert_eq!((cached.counts().hits, cached.counts().misses), (3, 3));
    cached.ingest(whole_job(21)).await.unwrap();
    assert_eq!(cached.held_bytes(), 0);
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
        Ok(Arc::new(Cached::with_limits(MemoryStore::new(self.0), 1 << 20, HOUR)))
    }
}

conformance!(behind_a_cache, super::Behind);
