//! The PostgreSQL store against a bare loop that inserts the same rows through the same driver with one
//! `UNNEST` a batch, with the same durability and unique key, and does nothing else; several writers
//! at once; and what reads cost. It needs a server: `just bench postgres`.

mod measured;

use std::time::Instant;

use futures::future::try_join_all;
use measured::{Measure, is_quick, micros, take_turns, version};
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Analytics, Day, Dedup, Event, JobCursor, JobFilter, JobKey, Store};
use spark_analytics_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::runtime::Runtime;

const JOBS: u64 = 10_000;
const ROWS: usize = 1_000;

fn main() {
    let Ok(server) = std::env::var("SPARK_ANALYTICS_TEST_POSTGRES") else {
        println!("no server: scripts/bench/all postgres, or scripts/with-services");
        return;
    };
    let runtime = Runtime::new().expect("a runtime starts");
    let (events, batches) = if is_quick() { (40_000, 10) } else { (1_000_000, 200) };
    runtime.block_on(async {
        let store = compare(&server, events, batches).await;
        write_together(&store, batches / 10).await;
        read(&store).await;
        store.close().await.expect("closes");
    });
}

/// Durable batches of both into databases that hold `events` events of 10,000 jobs already.
async fn compare(server: &str, events: usize, batches: usize) -> PostgresStore {
    let mut bare = BareLoop::open(server).await;
    version("PostgreSQL", &bare.version().await);
    let store = open(server, "ours").await;
    let mut workload = Workload::new(JOBS, 1);
    for _ in 0..events / 10_000 {
        let batch = workload.batch(10_000);
        bare.insert(&batch).await;
        store.ingest(batch).await.expect("takes a batch");
    }
    bare.0.execute("VACUUM ANALYZE").await.expect("settles");
    bare.0.execute("CHECKPOINT").await.expect("settles");
    let (ours, theirs) = take_turns(
        &mut workload,
        ROWS,
        batches,
        async |batch| drop(store.ingest(batch).await.expect("takes a batch")),
        async |batch| bare.insert(batch).await,
    )
    .await;
    Measure(&format!("PostgreSQL, durable batches of {ROWS} into {events} events"), "rows/s")
        .compare(&ours, "bare loop", &theirs);

    let (mut our_log, mut their_log) = (Vec::new(), Vec::new());
    let each = |bytes: i64| bytes as f64 / ROWS as f64;
    for _ in 0..batches.div_ceil(10) {
        let batch = workload.batch(ROWS);
        let before = bare.log_bytes().await;
        bare.insert(&batch).await;
        let between = bare.log_bytes().await;
        store.ingest(batch).await.expect("takes a batch");
        their_log.push(each(between - before));
        our_log.push(each(bare.log_bytes().await - between));
    }
    Measure("PostgreSQL, write-ahead log an event", "bytes").compare(
        &our_log,
        "bare loop",
        &their_log,
    );
    store
}

/// Several writers and one in turns: each of jobs of its own, as queues do that are spread by application or job;
/// then all of all jobs.
async fn write_together(store: &PostgresStore, batches: usize) {
    let mut workload = Workload::new(JOBS, 2);
    // Starts and ends are known already.
    workload.batch(2 * JOBS as usize);
    for (name, apart) in [("its own jobs", true), ("all jobs", false)] {
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..if is_quick() { 2 } else { 5 } {
            for (rates, writers) in rates.iter_mut().zip([1, 4]) {
                let mut parts = vec![Vec::new(); writers];
                for (next, event) in workload.batch(ROWS * batches).into_iter().enumerate() {
                    let number = if apart { event.job().job_id as usize } else { next };
                    parts[number % writers].push(event);
                }
                let start = Instant::now();
                let writing = parts.into_iter().map(|events| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        for batch in events.chunks(ROWS) {
                            store.ingest(batch.to_vec()).await.expect("takes a batch");
                        }
                    })
                });
                try_join_all(writing).await.expect("all write");
                rates.push((ROWS * batches) as f64 / start.elapsed().as_secs_f64());
            }
        }
        Measure(&format!("PostgreSQL, 4 writers, each of {name}"), "rows/s")
            .compare(&rates[1], "one", &rates[0]);
    }
}

/// Reads from the final state.
async fn read(store: &PostgresStore) {
    let analytics = Analytics::new(store.clone());
    let day = Day::from_number(19_812);
    let all = JobFilter::default();
    let middle = store.jobs(&all, None, 5_000).await.expect("lists");
    let middle = JobCursor::from(&middle[4_999]);
    let job = async |n: usize| {
        let number = n as i64 * 7_919 % JOBS as i64;
        let key = JobKey::in_app("application_1711792363000_0042", "", number);
        analytics.job(&key).await.expect("reads").expect("is known")
    };
    Measure("PostgreSQL, read a job", "µs").report(&micros(500, job).await);
    let summary = async |_| analytics.summary(day, day, None).await.expect("reads");
    Measure("PostgreSQL, read a day's summary", "µs").report(&micros(500, summary).await);
    let page = async |_| store.jobs(&JobFilter::day(day), None, 100).await.expect("lists");
    Measure("PostgreSQL, first 100 jobs of a day", "µs").report(&micros(500, page).await);
    let page = async |_| store.jobs(&all, Some(&middle), 100).await.expect("lists");
    Measure("PostgreSQL, 100 jobs from the middle of all", "µs").report(&micros(500, page).await);
}

async fn open(server: &str, schema: &str) -> PostgresStore {
    let mut connection = PgConnection::connect(server).await.expect("connects");
    connection
        .execute(AssertSqlSafe(format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"
        )))
        .await
        .expect("creates");
    let url = format!("{server}?options[search_path]={schema}");
    PostgresStore::open(&url).await.expect("opens")
}

/// Rows into one table with one unique key.
struct BareLoop(PgConnection);

impl BareLoop {
    async fn open(server: &str) -> Self {
        let mut connection = PgConnection::connect(server).await.expect("connects");
        let create = "DROP TABLE IF EXISTS bare; CREATE TABLE bare (id bigserial PRIMARY KEY, \
                      app text NOT NULL, job bigint NOT NULL, type smallint NOT NULL, \
                      time bigint NOT NULL, task text NOT NULL, raw text NOT NULL, \
                      UNIQUE (app, job, type, time, task))";
        connection.execute(create).await.expect("creates");
        Self(connection)
    }

    /// How long the server's write-ahead log is.
    async fn log_bytes(&mut self) -> i64 {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        sqlx::query_scalar(sql).fetch_one(&mut self.0).await.expect("responds")
    }

    async fn version(&mut self) -> String {
        sqlx::query_scalar("SHOW server_version").fetch_one(&mut self.0).await.expect("responds")
    }

    async fn insert(&mut self, events: &[Event]) {
        let ids = || events.iter().map(|event| event.id(Dedup::WithTask));
        sqlx::query(
            "INSERT INTO bare (app, job, type, time, task, raw) \
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(events.iter().map(|event| event.job().app_id.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.job().job_id).collect::<Vec<_>>())
        .bind(ids().map(|id| i16::from(id.event_type.code())).collect::<Vec<_>>())
        .bind(ids().map(|id| id.timestamp.as_micros()).collect::<Vec<_>>())
        .bind(ids().map(|id| id.task.to_owned()).collect::<Vec<_>>())
        .bind(events.iter().map(Event::raw).collect::<Vec<_>>())
        .execute(&mut self.0)
        .await
        .expect("inserts");
    }
}
