//! The state of an application, updated event by event in the order of the log: the rules of Spark's
//! `AppStatusListener`.

mod again;
mod cost;
pub(crate) mod environment;
mod exclusion;
mod executor;
mod indices;
mod job;
pub(crate) mod one_application;
pub(crate) mod process;
mod share;
pub(crate) mod sql;
mod stage;
pub(crate) mod tally;
mod task;
pub(crate) mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spark_analytics_core::log::{Application, LogSnapshot, Stage, StageStatus};
use spark_analytics_core::{JobResult, Timestamp};

use crate::fold::cost::Work;
use crate::fold::environment::Environments;
use crate::fold::executor::Executors;
use crate::fold::indices::Indices;
use crate::fold::job::{Jobs, Run};
use crate::fold::process::Processes;
use crate::fold::sql::SqlExecutions;
use crate::fold::stage::Stages;
use crate::fold::tally::{StageTally, Tally};
use crate::fold::task::{MAX_KILL_REASONS, note_kill};
use crate::fold::text::{Texts, key};
use crate::wire::environment::ResourceProfileAdded;
use crate::wire::event::{
    ApplicationStart, Event, ExecutorMetricsUpdate, JobEnd, JobStart, StageCompleted,
    StageExecutorMetrics, StageInfo, StageSubmitted,
};
use crate::wire::lenient::{StageKey, Text};

/// Everything known of an application so far.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    application: Application,
    /// CPUs of a task without a resource profile.
    cpus_per_task: i64,
    /// CPUs of a task by resource profile.
    profiles: HashMap<i64, i64>,
    jobs: Jobs,
    stages: Stages,
    executors: Executors,
    processes: Processes,
    environment: Environments,
    sql: SqlExecutions,
    texts: Texts,
    /// Ids of the tasks that started and have not ended.
    running_tasks: Indices,
    /// The stage attempts with tasks that were not yet added to their jobs.
    unshared: BTreeSet<StageKey>,
    pub(crate) work: Work,
}

impl Default for Fold {
    fn default() -> Self {
        Self {
            application: Application::default(),
            cpus_per_task: 1,
            profiles: HashMap::new(),
            jobs: Jobs::default(),
            stages: Stages::default(),
            executors: Executors::default(),
            processes: Processes::default(),
            environment: Environments::default(),
            sql: SqlExecutions::default(),
            texts: Texts::default(),
            running_tasks: Indices::default(),
            unshared: BTreeSet::new(),
            work: Work::default(),
        }
    }
}

impl Fold {
    /// Applies the next event other than task events.
    fn apply(&mut self, event: Event<'_>) {
        self.application.events += 1;
        if let Some(millis) = event.time() {
            self.see(millis);
        }
        match event {
            Event::LogStart(event) => {
                self.application.spark_version = self.texts.text(&event.spark_version.0);
            }
            Event::EnvironmentUpdate(event) => {
                self.cpus_per_task = event.task_cpus().unwrap_or(self.cpus_per_task);
                if self.texts.learn(&event.spark) {
                    self.judge_again();
                }
                let environment = &mut self.environment;
                self.texts.uncounted(|texts| environment.update(event, texts));
            }
            Event::ResourceProfileAdded(event) => self.add_profile(event),
            Event::ApplicationStart(event) => self.start_application(&event),
            Event::ApplicationEnd(event) => {
                self.application.ended = true;
                self.application.end_time = Some(Timestamp::from_millis(event.time));
            }
            Event::ExecutorAdded(event) => {
                let profile = self.profiles.get(&event.info.resource_profile_id);
                let cpus = profile.copied().unwrap_or(self.cpus_per_task);
                self.executors.add(event, cpus, &mut self.texts);
            }
            Event::ExecutorRemoved(event) => {
                let earliest = self.stages.earliest_submission();
                self.executors.remove(&event, earliest, &mut self.texts);
            }
            Event::Exclusion(event) => {
                let stage = event.stage().and_then(|key| self.stages.get(key));
                self.executors.exclude(&event, stage.is_some());
                self.work.may_take(self.executors.live.len());
            }
            Event::BlockManagerAdded(event) => {
                self.executors.add_block_manager(&event, &mut self.texts);
            }
            Event::JobStart(event) => self.start_job(&event),
            Event::JobEnd(event) => self.end_job(&event),
            Event::StageSubmitted(event) => self.submit_stage(&event),
            Event::StageCompleted(event) => self.complete_stage(&event),
            Event::StageExecutorMetrics(event) => self.raise_peaks(&event),
            Event::ExecutorMetricsUpdate(event) => self.raise_peaks_of_heartbeat(&event),
            Event::ProcessAdded(event) => self.processes.add(&event, &mut self.texts),
            // Tasks arrive as tallies, and parts of a log are not facts of its application.
            Event::TaskStart(_) | Event::TaskEnd(_) | Event::PartStart(_) => {}
            Event::SqlExecutionStart(event) => self.sql.start(&event, &mut self.texts),
            Event::SqlAdaptiveExecutionUpdate(event) => {
                self.sql.change_plan(&event, &mut self.texts);
            }
            Event::SqlExecutionEnd(event) => self.sql.end(&event, &mut self.texts),
        }
    }

