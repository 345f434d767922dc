//! Where logs lay when they were taken.

use spark_analytics_core::{LogSource, Result, Timestamp};
use sqlx::sqlite::SqliteConnection;

use crate::SqliteStore;
use crate::statement::Statement;
use crate::store::failed;
use crate::value::Columns;

impl SqliteStore {
    pub(crate) async fn read_log_source(&self, location: &str) -> Result<Option<LogSource>> {
        let row = sqlx::query(
            "SELECT rowid, size, modified_us FROM spark_log_sources WHERE location = ?",
        )
        .bind(location)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed("read where a log lay"))?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::new(&row, "spark_log_sources");
        columns.get::<i64>()?;
        let size = columns.get::<i64>()?.cast_unsigned();
        let modified = Timestamp::from_micros(columns.get()?);
        Ok(Some(LogSource { location: location.to_owned(), size, modified }))
    }
}

/// Notes sources; of one location the last counts.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    sources: &[LogSource],
) -> sqlx::Result<()> {
    let put = Statement::insert("REPLACE INTO spark_log_sources", "location, size, modified_us");
    let noted: Vec<_> = sources.iter().filter(|source| source.can_be_noted()).collect();
    let rows = put.with(noted, |values, source| {
        values.add(source.location.as_str());
        values.add(source.size.cast_signed());
        values.add(source.modified.as_micros());
    });
    rows.execute(connection).await
}
