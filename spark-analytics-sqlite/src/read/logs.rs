//! Reading the facts of event logs.

use spark_analytics_core::backend::{HeldLog, rows_limit};
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{AttemptKey, Result, Timestamp};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::attempt::{self, fact};
use crate::value::Columns;

pub(crate) async fn log(store: &SqliteStore, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
    let mut transaction = store.readers.begin().await.map_err(failed("begin to read"))?;
    let (held, _) = attempt::held(&mut transaction, std::slice::from_ref(attempt)).await?;
    transaction.commit().await.map_err(failed("end reading"))?;
    Ok(held.into_iter().find_map(HeldLog::into_snapshot))
}

pub(crate) async fn applications(
    store: &SqliteStore,
    after: Option<&AttemptKey>,
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
    if let Some(after) = after {
        query = query.bind(after.app_id.as_str()).bind(after.attempt_id.as_str());
    }
    let query = query.bind(rows_limit(limit));
    let rows = query.fetch_all(&store.readers).await.map_err(failed("list applications"))?;
    rows.iter().map(|row| fact(&mut Columns::new(row, "spark_applications"))).collect()
}

pub(crate) async fn log_source(store: &SqliteStore, location: &str) -> Result<Option<LogSource>> {
    let row = sqlx::query(
        "SELECT rowid, size, modified_us, run FROM spark_log_sources WHERE location = ?",
    )
    .bind(location)
    .fetch_optional(&store.readers)
    .await
    .map_err(failed("read the location of a log"))?;
    let Some(row) = row else { return Ok(None) };
    let mut columns = Columns::new(&row, "spark_log_sources");
    columns.get::<i64>()?;
    let size = columns.get::<i64>()?.cast_unsigned();
    let modified = Timestamp::from_micros(columns.get()?);
    let run = columns.optional_json()?;
    Ok(Some(LogSource::new(location, size, modified).with_run(run)))
}
