//! Removing raw events.

use spark_analytics_core::{Day, Pruned, Result};
use sqlx::AssertSqlSafe;

use crate::PostgresStore;
use crate::error::failed;
use crate::transaction::{BEGIN, Transaction};

/// How many pages of 8 KiB one transaction scans.
const PAGES_AT_ONCE: i64 = 1_024;

/// A table that holds events, `spark_events` or a partition of it: its name, its number of pages, and its upper bound if
/// it is partitioned by ranges of `time_us`.
type Part = (String, i64, Option<i64>);

pub(crate) async fn prune(store: &PostgresStore, before: Day) -> Result<Pruned> {
    let before = set_day(store, before).await.map_err(failed("set the day"))?;
    let first_us = before.start().as_micros();
    let mut events = 0;
    for (name, pages, end_us) in parts(store).await.map_err(failed("read the partitions"))? {
        events += match end_us {
            Some(end_us) if end_us <= first_us => {
                drop_part(store, &name).await.or_else(|error| gone(error).map(|()| 0))
            }
            _ => remove_from(store, &name, pages, first_us).await,
        }
        .map_err(failed("remove events"))?;
    }
    Ok(Pruned { events, before })
}

/// Moves the prune day forward before any event is removed, so that removed events cannot be ingested again. No batch that
/// was planned with an earlier day may be running at that time. Returns the day in force.
async fn set_day(store: &PostgresStore, before: Day) -> sqlx::Result<Day> {
    let mut transaction = store.begin_without_writers().await?;
    let number = sqlx::query_scalar(
        "UPDATE spark_meta SET pruned_before_day = greatest(pruned_before_day, $1) \
         RETURNING pruned_before_day",
    )
    .bind(before.number())
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Day::from_number(number))
}

async fn parts(store: &PostgresStore) -> sqlx::Result<Vec<Part>> {
    let mut transaction = begin_alone(store).await?;
    let parts = sqlx::query_as(
        "SELECT oid::regclass::text, \
         pg_relation_size(oid) / current_setting('block_size')::bigint, \
         CASE WHEN pg_get_partkeydef(inhparent) = 'RANGE (time_us)' THEN \
         substring(pg_get_expr(relpartbound, oid) FROM 'TO \\(''(-?\\d+)''\\)')::bigint END \
         FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid \
         WHERE relkind = 'r' AND (oid = 'spark_events'::regclass \
         OR oid IN (SELECT relid FROM pg_partition_tree('spark_events')))",
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(parts)
}

/// Begins to read or drop partitions, one prune at a time because that locks several. Readers and writers queue behind
/// it while it waits to drop a partition, so it does not wait long.
async fn begin_alone(store: &PostgresStore) -> sqlx::Result<Transaction> {
    let lock = store.partitions_lock();
    let begin =
        format!("{BEGIN}; SELECT pg_advisory_xact_lock({lock}); SET LOCAL lock_timeout = '5s'");
    Transaction::begin(&store.pool, &begin).await
}

/// Scans a table page by page: rows that are added after the last page in the meantime are too recent to be pruned.
async fn remove_from(
    store: &PostgresStore,
    name: &str,
    pages: i64,
    first_us: i64,
) -> sqlx::Result<u64> {
    let sql = format!(
        "DELETE FROM {name} WHERE ctid >= format('(%s,0)', $1)::tid \
         AND ctid < format('(%s,0)', $1 + $2)::tid AND time_us < $3"
    );
    let mut events = 0;
    for page in (0..pages).step_by(PAGES_AT_ONCE as usize) {
        let mut transaction = Transaction::begin(&store.pool, BEGIN).await?;
        let done = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(page)
            .bind(PAGES_AT_ONCE)
            .bind(first_us)
            .execute(&mut *transaction)
            .await;
        match done {
            Ok(done) => events += done.rows_affected(),
            Err(error) => return gone(error).map(|()| events),
        }
        transaction.commit().await?;
    }
    Ok(events)
}

/// Drops a partition all of whose events are before the day.
async fn drop_part(store: &PostgresStore, name: &str) -> sqlx::Result<u64> {
    let mut transaction = begin_alone(store).await?;
    let events: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {name}")))
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query(AssertSqlSafe(format!("DROP TABLE {name}"))).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(events.cast_unsigned())
}

/// Ignores the error that a partition does not exist, because another prune has dropped it.
fn gone(error: sqlx::Error) -> sqlx::Result<()> {
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("42P01") => Ok(()),
        _ => Err(error),
    }
}
