//! A job's row.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use spark_analytics_core::backend::{
    HeldJobColumns, JobColumns, JobWrite, event_task_columns, task_columns,
};
use spark_analytics_core::{FigureSource, Job, JobKey, JobRecord, JobResult, Result};

use crate::statement::{Statement, Values};
use crate::value::{Columns, put_event_tasks, put_json, put_tasks};

/// The columns that [`figures`] reads.
pub(crate) const FIGURES: &str = concat!(
    "job_no, app_id, attempt_id, job_id, source, user, start_us, end_us, result, ",
    task_columns!(),
    ", num_tasks, longest_task_ms, log"
);

/// The columns that [`record`] reads. The tasks that a log reports are read from `log`.
pub(crate) const RECORD: &str = concat!(
    "job_no, source, user, start_us, end_us, result, end_user, completion_us, ",
    event_task_columns!(),
    ", single_events, log"
);

const KEY: &str = "job_no, app_id, attempt_id, job_id";
/// The columns of indexes, by which jobs are listed.
const PLACE: &str = "source, user, start_us, end_us, duration_us, result";
const REST: &str = concat!(
    "end_user, completion_us, ",
    task_columns!(),
    ", num_tasks, longest_task_ms, single_events, log"
);
/// The part of [`REST`] that single events change in a job that no log reports.
const OF_EVENTS: &str = concat!("end_user, completion_us, ", event_task_columns!());

/// A job to be written under its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberedJob<'a> {
    pub(crate) job_no: i64,
    pub(crate) is_new: bool,
    pub(crate) write: &'a JobWrite,
}

/// Writes job rows that changed because of one source, and deletes empty ones with their raw events.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    jobs: &[NumberedJob<'_>],
    told_by: FigureSource,
) -> sqlx::Result<()> {
    let (mut insert, mut delete) = (Vec::new(), Vec::new());
    // Indexed by whether the listed columns change, and by whether only single events report the job.
    let mut update: [[Vec<&NumberedJob<'_>>; 2]; 2] = Default::default();
    for job in jobs {
        let write = job.write;
        if write.record.is_empty() {
            delete.push(job);
        } else if job.is_new {
            insert.push(job);
        } else {
            let is_of_events = told_by == FigureSource::Events && write.record.log.is_none();
            // Naming a column rewrites its indexes, also when it stays the same.
            update[usize::from(!keeps_place(write))][usize::from(is_of_events)].push(job);
        }
    }
    Statement::insert("INSERT OR FAIL INTO spark_jobs", &[KEY, PLACE, REST].join(", "))
        .with(insert, |values, job| {
            let key = &job.write.key;
            values.add(job.job_no);
            values.add(key.app_id.as_str());
            values.add(key.attempt_id.as_str());
            values.add(key.job_id);
            let row = JobColumns::of(job.write);
            put_place(values, &row);
            put_rest(values, &row);
        })
        .execute(connection)
        .await?;
    for (place, jobs) in [None, Some(PLACE)].into_iter().zip(update) {
        for (rest, jobs) in [REST, OF_EVENTS].into_iter().zip(jobs) {
            let columns: Vec<&str> = place.into_iter().chain([rest]).collect();
            Statement::update("spark_jobs", "job_no", &columns.join(", "))
                .with(jobs, |values, job| {
                    values.add(job.job_no);
                    let row = JobColumns::of(job.write);
                    if place.is_some() {
                        put_place(values, &row);
                    }
                    match rest {
                        OF_EVENTS => put_events(values, &row),
                        _ => put_rest(values, &row),
                    }
                })
                .execute(connection)
                .await?;
        }
    }
    // Of a removed application also the raw events.
    Statement::delete("spark_events", "job_no")
        .with(delete.iter(), |values, job| values.add(job.job_no))
        .execute(connection)
        .await?;
    Statement::delete("spark_jobs", "job_no")
        .with(delete, |values, job| values.add(job.job_no))
        .execute(connection)
        .await
}

fn keeps_place(write: &JobWrite) -> bool {
    match (&write.figures_before, &write.figures) {
        (Some(before), Some(after)) => {
            before.source == after.source
                && before.user == after.user
                && before.start == after.start
                && before.end == after.end
                && before.result == after.result
        }
        _ => false,
    }
}

/// The values of [`PLACE`].
fn put_place(values: &mut Values, row: &JobColumns<'_>) {
    values.add(row.source.map(FigureSource::name));
    values.add(row.user);
    values.add(row.start.map(|start| start.as_micros()));
    values.add(row.end.map(|end| end.as_micros()));
    let times = row.start.zip(row.end);
    values.add(times.map(|(start, end)| end.as_micros().saturating_sub(start.as_micros())));
    values.add(row.result);
}

/// The values of [`REST`].
fn put_rest(values: &mut Values, row: &JobColumns<'_>) {
    put_end(values, row);
    put_tasks(values, row.tasks);
    values.add(row.num_tasks);
    values.add(row.longest_task_ms);
    put_optional_json(values, row.single_events);
    put_optional_json(values, row.log);
}

/// The values of [`OF_EVENTS`].
fn put_events(values: &mut Values, row: &JobColumns<'_>) {
    put_end(values, row);
    put_event_tasks(values, row.tasks);
}

fn put_end(values: &mut Values, row: &JobColumns<'_>) {
    values.add(row.end_user);
    values.add(row.completion_time.map(|time| time.as_micros()));
}

fn put_optional_json(values: &mut Values, value: Option<&impl serde::Serialize>) {
    match value {
        Some(value) => put_json(values, value),
        None => values.add(None::<&str>),
    }
}

/// The number and the record of a row of [`RECORD`].
pub(crate) fn record(columns: &mut Columns<'_>) -> Result<(i64, JobRecord)> {
    let job_no = columns.get()?;
    let held = HeldJobColumns {
        source: columns.optional_source()?,
        user: columns.get()?,
        start: columns.optional_time()?,
        end: columns.optional_time()?,
        result: columns.get()?,
        end_user: columns.get()?,
        completion_time: columns.optional_time()?,
        event_tasks: columns.event_tasks()?,
        single_events: columns.optional_json()?,
        log: columns.optional_json()?,
    };
    Ok((job_no, held.into()))
}

/// The figures of a row of [`FIGURES`].
pub(crate) fn figures(row: &SqliteRow) -> Result<Job> {
    let mut columns = Columns::new(row, "spark_jobs");
    columns.get::<i64>()?;
    let key = JobKey { app_id: columns.get()?, attempt_id: columns.get()?, job_id: columns.get()? };
    let source = columns.source()?;
    Ok(Job {
        key,
        source,
        user: columns.get()?,
        start: columns.time()?,
        end: columns.time()?,
        result: JobResult::from_name(columns.get()?),
        tasks: columns.tasks()?,
        num_tasks: columns.get()?,
        longest_task_ms: columns.get()?,
        labels: columns.labels()?,
    })
}
