//! The facts of an attempt: jobs, stages, executors, environment, SQL.

use spark_analytics_core::history::{
    ApplicationEnvironmentInfo, ExecutionData, JobData, StageData, StageDetails, all_executors,
    executors, job_status, jobs, processes, stages,
};
use spark_analytics_core::log::{LogSnapshot, Stage};
use spark_analytics_core::{AttemptKey, Store};

use super::answer::{Answer, Refusal, json};
use super::query::Query;
use super::resource::{Missing, Resource};
use crate::state::App;

const JOB_STATUSES: [&str; 4] = ["RUNNING", "SUCCEEDED", "FAILED", "UNKNOWN"];
const STAGE_STATUSES: [&str; 5] = ["ACTIVE", "COMPLETE", "FAILED", "PENDING", "SKIPPED"];
const TASK_STATUSES: [&str; 5] = ["RUNNING", "KILLED", "FAILED", "SUCCESS", "UNKNOWN"];
const PROCESSES_UNKNOWN: &str = "the processes of this application are unknown, because an earlier version \
     of spark-analytics stored its event log: import the log again";
/// How many SQL executions are listed by default.
const EXECUTIONS: i32 = 20;

/// Answers for an application, or for one of its attempts. As in Spark, an application that has attempts is found only
/// by its attempt.
pub(super) async fn answer(
    app: &App,
    (app_id, attempt_id): (&str, Option<&str>),
    resource: Resource<'_>,
    query: &Query<'_>,
) -> Answer {
    let attempt = AttemptKey::new(app_id, attempt_id.unwrap_or_default());
    let log = app.analytics.store().log(&attempt).await?;
    let unknown = || match attempt_id {
        Some(attempt_id) => Refusal::not_found(format!("no such app: {app_id}/{attempt_id}")),
        None => Refusal::not_found(format!("no such app: {app_id}")),
    };
    let log = log.ok_or_else(unknown)?;
    match resource {
        Resource::Jobs => list_jobs(&log, query),
        Resource::Job(id) => {
            let job = log.jobs.iter().find(|job| job.job_id == i64::from(id));
            let unknown = || Refusal::not_found(format!("unknown job: {id}"));
            json(&JobData(job.ok_or_else(unknown)?))
        }
        Resource::Stages => list_stages(&log, query),
        Resource::Stage(id) => {
            check_stage_parameters(query)?;
            stages_json(stage_attempts(&log, id)?, query.flag("details", true))
        }
        Resource::StageAttempt(id, attempt) => stage_attempt(&log, id, attempt, query),
        Resource::Executors => json(&executors(&log)),
        Resource::AllExecutors => json(&all_executors(&log)),
        Resource::Environment => {
            json(&ApplicationEnvironmentInfo(log.environment.as_ref().ok_or_else(unknown)?))
        }
        Resource::Sql => list_sql(&log, query),
        Resource::SqlExecution(id) => {
            let execution = log.sql.iter().find(|execution| execution.execution_id == id);
            let unknown = || Refusal::not_found(format!("unknown query execution id: {id}"));
            let execution =
                with_plans(ExecutionData::of(&log, [execution.ok_or_else(unknown)?]), query);
            json(&execution.first())
        }
        Resource::Rdds => json(&[(); 0]),
        Resource::Processes => {
            let unknown = || Refusal::not_found(PROCESSES_UNKNOWN);
            json(&processes(&log.application).ok_or_else(unknown)?)
        }
        Resource::Rdd(id) => Err(Refusal::not_found(format!("no rdd found w/ id {id}"))),
        Resource::ThreadsOf(executor)
            if executor != "driver" && executor.parse::<u64>().is_err() =>
        {
            let text = "Invalid executorId: neither 'driver' nor number.";
            Err(Refusal::bad_request(text))
        }
        Resource::ThreadsOf(_) | Resource::Threads => Err(Refusal::no_threads()),
        Resource::Missing(missing) => {
            if missing == Missing::TaskSummary {
                query.check_quantiles()?;
            }
            Err(Refusal::not_found(reason(missing, &log)))
        }
    }
}

fn list_jobs(log: &LogSnapshot, query: &Query<'_>) -> Answer {
    let statuses = query.words("status", &JOB_STATUSES)?;
    let mut jobs = jobs(log);
    jobs.retain(|job| statuses.is_empty() || statuses.contains(&job_status(job)));
    json(&jobs.into_iter().map(JobData).collect::<Vec<_>>())
}

