//! Ingesting event logs.

use std::collections::{BTreeMap, HashMap};

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::backend::{HeldLog, LogBatch, LogWriteSet, RollupKey, plan_log};
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{AttemptKey, LogReceipt, Result, Rollup};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::{attempt, removed, rollup};
use crate::write::sources;

pub(crate) async fn ingest_logs(
    store: &SqliteStore,
    logs: Vec<LogSnapshot>,
    sources: Vec<LogSource>,
) -> Result<Vec<LogReceipt>> {
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let mut receipts = Vec::with_capacity(logs.len());
    for logs in LogBatch::new(logs).into_parts() {
        receipts.append(&mut ingest_distinct(&mut transaction, logs).await?);
    }
    sources::put(&mut transaction, &sources)
        .await
        .map_err(failed("record the locations of logs"))?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(receipts)
}

/// Ingests logs of distinct attempts.
async fn ingest_distinct(
    connection: &mut SqliteConnection,
    logs: Vec<LogSnapshot>,
) -> Result<Vec<LogReceipt>> {
    let apps: Vec<AttemptKey> = logs.iter().map(|log| log.application.key()).collect();
    let (held, numbers) = load(connection, &apps).await?;
    let writes = logs.into_iter().zip(held).map(|(log, held)| plan_log(log, held)).collect();
    let writes = write(connection, &apps, writes, &numbers).await?;
    Ok(writes.into_iter().map(|writes| writes.receipt).collect())
}

/// What is held of some attempts, and the numbers of their jobs.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    apps: &[AttemptKey],
) -> Result<(Vec<HeldLog>, HashMap<(usize, i64), i64>)> {
    let (mut held, numbers) = attempt::held(connection, apps).await?;
    removed::load(connection, apps, &mut held).await?;
    Ok((held, numbers))
}

/// Writes what changes of attempts. Their roll-ups are empty in what is returned.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    apps: &[AttemptKey],
    mut writes: Vec<LogWriteSet>,
    numbers: &HashMap<(usize, i64), i64>,
) -> Result<Vec<LogWriteSet>> {
    let mut rollups: BTreeMap<RollupKey, Rollup> = BTreeMap::new();
    for writes in &mut writes {
        for (key, change) in std::mem::take(&mut writes.rollups) {
            *rollups.entry(key).or_default() += &change;
        }
    }
    attempt::write(connection, apps, &writes, numbers).await?;
    rollup::add(connection, rollups).await?;
    Ok(writes)
}
