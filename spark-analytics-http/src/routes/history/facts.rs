//! The facts of an attempt: jobs, stages, executors, environment, SQL.

use std::collections::BTreeSet;

use axum::BoxError;
use serde::Serialize;
use spark_analytics_core::history::{
    ApplicationEnvironmentInfo, ExecutionData, JobData, StageData, StageDetails, all_executors,
    executors, job_status, processes,
};
use spark_analytics_core::log::{LogJob, LogSnapshot, Stage, fact};
use spark_analytics_core::{AttemptKey, Facts, KeyRange, Store};

use super::answer::{self, Answer, Refusal, json, write_json};
use super::query::Query;
use super::resource::{Missing, Resource};
use crate::reading::listing::{FACTS_AT_A_TIME, Pieces, Reader};
use crate::state::Shared;

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
    reader: &Reader,
    (app_id, attempt_id): (&str, Option<&str>),
    resource: Resource<'_>,
    query: &Query<'_>,
) -> Answer {
    let key = AttemptKey::new(app_id, attempt_id.unwrap_or_default());
    let attempt = Attempt { reader, key, is_named: attempt_id.is_some() };
    match resource {
        Resource::Jobs => list_jobs(&attempt, query).await,
        Resource::Job(id) => {
            let log = attempt.part(&Facts::Jobs(KeyRange::one(i64::from(id))), 1).await?;
            let unknown = || Refusal::not_found(format!("unknown job: {id}"));
            json(&JobData(log.jobs.first().ok_or_else(unknown)?))
        }
        Resource::Stages => list_stages(&attempt, query).await,
        Resource::Stage(id) => stage(&attempt, id, query).await,
        Resource::StageAttempt(id, number) => stage_attempt(&attempt, id, number, query).await,
        Resource::Executors => {
            let all = Facts::Executors(KeyRange::all().descending());
            attempt.list(all, Box::new(|page, list| list.extend(executors(page)))).await
        }
        Resource::AllExecutors => {
            let all = Facts::Executors(KeyRange::all());
            attempt.list(all, Box::new(|page, list| list.extend(all_executors(page)))).await
        }
        Resource::Environment => {
            let log = attempt.part(&Facts::Environment, 1).await?;
            let unknown = || attempt.unknown();
            json(&ApplicationEnvironmentInfo(log.environment.as_ref().ok_or_else(unknown)?))
        }
        Resource::Sql => list_sql(&attempt, query).await,
        Resource::SqlExecution(id) => {
            let log = attempt.part(&Facts::Sql(KeyRange::one(id)), 1).await?;
            if log.sql.is_empty() {
                return Err(Refusal::not_found(format!("unknown query execution id: {id}")));
            }
            let log = with_jobs(&attempt, log).await?;
            json(&with_plans(ExecutionData::of(&log, &log.sql), query).first())
        }
        _ => without_facts(&attempt.part(&Facts::Application, 1).await?, resource, query),
    }
}

/// Answers that no facts but the application are needed for.
fn without_facts(log: &LogSnapshot, resource: Resource<'_>, query: &Query<'_>) -> Answer {
    match resource {
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
            Err(Refusal::not_found(reason(missing, log)))
        }
        // Of the other resources, only RDDs come here.
        _ => json(&[(); 0]),
    }
}

/// The attempt that a request is about.
struct Attempt<'a> {
    reader: &'a Reader,
    key: AttemptKey,
    /// Whether the request names the attempt.
    is_named: bool,
}

impl Attempt<'_> {
    fn unknown(&self) -> Refusal {
        let AttemptKey { app_id, attempt_id } = &self.key;
        match self.is_named {
            true => Refusal::not_found(format!("no such app: {app_id}/{attempt_id}")),
            false => Refusal::not_found(format!("no such app: {app_id}")),
        }
    }

    /// What a request asks for, unless it is wrong: of an unknown application, that is said first.
    async fn or_unknown<T>(&self, parameters: Result<T, Refusal>) -> Result<T, Refusal> {
        if parameters.is_err() {
            self.part(&Facts::Application, 1).await?;
        }
        parameters
    }

    /// A part of its facts.
    async fn part(&self, facts: &Facts, limit: usize) -> Result<LogSnapshot, Refusal> {
        let part = self.reader.app.analytics.store().facts(&self.key, facts, limit).await?;
        part.ok_or_else(|| self.unknown())
    }

    /// Answers with a list of facts, which `add` makes of each page.
    async fn list(&self, facts: Facts, add: Add) -> Answer {
        let mut list = Array::default();
        let page = self.part(&facts, FACTS_AT_A_TIME).await?;
        add(&page, &mut list)?;
        let Some(rest) = facts.rest(&page, FACTS_AT_A_TIME) else { return list.answer() };
        drop(page);
        let start = (rest, list.is_begun);
        let rest = Rest { key: self.key.clone(), add };
        let body = self.reader.clone().stream(list.text, start, rest).await?;
        Ok(answer::body(body))
    }

    /// Calls `take` with each page of a range of facts.
    async fn each_page(
        &self,
        facts: Facts,
        mut take: impl FnMut(&LogSnapshot) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut rest = Some(facts);
        while let Some(facts) = rest {
            let page = self.part(&facts, FACTS_AT_A_TIME).await?;
            rest = facts.rest(&page, FACTS_AT_A_TIME);
            take(&page)?;
        }
        Ok(())
    }
}

