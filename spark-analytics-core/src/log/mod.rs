//! Facts about an application from its event log, which stores keep beside single events.
//!
//! If there are two facts about the same thing, the greater one wins: ended beats running, then the higher count of
//! events, then the order of the remaining fields, as declared below. Reading a log again, or a shorter or compacted
//! copy of it, therefore changes nothing. Within one log both only increase: `ended` stays once it is set, even if a
//! stage, an executor or a job with that id appears again.

pub(crate) mod codec;
mod environment;
mod macros;
mod process;
mod speculation;
mod sql;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::figures::result::JobResult;
use crate::figures::tasks::TaskTotals;
use crate::identity::AttemptKey;
use crate::time::{Day, Timestamp};

pub use environment::{Environment, ExecutorResource, ResourceProfile};
pub use process::Process;
pub use speculation::Speculation;
pub use sql::SqlExecution;

#[doc(inline)]
pub use crate::__fact as fact;

/// All facts of an application attempt that its event log has reported so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogSnapshot {
    /// The application.
    pub application: Application,
    /// Its jobs, each id once.
    pub jobs: Vec<LogJob>,
    /// Its stage attempts, each once.
    pub stages: Vec<Stage>,
    /// Its executors, each id once.
    pub executors: Vec<Executor>,
    /// Its environment, if the log contains it.
    pub environment: Option<Environment>,
    /// Its SQL executions, each id once.
    pub sql: Vec<SqlExecution>,
}

impl LogSnapshot {
    /// The approximate size of its facts in a store, in bytes, with which importers limit their batches.
    pub fn size_hint(&self) -> usize {
        const ROW: usize = 2_048;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = |map: &BTreeMap<String, String>| -> usize {
            map.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        let reasons =
            |kills: &BTreeMap<String, i64>| -> usize { kills.keys().map(String::len).sum() };
        let jobs = self.jobs.iter().map(|job| {
            job.name.len()
                + text(&job.description)
                + text(&job.failure_message)
                + reasons(&job.killed_tasks_summary)
        });
        let stages = self.stages.iter().map(|stage| {
            stage.name.len()
                + text(&stage.description)
                + text(&stage.failure_reason)
                + reasons(&stage.killed_tasks_summary)
        });
        let executors = self.executors.iter().map(|executor| {
            texts(&executor.executor_logs)
                + texts(&executor.attributes)
                + text(&executor.remove_reason)
        });
        let sql = self.sql.iter().map(|execution| {
            execution.plan_description.len()
                + execution.description.len()
                + text(&execution.error_message)
        });
        let environment = self.environment.iter().map(|environment| {
            let profiles = environment.resource_profiles.iter();
            let requests = profiles.flat_map(|profile| &profile.executor_resources);
            let scripts: usize =
                requests.map(|(name, request)| name.len() + request.discovery_script.len()).sum();
            texts(&environment.spark_properties)
                + texts(&environment.hadoop_properties)
                + texts(&environment.system_properties)
                + texts(&environment.metrics_properties)
                + texts(&environment.classpath_entries)
                + scripts
        });
        let rows: Vec<usize> =
            jobs.chain(stages).chain(executors).chain(sql).chain(environment).collect();
        rows.len() * ROW + rows.iter().sum::<usize>()
    }
}

/// One attempt of an application.
///
/// A log with another `start_time` or user than the stored ones is [another run](LogRun) under the same id. The
/// later run replaces everything stored of the earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Application {
    /// The application's id.
    pub app_id: String,
    /// The attempt, `""` where Spark has none.
    pub attempt_id: String,
    /// When the run began.
    pub start_time: Option<Timestamp>,
    /// Whether the log contains the application's end.
    pub ended: bool,
    /// How many events of the log were counted.
    pub events: u64,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Its name.
    pub name: String,
    /// The user it ran as.
    pub user: String,
    /// The version of Spark that wrote the log.
    pub spark_version: String,
    /// The time of the latest event.
    pub last_event_time: Option<Timestamp>,
    /// All its tasks.
    pub tasks: TaskTotals,
    /// Total core time of its executors in ms, see [`Executor::core_time_ms`]; `None` if unknown, as
    /// in records written by earlier versions.
    pub core_time_ms: Option<i64>,
    /// Whether its stages, executors, environment and SQL executions were [pruned](crate::Store::prune_logs).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub facts_pruned: bool,
    /// The duration of its longest task in ms; `None` without tasks, or if unknown.
    pub longest_task_ms: Option<i64>,
    /// Its processes other than driver and executors by id, such as YARN's `yarn-am`; `None` if unknown.
    pub processes: Option<BTreeMap<String, Process>>,
    /// How many jobs the log reports; `None` in records written by earlier versions.
    pub jobs: Option<i64>,
    /// How many of them failed; `None` in records written by earlier versions.
    pub failed_jobs: Option<i64>,
}

