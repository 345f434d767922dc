//! The locations of ingested logs.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use spark_analytics_core::log::LogSource;

use crate::statement::Rows;

/// Records sources, in the order of their keys. If a location occurs more than once, the last source counts.
pub(crate) async fn put(connection: &mut PgConnection, sources: &[LogSource]) -> sqlx::Result<()> {
    let recorded = sources.iter().filter(|source| source.can_be_recorded());
    let recorded: BTreeMap<&str, &LogSource> =
        recorded.map(|source| (source.location.as_str(), source)).collect();
    let runs = recorded.values().map(|source| source.run.as_ref());
    Rows::default()
        .column(recorded.keys().copied())
        .column(recorded.values().map(|source| source.size.cast_signed()))
        .column(recorded.values().map(|source| source.modified.as_micros()))
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
