//! Reading what event logs told of an application's attempt.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::{
    Application, Environment, Executor, JobRecord, Result, SqlExecution, Stage,
};

use crate::job_row::{self, RECORD};
use crate::store::failed;
use crate::value::Columns;

/// The numbers of an application's jobs by job id.
#[derive(Debug, Default)]
pub(crate) struct JobNumbers(pub(crate) HashMap<i64, i64>);

pub(crate) async fn application(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
) -> Result<Option<Application>> {
    let row = sqlx::query(
        "SELECT rowid, fact FROM spark_applications WHERE app_id = ? AND attempt_id = ?",
    )
    .bind(app_id)
    .bind(attempt_id)
    .fetch_optional(connection)
    .await
    .map_err(failed("read an application"))?;
    row.map(|row| fact(Columns::new(&row, "spark_applications"))).transpose()
}

pub(crate) async fn jobs(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
    JobNumbers(numbers): &mut JobNumbers,
) -> Result<BTreeMap<i64, JobRecord>> {
    let sql = format!(
        "SELECT {RECORD}, job_id FROM spark_jobs WHERE app_id = ? AND attempt_id = ? ORDER BY job_id"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(app_id)
        .bind(attempt_id)
        .fetch_all(connection)
        .await
        .map_err(failed("read an application's jobs"))?;
    let mut jobs = BTreeMap::new();
    for row in &rows {
        let mut columns = Columns::new(row, "spark_jobs");
        let (job_no, record) = job_row::record(&mut columns)?;
        let job_id = columns.get()?;
        numbers.insert(job_id, job_no);
        jobs.insert(job_id, record);
    }
    Ok(jobs)
}

pub(crate) async fn stages(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
) -> Result<BTreeMap<(i64, i64), Stage>> {
    let rows =
        sqlx::query("SELECT rowid, fact FROM spark_stages WHERE app_id = ? AND attempt_id = ?")
            .bind(app_id)
            .bind(attempt_id)
            .fetch_all(connection)
            .await
            .map_err(failed("read an application's stages"))?;
    let stages = rows.iter().map(|row| {
        let stage: Stage = fact(Columns::new(row, "spark_stages"))?;
        Ok(((stage.stage_id, stage.stage_attempt_id), stage))
    });
    stages.collect()
}

pub(crate) async fn executors(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
) -> Result<BTreeMap<String, Executor>> {
    let rows =
        sqlx::query("SELECT rowid, fact FROM spark_executors WHERE app_id = ? AND attempt_id = ?")
            .bind(app_id)
            .bind(attempt_id)
            .fetch_all(connection)
            .await
            .map_err(failed("read an application's executors"))?;
    let executors = rows.iter().map(|row| {
        let executor: Executor = fact(Columns::new(row, "spark_executors"))?;
        Ok((executor.id.clone(), executor))
    });
    executors.collect()
}

pub(crate) async fn environment(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
) -> Result<Option<Environment>> {
    let row = sqlx::query(
        "SELECT rowid, fact FROM spark_environments WHERE app_id = ? AND attempt_id = ?",
    )
    .bind(app_id)
    .bind(attempt_id)
    .fetch_optional(connection)
    .await
    .map_err(failed("read an environment"))?;
    row.map(|row| fact(Columns::new(&row, "spark_environments"))).transpose()
}

pub(crate) async fn sql_executions(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
) -> Result<BTreeMap<i64, SqlExecution>> {
    let rows = sqlx::query(
        "SELECT rowid, fact FROM spark_sql_executions WHERE app_id = ? AND attempt_id = ?",
    )
    .bind(app_id)
    .bind(attempt_id)
    .fetch_all(connection)
    .await
    .map_err(failed("read an application's executions of SQL"))?;
    let executions = rows.iter().map(|row| {
        let execution: SqlExecution = fact(Columns::new(row, "spark_sql_executions"))?;
        Ok((execution.execution_id, execution))
    });
    executions.collect()
}

/// Reads a row of its number and the column `fact`.
pub(crate) fn fact<T: DeserializeOwned>(mut columns: Columns<'_>) -> Result<T> {
    columns.get::<i64>()?;
    columns.json()
}
