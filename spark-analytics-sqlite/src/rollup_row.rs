//! Roll-ups' rows.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::{Day, Result, Rollup, RollupKey};

use crate::statement::{Statement, Values};
use crate::store::failed;
use crate::value::{Columns, Sum, TASK_COLUMNS, put_histogram, put_tasks, task_columns};

/// The columns that [`rollup`] reads.
pub(crate) const FIGURES: &str = concat!(
    "jobs_succeeded, jobs_failed, jobs_unknown, job_duration_us, success_rate_ppb, job_durations, ",
    task_columns!()
);
const COLUMNS: usize = 3 + 6 + TASK_COLUMNS;

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
    let mut rollups: Vec<NumberedRollup> = changes
        .into_iter()
        .map(|(key, rollup)| NumberedRollup { rollup_no: None, key, rollup })
        .collect();
    load(connection, &mut rollups).await?;
    let (empty, kept): (Vec<_>, Vec<_>) =
        rollups.into_iter().partition(|row| row.rollup.is_empty());
    put(connection, &kept).await.map_err(failed("write roll-ups"))?;
    let delete =
        Statement { head: "DELETE FROM spark_rollups WHERE rollup_no IN", columns: 1, tail: "" };
    let rows = delete.with(empty, |values, row| values.add(row.rollup_no));
    rows.execute(connection).await.map_err(failed("delete roll-ups"))
}

async fn load(connection: &mut SqliteConnection, rollups: &mut [NumberedRollup]) -> Result<()> {
    static SELECT: LazyLock<String> =
        LazyLock::new(|| format!("SELECT rollup_no, {FIGURES}, column1 FROM"));
    let find = Statement {
        head: &SELECT,
        columns: 3,
        tail: "CROSS JOIN spark_rollups ON user IS column3 AND day = column2",
    };
    let keys = rollups.iter().map(|row| &row.key).enumerate();
    let rows = find.with(keys, |values, (index, key)| {
        values.add(index as i64);
        values.add(key.day.number());
        values.add(key.user.as_deref());
    });
    for row in &rows.fetch(connection).await.map_err(failed("read roll-ups"))? {
        let mut columns = Columns::new(row, "spark_rollups");
        let rollup_no = columns.get()?;
        let held = rollup(&mut columns)?;
        let change = &mut rollups[columns.get::<i64>()? as usize];
        change.rollup += &held;
        change.rollup_no = Some(rollup_no);
    }
    Ok(())
}

async fn put(connection: &mut SqliteConnection, rollups: &[NumberedRollup]) -> sqlx::Result<()> {
    static PUT: LazyLock<[String; 2]> = LazyLock::new(|| {
        let set: Vec<String> =
            FIGURES.split(", ").map(|name| format!("{name} = excluded.{name}")).collect();
        [
            format!("INSERT INTO spark_rollups (day, rollup_no, user, {FIGURES}) SELECT * FROM"),
            format!(
                "WHERE column1 IS NOT NULL ON CONFLICT (rollup_no) DO UPDATE SET {}",
                set.join(", ")
            ),
        ]
    });
    let [head, tail] = &*PUT;
    let put = Statement { head, columns: COLUMNS, tail };
    put.with(rollups, put_rollup).execute(connection).await
}

fn put_rollup(values: &mut Values, row: &NumberedRollup) {
    values.add(row.key.day.number());
    values.add(row.rollup_no);
    values.add(row.key.user.as_deref());
    let rollup = &row.rollup;
    values.add(rollup.jobs_succeeded);
    values.add(rollup.jobs_failed);
    values.add(rollup.jobs_unknown);
    values.add(Sum(rollup.duration_us));
    values.add(Sum(rollup.success_rate_ppb));
    put_histogram(values, &rollup.durations);
    put_tasks(values, &rollup.tasks);
}

/// Reads the columns of [`FIGURES`].
pub(crate) fn rollup(columns: &mut Columns<'_>) -> Result<Rollup> {
    Ok(Rollup {
        jobs_succeeded: columns.get()?,
        jobs_failed: columns.get()?,
        jobs_unknown: columns.get()?,
        duration_us: columns.sum()?,
        success_rate_ppb: columns.sum()?,
        durations: columns.histogram()?,
        tasks: columns.tasks()?,
    })
}

/// Reads a row of `rollup_no`, `day` and [`FIGURES`].
pub(crate) fn day(columns: &mut Columns<'_>) -> Result<(Day, Rollup)> {
    columns.get::<i64>()?;
    let day = Day::from_number(columns.get()?);
    Ok((day, rollup(columns)?))
}