impl Application {
    /// The key of the attempt.
    pub fn key(&self) -> AttemptKey {
        AttemptKey::new(&*self.app_id, &*self.attempt_id)
    }

    /// Which run of it this is.
    pub fn run(&self) -> LogRun {
        LogRun {
            app_id: self.app_id.clone(),
            attempt_id: self.attempt_id.clone(),
            start_time: self.start_time,
            user: self.user.clone(),
        }
    }

    /// The end of the run, or if the log does not report it, the time of the latest event.
    pub fn until(&self) -> Option<Timestamp> {
        self.end_time.or(self.last_event_time)
    }

    /// Whether everything that is known of the run was before a day: its end, or else its latest event, or else its
    /// start. Without a time it was before no day.
    pub fn is_before(&self, day: Day) -> bool {
        self.until().or(self.start_time).is_some_and(|time| time.day() < day)
    }

    /// From its start [until](Self::until) its end, in µs; negative if the clock was set back.
    pub fn duration_us(&self) -> Option<i64> {
        Some(self.until()?.as_micros().saturating_sub(self.start_time?.as_micros()))
    }

    /// Core time during which no task ran, in ms; never negative. A task counts as
    /// one core, whatever `spark.task.cpus` says. `None` without core time.
    pub fn idle_core_ms(&self) -> Option<i128> {
        let core_time = self.core_time_ms.filter(|time| *time > 0)?;
        Some(i128::from(core_time).saturating_sub(self.tasks.duration_ms).max(0))
    }

    /// The percentage of core time in which no task ran, see [`idle_core_ms`](Self::idle_core_ms).
    pub fn idle_share(&self) -> Option<f64> {
        Some(100.0 * self.idle_core_ms()? as f64 / self.core_time_ms? as f64)
    }
}

/// A job, as reported by an event log; names and rules are those of the History Server's `/jobs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogJob {
    /// The job's number.
    pub job_id: i64,
    /// Whether the log contains an end of the job.
    pub ended: bool,
    /// How many events were counted for it.
    pub events: u64,
    /// The `Result` of its end as named by Spark; `""` while it runs, and again when it is
    /// restarted.
    pub job_result: String,
    /// The user: the job's property `user`, or else the application's.
    pub user: String,
    /// When it was submitted.
    pub submission_time: Option<Timestamp>,
    /// When it ended.
    pub completion_time: Option<Timestamp>,
    /// The name of its last stage.
    pub name: String,
    /// `spark.job.description`.
    pub description: Option<String>,
    /// `spark.jobGroup.id`.
    pub job_group: Option<String>,
    /// `spark.job.tags`.
    pub job_tags: Vec<String>,
    /// `spark.sql.execution.id`.
    pub sql_execution_id: Option<i64>,
    /// The message of the exception that ended it.
    pub failure_message: Option<String>,
    /// The application's name; `None` in records written by earlier versions.
    pub app_name: Option<String>,
    /// Its stages, in Spark's order.
    pub stage_ids: Vec<i64>,
    /// Tasks planned for its stages.
    pub num_tasks: i64,
    /// Tasks running.
    pub active_tasks: i64,
    /// Tasks of skipped stages.
    pub skipped_tasks: i64,
    /// Distinct partitions of its stages that succeeded.
    pub completed_indices: i64,
    /// Stages running.
    pub active_stages: i64,
    /// Stages completed.
    pub completed_stages: i64,
    /// Stages skipped.
    pub skipped_stages: i64,
    /// Stages failed.
    pub failed_stages: i64,
    /// Killed tasks by reason.
    pub killed_tasks_summary: BTreeMap<String, i64>,
    /// Its tasks that ended.
    pub tasks: TaskTotals,
    /// The duration of its longest task in ms; `None` without tasks, or if unknown.
    pub longest_task_ms: Option<i64>,
}