/// A list as JSON, made of pages of facts that are dropped one after another.
#[derive(Debug, Default)]
struct Array {
    text: Vec<u8>,
    /// Whether it has an item, perhaps in an earlier text.
    is_begun: bool,
}

impl Array {
    fn extend<T: Serialize>(&mut self, items: impl IntoIterator<Item = T>) -> Result<(), Refusal> {
        items.into_iter().try_for_each(|item| {
            self.text.push(if self.is_begun { b',' } else { b'[' });
            self.is_begun = true;
            write_json(&mut self.text, &item)
        })
    }

    fn end(&mut self) {
        self.text.extend_from_slice(if self.is_begun { b"]" } else { b"[]" });
    }

    fn answer(mut self) -> Answer {
        self.end();
        Ok(answer::body(self.text))
    }
}

/// The rest of a list of facts.
struct Rest {
    key: AttemptKey,
    add: Add,
}

/// Adds what a list has of a page of facts.
type Add = Box<dyn Fn(&LogSnapshot, &mut Array) -> Result<(), Refusal> + Send + Sync>;

impl Pieces for Rest {
    /// The facts that are left, and whether the list has an item.
    type Start = (Facts, bool);

    async fn read(
        &self,
        app: &Shared,
        (facts, is_begun): Self::Start,
    ) -> Result<(Vec<u8>, Option<Self::Start>), BoxError> {
        let page = app.analytics.store().facts(&self.key, &facts, FACTS_AT_A_TIME).await?;
        let page = page.ok_or("the application was removed while it was read")?;
        let mut list = Array { text: Vec::new(), is_begun };
        (self.add)(&page, &mut list).map_err(|refusal| refusal.text)?;
        let rest = facts.rest(&page, FACTS_AT_A_TIME);
        if rest.is_none() {
            list.end();
        }
        let is_begun = list.is_begun;
        Ok((list.text, rest.map(|rest| (rest, is_begun))))
    }
}

async fn list_jobs(attempt: &Attempt<'_>, query: &Query<'_>) -> Answer {
    let statuses = attempt.or_unknown(query.words("status", &JOB_STATUSES)).await?;
    let is_wanted = move |job: &LogJob| statuses.is_empty() || statuses.contains(&job_status(job));
    let all = Facts::Jobs(KeyRange::all().descending());
    let add = move |page: &LogSnapshot, list: &mut Array| {
        list.extend(page.jobs.iter().filter(|job| is_wanted(job)).map(JobData))
    };
    attempt.list(all, Box::new(add)).await
}

async fn list_stages(attempt: &Attempt<'_>, query: &Query<'_>) -> Answer {
    let parameters = || {
        let statuses = query.words("status", &STAGE_STATUSES)?;
        let task_statuses = query.words("taskStatus", &TASK_STATUSES)?;
        query.check_quantiles()?;
        Ok((statuses, task_statuses))
    };
    let (statuses, task_statuses) = attempt.or_unknown(parameters()).await?;
    // Spark considers the tasks only if it lists them.
    let with_details = query.flag("details", false);
    let is_wanted = move |stage: &Stage| {
        (statuses.is_empty() || statuses.contains(&stage.status.name()))
            && (!with_details
                || task_statuses.is_empty()
                || task_statuses.iter().any(|status| has_tasks(stage, status)))
    };
    let all = Facts::Stages(KeyRange::all().descending());
    let add = move |page: &LogSnapshot, list: &mut Array| {
        add_stages(list, page.stages.iter().filter(|stage| is_wanted(stage)), with_details)
    };
    attempt.list(all, Box::new(add)).await
}

