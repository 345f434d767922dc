//! A job's row.

use std::sync::LazyLock;

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use spark_analytics_core::{
    End, Job, JobFold, JobKey, JobRecord, JobResult, JobWrite, Result, Source, Start, Timestamp,
};

use crate::statement::{Statement, Values};
use crate::value::{Columns, TASK_COLUMNS, put_json, put_tasks, task_columns};

/// The columns that [`figures`] reads.
pub(crate) const FIGURES: &str = concat!(
    "job_no, app_id, attempt_id, job_id, source, user, start_us, end_us, result, ",
    task_columns!()
);

/// The columns that [`record`] reads.
pub(crate) const RECORD: &str = concat!(
    "job_no, source, user, start_us, end_us, result, end_user, completion_us, ",
    task_columns!(),
    ", single_events, log"
);

const KEY: &str = "job_no, app_id, attempt_id, job_id";
/// What decides on a job's place in lists: columns of indexes.
const PLACE: &str = "source, user, end_us, result";
const REST: &str =
    concat!("start_us, end_user, completion_us, ", task_columns!(), ", single_events, log");
const COLUMNS: usize = 4 + 4 + 3 + TASK_COLUMNS + 2;

/// A job to be written under its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberedJob<'a> {
    pub(crate) job_no: i64,
    pub(crate) write: &'a JobWrite,
}

/// Puts job rows and deletes empty ones.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    jobs: &[NumberedJob<'_>],
) -> sqlx::Result<()> {
    static PUT: LazyLock<[String; 2]> = LazyLock::new(|| [head(), upsert(&[PLACE, REST])]);
    static PUT_IN_PLACE: LazyLock<[String; 2]> = LazyLock::new(|| [head(), upsert(&[REST])]);

    let (empty, kept): (Vec<&NumberedJob<'_>>, Vec<_>) =
        jobs.iter().partition(|job| job.write.record.is_empty());
    // Columns that a statement names are rewritten in their indexes, changed or not.
    let (in_place, moved): (Vec<&NumberedJob<'_>>, Vec<_>) =
        kept.into_iter().partition(|job| keeps_place(job.write));
    for ([head, tail], jobs) in [(&*PUT, moved), (&*PUT_IN_PLACE, in_place)] {
        let put = Statement { head, columns: COLUMNS, tail };
        put.with(jobs, put_job).execute(connection).await?;
    }
    let delete = Statement { head: "DELETE FROM spark_jobs WHERE job_no IN", columns: 1, tail: "" };
    delete.with(empty, |values, job| values.add(job.job_no)).execute(connection).await
}

fn head() -> String {
    format!("INSERT INTO spark_jobs ({KEY}, {PLACE}, {REST}) SELECT * FROM")
}

fn upsert(parts: &[&str]) -> String {
    let columns = parts.iter().flat_map(|part| part.split(", "));
    let set: Vec<String> = columns.map(|name| format!("{name} = excluded.{name}")).collect();
    let set = set.join(", ");
    format!("WHERE column1 IS NOT NULL ON CONFLICT (job_no) DO UPDATE SET {set}")
}

fn keeps_place(write: &JobWrite) -> bool {
    match (&write.figures_before, &write.figures) {
        (Some(before), Some(after)) => {
            before.source == after.source
                && before.user == after.user
                && before.end == after.end
                && before.result == after.result
        }
        _ => false,
    }
}

fn put_job(values: &mut Values, job: &NumberedJob<'_>) {
    let JobWrite { key, record, figures, .. } = job.write;
    values.add(job.job_no);
    values.add(key.app_id.as_str());
    values.add(key.attempt_id.as_str());
    values.add(key.job_id);
    let events = &record.events;
    match figures {
        Some(figures) if figures.source == Source::Log => {
            values.add(source_name(Source::Log));
            values.add(figures.user.as_str());
            values.add(figures.end.as_micros());
            values.add(figures.result.name());
            values.add(figures.start.as_micros());
            values.add(None::<&str>);
            values.add(None::<i64>);
            put_tasks(values, &figures.tasks);
            put_optional_json(values, Some(events).filter(|events| !events.is_empty()));
        }
        figures => {
            let (start, end) = (events.start.as_ref(), events.end.as_ref());
            values.add(figures.as_ref().map(|figures| source_name(figures.source)));
            values.add(start.map(|start| start.user.as_str()));
            values.add(end.map(|end| end.timestamp.as_micros()));
            values.add(end.map(|end| end.job_result.as_str()));
            values.add(start.map(|start| start.timestamp.as_micros()));
            values.add(end.map(|end| end.user.as_str()));
            values.add(end.map(|end| end.completion_time.as_micros()));
            put_tasks(values, &events.tasks);
            values.add(None::<&str>);
        }
    }
    put_optional_json(values, record.log.as_ref());
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
    let source = columns.get::<Option<&str>>()?.map(source_of);
    let user: Option<String> = columns.get()?;
    let start: Option<i64> = columns.get()?;
    let end: Option<i64> = columns.get()?;
    let job_result: Option<String> = columns.get()?;
    let end_user: Option<String> = columns.get()?;
    let completion_time: Option<i64> = columns.get()?;
    let tasks = columns.tasks()?;
    let single_events: Option<JobFold> = columns.optional_json()?;
    let log = columns.optional_json()?;
    let events = match source {
        Some(Source::Log) => single_events.unwrap_or_default(),
        _ => JobFold {
            start: start.map(|start| Start {
                timestamp: Timestamp::from_micros(start),
                user: user.unwrap_or_default(),
            }),
            end: end.map(|end| End {
                timestamp: Timestamp::from_micros(end),
                user: end_user.unwrap_or_default(),
                completion_time: Timestamp::from_micros(completion_time.unwrap_or_default()),
                job_result: job_result.unwrap_or_default(),
            }),
            tasks,
        },
    };
    Ok((job_no, JobRecord { events, log }))
}

/// The figures of a row of [`FIGURES`].
pub(crate) fn figures(row: &SqliteRow) -> Result<Job> {
    let mut columns = Columns::new(row, "spark_jobs");
    columns.get::<i64>()?;
    let key = JobKey { app_id: columns.get()?, attempt_id: columns.get()?, job_id: columns.get()? };
    let source = source_of(columns.get()?);
    Ok(Job {
        key,
        source,
        user: columns.get()?,
        start: columns.time()?,
        end: columns.time()?,
        result: JobResult::from_name(columns.get()?),
        tasks: columns.tasks()?,
    })
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Events => "events",
        Source::Log => "log",
    }
}

fn source_of(name: &str) -> Source {
    if name == source_name(Source::Log) { Source::Log } else { Source::Events }
}
