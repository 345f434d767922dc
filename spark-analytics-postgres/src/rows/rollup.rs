//! Roll-ups' rows.
//!
//! The figures of a day and a user are the sum of up to [`SLOTS`] rows. A writer has exclusive use of a slot until it
//! commits, so writers to the same day do not wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use spark_analytics_core::backend::{RollupKey, RollupUpgrade, task_columns};
use spark_analytics_core::{Day, Error, Result, Rollup};

use crate::PostgresStore;
use crate::error::{POSTGRES, failed};
use crate::rows::job;
use crate::statement::Rows;
use crate::transaction::{BEGIN, Transaction};
use crate::value::{Columns, histogram_bytes, narrow, sums_of_tasks, sums_of_tasks_mut, wide};

/// How many writers may change roll-ups at the same time; others wait.
const SLOTS: i16 = 16;

/// The columns that [`rollup`] reads.
pub(crate) const FIGURES: &str = concat!(
    "jobs_succeeded, jobs_failed, jobs_unknown, job_duration_us, success_rate_ppb, job_durations, ",
    task_columns!(),
    ", wide_sums, jobs_with_tasks, impossible_durations"
);

/// Adds to the stored roll-ups.
pub(crate) async fn add(
    store: &PostgresStore,
    connection: &mut PgConnection,
    mut changes: BTreeMap<RollupKey, Rollup>,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let slot = take_slot(store, connection).await.map_err(failed("take a slot"))?;
    let keys: Vec<RollupKey> = changes.keys().cloned().collect();
    let sql = format!(
        "SELECT day, user_name, {FIGURES}, place \
         FROM {{rows}} AS asked (place, slot, of_all, user_name, day) \
         JOIN spark_rollups USING (slot, of_all, user_name, day)"
    );
    let places = Rows::default().column(0..keys.len() as i64);
    let rows = with_keys(places, slot, keys.iter()).fetch(connection, &sql).await;
    let mut held = BTreeSet::new();
    for row in &rows.map_err(failed("read roll-ups"))? {
        let mut columns = Columns::new(row, "spark_rollups", 2);
        let (_day, _user): (i32, &str) = (columns.get()?, columns.get()?);
        let rollup = rollup(&mut columns)?;
        let key = &keys[columns.place()?];
        if let Some(change) = changes.get_mut(key) {
            *change += &rollup;
        }
        held.insert(key);
    }
    let is_held = |key: &&RollupKey| held.contains(*key);
    let (gone, put): (Vec<_>, Vec<_>) = changes.iter().partition(|(_, rollup)| rollup.is_empty());
    let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).filter(is_held).collect();
    write(connection, slot, &put, &gone).await.map_err(failed("write roll-ups"))
}

impl PostgresStore {
    /// Counts in roll-ups of an earlier version what it did not, unless another program has done so by now: see
    /// [`RollupUpgrade`].
    pub(crate) async fn count_jobs(&self) -> Result<()> {
        const ACTION: &str = "upgrade roll-ups";
        let mut transaction =
            Transaction::begin(&self.pool, BEGIN).await.map_err(failed(ACTION))?;
        let lack_counts: bool =
            sqlx::query_scalar("SELECT rollups_lack_counts FROM spark_meta FOR UPDATE")
                .fetch_one(&mut *transaction)
                .await
                .map_err(failed(ACTION))?;
        if lack_counts {
            let changes = self.missing_counts(&mut transaction).await?;
            add(self, &mut transaction, changes).await?;
            sqlx::query("UPDATE spark_meta SET rollups_lack_counts = false")
                .execute(&mut *transaction)
                .await
                .map_err(failed(ACTION))?;
        }
        transaction.commit().await.map_err(failed(ACTION))
    }

    async fn missing_counts(
        &self,
        connection: &mut PgConnection,
    ) -> Result<BTreeMap<RollupKey, Rollup>> {
        let page = format!(
            "SELECT {} FROM spark_jobs WHERE (app_no, job_id) > ($1, $2) ORDER BY app_no, job_id LIMIT 1000",
            job::FIGURES
        );
        let mut upgrade = RollupUpgrade::default();
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let page = sqlx::query(AssertSqlSafe(page.as_str())).bind(after.0).bind(after.1);
            let rows = page.fetch_all(&mut *connection).await.map_err(failed("read jobs"))?;
            let Some(last) = rows.last() else { return Ok(upgrade.into_changes()) };
            let mut columns = Columns::new(last, "spark_jobs", 2);
            after = (columns.get()?, columns.get()?);
            for row in &rows {
                // A job without figures has no source.
                if row.try_get::<Option<&str>, _>("source").is_ok_and(|source| source.is_some()) {
                    upgrade.add(&job::figures(row)?);
                }
            }
        }
    }
}

/// Acquires the first free slot, which no other writer can acquire until this one has committed.
async fn take_slot(store: &PostgresStore, connection: &mut PgConnection) -> sqlx::Result<i16> {
    let first = store.prune_lock() + 1;
    let free: Option<i16> = sqlx::query_scalar(
        "SELECT slot::smallint FROM generate_series(0, $1::integer - 1) AS slot \
         WHERE pg_try_advisory_xact_lock($2 + slot) LIMIT 1",
    )
    .bind(i32::from(SLOTS))
    .bind(first)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(slot) = free {
        return Ok(slot);
    }
    sqlx::query_scalar(
        "SELECT slot::smallint FROM (SELECT pg_backend_pid() % $1::integer AS slot) AS mine, \
         pg_advisory_xact_lock($2 + slot)",
    )
    .bind(i32::from(SLOTS))
    .bind(first)
    .fetch_one(connection)
    .await
}

