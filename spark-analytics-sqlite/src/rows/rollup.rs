//! Roll-ups' rows.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::backend::{RollupKey, RollupUpgrade, task_columns};
use spark_analytics_core::{Day, Result, Rollup};

use crate::error::failed;
use crate::rows::job;
use crate::statement::{Statement, Values};
use crate::value::{Columns, Sum, put_histogram, put_tasks};

/// The columns that [`rollup`] reads.
pub(crate) const FIGURES: &str = concat!(
    "jobs_succeeded, jobs_failed, jobs_unknown, job_duration_us, success_rate_ppb, job_durations, ",
    task_columns!(),
    ", jobs_with_tasks, impossible_durations"
);

/// A roll-up with its key and, if it has one already, the number of its row.
struct NumberedRollup {
    rollup_no: Option<i64>,
    key: RollupKey,
    rollup: Rollup,
}

/// Adds to the held roll-ups.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    changes: BTreeMap<RollupKey, Rollup>,
) -> Result<()> {
    let rollups = changes.into_iter();
    let mut rollups: Vec<NumberedRollup> =
        rollups.map(|(key, rollup)| NumberedRollup { rollup_no: None, key, rollup }).collect();
    load(connection, &mut rollups).await?;
    write(connection, &rollups).await.map_err(failed("write roll-ups"))
}

/// Counts in roll-ups of an earlier version what it did not: see [`RollupUpgrade`].
pub(crate) async fn count_jobs(connection: &mut SqliteConnection) -> Result<()> {
    let page = format!(
        "SELECT {} FROM spark_jobs WHERE source IS NOT NULL AND job_no > ? ORDER BY job_no LIMIT 1000",
        job::FIGURES
    );
    let mut upgrade = RollupUpgrade::default();
    let mut after = i64::MIN;
    loop {
        let page = sqlx::query(AssertSqlSafe(page.as_str())).bind(after);
        let rows = page.fetch_all(&mut *connection).await.map_err(failed("read jobs"))?;
        let Some(last) = rows.last() else { break };
        after = Columns::new(last, "spark_jobs").get()?;
        for row in &rows {
            upgrade.add(&job::figures(row)?);
        }
    }
    add(connection, upgrade.into_changes()).await
}

async fn load(connection: &mut SqliteConnection, rollups: &mut [NumberedRollup]) -> Result<()> {
    let columns = format!("rollup_no, {FIGURES}");
    let find = Statement::select(&columns, "spark_rollups", "user, day").with(
        rollups.iter().enumerate(),
        |values, (index, row)| {
            values.add(index as i64);
            values.add(row.key.user.as_deref());
            values.add(row.key.day.number());
        },
    );
    for row in &find.fetch(connection).await.map_err(failed("read roll-ups"))? {
        let mut columns = Columns::new(row, "spark_rollups");
        let rollup_no = columns.get()?;
        let held = rollup(&mut columns)?;
        let change = &mut rollups[columns.get::<i64>()? as usize];
        change.rollup += &held;
        change.rollup_no = Some(rollup_no);
    }
    Ok(())
}

async fn write(connection: &mut SqliteConnection, rollups: &[NumberedRollup]) -> sqlx::Result<()> {
    let (mut insert, mut update, mut delete) = Default::default();
    for row in rollups {
        let list: &mut Vec<&NumberedRollup> = match row.rollup_no {
            Some(_) if row.rollup.is_empty() => &mut delete,
            Some(_) => &mut update,
            None if row.rollup.is_empty() => continue,
            None => &mut insert,
        };
        list.push(row);
    }
    let columns = format!("day, user, {FIGURES}");
    Statement::insert("INSERT OR FAIL INTO spark_rollups", &columns)
        .with(insert, |values, row| {
            values.add(row.key.day.number());
            values.add(row.key.user.as_deref());
            put_figures(values, &row.rollup);
        })
        .execute(connection)
        .await?;
    Statement::update("spark_rollups", "rollup_no", FIGURES)
        .with(update, |values, row| {
            values.add(row.rollup_no);
            put_figures(values, &row.rollup);
        })
        .execute(connection)
        .await?;
    Statement::delete("spark_rollups", "rollup_no")
        .with(delete, |values, row| values.add(row.rollup_no))
        .execute(connection)
        .await
}

fn put_figures(values: &mut Values, rollup: &Rollup) {
    values.add(rollup.jobs_succeeded);
    values.add(rollup.jobs_failed);
    values.add(rollup.jobs_unknown);
    values.add(Sum(rollup.duration_us));
    values.add(Sum(rollup.success_rate_ppb));
    put_histogram(values, &rollup.durations);
    put_tasks(values, &rollup.tasks);
    values.add(rollup.jobs_with_tasks);
    values.add(rollup.impossible_durations);
}

/// Reads the columns of [`FIGURES`].
pub(crate) fn rollup(columns: &mut Columns<'_>) -> Result<Rollup> {
    Ok(Rollup {
        jobs_succeeded: columns.count()?,
        jobs_failed: columns.count()?,
        jobs_unknown: columns.count()?,
        duration_us: columns.sum()?,
        success_rate_ppb: columns.sum()?,
        durations: columns.histogram()?,
        tasks: columns.tasks()?,
        jobs_with_tasks: columns.count()?,
        impossible_durations: columns.count()?,
    })
}

/// Reads a row of `rollup_no`, `day` and [`FIGURES`].
pub(crate) fn day(columns: &mut Columns<'_>) -> Result<(Day, Rollup)> {
    columns.get::<i64>()?;
    let day = Day::from_number(columns.get()?);
    Ok((day, rollup(columns)?))
}
