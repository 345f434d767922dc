//! Rows of applications' attempts: the facts of event logs.

use std::collections::{BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnection, PgRow};

use spark_analytics_core::Result;
use spark_analytics_core::backend::{HeldLog, LogWriteSet};
use spark_analytics_core::log::{Application, Executor, SqlExecution, Stage};

use crate::error::failed;
use crate::rows::job::{self, RECORD};
use crate::rows::removed;
use crate::statement::Rows;
use crate::value::{Columns, narrow};

/// The stored facts of some applications' attempts.
pub(crate) async fn held(
    connection: &mut PgConnection,
    apps: &[i64],
) -> Result<HashMap<i64, HeldLog>> {
    let mut held: HashMap<i64, HeldLog> =
        apps.iter().map(|app| (*app, HeldLog::default())).collect();
    for row in &rows(connection, RECORD, "spark_jobs", apps).await? {
        let ((app, job_id), record) = job::record(&mut Columns::new(row, "spark_jobs", 2))?;
        held.entry(app).or_default().jobs.insert(job_id, record);
    }
    for (app, fact) in facts::<Application>(connection, "spark_applications", apps).await? {
        held.entry(app).or_default().application = Some(fact);
    }
    // All other facts of a log are stored together with its application.
    let known = held.iter().filter(|(_, held)| held.application.is_some());
    let known: Vec<i64> = known.map(|(app, _)| *app).collect::<BTreeSet<_>>().into_iter().collect();
    for (app, stage) in facts::<Stage>(connection, "spark_stages", &known).await? {
        let key = (stage.stage_id, stage.stage_attempt_id);
        held.entry(app).or_default().stages.insert(key, stage);
    }
    for (app, executor) in facts::<Executor>(connection, "spark_executors", &known).await? {
        held.entry(app).or_default().executors.insert(executor.id.clone(), executor);
    }
    for row in &rows(connection, "app_no, fact", "spark_environments", &known).await? {
        let mut columns = Columns::new(row, "spark_environments", 1);
        let app = columns.get()?;
        held.entry(app).or_default().environment = Some(columns.environment()?);
    }
    for (app, execution) in
        facts::<SqlExecution>(connection, "spark_sql_executions", &known).await?
    {
        held.entry(app).or_default().sql.insert(execution.execution_id, execution);
    }
    Ok(held)
}

/// A table's facts of attempts, with the attempts' numbers.
async fn facts<T: DeserializeOwned>(
    connection: &mut PgConnection,
    table: &'static str,
    apps: &[i64],
) -> Result<Vec<(i64, T)>> {
    let rows = rows(connection, "app_no, fact", table, apps).await?;
    let facts = rows.iter().map(|row| {
        let mut columns = Columns::new(row, table, 1);
        Ok((columns.get()?, columns.json()?))
    });
    facts.collect()
}

/// A table's rows of attempts.
pub(crate) async fn rows(
    connection: &mut PgConnection,
    columns: &str,
    table: &'static str,
    apps: &[i64],
) -> Result<Vec<PgRow>> {
    let sql =
        format!("SELECT {columns} FROM {{rows}} AS asked (app_no) JOIN {table} USING (app_no)");
    Rows::default()
        .column(apps.iter().copied())
        .fetch(connection, &sql)
        .await
        .map_err(failed("read the facts of applications"))
}

/// A log's changes with its attempt's number.
pub(crate) type OfApp<'w> = (i64, &'w LogWriteSet);

