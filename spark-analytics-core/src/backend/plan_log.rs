//! Computes what an event log changes, from the stored state of the application.

use std::collections::BTreeMap;

use crate::backend::plan::JobWrite;
use crate::backend::plan::rollup_changes;
use crate::backend::plan_removal::Removed;
use crate::figures::job::JobRecord;
use crate::figures::rollup::Rollup;
use crate::identity::{JobKey, RollupKey};
use crate::log::{Application, Environment, Executor, LogJob, LogSnapshot, SqlExecution, Stage};
use crate::store::{LogReceipt, OtherRun};
use crate::time::Day;

/// The stored state of an application attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldLog {
    /// The application, if a log reported it.
    pub application: Option<Application>,
    /// Its jobs by number, including those known from single events only.
    pub jobs: BTreeMap<i64, JobRecord>,
    /// Its stage attempts by stage and attempt.
    pub stages: BTreeMap<(i64, i64), Stage>,
    /// Its executors by id.
    pub executors: BTreeMap<String, Executor>,
    /// Its environment, if a log reported it.
    pub environment: Option<Environment>,
    /// Its SQL executions by id.
    pub sql: BTreeMap<i64, SqlExecution>,
    /// What is kept of it if its jobs were removed.
    pub removed: Option<Removed>,
    /// The day before which logs were pruned, the same for all attempts; `None` if they never were.
    pub pruned_before: Option<Day>,
}

impl HeldLog {
    /// The facts of logs; `None` if no log was stored.
    pub fn into_snapshot(self) -> Option<LogSnapshot> {
        Some(LogSnapshot {
            application: self.application?,
            jobs: self.jobs.into_values().filter_map(|record| record.log.map(|log| *log)).collect(),
            stages: self.stages.into_values().collect(),
            executors: self.executors.into_values().collect(),
            environment: self.environment,
            sql: self.sql.into_values().collect(),
        })
    }
}

/// The changes to write for a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it says what to write, and writes nothing"]
pub struct LogWriteSet {
    /// The application, if it changed.
    pub application: Option<Application>,
    /// Whether to delete the application.
    pub removes_application: bool,
    /// What to keep of the attempt because its jobs are removed. Nothing deletes it.
    pub removed: Option<Removed>,
    /// Jobs that changed. Raw events of a job whose row is deleted are deleted too.
    pub jobs: Vec<JobWrite>,
    /// Stage attempts to insert or replace.
    pub stages: Vec<Stage>,
    /// Stage attempts of an earlier run to delete, by stage and attempt.
    pub removed_stages: Vec<(i64, i64)>,
    /// Executors to insert or replace.
    pub executors: Vec<Executor>,
    /// Executors of an earlier run to delete, by id.
    pub removed_executors: Vec<String>,
    /// The environment, if it changed.
    pub environment: Option<Environment>,
    /// Whether to delete the environment of an earlier run.
    pub removes_environment: bool,
    /// SQL executions to insert or replace.
    pub sql: Vec<SqlExecution>,
    /// SQL executions of an earlier run to delete, by id.
    pub removed_sql: Vec<i64>,
    /// The amount to add to each roll-up.
    pub rollups: BTreeMap<RollupKey, Rollup>,
    /// The outcome of the log.
    pub receipt: LogReceipt,
}

