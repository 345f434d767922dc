//! Pruning while others write, and dropping whole partitions of events.

use std::collections::BTreeMap;

use crate::common::{Schema, day, job_on, pool, run};
use futures::future::{join, join_all};
use spark_analytics_core::{Day, Event, JobFilter, Receipt, Rollup, Store};
use spark_analytics_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection};

/// The day `days` days after that of the first events.
fn days_later(days: i32) -> Day {
    Day::from_number(day().number() + days)
}

/// Statements that partition the table of events by day; the old table becomes the partition before them.
fn partition(days: i32) -> String {
    let us = |days: i32| days_later(days).start().as_micros();
    let mut sql = format!(
        "BEGIN; LOCK TABLE spark_events IN ACCESS EXCLUSIVE MODE; \
         ALTER TABLE spark_events RENAME TO spark_events_before; \
         ALTER INDEX spark_events_pkey RENAME TO spark_events_before_pkey; \
         CREATE TABLE spark_events (LIKE spark_events_before INCLUDING DEFAULTS, \
         PRIMARY KEY (app_no, job_id, time_us, type, task_key)) PARTITION BY RANGE (time_us); \
         ALTER TABLE spark_events ATTACH PARTITION spark_events_before \
         FOR VALUES FROM (MINVALUE) TO ({}); \
         CREATE TABLE spark_events_default PARTITION OF spark_events DEFAULT;",
        us(2)
    );
    for day in 2..days {
        sql += &format!(
            "CREATE TABLE \"spark_events of day {day}\" PARTITION OF spark_events \
             FOR VALUES FROM ({}) TO ({});",
            us(day),
            us(day + 1)
        );
    }
    sql + "COMMIT"
}

async fn rollups(store: &PostgresStore) -> Vec<(Day, Rollup)> {
    store.rollups(Day::MIN, Day::MAX, None).await.unwrap()
}

/// The existing tables of events.
async fn parts(schema: &Schema) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_class JOIN pg_partition_tree('spark_events') \
               ON oid = relid WHERE isleaf ORDER BY 1";
    sqlx::query_scalar(sql).fetch_all(&mut schema.beside().await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_never_counts_twice_while_a_prune_runs_beside_writers() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    for round in 0..40 {
        let jobs = i64::from(round) * 100..i64::from(round) * 100 + 20;
        let events = |jobs: std::ops::Range<i64>| -> Vec<Event> {
            jobs.flat_map(|job_id| job_on(i64::from(round), job_id)).collect()
        };
        store.ingest(events(jobs.start..jobs.start + 10)).await.unwrap();
        let writers = (0..4).map(|_| {
            let (store, events) = (store.clone(), events(jobs.clone()));
            tokio::spawn(async move {
                for _ in 0..3 {
                    for batch in events.chunks(20) {
                        store.ingest(batch.to_vec()).await.unwrap();
                    }
                }
            })
        });
        let prunes = (0..2).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.prune(days_later(round + 1)).await.unwrap() })
        });
        let (writers, prunes) = join(join_all(writers), join_all(prunes)).await;
        writers.into_iter().for_each(|writer| writer.unwrap());
        assert!(prunes.into_iter().map(|prune| prune.unwrap().events).sum::<u64>() >= 30);
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM spark_events")
            .fetch_one(&mut schema.beside().await)
            .await
            .unwrap();
        assert_eq!(left, 0);
        let again = store.ingest(events(jobs)).await.unwrap();
        assert!(again.iter().all(|receipt| *receipt == Receipt::TooOld));
    }
    let jobs = store.jobs(&JobFilter::default(), None, 10_000).await.unwrap();
    assert!(jobs.len() >= 400);
    assert!(jobs.iter().all(|job| job.tasks.succeeded == 1));
    let mut recount: BTreeMap<Day, Rollup> = BTreeMap::new();
    jobs.iter().for_each(|job| recount.entry(job.end.day()).or_default().add(job));
    assert_eq!(rollups(&store).await, recount.into_iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_before_the_day_are_dropped_and_events_deleted_from_the_others() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    for day in 0..2 {
        store.ingest(job_on(day, day)).await.unwrap();
    }
    run(&mut schema.beside().await, &partition(5)).await;
    for day in 2..8 {
        let receipts = store.ingest(job_on(day, day)).await.unwrap();
        assert!(receipts.iter().all(|receipt| matches!(receipt, Receipt::Recorded(_))));
        let receipts = store.ingest(job_on(day - 2, day - 2)).await.unwrap();
        assert!(receipts.iter().all(|receipt| matches!(receipt, Receipt::Duplicate(_))));
    }
    let figures = rollups(&store).await;
    let days = [2, 3, 4].map(|day| format!("spark_events of day {day}"));
    let all = [&days[..], &["spark_events_before".into(), "spark_events_default".into()]].concat();
    assert_eq!(parts(&schema).await, all);

    // Removes only a part of one partition.
    assert_eq!(store.prune(days_later(1)).await.unwrap().events, 3);
    assert_eq!(parts(&schema).await, all);
    // Removes two whole partitions and a part of the default one.
    assert_eq!(store.prune(days_later(4)).await.unwrap().events, 9);
    assert_eq!(parts(&schema).await, ["spark_events of day 4", "spark_events_default"]);
    assert_eq!(store.prune(days_later(7)).await.unwrap().events, 9);
    assert_eq!(parts(&schema).await, ["spark_events_default"]);
    assert_eq!(store.prune(days_later(7)).await.unwrap().events, 0);

    assert_eq!(rollups(&store).await, figures);
    assert!(store.ingest(job_on(6, 6)).await.unwrap().contains(&Receipt::TooOld));
    assert!(matches!(store.ingest(job_on(7, 7)).await.unwrap()[0], Receipt::Duplicate(_)));
    assert!(matches!(store.ingest(job_on(9, 9)).await.unwrap()[0], Receipt::Recorded(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_dropped_while_others_write_read_and_prune() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    run(&mut schema.beside().await, &partition(20)).await;
    for day in 0..20 {
        store.ingest(job_on(day, day)).await.unwrap();
    }
    let writers = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..60 {
                store.ingest([job_on(20, round), job_on(19, round)].concat()).await.unwrap();
                let key = spark_analytics_core::JobKey::new(round);
                store.events(&key, None, 10).await.unwrap();
            }
        })
    });
    let prunes = (0..3).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut events = 0;
            for days in 1..20 {
                events += store.prune(days_later(days)).await.unwrap().events;
            }
            events
        })
    });
    let (writers, prunes) = join(join_all(writers), join_all(prunes)).await;
    writers.into_iter().for_each(|writer| writer.unwrap());
    assert_eq!(prunes.into_iter().map(|events| events.unwrap()).sum::<u64>(), 19 * 3);
    assert_eq!(parts(&schema).await, ["spark_events of day 19", "spark_events_default"]);
}

