//! Where logs lay when they were taken.

use std::collections::BTreeMap;

use spark_analytics_core::{LogSource, Result, Timestamp};
use sqlx::postgres::PgConnection;

use crate::PostgresStore;
use crate::columns::Columns;
use crate::failure::failed;
use crate::list::cannot_be_held;
use crate::rows::Rows;

impl PostgresStore {
    pub(crate) async fn read_log_source(&self, location: &str) -> Result<Option<LogSource>> {
        if cannot_be_held(&[location]) {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT location, size, modified_us FROM spark_log_sources \
             WHERE location_sha256 = sha256(convert_to($1, 'UTF8'))",
        )
        .bind(location)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("read where a log lay"))?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::new(&row, "spark_log_sources", 1);
        let location = columns.get()?;
        let size = columns.get::<i64>()?.cast_unsigned();
        let modified = Timestamp::from_micros(columns.get()?);
        Ok(Some(LogSource { location, size, modified }))
    }
}

/// Notes sources, in the order of their keys; of one location the last counts.
pub(crate) async fn put(connection: &mut PgConnection, sources: &[LogSource]) -> sqlx::Result<()> {
    let noted = sources.iter().filter(|source| source.can_be_noted());
    let noted: BTreeMap<&str, &LogSource> =
        noted.map(|source| (source.location.as_str(), source)).collect();
    Rows::default()
        .column(noted.keys().copied())
        .column(noted.values().map(|source| source.size.cast_signed()))
        .column(noted.values().map(|source| source.modified.as_micros()))
        .execute(
            connection,
            "INSERT INTO spark_log_sources (location_sha256, location, size, modified_us) \
             SELECT sha256(convert_to(location, 'UTF8')), location, size, modified_us \
             FROM {rows} AS new (location, size, modified_us) ORDER BY 1 \
             ON CONFLICT (location_sha256) DO UPDATE SET size = excluded.size, \
             modified_us = excluded.modified_us",
        )
        .await
}
