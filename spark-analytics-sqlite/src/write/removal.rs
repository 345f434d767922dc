//! Removing facts of logs, and whole applications.

use spark_analytics_core::backend::{
    FORGOTTEN_INPUT, OldApplications, mention_of, plan_forget, plan_prune_logs,
};
use spark_analytics_core::{AttemptKey, Day, Forgotten, PruneScope, PrunedLogs, Result};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::attempt;
use crate::write::logs::{load, write};

pub(crate) async fn prune_logs(
    store: &SqliteStore,
    before: Day,
    scope: PruneScope,
) -> Result<PrunedLogs> {
    let mut pruned = PrunedLogs::new(set_day(store, before).await?);
    let mut old = OldApplications::new(before, scope);
    loop {
        let apps = old.next(store).await?;
        if apps.is_empty() {
            return Ok(pruned);
        }
        let mut writer = store.writer().await?;
        let mut transaction = writer.begin().await?;
        let (held, numbers) = load(&mut transaction, &apps).await?;
        let plan = |(app, held)| plan_prune_logs(app, held, before, scope);
        let writes = apps.iter().zip(held).map(plan).collect();
        let writes = write(&mut transaction, &apps, writes, &numbers).await?;
        transaction.commit().await.map_err(failed("commit"))?;
        writes.iter().for_each(|writes| pruned.count(writes));
    }
}

/// Moves the day forward before anything is removed, so that it is not ingested again. Returns the day in force.
async fn set_day(store: &SqliteStore, before: Day) -> Result<Day> {
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let day: i32 = sqlx::query_scalar(
        "UPDATE spark_meta SET logs_pruned_before_day = \
         max(ifnull(logs_pruned_before_day, ?1), ?1) RETURNING logs_pruned_before_day",
    )
    .bind(before.number())
    .fetch_one(&mut *transaction)
    .await
    .map_err(failed("set the day"))?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(Day::from_number(day))
}

pub(crate) async fn forget(
    store: &SqliteStore,
    app_id: &str,
    attempt_id: Option<&str>,
) -> Result<Forgotten> {
    let mut forgotten = Forgotten::default();
    if app_id.is_empty() {
        return Ok(forgotten);
    }
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let attempts = attempt::known(&mut transaction, app_id).await?;
    let wanted = attempts.into_iter().filter(|held| attempt_id.is_none_or(|id| id == held));
    let apps: Vec<AttemptKey> = wanted.map(|attempt| AttemptKey::new(app_id, attempt)).collect();
    let (held, numbers) = load(&mut transaction, &apps).await?;
    let writes = apps.iter().zip(held).map(|(app, held)| plan_forget(app, held)).collect();
    let writes = write(&mut transaction, &apps, writes, &numbers).await?;
    if attempt_id.is_none() {
        sqlx::query("UPDATE spark_rejected SET reason = ?, raw = '' WHERE instr(raw, ?) > 0")
            .bind(FORGOTTEN_INPUT)
            .bind(mention_of(app_id))
            .execute(&mut *transaction)
            .await
            .map_err(failed("remove rejected input"))?;
    }
    transaction.commit().await.map_err(failed("commit"))?;
    writes.iter().for_each(|writes| forgotten.count(writes));
    Ok(forgotten)
}
