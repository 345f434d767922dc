//! What a store costs as it grows: `just bench growth`, or `-- sqlite|redb|postgres EVENTS` of this bench.
//!
//! Jobs of 100 events, 50 of them running at a time, 100 a day. At 10,000 events and each ten times as many: the rate
//! of durable batches of 1,000 that led there, and of ones with late tasks of any job; what reads cost; size and memory.

mod measured;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use measured::{Measure, is_quick, micros, timed};
use spark_analytics_core::{Analytics, Day, Event, JobFilter, JobKey, Store, Timestamp};
use spark_analytics_postgres::PostgresStore;
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::runtime::Runtime;

const BATCH: usize = 1_000;
const SMALLEST: usize = 10_000;
const EVENTS_A_JOB: usize = 100;
const RUNNING: usize = 50;
const JOBS_A_DAY: usize = 100;
/// 2024-01-01
const FIRST_DAY: i32 = 19_723;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let name = arguments.first().map_or("sqlite", String::as_str);
    let most = arguments.get(1).map_or(100_000, |it| it.parse().expect("a number of events"));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder is made");
    let path = folder.path().join("store");
    Runtime::new().expect("a runtime starts").block_on(async {
        match name {
            "sqlite" => {
                let store = Arc::new(SqliteStore::open(&path).await.expect("opens"));
                grow("SQLite", most, store, async || folder_bytes(folder.path())).await;
            }
            "redb" => {
                let store = Arc::new(RedbStore::options().create(&path).await.expect("opens"));
                grow("redb", most, store, async || folder_bytes(folder.path())).await;
            }
            "postgres" => {
                let server = std::env::var("SPARK_ANALYTICS_TEST_POSTGRES").expect("a server");
                let mut connection = PgConnection::connect(&server).await.expect("connects");
                let schema = "DROP SCHEMA IF EXISTS growth CASCADE; CREATE SCHEMA growth";
                connection.execute(schema).await.expect("creates");
                let url = format!("{server}?options[search_path]=growth");
                let store = Arc::new(PostgresStore::open(&url).await.expect("opens"));
                let sql = "SELECT pg_database_size(current_database())";
                let size = async || {
                    let size = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection);
                    size.await.map_or(0, |bytes: i64| bytes as u64)
                };
                grow("PostgreSQL", most, store, size).await;
            }
            other => panic!("no store {other}: sqlite, redb or postgres"),
        }
    });
}

async fn grow(name: &str, most: usize, store: Arc<dyn Store>, mut bytes: impl AsyncFnMut() -> u64) {
    let analytics = Analytics::new(Arc::clone(&store));
    let (mut held, mut size, mut late) = (0, SMALLEST, 0);
    while size <= most {
        reset_peak();
        let report = |what: &str, unit: &str, samples: &[f64]| {
            Measure(&format!("{name}: {what}"), unit).report_at(size, samples);
        };
        let mut rates = Vec::new();
        let a_sample = (size - held) / 10;
        while held < size {
            let mut time = Duration::ZERO;
            for _ in 0..a_sample / BATCH {
                let batch = (held..held + BATCH).map(event).collect();
                timed(&mut time, store.ingest(batch)).await.expect("takes a batch");
                held += BATCH;
            }
            rates.push(a_sample as f64 / time.as_secs_f64());
        }
        report("events of running jobs, batches of 1,000", "rows/s", &rates);

        let jobs = size / EVENTS_A_JOB;
        let any = |n: usize, of: usize| n * 7_919 % of;
        let times = if is_quick() { 50 } else { 500 };
        let job = async |n| {
            let key = JobKey::in_app(APP, "", any(n, jobs) as i64);
            store.job(&key).await.expect("reads").expect("is known")
        };
        report("read a job", "µs", &micros(times, job).await);
        let day = |n| Day::from_number(FIRST_DAY + any(n, jobs / JOBS_A_DAY) as i32);
        let summary = async |n| analytics.summary(day(n), day(n), None).await.expect("reads");
        report("read a day's summary", "µs", &micros(times, summary).await);
        let page = async |n| {
            let filter = JobFilter::day(day(n));
            let jobs = store.jobs(&filter, None, 100).await.expect("lists");
            assert_eq!(jobs.len(), JOBS_A_DAY);
        };
        report("first 100 jobs of a day", "µs", &micros(times, page).await);
        report("size", "MB", &[bytes().await as f64 / 1e6]);
        if let Some(peak) = peak_kib() {
            report("peak memory of the process", "MiB", &[peak / 1024.0]);
        }

        let mut rates = Vec::new();
        for _ in 0..5 {
            let mut time = Duration::ZERO;
            let batch = (late..late + BATCH).map(|n| late_task(n, any(n, jobs))).collect();
            timed(&mut time, store.ingest(batch)).await.expect("takes a batch");
            rates.push(BATCH as f64 / time.as_secs_f64());
            late += BATCH;
        }
        report("late tasks of any job, batches of 1,000", "rows/s", &rates);
        size *= 10;
    }
    store.close().await.expect("closes");
}

const APP: &str = "application_1711792363000_0042";

/// The key of a job and its start.
fn job(number: usize) -> (JobKey, Timestamp, String) {
    let (day, of_day) = (number / JOBS_A_DAY, number % JOBS_A_DAY);
    let start = (FIRST_DAY as usize + day) * 86_400 + of_day * 600;
    let user = format!("data_engineer_{}@example.com", number % 5);
    let start = Timestamp::from_millis(start as i64 * 1_000);
    (JobKey::in_app(APP, "", number as i64), start, user)
}

/// The event of a number: the same step of all running jobs before the next.
fn event(number: usize) -> Event {
    let (group, of_group) = (number / (RUNNING * EVENTS_A_JOB), number % (RUNNING * EVENTS_A_JOB));
    let (step, member) = (of_group / RUNNING, of_group % RUNNING);
    let (key, start, user) = job(group * RUNNING + member);
    let at = |ms: usize| Timestamp::from_micros(start.as_micros() + 1_000 * ms as i64);
    let event = match step {
        0 => Event::job_start(key, start, user),
        99 => Event::job_end(key, at(60_000), user, at(60_000), "JobSucceeded"),
        _ => {
            let duration_ms = number * 7_919 % 20_000;
            let task = format!("task_{step}");
            Event::task_end(key, at(duration_ms), user, task, duration_ms as i64, step % 20 != 0)
        }
    };
    event.expect("valid")
}

fn late_task(number: usize, job_number: usize) -> Event {
    let (key, start, user) = job(job_number);
    let duration_ms = (number * 7_919 % 20_000) as i64;
    Event::task_end(key, start, user, format!("late_{number}"), duration_ms, true).expect("valid")
}

fn folder_bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// Resets the peak of memory; Linux only.
fn reset_peak() {
    fs::write("/proc/self/clear_refs", "5").ok();
}

/// The peak of memory since then; Linux only.
fn peak_kib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.split_whitespace().next()?.parse().ok()
}
