//! The locations of ingested logs.

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::log::LogSource;

use crate::statement::Statement;

/// Notes sources; of one location the last counts.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    sources: &[LogSource],
) -> sqlx::Result<()> {
    let put = Statement::insert("REPLACE INTO spark_log_sources", "location, size, modified_us");
    let recorded: Vec<_> = sources.iter().filter(|source| source.can_be_recorded()).collect();
    let rows = put.with(recorded, |values, source| {
        values.add(source.location.as_str());
        values.add(source.size.cast_signed());
        values.add(source.modified.as_micros());
    });
    rows.execute(connection).await
}
