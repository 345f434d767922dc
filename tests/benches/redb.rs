//! The redb store against a bare loop that inserts the same rows through the same driver, with the
//! same durability, key and cache, and does nothing else; and what reads cost.
//!
//! The two take turns, so that whatever else the machine does slows both.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::Criterion;
use futures::executor::block_on;
use redb::{Database, TableDefinition};
use spark_analytics_core::{Dedup, Event, JobFilter, JobKey, Store};
use spark_analytics_redb::{RedbOptions, RedbStore};
use spark_analytics_tests::Workload;

const JOBS: u64 = 10_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let is_test = std::env::args().any(|argument| argument == "--test");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory is made");
    compare(&mut criterion, directory.path(), if is_test { 40_000 } else { 1_000_000 });
    criterion.final_summary();
}

/// Durable batches of both into databases that hold `events` events of 10,000 jobs already.
fn compare(criterion: &mut Criterion, directory: &Path, events: usize) {
    let path = directory.join("ours.redb");
    let store = block_on(RedbStore::create(&path)).expect("makes a file");
    let bare = BareLoop::create(&directory.join("bare.redb"));
    let mut workload = Workload::new(JOBS, 1);
    for _ in 0..events / 10_000 {
        let batch = workload.batch(10_000);
        bare.insert(&batch);
        block_on(store.ingest(batch)).expect("takes a batch");
    }
    for (rows, batches) in [(1_000, 200), (64, 500)] {
        let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..batches {
            let batch = workload.batch(rows);
            let start = Instant::now();
            bare.insert(&batch);
            theirs += start.elapsed();
            let start = Instant::now();
            block_on(store.ingest(batch)).expect("takes a batch");
            ours += start.elapsed();
        }
        let rate = |time: Duration| f64::from(rows as u32 * batches) / time.as_secs_f64();
        println!(
            "durable batches of {rows} into {events} events: {:.0} rows/s ({:?} a batch), bare loop \
             {:.0} rows/s ({:?}): {:.0} %",
            rate(ours),
            ours / batches,
            rate(theirs),
            theirs / batches,
            100.0 * rate(ours) / rate(theirs),
        );
    }
    read(criterion, &store);
    let size = |name: &str| directory.join(name).metadata().expect("a file").len() >> 20;
    let (ours, theirs) = (size("ours.redb"), size("bare.redb"));
    block_on(store.compact()).expect("compacts");
    println!("file: {ours} MiB, compacted {} MiB; bare loop {theirs} MiB", size("ours.redb"));
    block_on(store.close()).expect("closes");
}

fn read(criterion: &mut Criterion, store: &RedbStore) {
    let mut group = criterion.benchmark_group("redb");
    group.sample_size(20);
    let mut next = 0;
    group.bench_function("read a job of 100 tasks", |bencher| {
        bencher.iter(|| {
            next = (next + 7_919) % JOBS as i64;
            let key = JobKey::in_app("application_1711792363000_0042", "", next);
            black_box(block_on(store.job(&key)).expect("reads").expect("is known"))
        });
    });
    group.bench_function("first 1,000 jobs of 10,000", |bencher| {
        bencher.iter(|| {
            let page = block_on(store.jobs(&JobFilter::default(), None, 1_000)).expect("lists");
            assert_eq!(page.len(), 1_000);
        });
    });
    group.finish();
}

/// Application, job, type, time, task to the raw text.
type Key = (&'static str, i64, u8, i64, &'static str);
const ROWS: TableDefinition<'_, Key, &str> = TableDefinition::new("events");

struct BareLoop(Database);

impl BareLoop {
    fn create(path: &Path) -> Self {
        let mut builder = Database::builder();
        builder.set_cache_size(RedbOptions::default().cache_bytes);
        Self(builder.create(path).expect("makes a file"))
    }

    fn insert(&self, events: &[Event]) {
        let transaction = self.0.begin_write().expect("begins");
        {
            let mut rows = transaction.open_table(ROWS).expect("opens");
            for event in events {
                let (job, id) = (event.job(), event.id(Dedup::WithTask));
                let code = id.event_type.code();
                let time = id.timestamp.as_micros();
                let key = (job.app_id.as_str(), job.job_id, code, time, id.task);
                rows.insert(key, event.raw()).expect("inserts");
            }
        }
        transaction.commit().expect("commits");
    }
}
