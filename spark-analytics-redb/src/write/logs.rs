//! Ingesting event logs.

use std::collections::BTreeMap;

use redb::{ReadableTable, WriteTransaction};
use spark_analytics_core::backend::{HeldLog, LogWriteSet, plan_log};
use spark_analytics_core::log::{Executor, LogSnapshot, LogSource, SqlExecution, Stage};
use spark_analytics_core::{AttemptKey, LogReceipt};

use crate::error::Result;
use crate::handle::Written;
use crate::keys;
use crate::rows::attempt::Rows;
use crate::rows::job::JobTables;
use crate::rows::{event, rollup};
use crate::tables::{
    APPLICATIONS, ENVIRONMENTS, EXECUTORS, META, REMOVED, SQL, STAGES, State, logs_pruned_before,
};
use crate::value::{from_json, from_postcard, to_json, to_postcard, unwritable};
use crate::write::sources;

/// Ingests logs one after another, and records their locations.
pub(crate) fn ingest_logs(
    transaction: &WriteTransaction,
    logs: Vec<LogSnapshot>,
    sources: &[LogSource],
) -> Result<Written<Vec<LogReceipt>>> {
    let mut is_changed = sources::note(transaction, sources)?;
    let mut receipts = Vec::with_capacity(logs.len());
    for log in logs {
        let attempt = log.application.key();
        let plan = |held| {
            let writes = plan_log(log, held);
            receipts.push(writes.receipt);
            writes
        };
        is_changed |= change(transaction, &attempt, plan)?;
    }
    Ok(if is_changed { Written::Changed(receipts) } else { Written::Unchanged(receipts) })
}

/// Loads all that is held of an application's attempt, plans and writes; whether that changes anything.
pub(crate) fn change(
    transaction: &WriteTransaction,
    attempt: &AttemptKey,
    plan: impl FnOnce(HeldLog) -> LogWriteSet,
) -> Result<bool> {
    let (app_id, attempt_id) = (&attempt.app_id, &attempt.attempt_id);
    let mut meta = transaction.open_table(META)?;
    let mut applications = transaction.open_table(APPLICATIONS)?;
    let mut stages = transaction.open_table(STAGES)?;
    let mut executors = transaction.open_table(EXECUTORS)?;
    let mut environments = transaction.open_table(ENVIRONMENTS)?;
    let mut sql = transaction.open_table(SQL)?;
    let mut jobs = JobTables::open(transaction)?;

    let mut removed = transaction.open_table(REMOVED)?;

    let rows = Rows::of(attempt);
    let mut held = HeldLog { pruned_before: logs_pruned_before(&meta)?, ..HeldLog::default() };
    if let Some(row) = removed.get(rows.application.as_slice())? {
        let row = from_postcard(row.value(), || rows.fact("trace of the removal"))?;
        held.removed = Some(row);
    }
    if let Some(row) = applications.get(rows.application.as_slice())? {
        held.application = Some(from_json(row.value(), || rows.fact("application"))?);
    }
    let mut numbers = BTreeMap::new();
    for job in rows.jobs(&jobs.rows)? {
        let (job_id, row) = job?;
        numbers.insert(job_id, row.number);
        held.jobs.insert(job_id, row.record);
    }
    for stage in rows.facts(&stages, "stage")? {
        let stage: Stage = stage?;
        held.stages.insert((stage.stage_id, stage.stage_attempt_id), stage);
    }
    for executor in rows.facts(&executors, "executor")? {
        let executor: Executor = executor?;
        held.executors.insert(executor.id.clone(), executor);
    }

    if let Some(row) = environments.get(rows.application.as_slice())? {
        held.environment = Some(rows.environment(row.value())?);
    }
    for execution in rows.facts(&sql, "execution of SQL")? {
        let execution: SqlExecution = execution?;
        held.sql.insert(execution.execution_id, execution);
    }

    let writes = plan(held);
    if writes.is_empty() {
        return Ok(false);
    }
    if writes.removes_application {
        applications.remove(rows.application.as_slice())?;
    }
    if let Some(trace) = &writes.removed {
        removed.insert(rows.application.as_slice(), to_postcard(trace)?.as_slice())?;
    }
    if let Some(application) = &writes.application {
        applications.insert(rows.application.as_slice(), to_json(application)?.as_slice())?;
    }
    for id in &writes.removed_stages {
        stages.remove(keys::stage(app_id, attempt_id, *id).as_slice())?;
    }
    for stage in &writes.stages {
        let key = keys::stage(app_id, attempt_id, (stage.stage_id, stage.stage_attempt_id));
        stages.insert(key.as_slice(), to_json(stage)?.as_slice())?;
    }
    for id in &writes.removed_executors {
        executors.remove(keys::executor(app_id, attempt_id, id).as_slice())?;
    }
    for executor in &writes.executors {
        let key = keys::executor(app_id, attempt_id, &executor.id);
        executors.insert(key.as_slice(), to_json(executor)?.as_slice())?;
    }
    if writes.removes_environment {
        environments.remove(rows.application.as_slice())?;
    }
    if let Some(environment) = &writes.environment {
        let packed = environment.pack().map_err(unwritable)?;
        environments.insert(rows.application.as_slice(), packed.as_slice())?;
    }
    for id in &writes.removed_sql {
        sql.remove(keys::sql(app_id, attempt_id, *id).as_slice())?;
    }
    for execution in &writes.sql {
        let key = keys::sql(app_id, attempt_id, execution.execution_id);
        sql.insert(key.as_slice(), to_json(execution)?.as_slice())?;
    }
    let mut state = State::load(&meta)?;
    let of_job = |job_id| numbers.get(&job_id).copied();
    let numbers: Vec<u64> = writes
        .jobs
        .iter()
        .map(|write| of_job(write.key.job_id).unwrap_or_else(|| state.take_job_number()))
        .collect();
    let emptied = writes.jobs.iter().zip(&numbers).filter(|(write, _)| write.record.is_empty());
    let emptied: Vec<u64> = emptied.map(|(_, number)| *number).collect();
    if !emptied.is_empty() {
        event::remove_of_jobs(transaction, emptied.into_iter())?;
    }
    jobs.put(writes.jobs, &numbers)?;
    rollup::add(transaction, writes.rollups)?;
    state.save(&mut meta)?;
    Ok(true)
}
