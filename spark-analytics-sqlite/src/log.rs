//! Taking and giving what event logs tell.

use sqlx::sqlite::SqliteConnection;

use spark_analytics_core::history::stage_status;
use spark_analytics_core::{
    Application, HeldLog, LogReceipt, LogSnapshot, LogSource, LogWriteSet, Result, plan_log,
};

use crate::SqliteStore;
use crate::job_row::{self, NumberedJob};
use crate::log_rows::{
    JobNumbers, application, environment, executors, fact, jobs, sql_executions, stages,
};
use crate::statement::Statement;
use crate::store::failed;
use crate::value::{Columns, Sum, put_json};
use crate::{log_source, rollup_row};

impl SqliteStore {
    pub(crate) async fn take_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let mut receipts = Vec::with_capacity(logs.len());
        for log in logs {
            receipts.push(take(&mut transaction, log).await?);
        }
        log_source::put(&mut transaction, &sources).await.map_err(failed("note where logs lay"))?;
        transaction.commit().await.map_err(failed("commit"))?;
        Ok(receipts)
    }

    pub(crate) async fn give_log(&self, app: (&str, &str)) -> Result<Option<LogSnapshot>> {
        let mut transaction = self.readers.begin().await.map_err(failed("begin to read"))?;
        let Some(application) = application(&mut transaction, app).await? else {
            return Ok(None);
        };
        let jobs = jobs(&mut transaction, app, &mut JobNumbers::default()).await?;
        let stages = stages(&mut transaction, app).await?;
        let executors = executors(&mut transaction, app).await?;
        let environment = environment(&mut transaction, app).await?;
        let sql = sql_executions(&mut transaction, app).await?;
        transaction.commit().await.map_err(failed("end reading"))?;
        Ok(Some(LogSnapshot {
            application,
            jobs: jobs.into_values().filter_map(|record| record.log.map(|log| *log)).collect(),
            stages: stages.into_values().collect(),
            executors: executors.into_values().collect(),
            environment,
            sql: sql.into_values().collect(),
        }))
    }

    pub(crate) async fn list_applications(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        let sql = match after {
            Some(_) => {
                "SELECT rowid, fact FROM spark_applications WHERE (app_id, attempt_id) > (?, ?) \
                 ORDER BY app_id, attempt_id LIMIT ?"
            }
            None => {
                "SELECT rowid, fact FROM spark_applications \
                 ORDER BY app_id, attempt_id LIMIT ?"
            }
        };
        let mut query = sqlx::query(sql);
        if let Some((app_id, attempt_id)) = after {
            query = query.bind(app_id).bind(attempt_id);
        }
        let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(&self.readers).await.map_err(failed("list applications"))?;
        rows.iter().map(|row| fact(Columns::new(row, "spark_applications"))).collect()
    }
}

async fn take(connection: &mut SqliteConnection, log: LogSnapshot) -> Result<LogReceipt> {
    let app = (log.application.app_id.clone(), log.application.attempt_id.clone());
    let app = (app.0.as_str(), app.1.as_str());
    let mut numbers = JobNumbers::default();
    let held = HeldLog {
        application: application(connection, app).await?,
        jobs: jobs(connection, app, &mut numbers).await?,
        stages: stages(connection, app).await?,
        executors: executors(connection, app).await?,
        environment: environment(connection, app).await?,
        sql: sql_executions(connection, app).await?,
    };
    let writes = plan_log(log, held);
    write(connection, app, &writes, numbers).await?;
    rollup_row::add(connection, writes.rollups).await?;
    Ok(writes.receipt)
}

async fn write(
    connection: &mut SqliteConnection,
    app: (&str, &str),
    writes: &LogWriteSet,
    JobNumbers(numbers): JobNumbers,
) -> Result<()> {
    let last: Option<i64> = sqlx::query_scalar("SELECT max(job_no) FROM spark_jobs")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("number jobs"))?;
    let mut next = last.unwrap_or(0) + 1;
    let jobs = writes.jobs.iter().map(|write| {
        let known = numbers.get(&write.key.job_id).copied();
        let job_no = known.unwrap_or(next);
        next += i64::from(known.is_none());
        NumberedJob { job_no, is_new: known.is_none(), write }
    });
    let jobs: Vec<NumberedJob<'_>> = jobs.collect();
    job_row::write(connection, &jobs).await.map_err(failed("write jobs"))?;
    if let Some(application) = &writes.application {
        put_application(connection, application).await.map_err(failed("write an application"))?;
    }
    put_stages(connection, app, writes).await.map_err(failed("write stages"))?;
    put_executors(connection, app, writes).await.map_err(failed("write executors"))?;
    put_environment(connection, app, writes).await.map_err(failed("write an environment"))?;
    put_sql_executions(connection, app, writes).await.map_err(failed("write executions of SQL"))
}