/// Writes the changes of logs to all tables but jobs and roll-ups, one table after another.
pub(crate) async fn write(connection: &mut PgConnection, writes: &[OfApp<'_>]) -> Result<()> {
    write_facts(connection, writes).await.map_err(failed("write the facts of logs"))
}

async fn write_facts(connection: &mut PgConnection, writes: &[OfApp<'_>]) -> sqlx::Result<()> {
    removed::write(connection, writes).await?;
    write_applications(connection, writes).await?;
    write_stages(connection, writes).await?;
    write_executors(connection, writes).await?;
    write_environments(connection, writes).await?;
    write_sql_executions(connection, writes).await
}

/// Pairs each fact of the logs with its attempt's number.
fn each<'w, T>(
    writes: &[OfApp<'w>],
    things: impl Fn(&'w LogWriteSet) -> &'w [T],
) -> Vec<(i64, &'w T)> {
    let of_app = |(app, writes): &OfApp<'w>| {
        let app = *app;
        things(writes).iter().map(move |thing| (app, thing))
    };
    writes.iter().flat_map(of_app).collect()
}

/// The column of attempts' numbers.
fn apps<T>(things: &[(i64, &T)]) -> Rows {
    Rows::default().column(things.iter().map(|(app, _)| *app))
}

/// Inserts or replaces rows in a table whose key columns come first.
pub(crate) fn put(table: &str, key: usize, columns: &str) -> String {
    let names: Vec<&str> = columns.split(", ").collect();
    let set = names[key..].iter().map(|name| format!("{name} = excluded.{name}"));
    format!(
        "INSERT INTO {table} ({columns}) SELECT * FROM {{rows}} \
         ON CONFLICT ({}) DO UPDATE SET {}",
        names[..key].join(", "),
        set.collect::<Vec<_>>().join(", ")
    )
}

/// Deletes the rows with the given keys.
fn remove(table: &str, key: &str) -> String {
    let same = key.split(", ").map(|name| format!("old.{name} = gone.{name}"));
    let same = same.collect::<Vec<_>>().join(" AND ");
    format!("DELETE FROM {table} AS old USING {{rows}} AS gone ({key}) WHERE {same}")
}

async fn write_applications(
    connection: &mut PgConnection,
    writes: &[OfApp<'_>],
) -> sqlx::Result<()> {
    let gone = writes.iter().filter(|(_, writes)| writes.removes_application);
    Rows::default()
        .column(gone.map(|(app, _)| *app))
        .execute(connection, &remove("spark_applications", "app_no"))
        .await?;
    let applications = each(writes, |writes| writes.application.as_slice());
    let facts = || applications.iter().map(|(_, application)| *application);
    let sql = put(
        "spark_applications",
        1,
        "app_no, app_id, attempt_id, name, user_name, spark_version, ended, start_us, end_us, fact",
    );
    apps(&applications)
        .column(facts().map(|application| application.app_id.as_str()))
        .column(facts().map(|application| application.attempt_id.as_str()))
        .column(facts().map(|application| application.name.as_str()))
        .column(facts().map(|application| application.user.as_str()))
        .column(facts().map(|application| application.spark_version.as_str()))
        .column(facts().map(|application| application.ended))
        .column(facts().map(|application| application.start_time.map(|time| time.as_micros())))
        .column(facts().map(|application| application.end_time.map(|time| time.as_micros())))
        .fallible(facts().map(serde_json::to_string))
        .execute(connection, &sql)
        .await
}

async fn write_stages(connection: &mut PgConnection, writes: &[OfApp<'_>]) -> sqlx::Result<()> {
    let gone = each(writes, |writes| &writes.removed_stages);
    apps(&gone)
        .column(gone.iter().map(|(_, key)| key.0))
        .column(gone.iter().map(|(_, key)| key.1))
        .execute(connection, &remove("spark_stages", "app_no, stage_id, stage_attempt_id"))
        .await?;
    let stages = each(writes, |writes| &writes.stages);
    let facts = || stages.iter().map(|(_, stage)| *stage);
    let sql = put(
        "spark_stages",
        3,
        "app_no, stage_id, stage_attempt_id, name, status, submission_us, completion_us, \
         tasks_succeeded, tasks_failed, tasks_killed, task_duration_ms, fact",
    );
    apps(&stages)
        .column(facts().map(|stage| stage.stage_id))
        .column(facts().map(|stage| stage.stage_attempt_id))
        .column(facts().map(|stage| stage.name.as_str()))
        .column(facts().map(|stage| stage.status.name()))
        .column(facts().map(|stage| stage.submission_time.map(|time| time.as_micros())))
        .column(facts().map(|stage| stage.completion_time.map(|time| time.as_micros())))
        .column(facts().map(|stage| stage.tasks.succeeded))
        .column(facts().map(|stage| stage.tasks.failed))
        .column(facts().map(|stage| stage.tasks.killed))
        .column(facts().map(|stage| narrow(stage.tasks.duration_ms)))
        .fallible(facts().map(serde_json::to_string))
        .execute(connection, &sql)
        .await
}

async fn write_executors(connection: &mut PgConnection, writes: &[OfApp<'_>]) -> sqlx::Result<()> {
    let gone = each(writes, |writes| &writes.removed_executors);
    apps(&gone)
        .column(gone.iter().map(|(_, id)| id.as_str()))
        .execute(connection, &remove("spark_executors", "app_no, executor_id"))
        .await?;
    let executors = each(writes, |writes| &writes.executors);
    let facts = || executors.iter().map(|(_, executor)| *executor);
    let sql = put(
        "spark_executors",
        2,
        "app_no, executor_id, host_port, total_cores, add_us, remove_us, tasks_completed, \
         tasks_failed, task_duration_ms, fact",
    );
    apps(&executors)
        .column(facts().map(|executor| executor.id.as_str()))
        .column(facts().map(|executor| executor.host_port.as_str()))
        .column(facts().map(|executor| executor.total_cores))
        .column(facts().map(|executor| executor.add_time.map(|time| time.as_micros())))
        .column(facts().map(|executor| executor.remove_time.map(|time| time.as_micros())))
        .column(facts().map(|executor| executor.completed_tasks))
        .column(facts().map(|executor| executor.failed_tasks))
        .column(facts().map(|executor| executor.total_duration_ms))
        .fallible(facts().map(serde_json::to_string))
        .execute(connection, &sql)
        .await
}

async fn write_environments(
    connection: &mut PgConnection,
    writes: &[OfApp<'_>],
) -> sqlx::Result<()> {
    let gone = writes.iter().filter(|(_, writes)| writes.removes_environment);
    Rows::default()
        .column(gone.map(|(app, _)| *app))
        .execute(connection, &remove("spark_environments", "app_no"))
        .await?;
    let environments = each(writes, |writes| writes.environment.as_slice());
    let facts = || environments.iter().map(|(_, environment)| *environment);
    let sql = put("spark_environments", 1, "app_no, java_version, scala_version, fact");
    apps(&environments)
        .column(facts().map(|environment| environment.java_version.as_deref()))
        .column(facts().map(|environment| environment.scala_version.as_deref()))
        .fallible(facts().map(|environment| environment.pack()))
        .execute(connection, &sql)
        .await
}

async fn write_sql_executions(
    connection: &mut PgConnection,
    writes: &[OfApp<'_>],
) -> sqlx::Result<()> {
    let gone = each(writes, |writes| &writes.removed_sql);
    apps(&gone)
        .column(gone.iter().map(|(_, id)| **id))
        .execute(connection, &remove("spark_sql_executions", "app_no, execution_id"))
        .await?;
    let executions = each(writes, |writes| &writes.sql);
    let facts = || executions.iter().map(|(_, execution)| *execution);
    let sql = put(
        "spark_sql_executions",
        2,
        "app_no, execution_id, description, ended, submission_us, completion_us, error_message, \
         fact",
    );
    apps(&executions)
        .column(facts().map(|execution| execution.execution_id))
        .column(facts().map(|execution| execution.description.as_str()))
        .column(facts().map(|execution| execution.ended))
        .column(facts().map(|execution| execution.submission_time.map(|time| time.as_micros())))
        .column(facts().map(|execution| execution.completion_time.map(|time| time.as_micros())))
        .column(facts().map(|execution| execution.error_message.as_deref()))
        .fallible(facts().map(serde_json::to_string))
        .execute(connection, &sql)
        .await
}
