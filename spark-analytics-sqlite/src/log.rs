//! Taking and giving what event logs tell.

use std::collections::{BTreeMap, BTreeSet};

use spark_analytics_core::{
    Application, HeldLog, LogReceipt, LogSnapshot, LogSource, LogWriteSet, Result, Rollup,
    RollupKey, plan_log,
};
use sqlx::sqlite::SqliteConnection;

use crate::SqliteStore;
use crate::log_rows::{App, fact, held};
use crate::store::failed;
use crate::value::Columns;
use crate::{log_put, log_source, rollup_row};

impl SqliteStore {
    pub(crate) async fn take_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let mut receipts = Vec::with_capacity(logs.len());
        for (apps, logs) in with_distinct_attempts(logs) {
            receipts.append(&mut take(&mut transaction, apps, logs).await?);
        }
        log_source::put(&mut transaction, &sources).await.map_err(failed("note where logs lay"))?;
        transaction.commit().await.map_err(failed("commit"))?;
        Ok(receipts)
    }

    pub(crate) async fn give_log(&self, app: App) -> Result<Option<LogSnapshot>> {
        let mut transaction = self.readers.begin().await.map_err(failed("begin to read"))?;
        let (held, _) = held(&mut transaction, &[app]).await?;
        transaction.commit().await.map_err(failed("end reading"))?;
        Ok(held.into_iter().find_map(HeldLog::into_snapshot))
    }

    pub(crate) async fn list_applications(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        let sql = match after {
            Some(_) => {
                "SELECT rowid, fact FROM spark_applications WHERE (app_id, attempt_id) > (?, ?) \
                 ORDER BY app_id, attempt_id LIMIT ?"
            }
            None => {
                "SELECT rowid, fact FROM spark_applications \
                 ORDER BY app_id, attempt_id LIMIT ?"
            }
        };
        let mut query = sqlx::query(sql);
        if let Some((app_id, attempt_id)) = after {
            query = query.bind(app_id).bind(attempt_id);
        }
        let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(&self.readers).await.map_err(failed("list applications"))?;
        rows.iter().map(|row| fact(&mut Columns::new(row, "spark_applications"))).collect()
    }
}

/// Parts the logs so that no part tells of an attempt twice: what a log changes depends on those
/// before it.
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

/// Takes logs of distinct attempts.
async fn take(
    connection: &mut SqliteConnection,
    apps: Vec<App>,
    logs: Vec<LogSnapshot>,
) -> Result<Vec<LogReceipt>> {
    let (held, numbers) = held(connection, &apps).await?;
    let mut writes: Vec<LogWriteSet> =
        logs.into_iter().zip(held).map(|(log, held)| plan_log(log, held)).collect();
    let mut rollups: BTreeMap<RollupKey, Rollup> = BTreeMap::new();
    for writes in &mut writes {
        for (key, change) in std::mem::take(&mut writes.rollups) {
            *rollups.entry(key).or_default() += &change;
        }
    }
    log_put::write(connection, &apps, &writes, &numbers).await?;
    rollup_row::add(connection, rollups).await?;
    Ok(writes.into_iter().map(|writes| writes.receipt).collect())
}
