//! Facts of event logs in the form of the History Server's REST API.
//!
//! Names, formats and the order of fields are those of Spark 4.1, whose classes (`org.apache.spark.status.api.v1`)
//! the types here are named after. A field that Spark leaves out is left out. A stage's `details`,
//! `rddIds` and `accumulatorUpdates`, and the nodes and edges of an SQL execution's plan, are not
//! stored and therefore missing.

mod application;
mod environment;
mod executor;
mod fields;
mod job;
mod process;
mod sql;
mod stage;

pub use application::{ApplicationAttemptInfo, ApplicationInfo};
pub use environment::ApplicationEnvironmentInfo;
pub use executor::{EXECUTOR_METRICS, ExecutorSummary};
pub use job::{JobData, job_status};
pub use process::{ProcessSummary, processes};
pub use sql::ExecutionData;
pub use stage::{STAGE_METRICS, StageData, StageDetails};

use serde::Serialize;
use serde_json::Value;

use crate::log::{Application, Executor, LogJob, LogSnapshot, Stage};

/// The application with this attempt as Spark's `ApplicationInfo`.
pub fn application_json(log: &LogSnapshot) -> Value {
    json(&ApplicationInfo(std::slice::from_ref(&log.application)))
}

/// The jobs as a list of Spark's `JobData`, the highest number first.
pub fn jobs_json(log: &LogSnapshot) -> Value {
    json(&jobs(log).into_iter().map(JobData).collect::<Vec<_>>())
}

/// One job as Spark's `JobData`.
pub fn job_json(job: &LogJob) -> Value {
    json(&JobData(job))
}

/// The stage attempts as a list of Spark's `StageData`, the highest number first.
pub fn stages_json(log: &LogSnapshot) -> Value {
    json(&stages(log).into_iter().map(StageData).collect::<Vec<_>>())
}

/// One stage attempt as Spark's `StageData`.
pub fn stage_json(stage: &Stage) -> Value {
    json(&StageData(stage))
}

/// The running executors as a list of Spark's `ExecutorSummary`, as in its `/executors`:
/// the last id first.
pub fn executors_json(log: &LogSnapshot) -> Value {
    json(&executors(log))
}

/// All executors, including removed ones, as a list of Spark's `ExecutorSummary`: its
/// `/allexecutors`, the first id first.
pub fn all_executors_json(log: &LogSnapshot) -> Value {
    json(&all_executors(log))
}

/// One executor as Spark's `ExecutorSummary`.
pub fn executor_json(executor: &Executor, application: &Application) -> Value {
    json(&ExecutorSummary { executor, application })
}

/// The jobs in the order of Spark's `/jobs`: the highest number first.
pub fn jobs(log: &LogSnapshot) -> Vec<&LogJob> {
    let mut jobs: Vec<&LogJob> = log.jobs.iter().collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.job_id));
    jobs
}

/// The stage attempts in the order of Spark's `/stages`: the highest number first.
pub fn stages(log: &LogSnapshot) -> Vec<&Stage> {
    let mut stages: Vec<&Stage> = log.stages.iter().collect();
    stages.sort_by_key(|stage| std::cmp::Reverse((stage.stage_id, stage.stage_attempt_id)));
    stages
}

/// The running executors in the order of Spark's `/executors`: by id, the greatest text first.
pub fn executors(log: &LogSnapshot) -> Vec<ExecutorSummary<'_>> {
    let mut executors = all_executors(log);
    executors.retain(|summary| summary.executor.is_active);
    executors.reverse();
    executors
}

/// All executors in the order of Spark's `/allexecutors`: by id, the least text first. Spark's pseudo-executor for
/// fallback storage is left out.
pub fn all_executors(log: &LogSnapshot) -> Vec<ExecutorSummary<'_>> {
    let application = &log.application;
    let mut all: Vec<_> = log
        .executors
        .iter()
        .filter(|executor| executor.id != "fallback")
        .map(|executor| ExecutorSummary { executor, application })
        .collect();
    all.sort_by(|a, b| a.executor.id.cmp(&b.executor.id));
    all
}

/// Serializing these types cannot fail: all keys are strings.
fn json(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or_default()
}
