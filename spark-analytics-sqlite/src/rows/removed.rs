//! What is kept of attempts whose jobs were removed, and the day before which logs were pruned.

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::backend::{Batch, HeldLog, LogWriteSet, Removed};
use spark_analytics_core::{AttemptKey, Day, Result};

use crate::error::failed;
use crate::statement::Statement;
use crate::value::Columns;

const TABLE: &str = "spark_removed_attempts";

/// For each job of a batch whether its attempt was removed; empty if no attempt ever was.
pub(crate) async fn of_jobs(
    connection: &mut SqliteConnection,
    batch: &Batch,
    are_any: bool,
) -> Result<Vec<bool>> {
    if !are_any {
        return Ok(Vec::new());
    }
    let mut removed = vec![false; batch.jobs().len()];
    let find = Statement::select("rowid", TABLE, "app_id, attempt_id").with(
        batch.jobs().enumerate(),
        |values, (index, key)| {
            values.add(index as i64);
            values.add(key.app_id.as_str());
            values.add(key.attempt_id.as_str());
        },
    );
    for row in &find.fetch(connection).await.map_err(failed("read removed applications"))? {
        let mut columns = Columns::new(row, TABLE);
        columns.get::<i64>()?;
        removed[columns.get::<i64>()? as usize] = true;
    }
    Ok(removed)
}

/// Adds what decides whether logs of attempts are refused.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    apps: &[AttemptKey],
    held: &mut [HeldLog],
) -> Result<()> {
    let day: Option<i32> = sqlx::query_scalar("SELECT logs_pruned_before_day FROM spark_meta")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("read the current state"))?;
    for held in &mut *held {
        held.pruned_before = day.map(Day::from_number);
    }
    let find = Statement::select("rowid, is_forgotten, run_us", TABLE, "app_id, attempt_id").with(
        apps.iter().enumerate(),
        |values, (index, AttemptKey { app_id, attempt_id })| {
            values.add(index as i64);
            values.add(app_id.as_str());
            values.add(attempt_id.as_str());
        },
    );
    for row in &find.fetch(connection).await.map_err(failed("read removed applications"))? {
        let mut columns = Columns::new(row, TABLE);
        columns.get::<i64>()?;
        let removed = Removed { is_forgotten: columns.get()?, run: columns.optional_time()? };
        held[columns.get::<i64>()? as usize].removed = Some(removed);
    }
    Ok(())
}

pub(crate) async fn write(
    connection: &mut SqliteConnection,
    of_apps: &[(&AttemptKey, &LogWriteSet)],
) -> sqlx::Result<()> {
    let removed = of_apps.iter().filter_map(|(app, writes)| Some((*app, writes.removed?)));
    Statement::insert(
        "REPLACE INTO spark_removed_attempts",
        "app_id, attempt_id, is_forgotten, run_us",
    )
    .with(removed.collect::<Vec<_>>(), |values, (AttemptKey { app_id, attempt_id }, removed)| {
        values.add(app_id.as_str());
        values.add(attempt_id.as_str());
        values.add(removed.is_forgotten);
        values.add(removed.run.map(|run| run.as_micros()));
    })
    .execute(connection)
    .await
}