impl LogJob {
    /// How it ended, by its `job_result`.
    pub fn result(&self) -> JobResult {
        JobResult::from_name(&self.job_result)
    }
}

/// The status of a stage attempt, in Spark's terms.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum StageStatus {
    /// Named by a job, but not submitted yet.
    #[default]
    Pending,
    /// Submitted, but not completed.
    Active,
    /// Never submitted when its job ended.
    Skipped,
    /// Completed.
    Complete,
    /// Failed.
    Failed,
}

impl StageStatus {
    /// Spark's name of the status, such as `COMPLETE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Skipped => "SKIPPED",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
        }
    }
}

/// A stage attempt, as reported by an event log; names and rules are those of the History
/// Server's `/stages`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Stage {
    /// The stage's number.
    pub stage_id: i64,
    /// The attempt, from 0.
    pub stage_attempt_id: i64,
    /// Whether it has ended: complete, failed or skipped. A skipped stage may still run later.
    pub ended: bool,
    /// How many events were counted for it.
    pub events: u64,
    /// Its status.
    pub status: StageStatus,
    /// Its name.
    pub name: String,
    /// The description of the job that submitted it.
    pub description: Option<String>,
    /// The scheduler pool.
    pub scheduling_pool: String,
    /// The resource profile.
    pub resource_profile_id: i64,
    /// Planned tasks.
    pub num_tasks: i64,
    /// Tasks running.
    pub active_tasks: i64,
    /// Distinct partitions that succeeded.
    pub completed_indices: i64,
    /// When it was submitted.
    pub submission_time: Option<Timestamp>,
    /// When its first task was launched.
    pub first_task_launched_time: Option<Timestamp>,
    /// When it ended.
    pub completion_time: Option<Timestamp>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// Killed tasks by reason.
    pub killed_tasks_summary: BTreeMap<String, i64>,
    /// Whether shuffles are pushed.
    pub shuffle_push_enabled: bool,
    /// The number of shuffle mergers.
    pub shuffle_mergers_count: i64,
    /// Sums of its tasks' metrics by their names in Spark's REST API, such as `executorRunTime` (ms);
    /// missing ones are 0.
    pub metrics: BTreeMap<String, i64>,
    /// Peaks of its executors' memory metrics by their names in Spark's REST API; missing ones
    /// are 0. `None` if no peaks were reported.
    pub peak_executor_metrics: Option<BTreeMap<String, i64>>,
    /// Its tasks that ended.
    pub tasks: TaskTotals,
    /// The duration of its longest task in ms; `None` without tasks, or if unknown.
    pub longest_task_ms: Option<i64>,
    /// Its speculative tasks; `None` if unknown.
    pub speculation: Option<Speculation>,
}

impl Stage {
    /// From its submission to its end, in µs; `None` if either is unknown.
    pub fn duration_us(&self) -> Option<i64> {
        let end = self.completion_time?.as_micros();
        Some(end.saturating_sub(self.submission_time?.as_micros()))
    }
}

/// An executor, as reported by an event log; names and rules are those of the History Server's
/// `/allexecutors`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Executor {
    /// Its id, `driver` for the driver.
    pub id: String,
    /// Whether it has been removed, or the application ended.
    pub ended: bool,
    /// How many events were counted for it.
    pub events: u64,
    /// Host and port of its block manager.
    pub host_port: String,
    /// Whether it is running.
    pub is_active: bool,
    /// Cores.
    pub total_cores: i64,
    /// Tasks that it can run at the same time.
    pub max_tasks: i64,
    /// Tasks running.
    pub active_tasks: i64,
    /// Tasks failed.
    pub failed_tasks: i64,
    /// Tasks completed.
    pub completed_tasks: i64,
    /// Tasks started.
    pub total_tasks: i64,
    /// Time spent in tasks, in ms.
    pub total_duration_ms: i64,
    /// Time that its tasks spent in garbage collection, in ms.
    pub total_gc_time_ms: i64,
    /// Bytes read from storage.
    pub total_input_bytes: i64,
    /// Bytes read from shuffles.
    pub total_shuffle_read: i64,
    /// Bytes written to shuffles.
    pub total_shuffle_write: i64,
    /// Memory for storage, in bytes.
    pub max_memory: i64,
    /// When it was added.
    pub add_time: Option<Timestamp>,
    /// When it was removed.
    pub remove_time: Option<Timestamp>,
    /// Why it was removed.
    pub remove_reason: Option<String>,
    /// The resource profile.
    pub resource_profile_id: i64,
    /// Storage memory on the heap, in bytes.
    pub total_on_heap_storage_memory: Option<i64>,
    /// Storage memory off the heap, in bytes.
    pub total_off_heap_storage_memory: Option<i64>,
    /// The URLs of its logs, by their names.
    pub executor_logs: BTreeMap<String, String>,
    /// Attributes from its cluster manager.
    pub attributes: BTreeMap<String, String>,
    /// Addresses of its resources, such as GPUs, by the resource's name.
    pub resources: BTreeMap<String, Vec<String>>,
    /// Peaks of its memory metrics by their names in Spark's REST API; missing ones are 0.
    /// `None` if no peaks were reported.
    pub peak_memory_metrics: Option<BTreeMap<String, i64>>,
    /// Whether it is excluded from running tasks.
    pub is_excluded: bool,
    /// The stages whose tasks it is excluded from running.
    pub excluded_in_stages: BTreeSet<i64>,
}

