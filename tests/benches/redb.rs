//! The redb store against a bare loop that inserts the same rows through the same driver, with the
//! same durability, key and cache, and does nothing else; and what reads cost.

mod measured;

use std::hint::black_box;
use std::path::Path;

use criterion::Criterion;
use futures::executor::block_on;
use measured::{Measure, is_quick, take_turns};
use redb::{Database, TableDefinition};
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Dedup, Event, JobFilter, JobKey, Store};
use spark_analytics_redb::RedbStore;

const JOBS: u64 = 10_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory is made");
    let events = if is_quick() { 40_000 } else { 1_000_000 };
    let store = block_on(compare(directory.path(), events));
    read(&mut criterion, &store);
    block_on(sizes(store, directory.path()));
    criterion.final_summary();
}

/// Durable batches of both into databases that hold `events` events of 10,000 jobs already.
async fn compare(directory: &Path, events: usize) -> RedbStore {
    let store =
        RedbStore::options().create(directory.join("ours.redb")).await.expect("makes a file");
    let bare = BareLoop::create(&directory.join("bare.redb"));
    let mut workload = Workload::new(JOBS, 1);
    for _ in 0..events / 10_000 {
        let batch = workload.batch(10_000);
        bare.insert(&batch);
        store.ingest(batch).await.expect("takes a batch");
    }
    for (rows, batches) in [(1_000, 200), (64, 500)] {
        let batches = if is_quick() { batches / 10 } else { batches };
        let (ours, theirs) = take_turns(
            &mut workload,
            rows,
            batches,
            async |batch| drop(store.ingest(batch).await.expect("takes a batch")),
            async |batch| bare.insert(batch),
        )
        .await;
        Measure(&format!("redb, durable batches of {rows} into {events} events"), "rows/s")
            .compare(&ours, "bare loop", &theirs);
    }
    store
}

async fn sizes(store: RedbStore, directory: &Path) {
    let size = |name: &str| {
        let bytes = directory.join(name).metadata().expect("a file").len();
        [bytes as f64 / f64::from(1 << 20)]
    };
    Measure("redb, file", "MiB").compare(&size("ours.redb"), "bare loop", &size("bare.redb"));
    store.compact().await.expect("compacts");
    Measure("redb, file compacted", "MiB").report(&size("ours.redb"));
    store.close().await.expect("closes");
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
        builder.set_cache_size(256 * 1024 * 1024);
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
