//! Removing raw events.

use spark_analytics_core::{Day, Pruned, Result};

use crate::SqliteStore;
use crate::error::failed;

/// How many events one transaction examines, which bounds how long other writers wait.
const EVENTS_AT_ONCE: i64 = 10_000;

pub(crate) async fn prune(store: &SqliteStore, before: Day) -> Result<Pruned> {
    let (before, last) = set_day(store, before).await?;
    let (mut events, mut next) = (0, Some(i64::MIN));
    while let Some(from) = next {
        let (removed, following) = remove_some(store, from, last, before).await?;
        events += removed;
        next = following;
    }
    Ok(Pruned { events, before })
}

/// Moves the prune day forward before any event is removed, so that removed events cannot be ingested again. Returns
/// the day in force, and the greatest event id.
async fn set_day(store: &SqliteStore, before: Day) -> Result<(Day, i64)> {
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let (held, last): (Option<i32>, Option<i64>) = sqlx::query_as(
        "SELECT pruned_before_day, (SELECT max(id) FROM spark_events) FROM spark_meta",
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(failed("read the current state"))?;
    let held = held.map_or(Day::MIN, Day::from_number);
    if held < before {
        sqlx::query("UPDATE spark_meta SET pruned_before_day = ?")
            .bind(before.number())
            .execute(&mut *transaction)
            .await
            .map_err(failed("set the day"))?;
    }
    transaction.commit().await.map_err(failed("commit"))?;
    Ok((held.max(before), last.unwrap_or(i64::MIN)))
}

/// Examines some events from an id on and removes those before the day. Returns how many, and the id to continue with
/// if there are more.
async fn remove_some(
    store: &SqliteStore,
    from: i64,
    last: i64,
    before: Day,
) -> Result<(u64, Option<i64>)> {
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT id FROM spark_events WHERE id >= ? AND id <= ? ORDER BY id LIMIT 1 OFFSET ?",
    )
    .bind(from)
    .bind(last)
    .bind(EVENTS_AT_ONCE)
    .fetch_optional(&mut *transaction)
    .await
    .map_err(failed("count events"))?;
    let to = next.map_or(last, |next| next - 1);
    let done = sqlx::query("DELETE FROM spark_events WHERE id >= ? AND id <= ? AND time_us < ?")
        .bind(from)
        .bind(to)
        .bind(before.start().as_micros())
        .execute(&mut *transaction)
        .await
        .map_err(failed("remove events"))?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok((done.rows_affected(), next))
}
