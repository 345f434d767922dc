//! Reading the facts of event logs.

use sqlx::QueryBuilder;

use spark_analytics_core::backend::{HeldLog, rows_limit};
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{AttemptKey, Result, Timestamp};

use crate::PostgresStore;
use crate::error::failed;
use crate::rows::attempt;
use crate::transaction::Transaction;
use crate::value::{Columns, cannot_be_held, until_nul};

pub(crate) async fn log(
    store: &PostgresStore,
    attempt: &AttemptKey,
) -> Result<Option<LogSnapshot>> {
    let AttemptKey { app_id, attempt_id } = attempt;
    if cannot_be_held(&[app_id, attempt_id]) {
        return Ok(None);
    }
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut transaction =
        Transaction::begin(&store.pool, begin).await.map_err(failed("begin to read"))?;
    let app: Option<i64> = sqlx::query_scalar(
        "SELECT app_no FROM spark_attempts WHERE app_id = $1 AND attempt_id = $2",
    )
    .bind(app_id)
    .bind(attempt_id)
    .fetch_optional(&mut *transaction)
    .await
    .map_err(failed("find an application"))?;
    let held = attempt::held(&mut transaction, app.as_slice()).await?;
    transaction.commit().await.map_err(failed("end reading"))?;
    Ok(held.into_values().find_map(HeldLog::into_snapshot))
}

pub(crate) async fn applications(
    store: &PostgresStore,
    after: Option<&AttemptKey>,
    limit: usize,
) -> Result<Vec<Application>> {
    let mut query = QueryBuilder::new("SELECT app_no, fact FROM spark_applications");
    match after {
        // No stored text equals one with U+0000, so the columns after it cannot matter.
        Some(AttemptKey { app_id, .. }) if cannot_be_held(&[app_id]) => {
            query.push(" WHERE app_id > ").push_bind(until_nul(app_id));
        }
        Some(AttemptKey { app_id, attempt_id }) => {
            query.push(" WHERE (app_id, attempt_id) > (").push_bind(app_id);
            query.push(", ").push_bind(until_nul(attempt_id)).push(")");
        }
        None => {}
    }
    query.push(" ORDER BY app_id, attempt_id LIMIT ").push_bind(rows_limit(limit));
    let rows = query.build().fetch_all(&store.pool).await.map_err(failed("list applications"))?;
    let facts = rows.iter().map(|row| {
        let mut columns = Columns::new(row, "spark_applications", 1);
        columns.get::<i64>()?;
        columns.json()
    });
    facts.collect()
}

pub(crate) async fn log_source(store: &PostgresStore, location: &str) -> Result<Option<LogSource>> {
    if cannot_be_held(&[location]) {
        return Ok(None);
    }
    let row = sqlx::query(
        "SELECT location, size, modified_us, run FROM spark_log_sources \
         WHERE location_sha256 = sha256(convert_to($1, 'UTF8'))",
    )
    .bind(location)
    .fetch_optional(&store.pool)
    .await
    .map_err(failed("read the location of a log"))?;
    let Some(row) = row else { return Ok(None) };
    let mut columns = Columns::new(&row, "spark_log_sources", 1);
    let location = columns.get::<String>()?;
    let size = columns.get::<i64>()?.cast_unsigned();
    let modified = Timestamp::from_micros(columns.get()?);
    let run = columns.optional_json()?;
    Ok(Some(LogSource::new(location, size, modified).with_run(run)))
}
