//! A job's row.

use std::collections::{BTreeSet, HashMap};

use sqlx::postgres::{PgConnection, PgRow};

use spark_analytics_core::backend::{
    HeldJobColumns, JobColumns, JobWrite, event_task_columns, task_columns,
};
use spark_analytics_core::{FigureSource, Job, JobKey, JobRecord, JobResult, Result, TaskTotals};

use crate::statement::Rows;
use crate::value::{Columns, sums_of_tasks, sums_of_tasks_mut, wide};

/// A job's key in the database: its application's attempt, and its id.
pub(crate) type JobNo = (i64, i64);

/// The columns that [`figures`] reads.
pub(crate) const FIGURES: &str = concat!(
    "app_no, job_id, app_id, attempt_id, source, user_name, start_us, end_us, result, ",
    task_columns!(),
    ", wide_sums, num_tasks, longest_task_ms, log"
);

/// The columns that [`record`] reads. The tasks that a log reports are read from `log`.
pub(crate) const RECORD: &str = concat!(
    "app_no, job_id, source, user_name, start_us, end_us, result, end_user, completion_us, ",
    event_task_columns!(),
    ", wide_sums, single_events, log"
);

/// The columns that single events change in a job that no log reports: half of all columns.
const OF_EVENTS: &str = concat!(
    "source, user_name, start_us, end_us, result, end_user, completion_us, wide_sums, ",
    event_task_columns!()
);

/// All columns but the key.
const ALL: &str = concat!(
    "source, user_name, start_us, end_us, result, end_user, completion_us, wide_sums, ",
    task_columns!(),
    ", num_tasks, longest_task_ms, single_events, log"
);

/// Updates rows, which must exist and be locked. Rows that are empty afterwards are added to `empty`, to be deleted at
/// the end; rows that hold something are removed from it.
pub(crate) async fn write(
    connection: &mut PgConnection,
    jobs: &[JobWrite],
    no: impl Fn(&JobWrite) -> JobNo,
    told_by: FigureSource,
    empty: &mut BTreeSet<JobNo>,
) -> sqlx::Result<()> {
    for write in jobs {
        match write.record.is_empty() {
            true => empty.insert(no(write)),
            false => empty.remove(&no(write)),
        };
    }
    let rows = jobs.iter().map(|write| (no(write), JobColumns::of(write)));
    let is_of_events = |(_, row): &Row<'_>| told_by == FigureSource::Events && row.log.is_none();
    let (of_events, others): (Vec<_>, Vec<_>) = rows.partition(is_of_events);
    place(&of_events)
        .event_tasks(of_events.iter().map(|(_, row)| row.tasks))
        .execute(connection, &update(OF_EVENTS))
        .await?;
    place(&others)
        .tasks(others.iter().map(|(_, row)| row.tasks))
        .column(others.iter().map(|(_, row)| row.num_tasks))
        .column(others.iter().map(|(_, row)| row.longest_task_ms))
        .fallible(others.iter().map(|(_, row)| json(row.single_events)))
        .fallible(others.iter().map(|(_, row)| json(row.log)))
        .execute(connection, &update(ALL))
        .await
}

fn update(columns: &str) -> String {
    let set: Vec<String> = columns.split(", ").map(|name| format!("{name} = new.{name}")).collect();
    format!(
        "UPDATE spark_jobs AS old SET {} FROM {{rows}} AS new (app_no, job_id, {columns}) \
         WHERE old.app_no = new.app_no AND old.job_id = new.job_id",
        set.join(", ")
    )
}

/// A row with its key.
type Row<'a> = (JobNo, JobColumns<'a>);

/// The keys, and the columns of [`ALL`] up to the tasks.
fn place(rows: &[Row<'_>]) -> Rows {
    let columns = || rows.iter().map(|(_, row)| row);
    Rows::default()
        .column(rows.iter().map(|(no, _)| no.0))
        .column(rows.iter().map(|(no, _)| no.1))
        .column(columns().map(|row| row.source.map(FigureSource::name)))
        .column(columns().map(|row| row.user))
        .column(columns().map(|row| row.start.map(|start| start.as_micros())))
        .column(columns().map(|row| row.end.map(|end| end.as_micros())))
        .column(columns().map(|row| row.result))
        .column(columns().map(|row| row.end_user))
        .column(columns().map(|row| row.completion_time.map(|time| time.as_micros())))
        .column(columns().map(|row| wide(&sums_of_tasks(row.tasks))))
}

fn json(value: Option<&impl serde::Serialize>) -> serde_json::Result<Option<String>> {
    value.map(serde_json::to_string).transpose()
}

/// The records of rows of [`RECORD`].
pub(crate) fn records(rows: &[PgRow]) -> Result<HashMap<JobNo, JobRecord>> {
    rows.iter().map(|row| record(&mut Columns::new(row, "spark_jobs", 2))).collect()
}

/// The key and the record of a row of [`RECORD`].
pub(crate) fn record(columns: &mut Columns<'_>) -> Result<(JobNo, JobRecord)> {
    let no = (columns.get()?, columns.get()?);
    let mut held = HeldJobColumns {
        source: columns.optional_source()?,
        user: columns.get()?,
        start: columns.optional_time()?,
        end: columns.optional_time()?,
        result: columns.get()?,
        end_user: columns.get()?,
        completion_time: columns.optional_time()?,
        event_tasks: columns.event_tasks()?,
        ..HeldJobColumns::default()
    };
    columns.widen(sums_of_tasks_mut(&mut held.event_tasks))?;
    held.single_events = columns.optional_json()?;
    held.log = columns.optional_json()?;
    Ok((no, held.into()))
}

/// The figures of a row of [`FIGURES`].
pub(crate) fn figures(row: &PgRow) -> Result<Job> {
    let mut columns = Columns::new(row, "spark_jobs", 2);
    let (_app_no, job_id) = (columns.get::<i64>()?, columns.get()?);
    let key = JobKey { app_id: columns.get()?, attempt_id: columns.get()?, job_id };
    let source = columns.source()?;
    Ok(Job {
        key,
        source,
        user: columns.get()?,
        start: columns.time()?,
        end: columns.time()?,
        result: JobResult::from_name(columns.get()?),
        tasks: tasks(&mut columns)?,
        num_tasks: columns.get()?,
        longest_task_ms: columns.get()?,
        labels: columns.labels()?,
    })
}

fn tasks(columns: &mut Columns<'_>) -> Result<TaskTotals> {
    let mut tasks = columns.tasks(Columns::count)?;
    columns.widen(sums_of_tasks_mut(&mut tasks))?;
    Ok(tasks)
}