impl Executor {
    /// Core time in ms: the number of cores times the time from when it was added until it was removed,
    /// or until `until` if it was not. 0 if a time is unknown or the clock was set back.
    ///
    /// If an executor was removed and added again under the same id, only the time after that counts.
    pub fn core_time_ms(&self, until: Option<Timestamp>) -> i64 {
        match (self.add_time, self.remove_time.or(until)) {
            (Some(from), Some(to)) => {
                let there = to.as_millis().saturating_sub(from.as_millis()).max(0);
                there.saturating_mul(self.total_cores.max(0))
            }
            _ => 0,
        }
    }
}

/// Maximum length of a recorded log location, in bytes.
pub const MAX_LOCATION_BYTES: usize = 4 * 1024;

/// The run of an application's attempt that a log reports. Clusters that start in the same second give their
/// applications the same ids.
///
/// Of two runs of one attempt the greater is the later one: by start, then by user.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogRun {
    /// The application.
    pub app_id: String,
    /// Its attempt, `""` where Spark has none.
    pub attempt_id: String,
    /// When it started.
    pub start_time: Option<Timestamp>,
    /// The user it ran as.
    pub user: String,
}

impl LogRun {
    /// The application's attempt.
    pub fn key(&self) -> AttemptKey {
        AttemptKey::new(&self.app_id, &self.attempt_id)
    }
}

/// The location, size and time of a log when it was imported, by which an importer recognises logs
/// that it has imported. It is not a fact: no figure depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogSource {
    /// The location of the log: an absolute path or a URL.
    pub location: String,
    /// Its size in storage, in bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: Timestamp,
    /// What it reported; `None` if an earlier version recorded it.
    #[serde(default)]
    pub run: Option<LogRun>,
}

impl LogSource {
    /// The source at a location: its size in bytes, and when it was last changed.
    pub fn new(location: impl Into<String>, size: u64, modified: Timestamp) -> Self {
        Self { location: location.into(), size, modified, run: None }
    }

    /// The source of a log that reports a run.
    #[must_use]
    pub fn with_run(self, run: impl Into<Option<LogRun>>) -> Self {
        Self { run: run.into(), ..self }
    }

    /// Whether the log is the same and has not changed, whatever was known of its content.
    pub fn is_same_log(&self, other: &Self) -> bool {
        (&self.location, self.size, self.modified) == (&other.location, other.size, other.modified)
    }

    /// Whether stores record it: its location has at most [`MAX_LOCATION_BYTES`] and no U+0000, which not
    /// every database can hold. A log whose source is not recorded is imported again each time.
    pub fn can_be_recorded(&self) -> bool {
        self.location.len() <= MAX_LOCATION_BYTES && !self.location.contains('\0')
    }
}

/// Something in a log that could not be read and was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogWarning {
    /// Its position, in bytes from the start of the log after decompression.
    pub offset: u64,
    /// The line's number, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

impl LogWarning {
    /// A warning about the line that starts at a position.
    pub fn new(offset: u64, line: u64, reason: impl Into<String>) -> Self {
        Self { offset, line, reason: reason.into() }
    }
}
