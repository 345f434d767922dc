//! Rows of applications' attempts: the facts of event logs.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::backend::{HeldLog, LogWriteSet};
use spark_analytics_core::log::{Application, Executor, SqlExecution, Stage};
use spark_analytics_core::{AttemptKey, FigureSource, Result};

use crate::error::failed;
use crate::rows::job::{self, NumberedJob, RECORD};
use crate::rows::removed;
use crate::statement::{Statement, Values};
use crate::value::{Columns, Sum, next_id, put_json};

/// The stored facts of some applications' attempts, in their order, and the numbers of their jobs by an attempt's
/// index and a job's id.
pub(crate) async fn held(
    connection: &mut SqliteConnection,
    apps: &[AttemptKey],
) -> Result<(Vec<HeldLog>, HashMap<(usize, i64), i64>)> {
    let mut held: Vec<HeldLog> = apps.iter().map(|_| HeldLog::default()).collect();
    let all: Vec<(usize, &AttemptKey)> = apps.iter().enumerate().collect();
    let mut numbers = HashMap::new();
    for row in &rows(connection, &format!("{RECORD}, job_id"), "spark_jobs", &all).await? {
        let mut columns = Columns::new(row, "spark_jobs");
        let (job_no, record) = job::record(&mut columns)?;
        let (job_id, app) = (columns.get()?, columns.get::<i64>()? as usize);
        numbers.insert((app, job_id), job_no);
        held[app].jobs.insert(job_id, record);
    }
    for (app, application) in facts::<Application>(connection, "spark_applications", &all).await? {
        held[app].application = Some(application);
    }
    // All other facts of a log are stored together with its application.
    let known: Vec<(usize, &AttemptKey)> =
        all.into_iter().filter(|(app, _)| held[*app].application.is_some()).collect();
    if known.is_empty() {
        return Ok((held, numbers));
    }
    for (app, stage) in facts::<Stage>(connection, "spark_stages", &known).await? {
        held[app].stages.insert((stage.stage_id, stage.stage_attempt_id), stage);
    }
    for (app, executor) in facts::<Executor>(connection, "spark_executors", &known).await? {
        held[app].executors.insert(executor.id.clone(), executor);
    }
    for row in &rows(connection, "rowid, fact", "spark_environments", &known).await? {
        let mut columns = Columns::new(row, "spark_environments");
        columns.get::<i64>()?;
        let environment = columns.environment()?;
        held[columns.get::<i64>()? as usize].environment = Some(environment);
    }
    for (app, execution) in
        facts::<SqlExecution>(connection, "spark_sql_executions", &known).await?
    {
        held[app].sql.insert(execution.execution_id, execution);
    }
    Ok((held, numbers))
}

/// A table's facts of attempts, with the attempts' places.
async fn facts<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    table: &'static str,
    apps: &[(usize, &AttemptKey)],
) -> Result<Vec<(usize, T)>> {
    let rows = rows(connection, "rowid, fact", table, apps).await?;
    let facts = rows.iter().map(|row| {
        let mut columns = Columns::new(row, table);
        let fact = fact(&mut columns)?;
        Ok((columns.get::<i64>()? as usize, fact))
    });
    facts.collect()
}

/// A table's rows of attempts, each with its attempt's place behind the columns.
async fn rows(
    connection: &mut SqliteConnection,
    columns: &str,
    table: &'static str,
    apps: &[(usize, &AttemptKey)],
) -> Result<Vec<sqlx::sqlite::SqliteRow>> {
    let find = Statement::select(columns, table, "app_id, attempt_id").with(
        apps,
        |values, (place, AttemptKey { app_id, attempt_id })| {
            values.add(*place as i64);
            values.add(app_id.as_str());
            values.add(attempt_id.as_str());
        },
    );
    find.fetch(connection).await.map_err(failed("read the facts of applications"))
}

/// The attempts of an application of which anything is known.
pub(crate) async fn known(connection: &mut SqliteConnection, app_id: &str) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT attempt_id FROM spark_applications WHERE app_id = ?1 \
         UNION SELECT attempt_id FROM spark_jobs WHERE app_id = ?1 \
         UNION SELECT attempt_id FROM spark_removed_attempts WHERE app_id = ?1",
    )
    .bind(app_id)
    .fetch_all(connection)
    .await
    .map_err(failed("find the attempts of an application"))
}