fn add_stages<'s>(
    list: &mut Array,
    stages: impl Iterator<Item = &'s Stage>,
    with_details: bool,
) -> Result<(), Refusal> {
    match with_details {
        true => list.extend(stages.map(StageDetails)),
        false => list.extend(stages.map(StageData)),
    }
}

/// The attempts of a stage, ordered by number.
async fn stage(attempt: &Attempt<'_>, id: i32, query: &Query<'_>) -> Answer {
    attempt.or_unknown(check_stage_parameters(query)).await?;
    let with_details = query.flag("details", true);
    let mut list = Array::default();
    let take = |page: &LogSnapshot| add_stages(&mut list, page.stages.iter(), with_details);
    attempt.each_page(Facts::of_stage(i64::from(id)), take).await?;
    match list.is_begun {
        true => list.answer(),
        false => Err(unknown_stage(id)),
    }
}

fn unknown_stage(id: i32) -> Refusal {
    Refusal::not_found(format!("unknown stage: {id}"))
}

async fn stage_attempt(attempt: &Attempt<'_>, id: i32, number: i32, query: &Query<'_>) -> Answer {
    attempt.or_unknown(check_stage_parameters(query)).await?;
    let key = (i64::from(id), i64::from(number));
    let log = attempt.part(&Facts::Stages(KeyRange::one(key)), 1).await?;
    if let Some(stage) = log.stages.first() {
        return match query.flag("details", true) {
            true => json(&StageDetails(stage)),
            false => json(&StageData(stage)),
        };
    }
    let mut found: Vec<String> = Vec::new();
    let take = |page: &LogSnapshot| {
        found.extend(page.stages.iter().map(|stage| stage.stage_attempt_id.to_string()));
        Ok(())
    };
    attempt.each_page(Facts::of_stage(i64::from(id)), take).await?;
    if found.is_empty() {
        return Err(unknown_stage(id));
    }
    let found = found.join(",");
    let text = format!("unknown attempt for stage {id}.  Found attempts: [{found}]");
    Err(Refusal::not_found(text))
}

async fn list_sql(attempt: &Attempt<'_>, query: &Query<'_>) -> Answer {
    let parameters = || Ok((query.integer("offset")?, query.integer("length")?));
    let (offset, length) = attempt.or_unknown(parameters()).await?;
    let mut skip = usize::try_from(offset.unwrap_or(0)).unwrap_or(0);
    let length = usize::try_from(length.unwrap_or(EXECUTIONS)).ok().filter(|length| *length > 0);
    let mut left = length.unwrap_or(usize::MAX);
    let mut log = attempt.part(&Facts::Application, 1).await?;
    let mut rest = Some(Facts::Sql(KeyRange::all()));
    while let Some(facts) = rest.filter(|_| left > 0) {
        let mut page = attempt.part(&facts, FACTS_AT_A_TIME).await?;
        rest = facts.rest(&page, FACTS_AT_A_TIME);
        let skipped = skip.min(page.sql.len());
        skip -= skipped;
        page.sql.drain(..skipped);
        page.sql.truncate(left);
        left -= page.sql.len();
        log.sql.append(&mut page.sql);
    }
    let log = with_jobs(attempt, log).await?;
    json(&with_plans(ExecutionData::of(&log, &log.sql), query))
}

/// Adds the jobs of the executions, with no more than an execution shows of them. They are found among all jobs of the
/// attempt, which are read page by page.
async fn with_jobs(attempt: &Attempt<'_>, mut log: LogSnapshot) -> Result<LogSnapshot, Refusal> {
    let ids: BTreeSet<i64> = log.sql.iter().map(|execution| execution.execution_id).collect();
    if ids.is_empty() {
        return Ok(log);
    }
    let jobs = &mut log.jobs;
    let take = |page: &LogSnapshot| {
        let is_wanted = |job: &&LogJob| job.sql_execution_id.is_some_and(|id| ids.contains(&id));
        jobs.extend(page.jobs.iter().filter(is_wanted).map(|job| {
            fact!(LogJob {
                job_id: job.job_id,
                sql_execution_id: job.sql_execution_id,
                job_result: job.job_result.clone(),
            })
        }));
        Ok(())
    };
    attempt.each_page(Facts::Jobs(KeyRange::all()), take).await?;
    Ok(log)
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