fn with_keys<'k>(
    rows: Rows,
    slot: i16,
    keys: impl ExactSizeIterator<Item = &'k RollupKey> + Clone,
) -> Rows {
    rows.column(vec![slot; keys.len()])
        .column(keys.clone().map(|key| key.user.is_none()))
        .column(keys.clone().map(|key| key.user.as_deref().unwrap_or_default()))
        .column(keys.map(|key| key.day.number()))
}

async fn write(
    connection: &mut PgConnection,
    slot: i16,
    put: &[(&RollupKey, &Rollup)],
    gone: &[&RollupKey],
) -> sqlx::Result<()> {
    let rollups = || put.iter().map(|(_, rollup)| *rollup);
    let set: Vec<String> =
        FIGURES.split(", ").map(|name| format!("{name} = excluded.{name}")).collect();
    with_keys(Rows::default(), slot, put.iter().map(|(key, _)| *key))
        .column(rollups().map(|rollup| rollup.jobs_succeeded))
        .column(rollups().map(|rollup| rollup.jobs_failed))
        .column(rollups().map(|rollup| rollup.jobs_unknown))
        .column(rollups().map(|rollup| narrow(rollup.duration_us)))
        .column(rollups().map(|rollup| narrow(rollup.success_rate_ppb)))
        .fallible(rollups().map(|rollup| histogram_bytes(&rollup.durations)))
        .tasks(rollups().map(|rollup| &rollup.tasks))
        .column(rollups().map(|rollup| wide(&sums_of(rollup))))
        .column(rollups().map(|rollup| rollup.jobs_with_tasks))
        .column(rollups().map(|rollup| rollup.impossible_durations))
        .execute(
            connection,
            &format!(
                "INSERT INTO spark_rollups (slot, of_all, user_name, day, {FIGURES}) \
                 SELECT * FROM {{rows}} ON CONFLICT (of_all, user_name, day, slot) \
                 DO UPDATE SET {}",
                set.join(", ")
            ),
        )
        .await?;
    with_keys(Rows::default(), slot, gone.iter().copied())
        .execute(
            connection,
            "DELETE FROM spark_rollups AS old USING {rows} AS gone (slot, of_all, user_name, day) \
             WHERE old.slot = gone.slot AND old.of_all = gone.of_all \
             AND old.user_name = gone.user_name AND old.day = gone.day",
        )
        .await
}

fn sums_of(rollup: &Rollup) -> [i128; 13] {
    let mut sums = [0; 13];
    sums[..2].copy_from_slice(&[rollup.duration_us, rollup.success_rate_ppb]);
    sums[2..].copy_from_slice(&sums_of_tasks(&rollup.tasks));
    sums
}

/// Reads the columns of [`FIGURES`]. The counts of one slot may be negative, because a job can be subtracted in a different
/// slot than the one in which it was added.
pub(crate) fn rollup(columns: &mut Columns<'_>) -> Result<Rollup> {
    let mut rollup = Rollup {
        jobs_succeeded: columns.get()?,
        jobs_failed: columns.get()?,
        jobs_unknown: columns.get()?,
        duration_us: columns.sum()?,
        success_rate_ppb: columns.sum()?,
        durations: columns.histogram()?,
        tasks: columns.tasks(Columns::get)?,
        ..Rollup::default()
    };
    let [a, b, c, d, e, f, g, h, i, j, k] = sums_of_tasks_mut(&mut rollup.tasks);
    let (duration_us, success_rate_ppb) = (&mut rollup.duration_us, &mut rollup.success_rate_ppb);
    columns.widen([duration_us, success_rate_ppb, a, b, c, d, e, f, g, h, i, j, k])?;
    rollup.jobs_with_tasks = columns.get()?;
    rollup.impossible_durations = columns.get()?;
    Ok(rollup)
}

/// Checks the sum of a day's slots: single slots may have negative counts.
pub(crate) fn check(day: Day, rollup: &Rollup, user: Option<&str>) -> Result<()> {
    let tasks = &rollup.tasks;
    let counts = [
        ("jobs_succeeded", rollup.jobs_succeeded),
        ("jobs_failed", rollup.jobs_failed),
        ("jobs_unknown", rollup.jobs_unknown),
        ("jobs_with_tasks", rollup.jobs_with_tasks),
        ("impossible_durations", rollup.impossible_durations),
        ("tasks_succeeded", tasks.succeeded),
        ("tasks_failed", tasks.failed),
        ("tasks_killed", tasks.killed),
    ];
    if let Some((name, count)) = counts.into_iter().find(|(_, count)| *count < 0) {
        let of = user.map_or("all users".to_owned(), |user| format!("user `{user}`"));
        return Err(Error::damaged(
            POSTGRES,
            format!("day {day} of {of} in spark_rollups"),
            format!("{name}: invalid count {count}"),
        ));
    }
    Ok(())
}