    /// Whether the log has identified its application.
    const fn has_application(&self) -> bool {
        self.application.start_time.is_some()
    }

    /// Number of events applied.
    const fn events(&self) -> u64 {
        self.application.events
    }

    /// The facts so far; `name` is the application id if the log has none.
    fn into_snapshot(mut self, name: &str) -> LogSnapshot {
        self.share_all();
        let mut application = self.application;
        if application.app_id.is_empty() {
            application.app_id = key(name).into_owned();
        }
        let mut jobs = self.jobs.into_facts();
        for job in &mut jobs {
            if job.user.is_empty() {
                job.user.clone_from(&application.user);
            }
            job.app_name = Some(application.name.clone()).filter(|name| !name.is_empty());
        }
        let failed = jobs.iter().filter(|job| job.result() == JobResult::Failed).count();
        application.jobs = Some(jobs.len() as i64);
        application.failed_jobs = Some(failed as i64);
        let stages = self.stages.into_facts();
        let executors = self.executors.into_facts(application.ended);
        let until = application.until();
        let core_times = executors.iter().map(|executor| executor.core_time_ms(until));
        application.core_time_ms = Some(core_times.fold(0, i64::saturating_add));
        application.processes = Some(self.processes.into_facts());
        let (environment, sql) = (self.environment.into_fact(), self.sql.into_facts());
        let mut snapshot = LogSnapshot::default();
        snapshot.application = application;
        snapshot.jobs = jobs;
        snapshot.stages = stages;
        snapshot.executors = executors;
        snapshot.environment = environment;
        snapshot.sql = sql;
        snapshot
    }

    /// Which task ends the log of an application that has ended lacks: Spark completes the first attempt of a stage
    /// only when all its tasks have succeeded.
    fn missing_ends(&self) -> Option<String> {
        let is_short = |stage: &&Stage| {
            stage.status == StageStatus::Complete
                && stage.stage_attempt_id == 0
                && stage.completed_indices < stage.num_tasks
        };
        let (mut stages, mut tasks, mut first) = (0_u64, 0_i64, None);
        for stage in self.stages.facts().filter(is_short).filter(|_| self.application.ended) {
            stages += 1;
            tasks = tasks.saturating_add(stage.num_tasks.saturating_sub(stage.completed_indices));
            first = first.or(Some((stage.stage_id, stage.completed_indices, stage.num_tasks)));
        }
        let (stage, succeeded, of) = first?;
        Some(format!(
            "ends of tasks are missing: {tasks} of the tasks of {stages} completed stages have no successful end \
             in this log (of stage {stage}, {succeeded} of {of} have), so its figures are too low"
        ))
    }

