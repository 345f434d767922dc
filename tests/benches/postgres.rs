//! The PostgreSQL store against a bare loop that inserts the same rows through the same driver with one
//! `UNNEST` a batch, with the same durability and unique key, and does nothing else; several writers
//! at once; and what reads cost. It needs a server: `just bench-postgres`.
//!
//! The two take turns, so that whatever else the machine does slows both.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use spark_analytics_core::{Analytics, Day, Dedup, Event, JobCursor, JobFilter, JobKey, Store};
use spark_analytics_postgres::PostgresStore;
use spark_analytics_tests::Workload;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::runtime::Runtime;

const JOBS: u64 = 10_000;
const ROWS: usize = 1_000;

fn main() {
    let Ok(server) = std::env::var("SPARK_ANALYTICS_TEST_POSTGRES") else {
        println!("no server: scripts/with-services, or just bench-postgres");
        return;
    };
    let is_test = std::env::args().any(|argument| argument == "--test");
    let runtime = Runtime::new().expect("a runtime starts");
    runtime.block_on(compare(
        &server,
        if is_test { 40_000 } else { 1_000_000 },
        if is_test { 5 } else { 200 },
    ));
}

/// Durable batches of both into databases that hold `events` events of 10,000 jobs already.
async fn compare(server: &str, events: usize, batches: usize) {
    let mut bare = BareLoop::open(server).await;
    let store = open(server, "ours").await;
    let mut workload = Workload::new(JOBS, 1);
    for _ in 0..events / 10_000 {
        let batch = workload.batch(10_000);
        bare.insert(&batch).await;
        store.ingest(batch).await.expect("takes a batch");
    }
    println!("{events} events of {JOBS} jobs are present");
    bare.0.execute("VACUUM ANALYZE").await.expect("settles");
    bare.0.execute("CHECKPOINT").await.expect("settles");
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    let (mut our_log, mut their_log) = (0, 0);
    for _ in 0..batches {
        let batch = workload.batch(ROWS);
        let log = bare.log_bytes().await;
        let start = Instant::now();
        bare.insert(&batch).await;
        theirs += start.elapsed();
        let middle = bare.log_bytes().await;
        let start = Instant::now();
        store.ingest(batch).await.expect("takes a batch");
        ours += start.elapsed();
        their_log += middle - log;
        our_log += bare.log_bytes().await - middle;
    }
    let rate = |time: Duration| (ROWS * batches) as f64 / time.as_secs_f64();
    println!(
        "durable batches of {ROWS}: {:.0} rows/s ({:?} a batch), bare loop {:.0} rows/s ({:?}): {:.0} %",
        rate(ours),
        ours / batches as u32,
        rate(theirs),
        theirs / batches as u32,
        100.0 * rate(ours) / rate(theirs),
    );
    let each = |bytes: i64| bytes / (ROWS * batches) as i64;
    println!(
        "write-ahead log: {} bytes an event, bare loop {}; tables with indexes: {}",
        each(our_log),
        each(their_log),
        bare.sizes().await
    );
    // Each writer has jobs of its own, as queues do that are spread by application or job; then all have all.
    for (name, apart) in [("of their own jobs", true), ("of the same jobs", false)] {
        let mut rates = Vec::new();
        for writers in [1, 4] {
            let mut parts = vec![Vec::new(); writers];
            for (next, event) in workload.batch(ROWS * batches).into_iter().enumerate() {
                let part =
                    if apart { event.job().job_id as usize % writers } else { next % writers };
                parts[part].push(event);
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
            rates.push(rate(start.elapsed()));
        }
        println!(
            "4 writers {name}: {:.0} rows/s, one {:.0}: {:.2}x",
            rates[1],
            rates[0],
            rates[1] / rates[0]
        );
    }
    read(&store).await;
    store.close().await.expect("closes");
}

/// Reads while all is as it was left.
async fn read(store: &PostgresStore) {
    let analytics = Analytics::new(store.clone());
    let day = Day::from_number(19_812);
    let app = "application_1711792363000_0042";
    let middle = store.jobs(&JobFilter::default(), None, 5_000).await.expect("lists");
    let middle = JobCursor::from(&middle[4_999]);
    for (name, kind) in [
        ("a job", 0),
        ("a day's summary", 1),
        ("100 jobs of a day", 2),
        ("100 jobs from the middle", 3),
    ] {
        let mut times = Vec::new();
        for n in 0..500 {
            let start = Instant::now();
            match kind {
                0 => drop(
                    analytics
                        .job(&JobKey::in_app(app, "", n * 7_919 % 10_000))
                        .await
                        .expect("reads"),
                ),
                1 => drop(analytics.summary(day, day, None).await.expect("reads")),
                2 => drop(store.jobs(&JobFilter::day(day), None, 100).await.expect("lists")),
                _ => drop(
                    store.jobs(&JobFilter::default(), Some(&middle), 100).await.expect("lists"),
                ),
            }
            times.push(start.elapsed());
        }
        times.sort_unstable();
        println!("read {name}: median {:?}, 99 % within {:?}", times[250], times[495]);
    }
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
    PostgresStore::connect(&url).await.expect("opens")
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
        sqlx::query_scalar(sql).fetch_one(&mut self.0).await.expect("is told")
    }

    async fn sizes(&mut self) -> String {
        let sql = "SELECT string_agg(format('%s.%s %s MB', schemaname, relname, \
                   pg_total_relation_size(relid) / 1000000), ', ') FROM pg_stat_user_tables \
                   WHERE relname IN ('bare', 'spark_events', 'spark_jobs', 'spark_rollups')";
        sqlx::query_scalar(sql).fetch_one(&mut self.0).await.expect("is told")
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
