//! The locations of ingested logs.

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::log::LogSource;

use crate::statement::Statement;
use crate::value::put_json;

/// Records sources. If a location occurs more than once, the last source counts.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    sources: &[LogSource],
) -> sqlx::Result<()> {
    let put =
        Statement::insert("REPLACE INTO spark_log_sources", "location, size, modified_us, run");
    let recorded: Vec<_> = sources.iter().filter(|source| source.can_be_recorded()).collect();
    let rows = put.with(recorded, |values, source| {
        values.add(source.location.as_str());
        values.add(source.size.cast_signed());
        values.add(source.modified.as_micros());
        match &source.run {
            Some(run) => put_json(values, run),
            None => values.add(None::<&str>),
        }
    });
    rows.execute(connection).await
}
