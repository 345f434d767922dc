//! Removing facts of logs, and whole applications.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgConnection;

use spark_analytics_core::backend::{
    FORGOTTEN_INPUT, HeldLog, LogWriteSet, OldApplications, RollupKey, mention_of, plan_forget,
    plan_prune_logs,
};
use spark_analytics_core::{AttemptKey, Day, Forgotten, PruneScope, PrunedLogs, Result, Rollup};

use crate::PostgresStore;
use crate::error::failed;
use crate::lock;
use crate::rows::job::JobNo;
use crate::rows::{attempt, attempt_no, event, removed, rollup};

/// Facts are removed while others write: only the writer of an attempt's logs waits. Jobs are removed while nobody
/// writes, because the rows of new ones cannot be locked.
pub(crate) async fn prune_logs(
    store: &PostgresStore,
    before: Day,
    scope: PruneScope,
) -> Result<PrunedLogs> {
    let day = set_day(store, before).await.map_err(failed("set the day"))?;
    let (mut pruned, mut old) = (PrunedLogs::new(day), OldApplications::new(before, scope));
    loop {
        let attempts = old.next(store).await?;
        if attempts.is_empty() {
            return Ok(pruned);
        }
        let numbers = store.numbers(attempts.into_iter().collect()).await?;
        let mut transaction = match scope {
            PruneScope::Facts => store.lock_attempts(&numbers.values().copied().collect()).await?,
            PruneScope::Jobs => {
                store.begin_without_writers().await.map_err(failed("begin to write"))?
            }
        };
        let attempts = numbers.into_iter().map(|(attempt, number)| (number, attempt)).collect();
        let plan = |attempt: &_, held| plan_prune_logs(attempt, held, before, scope);
        let writes = change(store, &mut transaction, attempts, plan).await?;
        transaction.commit().await.map_err(failed("commit"))?;
        writes.iter().for_each(|writes| pruned.count(writes));
    }
}

/// Moves the day forward before anything is removed; no logs may be being written then that were planned with an
/// earlier day. Returns the day in force.
async fn set_day(store: &PostgresStore, before: Day) -> sqlx::Result<Day> {
    let held: Option<i32> =
        sqlx::query_scalar("SELECT logs_pruned_before_day FROM spark_meta WHERE only_row")
            .fetch_one(&store.pool)
            .await?;
    if let Some(held) = held.map(Day::from_number).filter(|held| *held >= before) {
        return Ok(held);
    }
    let mut transaction = store.begin_without_writers().await?;
    let number = sqlx::query_scalar(
        "UPDATE spark_meta SET logs_pruned_before_day = greatest(logs_pruned_before_day, $1) \
         RETURNING logs_pruned_before_day",
    )
    .bind(before.number())
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Day::from_number(number))
}

pub(crate) async fn forget(
    store: &PostgresStore,
    app_id: &str,
    attempt_id: Option<&str>,
) -> Result<Forgotten> {
    let mut forgotten = Forgotten::default();
    if app_id.is_empty() {
        return Ok(forgotten);
    }
    let mut transaction = store.begin_without_writers().await.map_err(failed("begin to write"))?;
    let attempts = attempt_no::of_app(&mut transaction, app_id)
        .await
        .map_err(failed("find the attempts of an application"))?;
    let wanted = attempts.into_iter().filter(|(_, held)| attempt_id.is_none_or(|id| id == held));
    let attempts = wanted.map(|(number, id)| (number, AttemptKey::new(app_id, id))).collect();
    let writes = change(store, &mut transaction, attempts, plan_forget).await?;
    // Its JSON has no U+0000, which PostgreSQL would refuse.
    if attempt_id.is_none() {
        sqlx::query("UPDATE spark_rejected SET reason = $1, raw = '' WHERE strpos(raw, $2) > 0")
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

/// Loads attempts, plans and writes. Roll-ups are empty in what is returned.
async fn change(
    store: &PostgresStore,
    connection: &mut PgConnection,
    attempts: BTreeMap<i64, AttemptKey>,
    plan: impl Fn(&AttemptKey, HeldLog) -> LogWriteSet,
) -> Result<Vec<LogWriteSet>> {
    let apps: Vec<i64> = attempts.keys().copied().collect();
    let mut held = attempt::held(connection, &apps).await?;
    removed::load(connection, &apps, &mut held).await?;
    let mut rollups: BTreeMap<RollupKey, Rollup> = BTreeMap::new();
    let mut jobs: BTreeSet<JobNo> = BTreeSet::new();
    let mut writes = Vec::with_capacity(apps.len());
    for (number, attempt) in &attempts {
        let mut write = plan(attempt, held.remove(number).unwrap_or_default());
        for (key, change) in std::mem::take(&mut write.rollups) {
            *rollups.entry(key).or_default() += &change;
        }
        jobs.extend(write.jobs.iter().map(|job| (*number, job.key.job_id)));
        writes.push((*number, write));
    }
    event::delete(connection, &jobs).await.map_err(failed("remove events"))?;
    lock::delete(connection, &jobs).await.map_err(failed("remove jobs"))?;
    let of_apps: Vec<_> = writes.iter().map(|(number, write)| (*number, write)).collect();
    attempt::write(connection, &of_apps).await?;
    rollup::add(store, connection, rollups).await?;
    Ok(writes.into_iter().map(|(_, write)| write).collect())
}
