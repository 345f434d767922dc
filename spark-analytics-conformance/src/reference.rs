//! A model of a store that is simple enough to be obviously correct: it keeps all input and recounts it.

use std::collections::BTreeMap;

use spark_analytics_core::backend::RollupKey;
use spark_analytics_core::log::{LogJob, LogSnapshot, fact};
use spark_analytics_core::{
    Day, Dedup, Event, EventCursor, EventDetail, FigureSource, Job, JobKey, JobLabels, JobResult,
    Rollup, TaskOutcome, TaskTotals,
};

/// Computes what a store's figures must be: it keeps every input and recounts everything for each
/// query.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    dedup: Dedup,
    pruned_before: Option<Day>,
    events: BTreeMap<JobKey, BTreeMap<EventCursor, Event>>,
    logs: Vec<LogSnapshot>,
}

impl Reference {
    /// An empty model with a dedup rule.
    pub fn new(dedup: Dedup) -> Self {
        Self { dedup, ..Self::default() }
    }

    /// Adds an event.
    pub fn ingest(&mut self, event: &Event) {
        if self.pruned_before.is_some_and(|day| event.timestamp().day() < day) {
            return;
        }
        let mut place = EventCursor::from(event);
        place.task = event.id(self.dedup).task.to_owned();
        let of_job = self.events.entry(event.job().clone()).or_default();
        let held = of_job.entry(place).or_insert_with(|| event.clone());
        if event.content() > held.content() {
            *held = event.clone();
        }
    }

    /// Adds a log.
    pub fn ingest_log(&mut self, log: LogSnapshot) {
        self.logs.push(log);
    }

    /// Rejects events before a day from now on.
    pub fn prune(&mut self, before: Day) {
        self.pruned_before = self.pruned_before.max(Some(before));
    }

    /// The figures of a job.
    pub fn job(&self, key: &JobKey) -> Option<Job> {
        self.job_by_log(key).or_else(|| self.job_by_events(key))
    }

    /// All jobs with figures, in the order in which stores list them.
    pub fn jobs(&self) -> Vec<Job> {
        let of_logs = self.logs.iter().flat_map(|log| {
            let app = &log.application;
            log.jobs.iter().map(|j| JobKey::in_app(&app.app_id, &app.attempt_id, j.job_id))
        });
        let mut keys: Vec<JobKey> = self.events.keys().cloned().collect();
        keys.extend(of_logs);
        keys.sort();
        keys.dedup();
        let mut jobs: Vec<Job> = keys.iter().filter_map(|key| self.job(key)).collect();
        jobs.sort_by_key(|job| (job.end, job.key.clone()));
        jobs
    }

    /// All roll-ups.
    pub fn rollups(&self) -> BTreeMap<RollupKey, Rollup> {
        let mut rollups = BTreeMap::new();
        for job in self.jobs() {
            for user in [None, Some(job.user.clone())] {
                let key = RollupKey { day: job.end.day(), user };
                rollups.entry(key).or_insert_with(Rollup::default).add(&job);
            }
        }
        rollups
    }

    /// The log facts in force of an application's attempt, those of its last run.
    pub fn log(&self, app_id: &str, attempt_id: &str) -> Option<LogSnapshot> {
        let of_app = |log: &&LogSnapshot| {
            log.application.app_id == app_id && log.application.attempt_id == attempt_id
        };
        let run = self.logs.iter().filter(of_app).map(|l| l.application.start_time).max()?;
        let logs: Vec<&LogSnapshot> =
            self.logs.iter().filter(of_app).filter(|l| l.application.start_time == run).collect();
        Some(fact!(LogSnapshot {
            application: logs.iter().map(|l| l.application.clone()).max()?,
            jobs: greatest(logs.iter().flat_map(|l| &l.jobs), |j| j.job_id),
            stages: greatest(logs.iter().flat_map(|l| &l.stages), |s| {
                (s.stage_id, s.stage_attempt_id)
            }),
            executors: greatest(logs.iter().flat_map(|l| &l.executors), |e| e.id.clone()),
            environment: logs.iter().filter_map(|l| l.environment.clone()).max(),
            sql: greatest(logs.iter().flat_map(|l| &l.sql), |e| e.execution_id),
        }))
    }

    fn job_by_log(&self, key: &JobKey) -> Option<Job> {
        let log = self.log(&key.app_id, &key.attempt_id)?;
        let LogJob { user, submission_time, completion_time, job_result, tasks, .. } =
            log.jobs.into_iter().find(|job| job.job_id == key.job_id && job.ended)?;
        Some(Job {
            key: key.clone(),
            user,
            start: submission_time?,
            end: completion_time?,
            result: JobResult::from_name(&job_result),
            tasks,
            source: FigureSource::Log,
            labels: self.labels(key),
        })
    }

    fn labels(&self, key: &JobKey) -> Option<Box<JobLabels>> {
        let log = self.log(&key.app_id, &key.attempt_id)?;
        let job = log.jobs.iter().find(|job| job.job_id == key.job_id)?;
        Some(Box::new(job.into()))
    }

    fn job_by_events(&self, key: &JobKey) -> Option<Job> {
        let events: Vec<&Event> = self.events.get(key)?.values().collect();
        let is = |wanted: fn(&EventDetail) -> bool| {
            events.iter().filter(move |event| wanted(&event.content().detail))
        };
        let start =
            is(|d| matches!(d, EventDetail::JobStart)).min_by_key(|event| event.timestamp())?;
        let end = is(|d| matches!(d, EventDetail::JobEnd { .. }))
            .max_by_key(|event| event.timestamp())?;
        let EventDetail::JobEnd { job_result, .. } = &end.content().detail else { return None };
        let mut tasks = TaskTotals::default();
        for event in &events {
            if let EventDetail::TaskEnd { duration_ms, successful, .. } = event.content().detail {
                let outcome = if successful { TaskOutcome::Succeeded } else { TaskOutcome::Failed };
                tasks.record(outcome, duration_ms);
            }
        }
        Some(Job {
            key: key.clone(),
            user: start.user().to_owned(),
            start: start.timestamp(),
            end: end.timestamp(),
            result: JobResult::from_name(job_result),
            tasks,
            source: FigureSource::Events,
            labels: self.labels(key),
        })
    }
}

/// The greatest of the facts about each thing, in the order of the things.
fn greatest<'a, F: Ord + Clone + 'a, K: Ord>(
    facts: impl Iterator<Item = &'a F>,
    key: impl Fn(&F) -> K,
) -> Vec<F> {
    let mut by_key: BTreeMap<K, &F> = BTreeMap::new();
    for fact in facts {
        let held = by_key.entry(key(fact)).or_insert(fact);
        *held = fact.max(held);
    }
    by_key.into_values().cloned().collect()
}
