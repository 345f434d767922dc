//! The state of an application, event by event in the log's order: the rules of Spark's
//! `AppStatusListener`.

use std::collections::HashMap;

use spark_analytics_core::{Application, LogSnapshot, StageStatus, TaskOutcome, Timestamp};

use crate::event::{
    ApplicationStart, Event, JobEnd, JobStart, ResourceProfileAdded, StageCompleted,
    StageExecutorMetrics, StageInfo, StageSubmitted, TaskEnd, TaskStart, Text,
};
use crate::executor::Executors;
use crate::indices::Indices;
use crate::job::{Jobs, Run};
use crate::stage::{StageKey, Stages};
use crate::task::{count, note_kill};
use crate::text::{key, text};

/// Everything known of an application so far.
#[derive(Debug)]
pub(crate) struct Fold {
    application: Application,
    /// CPUs of a task where no resource profile says otherwise.
    cpus_per_task: i64,
    /// CPUs of a task by resource profile.
    profiles: HashMap<i64, i64>,
    jobs: Jobs,
    stages: Stages,
    executors: Executors,
    /// Ids of the tasks that started and have not ended.
    running_tasks: Indices,
}

impl Fold {
    pub(crate) fn new() -> Self {
        Self {
            application: Application::default(),
            cpus_per_task: 1,
            profiles: HashMap::new(),
            jobs: Jobs::default(),
            stages: Stages::default(),
            executors: Executors::default(),
            running_tasks: Indices::default(),
        }
    }

    /// Takes the next event. An error says why it was left out.
    pub(crate) fn apply(&mut self, event: Event<'_>) -> Result<(), String> {
        if matches!(event, Event::ApplicationStart(_)) && self.has_application() {
            return Err("a second SparkListenerApplicationStart".to_owned());
        }
        self.application.events += 1;
        match event {
            Event::LogStart(event) => {
                self.application.spark_version = text(&event.spark_version.0);
            }
            Event::EnvironmentUpdate(event) => {
                let cpus = event.spark_properties.task_cpus.and_then(|cpus| cpus.0.parse().ok());
                self.cpus_per_task = cpus.unwrap_or(self.cpus_per_task);
            }
            Event::ResourceProfileAdded(event) => self.add_profile(&event),
            Event::ApplicationStart(event) => self.start_application(&event),
            Event::ApplicationEnd(event) => {
                self.see(event.time);
                self.application.ended = true;
                self.application.end_time = Some(Timestamp::from_millis(event.time));
            }
            Event::ExecutorAdded(event) => {
                self.see(event.time);
                let profile = self.profiles.get(&event.info.resource_profile_id);
                let cpus = profile.copied().unwrap_or(self.cpus_per_task);
                self.executors.add(event, cpus);
            }
            Event::ExecutorRemoved(event) => {
                self.see(event.time);
                self.executors.remove(&event, self.stages.earliest_submission());
            }
            Event::BlockManagerAdded(event) => {
                self.see(event.time);
                self.executors.add_block_manager(&event);
            }
            Event::JobStart(event) => self.start_job(&event),
            Event::JobEnd(event) => self.end_job(&event),
            Event::StageSubmitted(event) => self.submit_stage(&event),
            Event::StageCompleted(event) => self.complete_stage(&event),
            Event::StageExecutorMetrics(event) => self.raise_peaks(&event),
            Event::TaskStart(event) => self.start_task(&event),
            Event::TaskEnd(event) => self.end_task(&event),
        }
        Ok(())
    }

    /// Whether the log has told of which application it is.
    pub(crate) const fn has_application(&self) -> bool {
        self.application.start_time.is_some()
    }

    /// The number of events taken.
    pub(crate) const fn events(&self) -> u64 {
        self.application.events
    }

    /// What the log has told; `name` stands in for an application's id.
    pub(crate) fn into_snapshot(self, name: &str) -> LogSnapshot {
        let mut application = self.application;
        if application.app_id.is_empty() {
            application.app_id = key(name).into_owned();
        }
        let mut jobs = self.jobs.into_facts();
        for job in jobs.iter_mut().filter(|job| job.user.is_empty()) {
            job.user.clone_from(&application.user);
        }
        let stages = self.stages.into_facts();
        let executors = self.executors.into_facts(application.ended);
        LogSnapshot { application, jobs, stages, executors }
    }

    fn add_profile(&mut self, event: &ResourceProfileAdded) {
        if let Some(cpus) = &event.task_requests.cpus {
            self.profiles.insert(event.id, cpus.amount as i64);
        } else {
            self.profiles.remove(&event.id);
        }
    }

