//! Rejected input.

use spark_analytics_core::{MAX_REJECTED, Rejection, Result};

use crate::PostgresStore;
use crate::error::failed;
use crate::statement::Rows;
use crate::transaction::{BEGIN, Transaction};

pub(crate) async fn reject(store: &PostgresStore, rejections: Vec<Rejection>) -> Result<()> {
    if rejections.is_empty() {
        return Ok(());
    }
    // Only as many are written as the store keeps: the newest.
    let newest = &rejections[rejections.len().saturating_sub(MAX_REJECTED)..];
    let rows = Rows::default()
        .column(newest.iter().map(|rejection| rejection.at.as_micros()))
        .column(newest.iter().map(|rejection| rejection.reason.as_str()))
        .column(newest.iter().map(|rejection| rejection.raw.as_str()));
    let mut transaction =
        Transaction::begin(&store.pool, BEGIN).await.map_err(failed("begin to write"))?;
    rows.execute(
        &mut transaction,
        "INSERT INTO spark_rejected (at_us, reason, raw) SELECT * FROM {rows}",
    )
    .await
    .map_err(failed("store rejected input"))?;
    // Rows that another writer is deleting are skipped rather than waited for.
    sqlx::query(
        "DELETE FROM spark_rejected WHERE id IN (SELECT id FROM spark_rejected WHERE id <= \
         (SELECT id FROM spark_rejected ORDER BY id DESC OFFSET $1 LIMIT 1) \
         FOR UPDATE SKIP LOCKED)",
    )
    .bind(MAX_REJECTED as i64)
    .execute(&mut *transaction)
    .await
    .map_err(failed("drop old rejected input"))?;
    transaction.commit().await.map_err(failed("commit"))
}
