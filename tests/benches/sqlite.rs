//! The SQLite store against a bare loop that inserts the same rows through the same driver, with the
//! same durability, unique key and settings, and does nothing else; and what reads cost.

mod measured;

use std::hint::black_box;
use std::path::Path;

use criterion::Criterion;
use measured::{Measure, is_quick, take_turns, version};
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Dedup, Event, JobCursor, JobFilter, JobKey, Store, Timestamp};
use spark_analytics_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, QueryBuilder, SqliteConnection};
use tokio::runtime::Runtime;

const JOBS: u64 = 10_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory is made");
    let runtime = Runtime::new().expect("a runtime starts");
    let (events, jobs) = if is_quick() { (40_000, 2_000) } else { (1_000_000, 100_000) };
    runtime.block_on(compare(directory.path(), events));
    read(&mut criterion, &runtime, directory.path(), jobs);
    criterion.final_summary();
}

/// Durable batches of both into databases that hold `events` events of 10,000 jobs already.
async fn compare(directory: &Path, events: usize) {
    let store = SqliteStore::open(directory.join("ours.db")).await.expect("opens");
    let mut bare = BareLoop::open(&directory.join("bare.db")).await;
    version("SQLite", &bare.version().await);
    let mut workload = Workload::new(JOBS, 1);
    for _ in 0..events / 10_000 {
        let batch = workload.batch(10_000);
        bare.insert(&batch).await;
        store.ingest(batch).await.expect("takes a batch");
    }
    for (rows, batches) in [(1_000, 200), (64, 500)] {
        let batches = if is_quick() { batches / 10 } else { batches };
        let (ours, theirs) = take_turns(
            &mut workload,
            rows,
            batches,
            async |batch| drop(store.ingest(batch).await.expect("takes a batch")),
            async |batch| bare.insert(batch).await,
        )
        .await;
        Measure(&format!("SQLite, durable batches of {rows} into {events} events"), "rows/s")
            .compare(&ours, "bare loop", &theirs);
    }
    store.close().await.expect("closes");
    bare.0.close().await.expect("closes");
}

/// Rows into one table with one unique key.
struct BareLoop(SqliteConnection);

impl BareLoop {
    async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-131072")
            .pragma("wal_autocheckpoint", "32768")
            .disable_statement_logging();
        let mut connection = options.connect().await.expect("opens");
        let create = "CREATE TABLE events (id INTEGER PRIMARY KEY, app TEXT NOT NULL, \
                      job INTEGER NOT NULL, type INTEGER NOT NULL, time INTEGER NOT NULL, \
                      task TEXT NOT NULL, raw TEXT NOT NULL, UNIQUE (app, job, type, time, task))";
        sqlx::query(create).execute(&mut connection).await.expect("creates");
        Self(connection)
    }

    async fn version(&mut self) -> String {
        let version = sqlx::query_scalar("SELECT sqlite_version()");
        version.fetch_one(&mut self.0).await.expect("responds")
    }

    async fn insert(&mut self, events: &[Event]) {
        let mut transaction = self.0.begin().await.expect("begins");
        for chunk in events.chunks(1_000) {
            let mut insert =
                QueryBuilder::new("INSERT INTO events (app, job, type, time, task, raw) ");
            insert.push_values(chunk, |mut row, event| {
                let id = event.id(Dedup::WithTask);
                row.push_bind(event.job().app_id.as_str())
                    .push_bind(event.job().job_id)
                    .push_bind(i64::from(id.event_type.code()))
                    .push_bind(id.timestamp.as_micros())
                    .push_bind(id.task.to_owned())
                    .push_bind(event.raw());
            });
            insert.push(" ON CONFLICT DO NOTHING");
            insert.build().execute(&mut *transaction).await.expect("inserts");
        }
        transaction.commit().await.expect("commits");
    }
}

/// Reads of one job, and of the first 1,000 of a day, in a day of `jobs` jobs of 10 tasks.
fn read(criterion: &mut Criterion, runtime: &Runtime, directory: &Path, jobs: i64) {
    let store = runtime.block_on(async {
        let store = SqliteStore::open(directory.join("day.db")).await.expect("opens");
        for first in (0..jobs).step_by(1_000) {
            let batch = (first..first + 1_000).flat_map(short_job).collect();
            store.ingest(batch).await.expect("takes a batch");
        }
        store
    });
    let day = JobFilter::day(Timestamp::from_millis(START_MS).day());
    let mut group = criterion.benchmark_group("SQLite");
    group.sample_size(20);
    let mut next = 0;
    group.bench_function(format!("read a job, of {jobs}"), |bencher| {
        bencher.iter(|| {
            next = (next + 7_919) % jobs;
            black_box(runtime.block_on(store.job(&JobKey::new(next))).expect("reads"))
        });
    });
    group.bench_function(format!("first 1,000 jobs of a day of {jobs}"), |bencher| {
        bencher.iter(|| {
            let page = runtime.block_on(store.jobs(&day, None, 1_000)).expect("lists");
            assert_eq!(page.len(), 1_000);
        });
    });
    let middle = JobCursor {
        duration_us: 0,
        end: Timestamp::from_millis(START_MS + jobs / 2 * 100),
        key: JobKey::new(jobs / 4),
    };
    group.bench_function("1,000 jobs from the middle of that day", |bencher| {
        bencher.iter(|| {
            let page = runtime.block_on(store.jobs(&day, Some(&middle), 1_000)).expect("lists");
            assert!(!page.is_empty());
        });
    });
    group.finish();
    runtime.block_on(store.close()).expect("closes");
}

/// 2024-03-30T00:00:00Z
const START_MS: i64 = 1_711_756_800_000;

/// A job of three events that ends on that day.
fn short_job(job_id: i64) -> [Event; 3] {
    let at = |ms| Timestamp::from_millis(START_MS + job_id * 100 + ms);
    let user = format!("data_engineer_{}@example.com", job_id % 5);
    [
        Event::job_start(job_id, at(0), user.as_str()),
        Event::task_end(job_id, at(4_000), user.as_str(), "task_0", 3_900, true),
        Event::job_end(job_id, at(5_000), user.as_str(), at(5_000), "JobSucceeded"),
    ]
    .map(|event| event.expect("valid"))
}
