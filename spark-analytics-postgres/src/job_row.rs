//! A job's row.

use std::collections::BTreeSet;

use sqlx::postgres::{PgConnection, PgRow};

use spark_analytics_core::{
    End, Job, JobFold, JobKey, JobRecord, JobResult, JobWrite, Result, Source, Start, TaskTotals,
    Timestamp,
};

use crate::columns::Columns;
use crate::lock::JobNo;
use crate::rows::Rows;
use crate::sums::{self, task_columns};

/// The columns that [`figures`] reads.
pub(crate) const FIGURES: &str = concat!(
    "app_no, job_id, app_id, attempt_id, source, user_name, start_us, end_us, result, ",
    task_columns!(),
    ", wide_sums"
);

/// The columns that [`record`] reads.
pub(crate) const RECORD: &str = concat!(
    "app_no, job_id, source, user_name, start_us, end_us, result, end_user, completion_us, ",
    task_columns!(),
    ", wide_sums, single_events, log"
);

/// Writes to rows, which there are and which are locked. Those that hold nothing then join `empty`, to
/// be deleted at the end, and those that hold something leave it.
pub(crate) async fn write(
    connection: &mut PgConnection,
    jobs: &[JobWrite],
    no: impl Fn(&JobWrite) -> JobNo,
    empty: &mut BTreeSet<JobNo>,
) -> sqlx::Result<()> {
    for write in jobs {
        match write.record.is_empty() {
            true => empty.insert(no(write)),
            false => empty.remove(&no(write)),
        };
    }
    let columns = RECORD.replace("app_no, job_id, ", "");
    let sql = format!(
        "UPDATE spark_jobs AS old SET ({columns}) = ROW ({}) FROM {{rows}} AS new ({RECORD}) \
         WHERE old.app_no = new.app_no AND old.job_id = new.job_id",
        columns.split(", ").map(|name| format!("new.{name}")).collect::<Vec<_>>().join(", ")
    );
    values(jobs, no).execute(connection, &sql).await
}

/// The values of [`RECORD`].
fn values(jobs: &[JobWrite], no: impl Fn(&JobWrite) -> JobNo) -> Rows {
    let rows: Vec<JobColumns<'_>> = jobs.iter().map(JobColumns::of).collect();
    Rows::default()
        .column(jobs.iter().map(|write| no(write).0))
        .column(jobs.iter().map(|write| no(write).1))
        .column(rows.iter().map(|row| row.source.map(source_name)))
        .column(rows.iter().map(|row| row.user))
        .column(rows.iter().map(|row| row.start_us))
        .column(rows.iter().map(|row| row.end_us))
        .column(rows.iter().map(|row| row.result))
        .column(rows.iter().map(|row| row.end.map(|end| end.user.as_str())))
        .column(rows.iter().map(|row| row.end.map(|end| end.completion_time.as_micros())))
        .tasks(rows.iter().map(|row| row.tasks))
        .column(rows.iter().map(|row| sums::wide(&sums::of_tasks(row.tasks))))
        .fallible(rows.iter().map(|row| row.single_events.map(serde_json::to_string).transpose()))
        .fallible(
            jobs.iter()
                .map(|write| write.record.log.as_ref().map(serde_json::to_string).transpose()),
        )
}

/// The figures in force, and what is kept beside them.
struct JobColumns<'a> {
    source: Option<Source>,
    user: Option<&'a str>,
    start_us: Option<i64>,
    end_us: Option<i64>,
    result: Option<&'a str>,
    /// The end that single events told, where theirs are in force.
    end: Option<&'a End>,
    tasks: &'a TaskTotals,
    /// What single events told, where the log's figures are in force.
    single_events: Option<&'a JobFold>,
}

impl<'a> JobColumns<'a> {
    fn of(write: &'a JobWrite) -> Self {
        let events = &write.record.events;
        match &write.figures {
            Some(figures) if figures.source == Source::Log => Self {
                source: Some(Source::Log),
                user: Some(&figures.user),
                start_us: Some(figures.start.as_micros()),
                end_us: Some(figures.end.as_micros()),
                result: Some(figures.result.name()),
                end: None,
                tasks: &figures.tasks,
                single_events: (!events.is_empty()).then_some(events),
            },
            figures => Self {
                source: figures.as_ref().map(|figures| figures.source),
                user: events.start.as_ref().map(|start| start.user.as_str()),
                start_us: events.start.as_ref().map(|start| start.timestamp.as_micros()),
                end_us: events.end.as_ref().map(|end| end.timestamp.as_micros()),
                result: events.end.as_ref().map(|end| end.job_result.as_str()),
                end: events.end.as_ref(),
                tasks: &events.tasks,
                single_events: None,
            },
        }
    }
}

/// The key and the record of a row of [`RECORD`].
pub(crate) fn record(columns: &mut Columns<'_>) -> Result<(JobNo, JobRecord)> {
    let no = (columns.get()?, columns.get()?);
    let source = columns.get::<Option<&str>>()?.map(source_of);
    let user: Option<String> = columns.get()?;
    let start: Option<i64> = columns.get()?;
    let end: Option<i64> = columns.get()?;
    let job_result: Option<String> = columns.get()?;
    let end_user: Option<String> = columns.get()?;
    let completion_time: Option<i64> = columns.get()?;
    let tasks = tasks(columns)?;
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
    Ok((no, JobRecord { events, log }))
}

/// The figures of a row of [`FIGURES`].
pub(crate) fn figures(row: &PgRow) -> Result<Job> {
    let mut columns = Columns::new(row, "spark_jobs", 2);
    let (_app_no, job_id) = (columns.get::<i64>()?, columns.get()?);
    let key = JobKey { app_id: columns.get()?, attempt_id: columns.get()?, job_id };
    let source = source_of(columns.get()?);
    Ok(Job {
        key,
        source,
        user: columns.get()?,
        start: columns.time()?,
        end: columns.time()?,
        result: JobResult::from_name(columns.get()?),
        tasks: tasks(&mut columns)?,
    })
}

fn tasks(columns: &mut Columns<'_>) -> Result<TaskTotals> {
    let mut tasks = columns.tasks(Columns::count)?;
    columns.widen(sums::of_tasks_mut(&mut tasks))?;
    Ok(tasks)
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
