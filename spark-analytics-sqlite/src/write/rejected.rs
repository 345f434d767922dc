//! Rejected input.

use spark_analytics_core::{MAX_REJECTED, Rejection, Result};

use crate::SqliteStore;
use crate::error::failed;
use crate::statement::Statement;
use crate::value::next_id;

pub(crate) async fn reject(store: &SqliteStore, rejections: Vec<Rejection>) -> Result<()> {
    if rejections.is_empty() {
        return Ok(());
    }
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let last: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM spark_rejected")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed("count rejected input"))?;
    let first = next_id(last, "spark_rejected")?;
    let put = Statement::insert("INSERT OR FAIL INTO spark_rejected", "id, at_us, reason, raw");
    // If there are more than are kept, only the newest are written.
    let skipped = rejections.len().saturating_sub(MAX_REJECTED);
    let newest = rejections.iter().enumerate().skip(skipped);
    let rows = put.with(newest, |values, (index, rejection)| {
        values.add(first + index as i64);
        values.add(rejection.at.as_micros());
        values.add(rejection.reason.as_str());
        values.add(rejection.raw.as_str());
    });
    rows.execute(&mut transaction).await.map_err(failed("store rejected input"))?;
    sqlx::query("DELETE FROM spark_rejected WHERE id < ?")
        .bind(first + rejections.len() as i64 - MAX_REJECTED as i64)
        .execute(&mut *transaction)
        .await
        .map_err(failed("drop old rejected input"))?;
    transaction.commit().await.map_err(failed("commit"))
}
