use std::collections::HashMap;

use serde::ser::{Serialize, Serializer};

use super::fields::{Date, Fields, millis};
use super::job::job_status;
use crate::log::{LogJob, LogSnapshot, SqlExecution};
use crate::time::Timestamp;

/// An SQL execution as Spark's `ExecutionData`, without nodes and edges of its plan.
#[derive(Clone, Debug)]
pub struct ExecutionData<'a> {
    /// The execution.
    pub execution: &'a SqlExecution,
    /// Its jobs, in the order of their numbers.
    pub jobs: Vec<&'a LogJob>,
    /// The end of its `duration` while it runs: the application's latest event, so that it does not
    /// grow with the clock.
    pub until: Option<Timestamp>,
    /// Whether the plan is included.
    pub with_plan: bool,
}

impl<'a> ExecutionData<'a> {
    /// Some of a log's SQL executions in the order of their numbers, each with its jobs and plan.
    pub fn of(
        log: &'a LogSnapshot,
        executions: impl IntoIterator<Item = &'a SqlExecution>,
    ) -> Vec<Self> {
        let until = log.application.until();
        let data = |execution| Self { execution, jobs: Vec::new(), until, with_plan: true };
        let mut all: Vec<Self> = executions.into_iter().map(data).collect();
        let numbers = all.iter().map(|data| data.execution.execution_id);
        let places: HashMap<i64, usize> = numbers.zip(0..).collect();
        for job in &log.jobs {
            let place = job.sql_execution_id.and_then(|id| places.get(&id));
            if let Some(data) = place.and_then(|place| all.get_mut(*place)) {
                data.jobs.push(job);
            }
        }
        for data in &mut all {
            data.jobs.sort_by_key(|job| job.job_id);
        }
        all
    }

    /// The status, as in Spark's `SQLExecutionUIData`: `RUNNING`, `COMPLETED` or `FAILED`. If the end does
    /// not report an error, as in old versions of Spark, the jobs' results decide.
    pub fn status(&self) -> &'static str {
        match &self.execution.error_message {
            Some(message) if message.is_empty() => "COMPLETED",
            Some(_) => "FAILED",
            None if self.execution.completion_time.is_none() => "RUNNING",
            None if self.job_ids("FAILED").is_empty() => "COMPLETED",
            None => "FAILED",
        }
    }

    fn job_ids(&self, status: &str) -> Vec<i64> {
        let jobs = self.jobs.iter().filter(|job| job_status(job) == status);
        jobs.map(|job| job.job_id).collect()
    }
}

impl Serialize for ExecutionData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let execution = self.execution;
        let plan = Some(execution.plan_description.as_str()).filter(|_| self.with_plan);
        let start = millis(execution.submission_time);
        let until = millis(execution.completion_time.or(self.until));
        const NONE: [i64; 0] = [];
        let mut fields = Fields::of(serializer)?;
        fields
            .put("id", &execution.execution_id)?
            .put("status", self.status())?
            .put("description", &execution.description)?
            .put("planDescription", plan.unwrap_or_default())?
            .put("submissionTime", &Date(start))?
            .put("duration", &until.saturating_sub(start))?
            .put("runningJobIds", &self.job_ids("RUNNING"))?
            .put("successJobIds", &self.job_ids("SUCCEEDED"))?
            .put("failedJobIds", &self.job_ids("FAILED"))?
            .put("nodes", &NONE)?
            .put("edges", &NONE)?;
        fields.end()
    }
}