/// Reads a row's number and its column `fact`.
pub(crate) fn fact<T: DeserializeOwned>(columns: &mut Columns<'_>) -> Result<T> {
    columns.get::<i64>()?;
    columns.json()
}

/// Writes the changes of logs, one table after another.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    apps: &[AttemptKey],
    writes: &[LogWriteSet],
    numbers: &HashMap<(usize, i64), i64>,
) -> Result<()> {
    write_jobs(connection, writes, numbers).await?;
    let of_apps: Vec<(&AttemptKey, &LogWriteSet)> = apps.iter().zip(writes).collect();
    write_facts(connection, &of_apps).await.map_err(failed("write the facts of logs"))
}

async fn write_jobs(
    connection: &mut SqliteConnection,
    writes: &[LogWriteSet],
    numbers: &HashMap<(usize, i64), i64>,
) -> Result<()> {
    let last: Option<i64> = sqlx::query_scalar("SELECT max(job_no) FROM spark_jobs")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("number jobs"))?;
    let mut next = next_id(last, "spark_jobs")?;
    let jobs = writes.iter().enumerate().flat_map(|(app, writes)| {
        writes.jobs.iter().map(move |write| ((app, write.key.job_id), write))
    });
    let jobs = jobs.map(|(id, write)| {
        let known = numbers.get(&id).copied();
        let job_no = known.unwrap_or(next);
        next += i64::from(known.is_none());
        NumberedJob { job_no, is_new: known.is_none(), write }
    });
    let jobs: Vec<NumberedJob<'_>> = jobs.collect();
    job::write(connection, &jobs, FigureSource::Log).await.map_err(failed("write jobs"))
}

async fn write_facts(
    connection: &mut SqliteConnection,
    of_apps: &[(&AttemptKey, &LogWriteSet)],
) -> sqlx::Result<()> {
    let removed = of_apps.iter().filter(|(_, writes)| writes.removes_application);
    Statement::delete("spark_applications", "app_id, attempt_id")
        .with(removed.collect::<Vec<_>>(), |values, (app, _)| put_app(values, app))
        .execute(connection)
        .await?;
    removed::write(connection, of_apps).await?;
    let applications = of_apps.iter().filter_map(|(_, writes)| writes.application.as_ref());
    Statement::insert(
        "REPLACE INTO spark_applications",
        "app_id, attempt_id, name, user, spark_version, ended, start_us, end_us, fact",
    )
    .with(applications.collect::<Vec<_>>(), |values, application| {
        values.add(application.app_id.as_str());
        values.add(application.attempt_id.as_str());
        values.add(application.name.as_str());
        values.add(application.user.as_str());
        values.add(application.spark_version.as_str());
        values.add(application.ended);
        values.add(application.start_time.map(|time| time.as_micros()));
        values.add(application.end_time.map(|time| time.as_micros()));
        put_json(values, application);
    })
    .execute(connection)
    .await?;
    write_stages(connection, of_apps).await?;
    write_executors(connection, of_apps).await?;
    write_environments(connection, of_apps).await?;
    write_sql_executions(connection, of_apps).await
}

/// Each of the things that logs have with its application.
fn each<'a, T>(
    of_apps: &[(&'a AttemptKey, &'a LogWriteSet)],
    things: impl Fn(&'a LogWriteSet) -> &'a [T],
) -> Vec<(&'a AttemptKey, &'a T)> {
    let of_app = |(app, writes): &(&'a AttemptKey, &'a LogWriteSet)| {
        let app = *app;
        things(writes).iter().map(move |thing| (app, thing))
    };
    of_apps.iter().flat_map(of_app).collect()
}

fn put_app(values: &mut Values, AttemptKey { app_id, attempt_id }: &AttemptKey) {
    values.add(app_id.as_str());
    values.add(attempt_id.as_str());
}