async fn put_application(
    connection: &mut SqliteConnection,
    application: &Application,
) -> sqlx::Result<()> {
    let put = Statement::insert(
        "REPLACE INTO spark_applications",
        "app_id, attempt_id, name, user, spark_version, \
               ended, start_us, end_us, fact",
    );
    let rows = put.with([application], |values, application| {
        values.add(application.app_id.as_str());
        values.add(application.attempt_id.as_str());
        values.add(application.name.as_str());
        values.add(application.user.as_str());
        values.add(application.spark_version.as_str());
        values.add(application.ended);
        values.add(application.start_time.map(|time| time.as_micros()));
        values.add(application.end_time.map(|time| time.as_micros()));
        put_json(values, application);
    });
    rows.execute(connection).await
}

async fn put_stages(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
    writes: &LogWriteSet,
) -> sqlx::Result<()> {
    let delete =
        Statement::delete("spark_stages", "app_id, attempt_id, stage_id, stage_attempt_id");
    let rows = delete.with(&writes.removed_stages, |values, (stage, attempt)| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(*stage);
        values.add(*attempt);
    });
    rows.execute(connection).await?;
    let put = Statement::insert(
        "REPLACE INTO spark_stages",
        "app_id, attempt_id, stage_id, stage_attempt_id, name, \
               status, submission_us, completion_us, tasks_succeeded, tasks_failed, tasks_killed, \
               task_duration_ms, fact",
    );
    let rows = put.with(&writes.stages, |values, stage| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(stage.stage_id);
        values.add(stage.stage_attempt_id);
        values.add(stage.name.as_str());
        values.add(stage_status(stage.status));
        values.add(stage.submission_time.map(|time| time.as_micros()));
        values.add(stage.completion_time.map(|time| time.as_micros()));
        values.add(stage.tasks.succeeded);
        values.add(stage.tasks.failed);
        values.add(stage.tasks.killed);
        values.add(Sum(stage.tasks.duration_ms));
        put_json(values, stage);
    });
    rows.execute(connection).await
}

async fn put_executors(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
    writes: &LogWriteSet,
) -> sqlx::Result<()> {
    let delete = Statement::delete("spark_executors", "app_id, attempt_id, executor_id");
    let rows = delete.with(&writes.removed_executors, |values, id| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(id.as_str());
    });
    rows.execute(connection).await?;
    let put = Statement::insert(
        "REPLACE INTO spark_executors",
        "app_id, attempt_id, executor_id, host_port, \
               total_cores, add_us, remove_us, tasks_completed, tasks_failed, task_duration_ms, \
               fact",
    );
    let rows = put.with(&writes.executors, |values, executor| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(executor.id.as_str());
        values.add(executor.host_port.as_str());
        values.add(executor.total_cores);
        values.add(executor.add_time.map(|time| time.as_micros()));
        values.add(executor.remove_time.map(|time| time.as_micros()));
        values.add(executor.completed_tasks);
        values.add(executor.failed_tasks);
        values.add(executor.total_duration_ms);
        put_json(values, executor);
    });
    rows.execute(connection).await
}

async fn put_environment(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
    writes: &LogWriteSet,
) -> sqlx::Result<()> {
    if writes.removes_environment {
        sqlx::query("DELETE FROM spark_environments WHERE app_id = ? AND attempt_id = ?")
            .bind(app_id)
            .bind(attempt_id)
            .execute(&mut *connection)
            .await?;
    }
    let put = Statement::insert(
        "REPLACE INTO spark_environments",
        "app_id, attempt_id, java_version, scala_version, fact",
    );
    let rows = put.with(&writes.environment, |values, environment| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(environment.java_version.as_deref());
        values.add(environment.scala_version.as_deref());
        put_json(values, environment);
    });
    rows.execute(connection).await
}

async fn put_sql_executions(
    connection: &mut SqliteConnection,
    (app_id, attempt_id): (&str, &str),
    writes: &LogWriteSet,
) -> sqlx::Result<()> {
    let delete = Statement::delete("spark_sql_executions", "app_id, attempt_id, execution_id");
    let rows = delete.with(&writes.removed_sql, |values, id| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(*id);
    });
    rows.execute(connection).await?;
    let put = Statement::insert(
        "REPLACE INTO spark_sql_executions",
        "app_id, attempt_id, execution_id, description, ended, submission_us, completion_us, \
               error_message, fact",
    );
    let rows = put.with(&writes.sql, |values, execution| {
        values.add(app_id);
        values.add(attempt_id);
        values.add(execution.execution_id);
        values.add(execution.description.as_str());
        values.add(execution.ended);
        values.add(execution.submission_time.map(|time| time.as_micros()));
        values.add(execution.completion_time.map(|time| time.as_micros()));
        values.add(execution.error_message.as_deref());
        put_json(values, execution);
    });
    rows.execute(connection).await
}