    fn start_application(&mut self, event: &ApplicationStart<'_>) {
        self.see(event.time);
        let or_empty = |id: &Option<Text<'_>>| {
            id.as_ref().map(|id| key(&id.0).into_owned()).unwrap_or_default()
        };
        self.application.app_id = or_empty(&event.id);
        self.application.attempt_id = or_empty(&event.attempt_id);
        self.application.name = text(&event.name.0);
        self.application.user = key(&event.user.0).into_owned();
        self.application.start_time = Some(Timestamp::from_millis(event.time));
        if let Some(logs) = &event.driver_logs {
            self.executors.describe_driver(logs, event.driver_attributes.as_ref());
        }
    }

    fn start_job(&mut self, event: &JobStart<'_>) {
        self.see(event.time);
        let unknown: Vec<StageInfo<'_>>;
        let stages = match &event.stage_infos {
            Some(stages) => stages,
            None => {
                unknown = event.stage_ids.iter().map(|id| StageInfo::unknown(*id)).collect();
                &unknown
            }
        };
        let run = self.jobs.start(event, stages);
        for info in stages {
            self.stages.get_or_create(info).jobs.push(run);
            self.jobs.link(run);
        }
    }

    fn end_job(&mut self, event: &JobEnd<'_>) {
        self.see(event.time);
        let Some((run, stage_ids)) = self.jobs.running(event.job_id) else { return };
        for stage_id in stage_ids {
            for key in self.stages.pending(stage_id) {
                self.skip_stage(key, run);
            }
        }
        self.jobs.end(run, event);
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
        self.see(event.info.submission_time.unwrap_or_default());
        let runs = self.jobs.naming(event.info.id);
        for run in &runs {
            self.jobs.link(*run);
            if let Some(job) = self.jobs.get(*run) {
                job.fact.events += 1;
                job.completed_stages.remove(&event.info.id);
                job.fact.active_stages += 1;
            }
        }
        let stage = self.stages.get_or_create(&event.info);
        stage.submit(event.properties.as_ref());
        for run in std::mem::replace(&mut stage.jobs, runs) {
            self.jobs.unlink(run);
        }
    }

    fn complete_stage(&mut self, event: &StageCompleted<'_>) {
        let info = &event.info;
        let key = (info.id, info.attempt);
        self.see(info.completion_time.unwrap_or_default());
        if let Some(stage) = self.stages.get(key) {
            stage.set_info(info);
            stage.fact.events += 1;
            let status = match (&info.failure_reason, info.submission_time) {
                (Some(_), _) => StageStatus::Failed,
                (None, Some(_)) => StageStatus::Complete,
                (None, None) => StageStatus::Skipped,
            };
            stage.end(status);
            for run in &stage.jobs {
                let Some(job) = self.jobs.get(*run) else { continue };
                job.fact.events += 1;
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

    fn start_task(&mut self, event: &TaskStart<'_>) {
        self.see(event.task.launch_time);
        self.running_tasks.insert(0, event.task.id);
        if let Some(stage) = self.stages.get((event.stage_id, event.stage_attempt_id)) {
            stage.fact.events += 1;
            stage.fact.active_tasks += 1;
            stage.launch(event.task.launch_time);
            for run in &stage.jobs {
                if let Some(job) = self.jobs.get(*run) {
                    job.fact.events += 1;
                    job.fact.active_tasks += 1;
                }
            }
        }
        self.executors.start_task(&event.task.executor_id.0);
    }

    fn end_task(&mut self, event: &TaskEnd<'_>) {
        let Some(task) = &event.task else { return };
        self.see(task.finish_time);
        let was_running = self.running_tasks.remove(0, task.id);
        let outcome = event.reason.outcome();
        let ended = i64::from(!event.reason.is_resubmitted());
        let killed = (outcome == TaskOutcome::Killed).then(|| event.reason.kill_summary());
        count(&mut self.application.tasks, outcome, event);

        let key = (event.stage_id, event.stage_attempt_id);
        let mut is_drained = false;
        if let Some(stage) = self.stages.get(key) {
            stage.fact.events += 1;
            stage.fact.active_tasks -= ended;
            count(&mut stage.fact.tasks, outcome, event);
            if let Some(metrics) = event.metrics.as_ref().filter(|_| was_running) {
                stage.sums.add(metrics);
            }
            if outcome == TaskOutcome::Succeeded && stage.indices.insert(0, task.index) {
                stage.fact.completed_indices += 1;
            }
            if let Some(killed) = &killed {
                note_kill(&mut stage.fact.killed_tasks_summary, killed);
            }
            stage.peaks.raise(&event.peaks.unwrap_or_default());
            is_drained = stage.is_drained();
            for run in &stage.jobs {
                let Some(job) = self.jobs.get(*run) else { continue };
                job.fact.events += 1;
                job.fact.active_tasks -= ended;
                count(&mut job.fact.tasks, outcome, event);
                if outcome == TaskOutcome::Succeeded && job.indices.insert(key.0, task.index) {
                    job.fact.completed_indices += 1;
                }
                if let Some(killed) = &killed {
                    note_kill(&mut job.fact.killed_tasks_summary, killed);
                }
            }
        }
        if is_drained {
            for run in self.stages.leave(key) {
                self.jobs.write(run);
                self.jobs.unlink(run);
            }
        }
        self.executors.end_task(&task.executor_id.0, event);
    }

    fn leave_stage(&mut self, key: StageKey) {
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