    fn add_profile(&mut self, event: ResourceProfileAdded) {
        if let Some(cpus) = event.task_cpus() {
            self.profiles.insert(event.id, cpus);
        } else {
            self.profiles.remove(&event.id);
        }
        self.environment.add_profile(event, &mut self.texts);
    }

    fn start_application(&mut self, event: &ApplicationStart<'_>) {
        let texts = &mut self.texts;
        let mut or_empty =
            |id: &Option<Text<'_>>| id.as_ref().map(|id| texts.key(&id.0)).unwrap_or_default();
        self.application.app_id = or_empty(&event.id);
        self.application.attempt_id = or_empty(&event.attempt_id);
        self.application.name = texts.text(&event.name.0);
        self.application.user = texts.key(&event.user.0);
        self.application.start_time = Some(Timestamp::from_millis(event.time));
        if let Some(logs) = &event.driver_logs {
            self.executors.describe_driver(logs, event.driver_attributes.as_ref(), texts);
        }
    }

    fn start_job(&mut self, event: &JobStart<'_>) {
        let unknown: Vec<StageInfo<'_>>;
        let stages = match &event.stage_infos {
            Some(stages) => stages,
            None => {
                unknown = event.stage_ids.iter().map(|id| StageInfo::unknown(id.0)).collect();
                &unknown
            }
        };
        self.share_all();
        let run = self.jobs.start(event, stages, &mut self.texts);
        let execution = event.properties.as_ref().and_then(|p| p.sql_execution_id.as_ref());
        if let Some(id) = execution.and_then(|id| id.0.parse().ok()) {
            self.sql.start_job(event.job_id, id);
        }
        for info in stages {
            self.stages.get_or_create(info, &mut self.texts).jobs.push(run);
            self.jobs.link(run);
        }
    }

    fn end_job(&mut self, event: &JobEnd<'_>) {
        self.sql.end_job(event.job_id);
        self.share_all();
        let Some((run, stage_ids)) = self.jobs.running(event.job_id) else { return };
        for stage_id in stage_ids {
            for key in self.stages.pending(stage_id) {
                self.skip_stage(key, run);
            }
        }
        self.jobs.end(run, event, &mut self.texts);
    }

    fn skip_stage(&mut self, key: StageKey, run: Run) {
        let Some(stage) = self.stages.get(key) else { return };
        stage.end(StageStatus::Skipped);
        stage.fact.events += 1;
        if let Some(job) = self.jobs.get(run) {
            job.skip_stage(key.0, stage.fact.num_tasks);
        }
        self.leave_stage(key);
    }

    fn submit_stage(&mut self, event: &StageSubmitted<'_>) {
        self.share_all();
        let runs = self.jobs.naming(event.info.id);
        self.work.may_take(runs.len());
        for run in &runs {
            self.jobs.link(*run);
            if let Some(job) = self.jobs.get(*run) {
                job.fact.events += 1;
                job.note_times(&event.info);
                job.completed_stages.remove(&event.info.id);
                job.fact.active_stages += 1;
            }
        }
        let stage = self.stages.get_or_create(&event.info, &mut self.texts);
        stage.submit(event.properties.as_ref(), &mut self.texts);
        self.work.may_take(stage.jobs.len());
        for run in std::mem::replace(&mut stage.jobs, runs) {
            self.jobs.unlink(run);
        }
    }

    fn complete_stage(&mut self, event: &StageCompleted<'_>) {
        let info = &event.info;
        let key = (info.id, info.attempt);
        self.stages.set_info(info, &mut self.texts);
        if let Some(stage) = self.stages.get(key) {
            self.executors.complete_stage(key);
            stage.fact.events += 1;
            self.work.may_take(stage.jobs.len());
            let status = match (&info.failure_reason, info.submission_time) {
                (Some(_), _) => StageStatus::Failed,
                (None, Some(_)) => StageStatus::Complete,
                (None, None) => StageStatus::Skipped,
            };
            stage.end(status);
            for run in &stage.jobs {
                let Some(job) = self.jobs.get(*run) else { continue };
                job.fact.events += 1;
                job.note_times(info);
                job.fact.active_stages -= 1;
                match status {
                    StageStatus::Complete => {
                        job.completed_stages.insert(info.id);
                    }
                    StageStatus::Skipped => job.skip_stage(info.id, info.num_tasks),
                    _ => job.fact.failed_stages += 1,
                }
            }
            if stage.fact.active_tasks == 0 {
                self.leave_stage(key);
            }
        }
        self.executors.settle(self.stages.earliest_submission());
    }

