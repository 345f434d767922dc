//! Listing rejected input, the newest first.

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{Rejected, Rejection, Result, Timestamp};

use crate::PostgresStore;
use crate::error::failed;
use crate::value::Columns;

pub(crate) async fn rejected(
    store: &PostgresStore,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Rejected>> {
    let rows = sqlx::query(
        "SELECT id, at_us, reason, raw FROM spark_rejected WHERE id < $1 \
         ORDER BY id DESC LIMIT $2",
    )
    .bind(before.unwrap_or(i64::MAX))
    .bind(rows_limit(limit))
    .fetch_all(&store.pool)
    .await
    .map_err(failed("list rejected input"))?;
    let rejected = rows.iter().map(|row| {
        let mut columns = Columns::new(row, "spark_rejected", 1);
        let (id, at) = (columns.get()?, Timestamp::from_micros(columns.get()?));
        let (reason, raw): (String, String) = (columns.get()?, columns.get()?);
        Ok(Rejected { id, rejection: Rejection::new(at, reason, raw.as_bytes()) })
    });
    rejected.collect()
}
