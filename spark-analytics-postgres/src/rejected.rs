//! Input that could not be taken.

use spark_analytics_core::{MAX_REJECTED, Rejected, Rejection, Result, Timestamp};

use crate::PostgresStore;
use crate::columns::Columns;
use crate::failure::failed;
use crate::list::rows_limit;
use crate::rows::Rows;
use crate::transaction::{BEGIN, Transaction};

impl PostgresStore {
    pub(crate) async fn keep_rejected(&self, rejections: Vec<Rejection>) -> Result<()> {
        if rejections.is_empty() {
            return Ok(());
        }
        // Of many the last would push out the others.
        let newest = &rejections[rejections.len().saturating_sub(MAX_REJECTED)..];
        let rows = Rows::default()
            .column(newest.iter().map(|rejection| rejection.at.as_micros()))
            .column(newest.iter().map(|rejection| rejection.reason.as_str()))
            .column(newest.iter().map(|rejection| rejection.raw.as_str()));
        let mut transaction =
            Transaction::begin(&self.pool, BEGIN).await.map_err(failed("begin to write"))?;
        rows.execute(
            &mut transaction,
            "INSERT INTO spark_rejected (at_us, reason, raw) SELECT * FROM {rows}",
        )
        .await
        .map_err(failed("keep rejected input"))?;
        // What another is deleting need not be waited for.
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

    pub(crate) async fn list_rejected(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Rejected>> {
        let rows = sqlx::query(
            "SELECT id, at_us, reason, raw FROM spark_rejected WHERE id < $1 \
             ORDER BY id DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(rows_limit(limit))
        .fetch_all(&self.pool)
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
}
