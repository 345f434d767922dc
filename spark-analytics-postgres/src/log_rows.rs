//! Reading what event logs told of applications' attempts.

use std::collections::{BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnection, PgRow};

use spark_analytics_core::{Application, Executor, HeldLog, Result, SqlExecution, Stage};

use crate::columns::Columns;
use crate::failure::failed;
use crate::job_row::{self, RECORD};
use crate::rows::Rows;

/// What is held of some applications' attempts.
pub(crate) async fn held(
    connection: &mut PgConnection,
    apps: &[i64],
) -> Result<HashMap<i64, HeldLog>> {
    let mut held: HashMap<i64, HeldLog> =
        apps.iter().map(|app| (*app, HeldLog::default())).collect();
    for row in &rows(connection, RECORD, "spark_jobs", apps).await? {
        let ((app, job_id), record) = job_row::record(&mut Columns::new(row, "spark_jobs", 2))?;
        held.entry(app).or_default().jobs.insert(job_id, record);
    }
    for (app, fact) in facts::<Application>(connection, "spark_applications", apps).await? {
        held.entry(app).or_default().application = Some(fact);
    }
    // Whatever else a log told came with its application.
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
async fn rows(
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
        .map_err(failed("read what is held of applications"))
}
