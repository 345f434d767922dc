//! Reading what event logs told of applications' attempts.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::{Application, Executor, HeldLog, Result, SqlExecution, Stage};

use crate::job_row::{self, RECORD};
use crate::statement::Statement;
use crate::store::failed;
use crate::value::Columns;

/// An application's id and its attempt's.
pub(crate) type App = (String, String);

/// What is held of some applications' attempts, in their order, and the numbers of their jobs by an
/// attempt's place and a job's id.
pub(crate) async fn held(
    connection: &mut SqliteConnection,
    apps: &[App],
) -> Result<(Vec<HeldLog>, HashMap<(usize, i64), i64>)> {
    let mut held: Vec<HeldLog> = apps.iter().map(|_| HeldLog::default()).collect();
    let all: Vec<(usize, &App)> = apps.iter().enumerate().collect();
    let mut numbers = HashMap::new();
    for row in &rows(connection, &format!("{RECORD}, job_id"), "spark_jobs", &all).await? {
        let mut columns = Columns::new(row, "spark_jobs");
        let (job_no, record) = job_row::record(&mut columns)?;
        let (job_id, app) = (columns.get()?, columns.get::<i64>()? as usize);
        numbers.insert((app, job_id), job_no);
        held[app].jobs.insert(job_id, record);
    }
    for (app, application) in facts::<Application>(connection, "spark_applications", &all).await? {
        held[app].application = Some(application);
    }
    // Whatever else a log told came with its application.
    let known: Vec<(usize, &App)> =
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
    apps: &[(usize, &App)],
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
    apps: &[(usize, &App)],
) -> Result<Vec<sqlx::sqlite::SqliteRow>> {
    let find = Statement::select(columns, table, "app_id, attempt_id").with(
        apps,
        |values, (place, (app_id, attempt_id))| {
            values.add(*place as i64);
            values.add(app_id.as_str());
            values.add(attempt_id.as_str());
        },
    );
    find.fetch(connection).await.map_err(failed("read what is held of applications"))
}

/// Reads a row's number and its column `fact`.
pub(crate) fn fact<T: DeserializeOwned>(columns: &mut Columns<'_>) -> Result<T> {
    columns.get::<i64>()?;
    columns.json()
}
