//! Ingesting event logs.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::backend::{LogWriteSet, RollupKey, plan_log};
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{LogReceipt, Result, Rollup};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::attempt::{self, App};
use crate::rows::rollup;
use crate::write::sources;

pub(crate) async fn ingest_logs(
    store: &SqliteStore,
    logs: Vec<LogSnapshot>,
    sources: Vec<LogSource>,
) -> Result<Vec<LogReceipt>> {
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let mut receipts = Vec::with_capacity(logs.len());
    for (apps, logs) in with_distinct_attempts(logs) {
        receipts.append(&mut ingest_distinct(&mut transaction, apps, logs).await?);
    }
    sources::put(&mut transaction, &sources)
        .await
        .map_err(failed("record the locations of logs"))?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(receipts)
}

/// Splits the logs so that no part has two logs of one attempt: the changes of a log depend on earlier logs of its
/// attempt.
fn with_distinct_attempts(logs: Vec<LogSnapshot>) -> Vec<(Vec<App>, Vec<LogSnapshot>)> {
    let mut parts: Vec<(Vec<App>, Vec<LogSnapshot>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for log in logs {
        let app = (log.application.app_id.clone(), log.application.attempt_id.clone());
        if !seen.insert(app.clone()) {
            seen = BTreeSet::from([app.clone()]);
            parts.push(Default::default());
        } else if parts.is_empty() {
            parts.push(Default::default());
        }
        if let Some((apps, logs)) = parts.last_mut() {
            apps.push(app);
            logs.push(log);
        }
    }
    parts
}

/// Ingests logs of distinct attempts.
async fn ingest_distinct(
    connection: &mut SqliteConnection,
    apps: Vec<App>,
    logs: Vec<LogSnapshot>,
) -> Result<Vec<LogReceipt>> {
    let (held, numbers) = attempt::held(connection, &apps).await?;
    let mut writes: Vec<LogWriteSet> =
        logs.into_iter().zip(held).map(|(log, held)| plan_log(log, held)).collect();
    let mut rollups: BTreeMap<RollupKey, Rollup> = BTreeMap::new();
    for writes in &mut writes {
        for (key, change) in std::mem::take(&mut writes.rollups) {
            *rollups.entry(key).or_default() += &change;
        }
    }
    attempt::write(connection, &apps, &writes, &numbers).await?;
    rollup::add(connection, rollups).await?;
    Ok(writes.into_iter().map(|writes| writes.receipt).collect())
}