#[tokio::test]
async fn partitions_by_anything_but_time_are_not_dropped() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let by_job = "DROP TABLE spark_events; \
        CREATE TABLE spark_events (app_no bigint NOT NULL, job_id bigint NOT NULL, \
        time_us bigint NOT NULL, type smallint NOT NULL, task_key text COLLATE \"C\" NOT NULL, \
        id bigint NOT NULL, raw text NOT NULL, \
        PRIMARY KEY (app_no, job_id, time_us, type, task_key)) PARTITION BY RANGE (job_id); \
        CREATE TABLE few PARTITION OF spark_events FOR VALUES FROM (0) TO (1000) \
        PARTITION BY HASH (app_no); \
        CREATE TABLE few_0 PARTITION OF few FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
        CREATE TABLE few_1 PARTITION OF few FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
        CREATE TABLE many PARTITION OF spark_events FOR VALUES FROM (1000) TO (2000)";
    run(&mut schema.beside().await, by_job).await;
    for (days, job_id) in [(0, 1), (1, 2), (0, 1_001), (1, 1_002)] {
        store.ingest(job_on(days, job_id)).await.unwrap();
    }
    assert_eq!(store.prune(days_later(1)).await.unwrap().events, 6);
    assert_eq!(parts(&schema).await, ["few_0", "few_1", "many"]);
    assert!(matches!(store.ingest(job_on(1, 1_002)).await.unwrap()[0], Receipt::Duplicate(_)));
}

#[tokio::test]
async fn partitions_in_a_schema_with_an_unusual_name_are_found() {
    let schema = Schema::new().await;
    let name = format!("\"{} 'odd'\"", schema.0);
    run(&mut schema.beside().await, &format!("CREATE SCHEMA {name}")).await;
    let shared = pool(3, format!("SET search_path TO {name}")).await;
    let store = PostgresStore::from_pool(shared.clone()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(partition(4))).execute(&shared).await.unwrap();
    for day in 0..5 {
        store.ingest(job_on(day, day)).await.unwrap();
    }
    assert_eq!(store.prune(days_later(4)).await.unwrap().events, 12);
    assert_eq!(store.prune(days_later(5)).await.unwrap().events, 3);
}

#[tokio::test]
async fn a_reader_of_a_partition_delays_others_for_seconds_only() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    run(&mut schema.beside().await, &partition(4)).await;
    store.ingest(job_on(2, 2)).await.unwrap();
    let mut other = schema.beside().await;
    let mut reading = other.begin().await.unwrap();
    run(&mut reading, "SELECT FROM spark_events").await;
    let held = store.prune(days_later(3)).await.unwrap_err().to_string();
    assert_eq!(
        held,
        "the PostgreSQL store cannot be used now: another process has held a lock for too long: retry"
    );
    assert!(matches!(store.ingest(job_on(3, 3)).await.unwrap()[0], Receipt::Recorded(_)));
    reading.rollback().await.unwrap();
    assert_eq!(store.prune(days_later(3)).await.unwrap().events, 3);
}