/// Computes what a log changes. Pure, like [`plan`](crate::backend::plan()).
///
/// The greater of two facts is kept. A log of a later run replaces all facts of the earlier one; a log of
/// an earlier run changes nothing. Single events are untouched. A log that is [refused](crate::Refusal) changes
/// nothing.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use spark_analytics_core::backend::{HeldLog, plan_log};
/// use spark_analytics_core::log::{LogJob, LogSnapshot, fact};
/// use spark_analytics_core::JobRecord;
///
/// let mut log = LogSnapshot::default();
/// log.application.app_id = "app-1".to_owned();
/// log.jobs.push(fact!(LogJob { job_id: 0, num_tasks: 12 }));
/// let writes = plan_log(log.clone(), HeldLog::default());
/// assert_eq!(writes.receipt.jobs, 1);
///
/// // A store that already holds all these facts has nothing to write.
/// let record = JobRecord { log: Some(Box::new(log.jobs[0].clone())), ..JobRecord::default() };
/// let held = HeldLog {
///     application: Some(log.application.clone()),
///     jobs: BTreeMap::from([(0, record)]),
///     ..HeldLog::default()
/// };
/// assert!(plan_log(log, held).is_empty());
/// ```
pub fn plan_log(log: LogSnapshot, held: HeldLog) -> LogWriteSet {
    let mut out = LogWriteSet::default();
    out.receipt.refused = held.refusal(&log.application);
    if out.receipt.refused.is_some() {
        return out;
    }
    let run = log.application.run();
    let held_run = held.application.as_ref().map(Application::run);
    let is_new_run = match held_run {
        Some(held_run) if run < held_run => {
            out.receipt.other_run = Some(OtherRun::Kept { started: held_run.start_time });
            return out;
        }
        Some(held_run) if run > held_run => {
            let started = held_run.start_time;
            let jobs = held.jobs.values().filter(|job| job.log.is_some()).count();
            out.receipt.other_run = Some(OtherRun::Removed { started, jobs });
            true
        }
        _ => false,
    };

    let (app_id, attempt_id) = (&log.application.app_id, &log.application.attempt_id);
    let (mut jobs, mut before) = (BTreeMap::new(), held.jobs);
    for job in log.jobs {
        let is_less = |other: &LogJob| job <= *other;
        if !jobs.get(&job.job_id).is_some_and(is_less) {
            before.entry(job.job_id).or_default();
            jobs.insert(job.job_id, job);
        }
    }
    for (job_id, before) in before {
        let held = before.log.as_deref().filter(|_| !is_new_run);
        let new = jobs.remove(&job_id).filter(|new| held.is_none_or(|held| *new > *held));
        // Facts of an earlier run are removed, whether or not the later run has the job.
        if new.is_none() && !(is_new_run && before.log.is_some()) {
            continue;
        }
        let log = new.map(Box::new);
        if before.log == log {
            continue;
        }
        out.receipt.jobs += usize::from(log.is_some());
        let key = JobKey::in_app(app_id, attempt_id, job_id);
        let figures_before = before.unlabelled(&key);
        let record = JobRecord { events: before.events, log };
        out.jobs.push(JobWrite::new(out.jobs.len(), key, figures_before, record));
    }
    out.rollups = rollup_changes(&out.jobs, &[]);

    let stages = log.stages.into_iter().map(|s| ((s.stage_id, s.stage_attempt_id), s));
    (out.stages, out.removed_stages) = join(stages, held.stages, is_new_run);
    let executors = log.executors.into_iter().map(|e| (e.id.clone(), e));
    (out.executors, out.removed_executors) = join(executors, held.executors, is_new_run);
    let sql = log.sql.into_iter().map(|execution| (execution.execution_id, execution));
    (out.sql, out.removed_sql) = join(sql, held.sql, is_new_run);
    let environment = log.environment.into_iter().map(|environment| ((), environment));
    let held_environment = held.environment.into_iter().map(|environment| ((), environment));
    let (environment, removed) = join(environment, held_environment.collect(), is_new_run);
    out.removes_environment = !removed.is_empty();
    out.environment = environment.into_iter().next();
    out.receipt.stages = out.stages.len();
    out.receipt.executors = out.executors.len();
    out.receipt.sql = out.sql.len();
    out.receipt.environment = out.environment.is_some();

    // Facts that had been pruned are here again, even if the application itself is not greater than the held one.
    let mut held = held.application;
    let were_pruned = held.as_mut().is_some_and(|held| std::mem::take(&mut held.facts_pruned));
    let is_greater = is_new_run || held.as_ref().is_none_or(|held| log.application > *held);
    if is_greater || were_pruned {
        out.receipt.application = true;
        out.application = if is_greater { Some(log.application) } else { held };
    }
    out
}

impl LogWriteSet {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.receipt.is_unchanged()
            && self.application.is_none()
            && !self.removes_application
            && self.removed.is_none()
            && self.jobs.is_empty()
            && self.removed_stages.is_empty()
            && self.removed_executors.is_empty()
            && self.removed_sql.is_empty()
            && !self.removes_environment
    }
}

/// The facts to insert or replace, and the keys to delete.
fn join<K: Ord, F: Ord>(
    facts: impl Iterator<Item = (K, F)>,
    mut held: BTreeMap<K, F>,
    is_new_run: bool,
) -> (Vec<F>, Vec<K>) {
    let mut put: BTreeMap<K, F> = BTreeMap::new();
    for (key, fact) in facts {
        let is_less = |other: Option<&F>| other.is_some_and(|other| fact <= *other);
        if !is_less(put.get(&key)) && (is_new_run || !is_less(held.get(&key))) {
            put.insert(key, fact);
        }
    }
    if is_new_run {
        held.retain(|key, _| !put.contains_key(key));
        (put.into_values().collect(), held.into_keys().collect())
    } else {
        (put.into_values().collect(), Vec::new())
    }
}
