//! Judges what was read before the log named its patterns of secrets.
//!
//! Spark writes the environment before any job, so there is little to judge. A fact that changes counts one event
//! more, so that it replaces the one that was stored before.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use spark_analytics_core::log::{Executor, LogJob, Process, ResourceProfile, SqlExecution, Stage};

use crate::fold::Fold;
use crate::fold::text::Texts;

/// As many steps take the time in which a fact is judged.
const STEPS_OF_A_FACT: usize = 16;

impl Fold {
    /// Applies new patterns to all facts but the properties, which the same event replaces.
    pub(crate) fn judge_again(&mut self) {
        let bytes = self.texts.bytes;
        let texts = &mut self.texts;
        texts.all([&mut self.application.name, &mut self.application.spark_version]);
        self.environment.profiles_mut().for_each(|profile| texts.profile(profile));
        self.jobs.facts_mut().for_each(|job| texts.job(job));
        self.stages.facts_mut().for_each(|stage| texts.stage(stage));
        self.executors.facts_mut().for_each(|executor| texts.executor(executor));
        self.processes.facts_mut().for_each(|process| texts.process(process));
        self.sql.facts_mut().for_each(|execution| texts.execution(execution));
        self.sql.count_plans();
        self.texts.bytes = bytes;
        let (runs, jobs) = self.jobs.count();
        let (live_stages, stages) = self.stages.count();
        let facts = runs + jobs + live_stages + stages + self.executors.count() + self.sql.count();
        self.work.may_take(facts * STEPS_OF_A_FACT);
    }
}

impl Texts {
    fn job(&mut self, job: &mut LogJob) {
        let optional = [&mut job.description, &mut job.job_group, &mut job.failure_message];
        let all = optional.into_iter().flatten().chain([&mut job.name]).chain(&mut job.job_tags);
        let mut changed = self.all(all);
        changed |= self.names(&mut job.killed_tasks_summary);
        job.events += u64::from(changed);
    }

    fn stage(&mut self, stage: &mut Stage) {
        let optional = [&mut stage.description, &mut stage.failure_reason];
        let required = [&mut stage.name, &mut stage.scheduling_pool];
        let mut changed = self.all(optional.into_iter().flatten().chain(required));
        changed |= self.names(&mut stage.killed_tasks_summary);
        stage.events += u64::from(changed);
    }

    fn executor(&mut self, executor: &mut Executor) {
        let mut changed =
            self.all(executor.remove_reason.iter_mut().chain([&mut executor.host_port]));
        for (mut name, mut addresses) in std::mem::take(&mut executor.resources) {
            changed |= self.all(addresses.iter_mut().chain([&mut name]));
            executor.resources.insert(name, addresses);
        }
        for named in [&mut executor.executor_logs, &mut executor.attributes] {
            let judged = self.named(named);
            changed |= judged != *named;
            *named = judged;
        }
        executor.events += u64::from(changed);
    }

    fn execution(&mut self, execution: &mut SqlExecution) {
        let plan = self.plan(&execution.plan_description);
        let mut changed = plan != execution.plan_description;
        execution.plan_description = plan;
        changed |= self.all(execution.error_message.iter_mut().chain([&mut execution.description]));
        execution.events += u64::from(changed);
    }

    /// The application counts the event already.
    fn process(&mut self, process: &mut Process) {
        self.judge_again(&mut process.host_port);
        process.process_logs = self.named(&process.process_logs);
    }

    /// The environment counts the event already.
    fn profile(&mut self, profile: &mut ResourceProfile) {
        let judged = std::mem::take(&mut profile.executor_resources).into_iter();
        profile.executor_resources = judged
            .map(|(name, mut resource)| {
                self.all([&mut resource.discovery_script, &mut resource.vendor]);
                (self.text(&name), resource)
            })
            .collect();
        let judged = std::mem::take(&mut profile.task_resources).into_iter();
        profile.task_resources = judged.map(|(name, amount)| (self.text(&name), amount)).collect();
    }

    fn all<'a>(&mut self, texts: impl IntoIterator<Item = &'a mut String>) -> bool {
        texts.into_iter().fold(false, |changed, text| self.judge_again(text) | changed)
    }

    fn judge_again(&mut self, text: &mut String) -> bool {
        let judged = self.text(text);
        let changed = judged != *text;
        *text = judged;
        changed
    }

    fn names<N: AddAssign + Default>(&mut self, counts: &mut BTreeMap<String, N>) -> bool {
        let names: Vec<String> = counts.keys().map(|name| self.text(name)).collect();
        if names.iter().eq(counts.keys()) {
            return false;
        }
        for (name, count) in names.into_iter().zip(std::mem::take(counts).into_values()) {
            *counts.entry(name).or_default() += count;
        }
        true
    }
}
