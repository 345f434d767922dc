//! Taking and giving what event logs tell.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::QueryBuilder;
use sqlx::postgres::PgConnection;

use spark_analytics_core::{
    Application, HeldLog, LogReceipt, LogSnapshot, LogSource, LogWriteSet, Result, Rollup,
    RollupKey, Source, plan_log,
};

use crate::PostgresStore;
use crate::attempts::App;
use crate::columns::Columns;
use crate::failure::{BackOff, failed};
use crate::list::{cannot_be_held, rows_limit, until_nul};
use crate::lock::{self, JobNo, JobRow};
use crate::log_rows::held;
use crate::rows::Rows;
use crate::transaction::Transaction;
use crate::{job_row, log_put, log_source, rollup_row};

impl PostgresStore {
    pub(crate) async fn take_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let app = |log: &LogSnapshot| -> App {
            (log.application.app_id.clone(), log.application.attempt_id.clone())
        };
        let numbers = self.numbers(logs.iter().map(app).collect()).await?;
        let numbered: Vec<(i64, LogSnapshot)> =
            logs.into_iter().map(|log| (numbers[&app(&log)], log)).collect();
        let (mut transaction, mut made) = self.lock_logs(&numbered).await?;
        let mut rollups: BTreeMap<RollupKey, Rollup> = BTreeMap::new();
        let mut receipts = Vec::with_capacity(numbered.len());
        for part in with_distinct_attempts(numbered) {
            receipts.append(&mut take(&mut transaction, part, &mut made, &mut rollups).await?);
        }
        lock::delete(&mut transaction, &made).await.map_err(failed("write jobs"))?;
        log_source::put(&mut transaction, &sources).await.map_err(failed("note where logs lay"))?;
        rollup_row::add(self, &mut transaction, rollups).await?;
        transaction.commit().await.map_err(failed("commit"))?;
        Ok(receipts)
    }

    /// Begins to write, and locks the attempts and their jobs. Where writers hold each other up it begins
    /// again.
    async fn lock_logs(
        &self,
        logs: &[(i64, LogSnapshot)],
    ) -> Result<(Transaction, BTreeSet<JobNo>)> {
        let mut back_off = BackOff::new();
        loop {
            match self.try_to_lock_logs(logs).await {
                Ok(locked) => return Ok(locked),
                Err(error) => back_off.after(error).await.map_err(failed("lock applications"))?,
            }
        }
    }

    /// An attempt's row is held by whoever writes what logs tell of it; only its jobs have other writers.
    async fn try_to_lock_logs(
        &self,
        logs: &[(i64, LogSnapshot)],
    ) -> sqlx::Result<(Transaction, BTreeSet<JobNo>)> {
        let mut transaction = self.begin().await?;
        let apps: BTreeSet<i64> = logs.iter().map(|(app, _)| *app).collect();
        Rows::default()
            .column(apps.iter().copied())
            .execute(
                &mut transaction,
                "SELECT FROM {rows} AS asked (app_no) JOIN spark_attempts USING (app_no) \
                 ORDER BY app_no FOR UPDATE OF spark_attempts",
            )
            .await?;
        let jobs = logs.iter().flat_map(|(app, log)| {
            log.jobs.iter().map(|job| JobRow {
                no: (*app, job.job_id),
                app_id: &log.application.app_id,
                attempt_id: &log.application.attempt_id,
            })
        });
        let jobs: BTreeSet<JobRow<'_>> = jobs.collect();
        let jobs: Vec<JobRow<'_>> = jobs.into_iter().collect();
        let made = lock::insert(&mut transaction, &jobs).await?;
        Rows::default()
            .column(apps)
            .execute(
                &mut transaction,
                "SELECT FROM {rows} AS asked (app_no) JOIN spark_jobs USING (app_no) \
                 ORDER BY app_no, job_id FOR NO KEY UPDATE OF spark_jobs",
            )
            .await?;
        Ok((transaction, made))
    }

    pub(crate) async fn give_log(
        &self,
        app_id: &str,
        attempt_id: &str,
    ) -> Result<Option<LogSnapshot>> {
        if cannot_be_held(&[app_id, attempt_id]) {
            return Ok(None);
        }
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let mut transaction =
            Transaction::begin(&self.pool, begin).await.map_err(failed("begin to read"))?;
        let app: Option<i64> = sqlx::query_scalar(
            "SELECT app_no FROM spark_attempts WHERE app_id = $1 AND attempt_id = $2",
        )
        .bind(app_id)
        .bind(attempt_id)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed("find an application"))?;
        let held = held(&mut transaction, app.as_slice()).await?;
        transaction.commit().await.map_err(failed("end reading"))?;
        Ok(held.into_values().find_map(HeldLog::into_snapshot))
    }

    pub(crate) async fn list_applications(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        let mut query = QueryBuilder::new("SELECT app_no, fact FROM spark_applications");
        match after {
            // Nothing that is held is equal to a text with U+0000, so that what follows it decides nothing.
            Some((app_id, _)) if cannot_be_held(&[app_id]) => {
                query.push(" WHERE app_id > ").push_bind(until_nul(app_id));
            }
            Some((app_id, attempt_id)) => {
                query.push(" WHERE (app_id, attempt_id) > (").push_bind(app_id);
                query.push(", ").push_bind(until_nul(attempt_id)).push(")");
            }
            None => {}
        }
        query.push(" ORDER BY app_id, attempt_id LIMIT ").push_bind(rows_limit(limit));
        let rows =
            query.build().fetch_all(&self.pool).await.map_err(failed("list applications"))?;
        let facts = rows.iter().map(|row| {
            let mut columns = Columns::new(row, "spark_applications", 1);
            columns.get::<i64>()?;
            columns.json()
        });
        facts.collect()
    }
}

/// Parts the logs so that no part tells of an attempt twice: what a log changes depends on those
/// before it.
fn with_distinct_attempts(logs: Vec<(i64, LogSnapshot)>) -> Vec<Vec<(i64, LogSnapshot)>> {
    let mut parts: Vec<Vec<(i64, LogSnapshot)>> = Vec::new();
    for (app, log) in logs {
        match parts.last_mut() {
            Some(part) if part.iter().all(|(other, _)| *other != app) => part.push((app, log)),
            _ => parts.push(vec![(app, log)]),
        }
    }
    parts
}

/// Takes logs of distinct attempts, and adds up what they change of roll-ups.
async fn take(
    connection: &mut PgConnection,
    logs: Vec<(i64, LogSnapshot)>,
    made: &mut BTreeSet<JobNo>,
    rollups: &mut BTreeMap<RollupKey, Rollup>,
) -> Result<Vec<LogReceipt>> {
    let apps: Vec<i64> = logs.iter().map(|(app, _)| *app).collect();
    let mut held: HashMap<i64, _> = held(connection, &apps).await?;
    let mut writes: Vec<(i64, LogWriteSet)> = Vec::with_capacity(logs.len());
    for (app, log) in logs {
        let mut write = plan_log(log, held.remove(&app).unwrap_or_default());
        for (key, change) in std::mem::take(&mut write.rollups) {
            *rollups.entry(key).or_default() += &change;
        }
        writes.push((app, write));
    }
    for (app, write) in &writes {
        job_row::write(connection, &write.jobs, |job| (*app, job.key.job_id), Source::Log, made)
            .await
            .map_err(failed("write jobs"))?;
    }
    let of_apps: Vec<_> = writes.iter().map(|(app, write)| (*app, write)).collect();
    log_put::write(connection, &of_apps).await?;
    Ok(writes.into_iter().map(|(_, write)| write.receipt).collect())
}
