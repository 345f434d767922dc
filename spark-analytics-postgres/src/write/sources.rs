//! The locations of ingested logs.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use spark_analytics_core::log::LogSource;

use crate::statement::Rows;

/// Notes sources, in the order of their keys; of one location the last counts.
pub(crate) async fn put(connection: &mut PgConnection, sources: &[LogSource]) -> sqlx::Result<()> {
    let noted = sources.iter().filter(|source| source.can_be_recorded());
    let noted: BTreeMap<&str, &LogSource> =
        noted.map(|source| (source.location.as_str(), source)).collect();
    let runs = noted.values().map(|source| source.run.as_ref());
    Rows::default()
        .column(noted.keys().copied())
        .column(noted.values().map(|source| source.size.cast_signed()))
        .column(noted.values().map(|source| source.modified.as_micros()))
        .fallible(runs.map(|run| run.map(serde_json::to_string).transpose()))
        .execute(
            connection,
            "INSERT INTO spark_log_sources (location_sha256, location, size, modified_us, run) \
             SELECT sha256(convert_to(location, 'UTF8')), location, size, modified_us, run \
             FROM {rows} AS new (location, size, modified_us, run) ORDER BY 1 \
             ON CONFLICT (location_sha256) DO UPDATE SET size = excluded.size, \
             modified_us = excluded.modified_us, run = excluded.run",
        )
        .await
}