fn list_stages(log: &LogSnapshot, query: &Query<'_>) -> Answer {
    let statuses = query.words("status", &STAGE_STATUSES)?;
    let task_statuses = query.words("taskStatus", &TASK_STATUSES)?;
    query.check_quantiles()?;
    let mut stages = stages(log);
    let is_wanted = |stage: &Stage| statuses.contains(&stage.status.name());
    stages.retain(|stage| statuses.is_empty() || is_wanted(stage));
    // Spark considers the tasks only if it lists them.
    let with_details = query.flag("details", false);
    if with_details && !task_statuses.is_empty() {
        stages.retain(|stage| task_statuses.iter().any(|status| has_tasks(stage, status)));
    }
    stages_json(stages, with_details)
}

fn stages_json(stages: Vec<&Stage>, with_details: bool) -> Answer {
    if with_details {
        json(&stages.into_iter().map(StageDetails).collect::<Vec<_>>())
    } else {
        json(&stages.into_iter().map(StageData).collect::<Vec<_>>())
    }
}

fn stage_attempt(log: &LogSnapshot, id: i32, attempt: i32, query: &Query<'_>) -> Answer {
    check_stage_parameters(query)?;
    let all = stage_attempts(log, id)?;
    let unknown = || {
        let ids: Vec<_> = all.iter().map(|stage| stage.stage_attempt_id.to_string()).collect();
        let found = ids.join(",");
        Refusal::not_found(format!("unknown attempt for stage {id}.  Found attempts: [{found}]"))
    };
    let stage = all.iter().find(|stage| stage.stage_attempt_id == i64::from(attempt));
    let stage = stage.ok_or_else(unknown)?;
    if query.flag("details", true) { json(&StageDetails(stage)) } else { json(&StageData(stage)) }
}

fn list_sql(log: &LogSnapshot, query: &Query<'_>) -> Answer {
    let offset = query.integer("offset")?.unwrap_or(0);
    let length = query.integer("length")?.unwrap_or(EXECUTIONS);
    let offset = usize::try_from(offset).unwrap_or(0);
    let length = usize::try_from(length).ok().filter(|length| *length > 0);
    // Every store returns them ordered by id.
    let wanted = log.sql.iter().skip(offset).take(length.unwrap_or(usize::MAX));
    json(&with_plans(ExecutionData::of(log, wanted), query))
}

fn with_plans<'a>(
    mut executions: Vec<ExecutionData<'a>>,
    query: &Query<'_>,
) -> Vec<ExecutionData<'a>> {
    let with_plan = query.flag("planDescription", true);
    executions.iter_mut().for_each(|execution| execution.with_plan = with_plan);
    executions
}

/// Whether a stage attempt has tasks of a status.
fn has_tasks(stage: &Stage, status: &str) -> bool {
    let (tasks, running) = (&stage.tasks, stage.active_tasks);
    let known = [tasks.succeeded, tasks.failed, tasks.killed, running];
    let count = match status {
        "RUNNING" => running,
        "KILLED" => tasks.killed,
        "FAILED" => tasks.failed,
        "SUCCESS" => tasks.succeeded,
        // A log may claim any number of tasks, so saturate.
        "UNKNOWN" => known.into_iter().fold(stage.num_tasks, i64::saturating_sub),
        _ => 0,
    };
    count > 0
}

/// `withSummaries`, `quantiles` and, for a single stage, `taskStatus` ask for tasks, which are not stored.
/// Their values are validated all the same.
fn check_stage_parameters(query: &Query<'_>) -> Result<(), Refusal> {
    query.words("taskStatus", &TASK_STATUSES)?;
    query.check_quantiles()
}

/// The attempts of a stage, ordered by number.
fn stage_attempts(log: &LogSnapshot, id: i32) -> Result<Vec<&Stage>, Refusal> {
    let mut attempts: Vec<&Stage> =
        log.stages.iter().filter(|stage| stage.stage_id == i64::from(id)).collect();
    attempts.sort_by_key(|stage| stage.stage_attempt_id);
    if attempts.is_empty() {
        return Err(Refusal::not_found(format!("unknown stage: {id}")));
    }
    Ok(attempts)
}

fn reason(missing: Missing, log: &LogSnapshot) -> String {
    let application = &log.application;
    match missing {
        Missing::TaskSummary => {
            "task summaries are not kept: /api/v1/analytics/applications/{app_id}/stages gives \
             the distribution of task durations of each stage"
                .to_owned()
        }
        Missing::TaskList => {
            "single tasks are not kept: stages give their counts and sums".to_owned()
        }
        Missing::Logs => {
            format!("Event logs are not available for app: {}.", application.app_id)
        }
        Missing::Streaming => {
            format!("no streaming listener attached to {}", application.name)
        }
    }
}
