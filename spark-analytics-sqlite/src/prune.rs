//! Removing raw events.

use spark_analytics_core::{Day, Pruned, Result};

use crate::SqliteStore;
use crate::store::failed;

/// How many events one transaction looks at, so that other writers wait no longer than that takes.
const EVENTS_AT_ONCE: i64 = 10_000;

impl SqliteStore {
    pub(crate) async fn remove_events(&self, before: Day) -> Result<Pruned> {
        let (before, first, last) = self.set_day(before).await?;
        let mut events = 0;
        let mut from = first;
        while from <= last {
            let to = from.saturating_add(EVENTS_AT_ONCE);
            events += self.remove_between(from, to, before).await?;
            from = to;
        }
        Ok(Pruned { events, before })
    }

    /// Moves the day forward before anything goes: what goes may not come again. Gives the day in
    /// force, and the least and the greatest id of events.
    async fn set_day(&self, before: Day) -> Result<(Day, i64, i64)> {
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let (held, first, last): (Option<i32>, Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT pruned_before_day, (SELECT min(id) FROM spark_events), \
             (SELECT max(id) FROM spark_events) FROM spark_meta",
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed("read what is held"))?;
        let held = held.map_or(Day::MIN, Day::from_number);
        if held < before {
            sqlx::query("UPDATE spark_meta SET pruned_before_day = ?")
                .bind(before.number())
                .execute(&mut *transaction)
                .await
                .map_err(failed("set the day"))?;
        }
        transaction.commit().await.map_err(failed("commit"))?;
        Ok((held.max(before), first.unwrap_or(0), last.unwrap_or(-1)))
    }

    async fn remove_between(&self, from: i64, to: i64, before: Day) -> Result<u64> {
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let done = sqlx::query("DELETE FROM spark_events WHERE id >= ? AND id < ? AND time_us < ?")
            .bind(from)
            .bind(to)
            .bind(before.start().as_micros())
            .execute(&mut *transaction)
            .await
            .map_err(failed("remove events"))?;
        transaction.commit().await.map_err(failed("commit"))?;
        Ok(done.rows_affected())
    }
}
