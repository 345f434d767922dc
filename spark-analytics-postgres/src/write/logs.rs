//! Ingesting event logs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::postgres::PgConnection;

use spark_analytics_core::backend::{LogBatch, LogWriteSet, RollupKey, plan_log};
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{FigureSource, LogReceipt, Result, Rollup};

use crate::PostgresStore;
use crate::error::failed;
use crate::lock;
use crate::rows::job::JobNo;
use crate::rows::{attempt, job, removed, rollup};
use crate::write::sources;

pub(crate) async fn ingest_logs(
    store: &PostgresStore,
    logs: Vec<LogSnapshot>,
    sources: Vec<LogSource>,
) -> Result<Vec<LogReceipt>> {
    ingest_all(store, logs, sources).await.inspect_err(|_| store.forget_numbers())
}

async fn ingest_all(
    store: &PostgresStore,
    logs: Vec<LogSnapshot>,
    sources: Vec<LogSource>,
) -> Result<Vec<LogReceipt>> {
    let count = logs.len();
    let batch = LogBatch::new(logs);
    let numbers = store.numbers(batch.attempts()).await?;
    let number = |log: &LogSnapshot| numbers[&log.application.key()];
    let numbered: Vec<_> = batch.logs().map(|log| (number(log), log)).collect();
    let (mut transaction, mut made) = store.lock_logs(&numbered).await?;
    let mut rollups: BTreeMap<RollupKey, Rollup> = BTreeMap::new();
    let mut receipts = Vec::with_capacity(count);
    for part in batch.into_parts() {
        let part: Vec<_> = part.into_iter().map(|log| (number(&log), log)).collect();
        receipts
            .append(&mut ingest_distinct(&mut transaction, part, &mut made, &mut rollups).await?);
    }
    lock::delete(&mut transaction, &made).await.map_err(failed("write jobs"))?;
    sources::put(&mut transaction, &sources)
        .await
        .map_err(failed("record the locations of logs"))?;
    rollup::add(store, &mut transaction, rollups).await?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(receipts)
}

/// Ingests logs of distinct attempts, and adds up their changes to roll-ups.
async fn ingest_distinct(
    connection: &mut PgConnection,
    logs: Vec<(i64, LogSnapshot)>,
    made: &mut BTreeSet<JobNo>,
    rollups: &mut BTreeMap<RollupKey, Rollup>,
) -> Result<Vec<LogReceipt>> {
    let apps: Vec<i64> = logs.iter().map(|(app, _)| *app).collect();
    let mut held: HashMap<i64, _> = attempt::held(connection, &apps).await?;
    removed::load(connection, &apps, &mut held).await?;
    let mut writes: Vec<(i64, LogWriteSet)> = Vec::with_capacity(logs.len());
    for (app, log) in logs {
        let mut write = plan_log(log, held.remove(&app).unwrap_or_default());
        for (key, change) in std::mem::take(&mut write.rollups) {
            *rollups.entry(key).or_default() += &change;
        }
        writes.push((app, write));
    }
    for (app, write) in &writes {
        job::write(
            connection,
            &write.jobs,
            |write| (*app, write.key.job_id),
            FigureSource::Log,
            made,
        )
        .await
        .map_err(failed("write jobs"))?;
    }
    let of_apps: Vec<_> = writes.iter().map(|(app, write)| (*app, write)).collect();
    attempt::write(connection, &of_apps).await?;
    Ok(writes.into_iter().map(|(_, write)| write.receipt).collect())
}