    fn raise_peaks(&mut self, event: &StageExecutorMetrics<'_>) {
        if let Some(executor) = self.executors.get_for_peaks(&event.executor_id.0) {
            executor.fact.events += 1;
            executor.peaks.raise(&event.peaks);
        }
        if let Some(stage) = self.stages.get((event.stage_id, event.stage_attempt_id)) {
            stage.fact.events += 1;
            stage.peaks.raise(&event.peaks);
        }
    }

    /// In a log these are the driver's heartbeats. Like Spark, ignores those of removed executors.
    fn raise_peaks_of_heartbeat(&mut self, event: &ExecutorMetricsUpdate<'_>) {
        if let Some(executor) = self.executors.get(&event.executor_id.0) {
            executor.fact.events += 1;
            event.updates.iter().for_each(|update| executor.peaks.raise(&update.peaks));
        }
        for update in &event.updates {
            if let Some(stage) = self.stages.get((update.stage_id, update.stage_attempt_id)) {
                stage.fact.events += 1;
                stage.peaks.raise(&update.peaks);
            }
        }
    }

    /// Adds tasks. Returns `false`, and adds none, if their order matters; the caller then adds them one by one.
    fn add_tasks(&mut self, tally: &Tally<'_>) -> bool {
        let is_one = tally.events == 1;
        if !is_one && !tally.stages.iter().all(|tasks| self.is_order_independent(tasks)) {
            return false;
        }
        let all_ran = self.run(&tally.running);
        if !is_one && !all_ran {
            return false;
        }
        self.application.events += tally.events;
        self.see(tally.latest);
        for tasks in &tally.stages {
            self.application.tasks += &tasks.tasks;
            raise(&mut self.application.longest_task_ms, tasks.longest);
            if self.add_to_stage(tasks, all_ran) {
                self.share_all();
                for run in self.stages.leave(tasks.key) {
                    self.jobs.write(run);
                    self.jobs.unlink(run);
                }
            }
        }
        for tasks in &tally.executors {
            self.executors.add_tasks(tasks);
        }
        true
    }

    /// Whether task ends can be applied in any order: none of them can complete its stage attempt or
    /// exceed the limit of recorded reasons.
    fn is_order_independent(&mut self, tasks: &StageTally) -> bool {
        let Some(stage) = self.stages.get(tasks.key) else { return true };
        if tasks.kills.is_empty() {
            return !stage.is_over();
        }
        self.work.may_take(stage.jobs.len());
        let room =
            |summary: &BTreeMap<String, i64>| summary.len() + tasks.kills.len() < MAX_KILL_REASONS;
        let job_has_room = |run: &Run| match self.jobs.get(*run) {
            Some(job) => room(&job.fact.killed_tasks_summary),
            None => true,
        };
        !stage.is_over()
            && room(&stage.fact.killed_tasks_summary)
            && stage.jobs.iter().all(job_has_room)
    }

    /// Records which tasks run now. Returns `false`, and records nothing, if a running task started or one that
    /// was not running ended.
    fn run(&mut self, tasks: &[(i64, bool)]) -> bool {
        let mut set = |id, runs| match runs {
            true => self.running_tasks.insert(0, id),
            false => self.running_tasks.remove(0, id),
        };
        for (at, (id, starts)) in tasks.iter().enumerate() {
            if !set(*id, *starts) {
                for (id, started) in tasks[..at].iter().rev() {
                    set(*id, !started);
                }
                return false;
            }
        }
        true
    }

