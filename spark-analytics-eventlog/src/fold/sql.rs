//! SQL executions, while a log is read: the rules of Spark's `SQLAppStatusListener`.

use std::collections::BTreeMap;

use spark_analytics_core::Timestamp;
use spark_analytics_core::log::SqlExecution;

use crate::fold::text::Texts;
use crate::wire::lenient::Text;
use crate::wire::sql::{SqlAdaptiveExecutionUpdate, SqlExecutionEnd, SqlExecutionStart};

/// Maximum number of bytes of all physical plans of a log together: 16 MiB. Further plans are dropped.
pub const MAX_PLANS_BYTES: usize = 16 * 1024 * 1024;

/// The SQL executions so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct SqlExecutions {
    facts: BTreeMap<i64, SqlExecution>,
    plan_bytes: usize,
    /// Running jobs: the execution of each, and the number of each execution.
    running: BTreeMap<i64, i64>,
    running_jobs: BTreeMap<i64, usize>,
}

impl SqlExecutions {
    pub(crate) fn start(&mut self, event: &SqlExecutionStart<'_>, texts: &mut Texts) {
        let held = self.facts.remove(&event.id).unwrap_or_default();
        self.plan_bytes -= held.plan_description.len();
        texts.release(held.error_message.iter().chain([&held.description]));
        let plan = event.plan.as_ref().map(|plan| self.plan(plan, texts)).unwrap_or_default();
        let mut fact = SqlExecution::default();
        fact.execution_id = event.id;
        fact.ended = held.ended;
        fact.events = held.events + 1;
        fact.root_execution_id = event.root_id;
        fact.submission_time = Some(Timestamp::from_millis(event.time));
        fact.description = texts.optional(event.description.as_ref()).unwrap_or_default();
        fact.plan_description = plan;
        self.facts.insert(event.id, fact);
    }

    pub(crate) fn change_plan(
        &mut self,
        event: &SqlAdaptiveExecutionUpdate<'_>,
        texts: &mut Texts,
    ) {
        let Some(mut fact) = self.facts.remove(&event.id) else { return };
        self.plan_bytes -= fact.plan_description.len();
        fact.events += 1;
        fact.plan_description = self.plan(&event.plan, texts);
        self.facts.insert(event.id, fact);
    }

    pub(crate) fn end(&mut self, event: &SqlExecutionEnd<'_>, texts: &mut Texts) {
        let Some(fact) = self.facts.get_mut(&event.id) else { return };
        fact.ended = true;
        fact.events += 1;
        fact.completion_time = Some(Timestamp::from_millis(event.time));
        fact.error_message = texts.optional(event.error_message.as_ref());
    }

    /// Starts a job of an execution. Spark reopens an execution that had ended with all its jobs, and clears
    /// its error.
    pub(crate) fn start_job(&mut self, job_id: i64, execution_id: i64) {
        self.end_job(job_id);
        let running_jobs = self.running_jobs.entry(execution_id).or_default();
        if let Some(fact) = self.facts.get_mut(&execution_id)
            && fact.completion_time.is_some()
            && *running_jobs == 0
        {
            fact.events += 1;
            fact.error_message = None;
        }
        *running_jobs += 1;
        self.running.insert(job_id, execution_id);
    }

    pub(crate) fn end_job(&mut self, job_id: i64) {
        let Some(execution_id) = self.running.remove(&job_id) else { return };
        if let Some(running_jobs) = self.running_jobs.get_mut(&execution_id) {
            *running_jobs -= 1;
            if *running_jobs == 0 {
                self.running_jobs.remove(&execution_id);
            }
        }
    }

    /// The current facts of all executions.
    pub(crate) fn into_facts(self) -> Vec<SqlExecution> {
        self.facts.into_values().collect()
    }

    pub(crate) fn facts_mut(&mut self) -> impl Iterator<Item = &mut SqlExecution> {
        self.facts.values_mut()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.facts.len()
    }

    /// What their plans take.
    pub(crate) const fn plan_bytes(&self) -> usize {
        self.plan_bytes
    }

    /// Counts the bytes of the plans again, after they were changed.
    pub(crate) fn count_plans(&mut self) {
        self.plan_bytes = self.facts.values().map(|fact| fact.plan_description.len()).sum();
    }

    fn plan(&mut self, plan: &Text<'_>, texts: &mut Texts) -> String {
        let plan = texts.plan(&plan.0);
        if self.plan_bytes + plan.len() > MAX_PLANS_BYTES {
            return String::new();
        }
        self.plan_bytes += plan.len();
        plan
    }
}
