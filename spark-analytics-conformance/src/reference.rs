//! A model of a store that is simple enough to be obviously correct: it keeps all input and recounts it.

use std::collections::{BTreeMap, BTreeSet};

use spark_analytics_core::backend::RollupKey;
use spark_analytics_core::log::{LogJob, LogSnapshot, fact};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, EventDetail, FigureSource, Job, JobKey, JobLabels,
    JobResult, PruneScope, Rollup, TaskOutcome, TaskTotals, Timestamp,
};

/// Computes what a store's figures must be: it keeps every input and recounts everything for each
/// query.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    dedup: Dedup,
    pruned_before: Option<Day>,
    events: BTreeMap<JobKey, BTreeMap<EventCursor, Event>>,
    logs: Vec<LogSnapshot>,
    logs_pruned_before: Option<Day>,
    facts_pruned: BTreeSet<AttemptKey>,
    /// Attempts whose jobs were removed.
    removed: BTreeMap<AttemptKey, Removed>,
    /// Pruned jobs, which still count in roll-ups.
    pruned: Vec<Job>,
}

/// What is known of an attempt whose jobs were removed.
#[derive(Clone, Copy, Debug)]
struct Removed {
    /// The start of the run, or of the latest.
    run: Option<Timestamp>,
    /// Whether nothing but this run was removed, and its part in roll-ups with it.
    is_one_forgotten: bool,
}

impl Reference {
    /// An empty model with a dedup rule.
    pub fn new(dedup: Dedup) -> Self {
        Self { dedup, ..Self::default() }
    }

    /// Adds an event.
    pub fn ingest(&mut self, event: &Event) {
        let JobKey { app_id, attempt_id, .. } = event.job();
        let is_removed = self.removed.contains_key(&AttemptKey::new(&**app_id, &**attempt_id));
        if is_removed || self.pruned_before.is_some_and(|day| event.timestamp().day() < day) {
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
        let (key, start) = (log.application.key(), log.application.start_time);
        let is_removed = match self.removed.get(&key) {
            Some(Removed { run: None, .. }) => true,
            Some(Removed { run, is_one_forgotten: true }) if start.is_some() => start == *run,
            Some(Removed { run, .. }) => start <= *run,
            None => false,
        };
        let is_too_old = self.logs_pruned_before.is_some_and(|day| log.application.is_before(day));
        let held = self.log(&key.app_id, &key.attempt_id);
        let is_earlier = held.is_some_and(|held| log.application.run() < held.application.run());
        if !is_removed && !is_too_old && !is_earlier {
            self.facts_pruned.remove(&key);
            self.logs.push(log);
        }
    }

    /// Removes the facts of applications that were over before a day, perhaps their jobs, too, and rejects such logs
    /// from now on.
    pub fn prune_logs(&mut self, before: Day, scope: PruneScope) {
        self.logs_pruned_before = self.logs_pruned_before.max(Some(before));
        for key in self.attempts() {
            let Some(log) = self.log(&key.app_id, &key.attempt_id) else { continue };
            if !log.application.is_before(before) {
                continue;
            }
            if scope == PruneScope::Jobs {
                let jobs = self.jobs().into_iter();
                self.pruned.extend(jobs.filter(|job| is_of(&key, &job.key)));
                self.remove(key, false);
                continue;
            }
            for log in self.logs.iter_mut().filter(|log| log.application.key() == key) {
                let (application, jobs) = (log.application.clone(), std::mem::take(&mut log.jobs));
                *log = fact!(LogSnapshot { application, jobs });
            }
            self.facts_pruned.insert(key);
        }
    }

    /// Removes an application, or one of its attempts, and rejects it from now on.
    pub fn forget(&mut self, app_id: &str, attempt_id: Option<&str>) {
        for key in self.attempts() {
            let is_it = key.app_id == app_id && attempt_id.is_none_or(|id| id == key.attempt_id);
            if is_it && !app_id.is_empty() {
                self.remove(key, true);
            }
        }
    }

    fn remove(&mut self, key: AttemptKey, is_forgotten: bool) {
        let run = self.log(&key.app_id, &key.attempt_id).and_then(|log| log.application.start_time);
        self.logs.retain(|log| log.application.key() != key);
        self.events.retain(|job, _| !is_of(&key, job));
        self.facts_pruned.remove(&key);
        let is_one_forgotten = is_forgotten && !self.removed.contains_key(&key);
        let held = self.removed.entry(key).or_insert(Removed { run, is_one_forgotten });
        held.is_one_forgotten = is_one_forgotten;
        held.run = held.run.zip(run).map(|(held, run)| held.max(run));
    }

    /// All attempts of which something is held.
    fn attempts(&self) -> BTreeSet<AttemptKey> {
        let of_events = self.events.keys().map(|k| AttemptKey::new(&*k.app_id, &*k.attempt_id));
        of_events.chain(self.logs.iter().map(|log| log.application.key())).collect()
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
        let all: Vec<Job> = self.jobs().into_iter().chain(self.pruned.iter().cloned()).collect();
        for job in &all {
            for user in [None, Some(job.user.clone())] {
                let key = RollupKey { day: job.end.day(), user };
                rollups.entry(key).or_insert_with(Rollup::default).add(job);
            }
        }
        for (key, rollup) in &mut rollups {
            let jobs = all.iter().filter(|job| {
                job.end.day() == key.day && key.user.as_ref().is_none_or(|user| *user == job.user)
            });
            let jobs: Vec<&Job> = jobs.collect();
            let durations = jobs
                .iter()
                .map(|job| i128::from(job.end.as_micros()) - i128::from(job.start.as_micros()));
            let (possible, impossible): (Vec<i128>, Vec<i128>) =
                durations.partition(|us| (0..=366 * 86_400_000_000).contains(us));
            rollup.duration_us = possible.iter().sum();
            rollup.durations = possible.iter().map(|us| *us as i64).collect();
            rollup.impossible_durations = impossible.len() as i64;
            let with_tasks = jobs.iter().filter(|job| job.tasks.succeeded + job.tasks.failed > 0);
            rollup.jobs_with_tasks = with_tasks.count() as i64;
        }
        rollups
    }

    /// The log facts in force of an application's attempt: those of its last run.
    pub fn log(&self, app_id: &str, attempt_id: &str) -> Option<LogSnapshot> {
        let of_app = |log: &&LogSnapshot| {
            log.application.app_id == app_id && log.application.attempt_id == attempt_id
        };
        let run = self.logs.iter().filter(of_app).map(|log| log.application.run()).max()?;
        let logs: Vec<&LogSnapshot> =
            self.logs.iter().filter(of_app).filter(|log| log.application.run() == run).collect();
        let mut application = logs.iter().map(|l| l.application.clone()).max()?;
        application.facts_pruned = self.facts_pruned.contains(&application.key());
        Some(fact!(LogSnapshot {
            application,
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
        let job = log.jobs.into_iter().find(|job| job.job_id == key.job_id && job.ended)?;
        let LogJob { user, submission_time, completion_time, job_result, tasks, .. } = job;
        Some(Job {
            key: key.clone(),
            user,
            start: submission_time?,
            end: completion_time?,
            result: JobResult::from_name(&job_result),
            tasks,
            source: FigureSource::Log,
            num_tasks: Some(job.num_tasks),
            longest_task_ms: job.longest_task_ms,
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
            num_tasks: None,
            longest_task_ms: None,
            labels: self.labels(key),
        })
    }
}

fn is_of(attempt: &AttemptKey, job: &JobKey) -> bool {
    (&attempt.app_id, &attempt.attempt_id) == (&job.app_id, &job.attempt_id)
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