    /// Adds tasks to their stage attempt and its jobs. Returns whether this drained an attempt that had completed.
    fn add_to_stage(&mut self, tasks: &StageTally, all_ran: bool) -> bool {
        let Some(stage) = self.stages.get(tasks.key) else { return false };
        stage.fact.events += tasks.events;
        stage.fact.active_tasks += tasks.active;
        stage.fact.tasks += &tasks.tasks;
        raise(&mut stage.fact.longest_task_ms, tasks.longest);
        *stage.fact.speculation.get_or_insert_default() += &tasks.speculation;
        if all_ran {
            stage.sums.merge(&tasks.sums);
        }
        let words = stage.indices.words();
        stage.fact.completed_indices += stage.indices.insert_all(0, &tasks.succeeded);
        let grown = stage.indices.words() - words;
        let kills = tasks.kills.iter();
        let kills: Vec<String> =
            self.texts.uncounted(|texts| kills.map(|kill| texts.text(kill)).collect());
        let mut reason_bytes = 0;
        for reason in &kills {
            reason_bytes += note_kill(&mut stage.fact.killed_tasks_summary, reason);
        }
        stage.peaks.raise(&tasks.peaks);
        if let Some(launched) = tasks.launched {
            stage.launch(launched);
        }
        let is_drained = tasks.has_ends() && stage.is_drained();
        self.stages.words += grown;
        self.jobs.reason_bytes += reason_bytes;
        self.add_to_jobs(tasks, &kills);
        is_drained
    }

    /// Adds tasks to the jobs of a stage attempt: to few immediately, to many once that can be seen.
    fn add_to_jobs(&mut self, tasks: &StageTally, kills: &[String]) {
        let Some(stage) = self.stages.get(tasks.key) else { return };
        if stage.jobs.len() <= FEW_JOBS {
            self.jobs.add_tasks(&stage.jobs, tasks.key.0, tasks.into());
        } else {
            stage.share.add(tasks);
            self.unshared.insert(tasks.key);
            if stage.share.succeeded.len() > MAX_SHARED_INDICES || !kills.is_empty() {
                self.share(tasks.key);
            }
        }
        if let Some(stage) = self.stages.get(tasks.key).filter(|_| !kills.is_empty())
            && self.work.may_take(stage.jobs.len() * kills.len())
        {
            self.jobs.add_kills(&stage.jobs, kills);
        }
    }

    /// Adds the tasks that the jobs of a stage attempt have in common to each of them.
    fn share(&mut self, key: StageKey) {
        let Some(stage) = self.stages.get(key).filter(|stage| stage.share.events > 0) else {
            return;
        };
        let mut share = std::mem::take(&mut stage.share);
        if !share.succeeded.is_sorted() {
            share.succeeded.sort_unstable();
        }
        if self.work.may_take(stage.jobs.len() * (1 + share.succeeded.len())) {
            self.jobs.add_tasks(&stage.jobs, key.0, (&share).into());
        }
    }

    /// Does so for all stage attempts, before anything else happens to jobs.
    pub(crate) fn share_all(&mut self) {
        for key in std::mem::take(&mut self.unshared) {
            self.share(key);
        }
    }

    fn leave_stage(&mut self, key: StageKey) {
        self.share_all();
        for run in self.stages.leave(key) {
            self.jobs.unlink(run);
        }
    }

    fn see(&mut self, millis: i64) {
        if millis > 0 {
            let seen = Some(Timestamp::from_millis(millis));
            self.application.last_event_time = self.application.last_event_time.max(seen);
        }
    }
}

/// The jobs of a stage attempt to which its tasks are added immediately.
const FEW_JOBS: usize = 4;

/// How many partitions a stage attempt remembers for its jobs.
const MAX_SHARED_INDICES: usize = 64 * 1024;

fn raise(longest: &mut Option<i64>, other: Option<i64>) {
    *longest = (*longest).max(other);
}
