//! Input that could not be taken.

use spark_analytics_core::{MAX_REJECTED, Rejected, Rejection, Result, Timestamp};

use crate::SqliteStore;
use crate::list::rows_limit;
use crate::statement::Statement;
use crate::store::failed;
use crate::value::{Columns, next_id};

impl SqliteStore {
    pub(crate) async fn keep_rejected(&self, rejections: Vec<Rejection>) -> Result<()> {
        if rejections.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM spark_rejected")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed("count rejected input"))?;
        let first = next_id(last, "spark_rejected")?;
        let put = Statement::insert("INSERT OR FAIL INTO spark_rejected", "id, at_us, reason, raw");
        // Of many the last would push out the others.
        let skipped = rejections.len().saturating_sub(MAX_REJECTED);
        let newest = rejections.iter().enumerate().skip(skipped);
        let rows = put.with(newest, |values, (index, rejection)| {
            values.add(first + index as i64);
            values.add(rejection.at.as_micros());
            values.add(rejection.reason.as_str());
            values.add(rejection.raw.as_str());
        });
        rows.execute(&mut transaction).await.map_err(failed("keep rejected input"))?;
        sqlx::query("DELETE FROM spark_rejected WHERE id < ?")
            .bind(first + rejections.len() as i64 - MAX_REJECTED as i64)
            .execute(&mut *transaction)
            .await
            .map_err(failed("drop old rejected input"))?;
        transaction.commit().await.map_err(failed("commit"))
    }

    pub(crate) async fn list_rejected(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Rejected>> {
        let rows = sqlx::query(
            "SELECT id, at_us, reason, raw FROM spark_rejected WHERE id < ? \
             ORDER BY id DESC LIMIT ?",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(rows_limit(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list rejected input"))?;
        let rejected = rows.iter().map(|row| {
            let mut columns = Columns::new(row, "spark_rejected");
            let (id, at) = (columns.get()?, Timestamp::from_micros(columns.get()?));
            let (reason, raw): (String, String) = (columns.get()?, columns.get()?);
            Ok(Rejected { id, rejection: Rejection::new(at, reason, raw.as_bytes()) })
        });
        rejected.collect()
    }
}