async fn write_stages(
    connection: &mut SqliteConnection,
    of_apps: &[(&AttemptKey, &LogWriteSet)],
) -> sqlx::Result<()> {
    Statement::delete("spark_stages", "app_id, attempt_id, stage_id, stage_attempt_id")
        .with(each(of_apps, |writes| &writes.removed_stages), |values, (app, (stage, attempt))| {
            put_app(values, app);
            values.add(*stage);
            values.add(*attempt);
        })
        .execute(connection)
        .await?;
    Statement::insert(
        "REPLACE INTO spark_stages",
        "app_id, attempt_id, stage_id, stage_attempt_id, name, status, submission_us, \
         completion_us, tasks_succeeded, tasks_failed, tasks_killed, task_duration_ms, fact",
    )
    .with(each(of_apps, |writes| &writes.stages), |values, (app, stage)| {
        put_app(values, app);
        values.add(stage.stage_id);
        values.add(stage.stage_attempt_id);
        values.add(stage.name.as_str());
        values.add(stage.status.name());
        values.add(stage.submission_time.map(|time| time.as_micros()));
        values.add(stage.completion_time.map(|time| time.as_micros()));
        values.add(stage.tasks.succeeded);
        values.add(stage.tasks.failed);
        values.add(stage.tasks.killed);
        values.add(Sum(stage.tasks.duration_ms));
        put_json(values, stage);
    })
    .execute(connection)
    .await
}

async fn write_executors(
    connection: &mut SqliteConnection,
    of_apps: &[(&AttemptKey, &LogWriteSet)],
) -> sqlx::Result<()> {
    Statement::delete("spark_executors", "app_id, attempt_id, executor_id")
        .with(each(of_apps, |writes| &writes.removed_executors), |values, (app, id)| {
            put_app(values, app);
            values.add(id.as_str());
        })
        .execute(connection)
        .await?;
    Statement::insert(
        "REPLACE INTO spark_executors",
        "app_id, attempt_id, executor_id, host_port, total_cores, add_us, remove_us, \
         tasks_completed, tasks_failed, task_duration_ms, fact",
    )
    .with(each(of_apps, |writes| &writes.executors), |values, (app, executor)| {
        put_app(values, app);
        values.add(executor.id.as_str());
        values.add(executor.host_port.as_str());
        values.add(executor.total_cores);
        values.add(executor.add_time.map(|time| time.as_micros()));
        values.add(executor.remove_time.map(|time| time.as_micros()));
        values.add(executor.completed_tasks);
        values.add(executor.failed_tasks);
        values.add(executor.total_duration_ms);
        put_json(values, executor);
    })
    .execute(connection)
    .await
}

async fn write_environments(
    connection: &mut SqliteConnection,
    of_apps: &[(&AttemptKey, &LogWriteSet)],
) -> sqlx::Result<()> {
    let removed = of_apps.iter().filter(|(_, writes)| writes.removes_environment);
    Statement::delete("spark_environments", "app_id, attempt_id")
        .with(removed.collect::<Vec<_>>(), |values, (app, _)| put_app(values, app))
        .execute(connection)
        .await?;
    Statement::insert(
        "REPLACE INTO spark_environments",
        "app_id, attempt_id, java_version, scala_version, fact",
    )
    .with(each(of_apps, |writes| writes.environment.as_slice()), |values, (app, environment)| {
        put_app(values, app);
        values.add(environment.java_version.as_deref());
        values.add(environment.scala_version.as_deref());
        match environment.pack() {
            Ok(packed) => values.add(packed),
            Err(error) => values.fail(error),
        }
    })
    .execute(connection)
    .await
}

async fn write_sql_executions(
    connection: &mut SqliteConnection,
    of_apps: &[(&AttemptKey, &LogWriteSet)],
) -> sqlx::Result<()> {
    Statement::delete("spark_sql_executions", "app_id, attempt_id, execution_id")
        .with(each(of_apps, |writes| &writes.removed_sql), |values, (app, id)| {
            put_app(values, app);
            values.add(*id);
        })
        .execute(connection)
        .await?;
    Statement::insert(
        "REPLACE INTO spark_sql_executions",
        "app_id, attempt_id, execution_id, description, ended, submission_us, completion_us, \
         error_message, fact",
    )
    .with(each(of_apps, |writes| &writes.sql), |values, (app, execution)| {
        put_app(values, app);
        values.add(execution.execution_id);
        values.add(execution.description.as_str());
        values.add(execution.ended);
        values.add(execution.submission_time.map(|time| time.as_micros()));
        values.add(execution.completion_time.map(|time| time.as_micros()));
        values.add(execution.error_message.as_deref());
        put_json(values, execution);
    })
    .execute(connection)
    .await
}
