//! Taking what an event log says.

use std::collections::BTreeMap;
use std::ops::Range;

use redb::{ReadableTable, WriteTransaction};
use serde::de::DeserializeOwned;
use spark_analytics_core::{Environment, HeldLog, LogReceipt, LogSnapshot, LogSource, plan_log};

use crate::fault::{Fault, Result};
use crate::ingest::{JobTables, add_rollups};
use crate::keys;
use crate::shared::Written;
use crate::tables::{
    APPLICATIONS, ENVIRONMENTS, EXECUTORS, JobRow, LOG_SOURCES, META, SQL, STAGES, State,
    from_json, job_key, to_json, to_postcard, unwritable,
};

/// Takes logs one after another, and notes where logs lay.
pub(crate) fn ingest_logs(
    transaction: &WriteTransaction,
    logs: Vec<LogSnapshot>,
    sources: &[LogSource],
) -> Result<Written<Vec<LogReceipt>>> {
    let mut is_changed = note_sources(transaction, sources)?;
    let mut receipts = Vec::with_capacity(logs.len());
    for log in logs {
        let receipt = match ingest_log(transaction, log)? {
            Written::Changed(receipt) => {
                is_changed = true;
                receipt
            }
            Written::Unchanged(receipt) => receipt,
        };
        receipts.push(receipt);
    }
    Ok(if is_changed { Written::Changed(receipts) } else { Written::Unchanged(receipts) })
}

/// Notes sources, of one location the last; whether that changes anything.
fn note_sources(transaction: &WriteTransaction, sources: &[LogSource]) -> Result<bool> {
    let mut table = transaction.open_table(LOG_SOURCES)?;
    let mut is_changed = false;
    for source in sources.iter().filter(|source| source.can_be_noted()) {
        let value = to_postcard(&(source.size, source.modified))?;
        let location = source.location.as_str();
        if table.get(location)?.is_none_or(|held| held.value() != value.as_slice()) {
            table.insert(location, value.as_slice())?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}

/// Loads all that is held of the application's attempt, plans and writes.
fn ingest_log(transaction: &WriteTransaction, log: LogSnapshot) -> Result<Written<LogReceipt>> {
    let (app_id, attempt_id) = (log.application.app_id.clone(), log.application.attempt_id.clone());
    let mut meta = transaction.open_table(META)?;
    let mut applications = transaction.open_table(APPLICATIONS)?;
    let mut stages = transaction.open_table(STAGES)?;
    let mut executors = transaction.open_table(EXECUTORS)?;
    let mut environments = transaction.open_table(ENVIRONMENTS)?;
    let mut sql = transaction.open_table(SQL)?;
    let mut jobs = JobTables::open(transaction)?;

    let rows = Rows::of(&app_id, &attempt_id);
    let mut held = HeldLog::default();
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
        let stage: spark_analytics_core::Stage = stage?;
        held.stages.insert((stage.stage_id, stage.stage_attempt_id), stage);
    }
    for executor in rows.facts(&executors, "executor")? {
        let executor: spark_analytics_core::Executor = executor?;
        held.executors.insert(executor.id.clone(), executor);
    }

    if let Some(row) = environments.get(rows.application.as_slice())? {
        held.environment = Some(rows.environment(row.value())?);
    }
    for execution in rows.facts(&sql, "execution of SQL")? {
        let execution: spark_analytics_core::SqlExecution = execution?;
        held.sql.insert(execution.execution_id, execution);
    }

    let writes = plan_log(log, held);
    if writes.is_empty() {
        return Ok(Written::Unchanged(writes.receipt));
    }
    if let Some(application) = &writes.application {
        applications.insert(rows.application.as_slice(), to_json(application)?.as_slice())?;
    }
    for id in &writes.removed_stages {
        stages.remove(keys::stage(&app_id, &attempt_id, *id).as_slice())?;
    }
    for stage in &writes.stages {
        let key = keys::stage(&app_id, &attempt_id, (stage.stage_id, stage.stage_attempt_id));
        stages.insert(key.as_slice(), to_json(stage)?.as_slice())?;
    }
    for id in &writes.removed_executors {
        executors.remove(keys::executor(&app_id, &attempt_id, id).as_slice())?;
    }
    for executor in &writes.executors {
        let key = keys::executor(&app_id, &attempt_id, &executor.id);
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
        sql.remove(keys::sql(&app_id, &attempt_id, *id).as_slice())?;
    }
    for execution in &writes.sql {
        let key = keys::sql(&app_id, &attempt_id, execution.execution_id);
        sql.insert(key.as_slice(), to_json(execution)?.as_slice())?;
    }
    let mut state = State::load(&meta)?;
    let of_job = |job_id| numbers.get(&job_id).copied();
    let numbers: Vec<u64> = writes
        .jobs
        .iter()
        .map(|write| of_job(write.key.job_id).unwrap_or_else(|| state.take_job_number()))
        .collect();
    jobs.put(writes.jobs, &numbers)?;
    add_rollups(transaction, writes.rollups)?;
    state.save(&mut meta)?;
    Ok(Written::Changed(writes.receipt))
}

/// Where the rows of an application's attempt are.
pub(crate) struct Rows<'a> {
    app_id: &'a str,
    /// The application's own key, and the first of all its rows in other tables.
    pub(crate) application: Vec<u8>,
    end: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(app_id: &'a str, attempt_id: &str) -> Self {
        Self {
            app_id,
            application: keys::application(app_id, attempt_id),
            end: keys::after_application(app_id, attempt_id),
        }
    }

    fn range(&self) -> Range<&[u8]> {
        self.application.as_slice()..self.end.as_slice()
    }

    /// Its jobs with their ids, in the order of the ids.
    pub(crate) fn jobs<'t>(
        &'t self,
        table: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
    ) -> Result<impl Iterator<Item = Result<(i64, JobRow)>> + 't> {
        Ok(table.range::<&[u8]>(self.range())?.map(|row| {
            let (key, value) = row?;
            Ok((job_key(key.value())?.job_id, JobRow::decode(key.value(), value.value())?))
        }))
    }

    /// Its rows in a table of facts, in the order of their ids.
    pub(crate) fn facts<'t, T: DeserializeOwned>(
        &'t self,
        table: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
        what: &'static str,
    ) -> Result<impl Iterator<Item = Result<T>> + 't> {
        Ok(table.range::<&[u8]>(self.range())?.map(move |row| {
            let (_, value) = row?;
            from_json(value.value(), || self.fact(what))
        }))
    }

    pub(crate) fn environment(&self, value: &[u8]) -> Result<Environment> {
        Environment::unpack(value).map_err(|error| Fault::damaged(self.fact("environment"), error))
    }

    /// How errors name a row.
    pub(crate) fn fact(&self, what: &str) -> String {
        format!("{what} of application {}", self.app_id)
    }
}
