//! The listener events that are read, with the fields that are read of them.
//!
//! Names and defaults of absent fields are those of Spark's `JsonProtocol`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::wire::environment::{EnvironmentUpdate, ResourceProfileAdded};
use crate::wire::exclusion::Exclusion;
use crate::wire::lenient::{Text, or_default};
use crate::wire::metrics::{Peaks, TaskMetrics};
use crate::wire::number::{self, Whole};
use crate::wire::sql::{SqlAdaptiveExecutionUpdate, SqlExecutionEnd, SqlExecutionStart};

/// One event of a log.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one, TaskEnd, is the most frequent")]
pub(crate) enum Event<'a> {
    LogStart(LogStart<'a>),
    PartStart(PartStart<'a>),
    EnvironmentUpdate(EnvironmentUpdate),
    ResourceProfileAdded(ResourceProfileAdded),
    ApplicationStart(ApplicationStart<'a>),
    ApplicationEnd(ApplicationEnd),
    ExecutorAdded(ExecutorAdded<'a>),
    ExecutorRemoved(ExecutorRemoved<'a>),
    Exclusion(Exclusion<'a>),
    BlockManagerAdded(BlockManagerAdded<'a>),
    JobStart(JobStart<'a>),
    JobEnd(JobEnd<'a>),
    StageSubmitted(StageSubmitted<'a>),
    StageCompleted(StageCompleted<'a>),
    StageExecutorMetrics(StageExecutorMetrics<'a>),
    ExecutorMetricsUpdate(ExecutorMetricsUpdate<'a>),
    ProcessAdded(ProcessAdded<'a>),
    TaskStart(TaskStart<'a>),
    TaskEnd(TaskEnd<'a>),
    SqlExecutionStart(SqlExecutionStart<'a>),
    SqlAdaptiveExecutionUpdate(SqlAdaptiveExecutionUpdate<'a>),
    SqlExecutionEnd(SqlExecutionEnd<'a>),
}

impl Event<'_> {
    /// When it happened, in ms since the epoch. `None` if the event has no time, and for tasks, whose times
    /// are in their tallies.
    pub(crate) fn time(&self) -> Option<i64> {
        match self {
            Self::ApplicationStart(event) => Some(event.time),
            Self::ApplicationEnd(event) => Some(event.time),
            Self::ExecutorAdded(event) => Some(event.time),
            Self::ExecutorRemoved(event) => Some(event.time),
            Self::Exclusion(event) => Some(event.time),
            Self::BlockManagerAdded(event) => Some(event.time),
            Self::JobStart(event) => Some(event.time),
            Self::JobEnd(event) => Some(event.time),
            Self::StageSubmitted(event) => event.info.submission_time,
            Self::StageCompleted(event) => event.info.completion_time,
            Self::ProcessAdded(event) => Some(event.time),
            Self::SqlExecutionStart(event) => Some(event.time),
            Self::SqlExecutionEnd(event) => Some(event.time),
            Self::LogStart(_)
            | Self::PartStart(_)
            | Self::EnvironmentUpdate(_)
            | Self::ResourceProfileAdded(_)
            | Self::StageExecutorMetrics(_)
            | Self::ExecutorMetricsUpdate(_)
            | Self::TaskStart(_)
            | Self::TaskEnd(_)
            | Self::SqlAdaptiveExecutionUpdate(_) => None,
        }
    }

    /// Whether Spark may write it before the start of the application.
    pub(crate) const fn may_precede_start(&self) -> bool {
        matches!(
            self,
            Self::LogStart(_)
                | Self::EnvironmentUpdate(_)
                | Self::ResourceProfileAdded(_)
                | Self::ExecutorAdded(_)
                | Self::BlockManagerAdded(_)
        )
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct LogStart<'a> {
    #[serde(rename = "Spark Version", borrow, default, deserialize_with = "or_default")]
    pub(crate) spark_version: Text<'a>,
}

/// The first line of each part of a Databricks log.
#[derive(Debug, Deserialize)]
pub(crate) struct PartStart<'a> {
    #[serde(rename = "Spark Version", borrow, default, deserialize_with = "or_default")]
    pub(crate) spark_version: Text<'a>,
    /// The number of the part, from 0.
    #[serde(rename = "Rollover Number", default, deserialize_with = "number::optional")]
    pub(crate) number: Option<i64>,
    #[serde(rename = "SparkContext Id", default, deserialize_with = "number::optional")]
    pub(crate) context: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApplicationStart<'a> {
    #[serde(rename = "App Name", borrow, default, deserialize_with = "or_default")]
    pub(crate) name: Text<'a>,
    #[serde(rename = "App ID", borrow, default)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(rename = "Timestamp", deserialize_with = "number::time")]
    pub(crate) time: i64,
    #[serde(rename = "User", borrow, default, deserialize_with = "or_default")]
    pub(crate) user: Text<'a>,
    #[serde(rename = "App Attempt ID", borrow, default)]
    pub(crate) attempt_id: Option<Text<'a>>,
    #[serde(rename = "Driver Logs", default)]
    pub(crate) driver_logs: Option<BTreeMap<String, String>>,
    #[serde(rename = "Driver Attributes", default)]
    pub(crate) driver_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApplicationEnd {
    #[serde(rename = "Timestamp", deserialize_with = "number::time")]
    pub(crate) time: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExecutorAdded<'a> {
    #[serde(rename = "Timestamp", deserialize_with = "number::time")]
    pub(crate) time: i64,
    #[serde(rename = "Executor ID", borrow)]
    pub(crate) id: Text<'a>,
    #[serde(rename = "Executor Info", borrow)]
    pub(crate) info: ExecutorInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExecutorInfo<'a> {
    #[serde(rename = "Host", borrow)]
    pub(crate) host: Text<'a>,
    #[serde(rename = "Total Cores", deserialize_with = "number::required")]
    pub(crate) total_cores: i64,
    #[serde(rename = "Log Urls", default, deserialize_with = "or_default")]
    pub(crate) log_urls: BTreeMap<String, String>,
    #[serde(rename = "Attributes", default, deserialize_with = "or_default")]
    pub(crate) attributes: BTreeMap<String, String>,
    #[serde(rename = "Resources", default, deserialize_with = "or_default")]
    pub(crate) resources: BTreeMap<String, Resource>,
    #[serde(rename = "Resource Profile Id", default, deserialize_with = "number::or_zero")]
    pub(crate) resource_profile_id: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) addresses: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExecutorRemoved<'a> {
    #[serde(rename = "Timestamp", deserialize_with = "number::time")]
    pub(crate) time: i64,
    #[serde(rename = "Executor ID", borrow)]
    pub(crate) id: Text<'a>,
    #[serde(rename = "Removed Reason", borrow, default)]
    pub(crate) reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BlockManagerAdded<'a> {
    #[serde(rename = "Block Manager ID", borrow)]
    pub(crate) id: BlockManagerId<'a>,
    #[serde(rename = "Maximum Memory", deserialize_with = "number::required")]
    pub(crate) max_memory: i64,
    #[serde(
        rename = "Timestamp",
        default = "number::no_time",
        deserialize_with = "number::time_or_none"
    )]
    pub(crate) time: i64,
    #[serde(rename = "Maximum Onheap Memory", default, deserialize_with = "number::optional")]
    pub(crate) max_on_heap: Option<i64>,
    #[serde(rename = "Maximum Offheap Memory", default, deserialize_with = "number::optional")]
    pub(crate) max_off_heap: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BlockManagerId<'a> {
    #[serde(rename = "Executor ID", borrow)]
    pub(crate) executor_id: Text<'a>,
    #[serde(rename = "Host", borrow)]
    pub(crate) host: Text<'a>,
    #[serde(rename = "Port", deserialize_with = "number::required")]
    pub(crate) port: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct JobStart<'a> {
    #[serde(rename = "Job ID", deserialize_with = "number::required")]
    pub(crate) job_id: i64,
    #[serde(rename = "Submission Time", default, deserialize_with = "number::time_or_zero")]
    pub(crate) time: i64,
    #[serde(rename = "Stage Infos", borrow, default)]
    pub(crate) stage_infos: Option<Vec<StageInfo<'a>>>,
    #[serde(rename = "Stage IDs", default, deserialize_with = "or_default")]
    pub(crate) stage_ids: Vec<Whole>,
    #[serde(rename = "Properties", borrow, default)]
    pub(crate) properties: Option<JobProperties<'a>>,
}

/// The local properties of the thread that ran a job.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct JobProperties<'a> {
    #[serde(rename = "spark.job.description", borrow, default)]
    pub(crate) description: Option<Text<'a>>,
    #[serde(rename = "spark.jobGroup.id", borrow, default)]
    pub(crate) group: Option<Text<'a>>,
    #[serde(rename = "spark.job.tags", borrow, default)]
    pub(crate) tags: Option<Text<'a>>,
    #[serde(rename = "spark.scheduler.pool", borrow, default)]
    pub(crate) pool: Option<Text<'a>>,
    #[serde(rename = "spark.sql.execution.id", borrow, default)]
    pub(crate) sql_execution_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) user: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct JobEnd<'a> {
    #[serde(rename = "Job ID", deserialize_with = "number::required")]
    pub(crate) job_id: i64,
    #[serde(rename = "Completion Time", default, deserialize_with = "number::time_or_zero")]
    pub(crate) time: i64,
    #[serde(rename = "Job Result", borrow)]
    pub(crate) result: JobEndResult<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct JobEndResult<'a> {
    #[serde(rename = "Result", borrow)]
    pub(crate) result: Text<'a>,
    #[serde(rename = "Exception", borrow, default)]
    pub(crate) exception: Option<Exception<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Exception<'a> {
    #[serde(rename = "Message", borrow, default)]
    pub(crate) message: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StageInfo<'a> {
    #[serde(rename = "Stage ID", deserialize_with = "number::required")]
    pub(crate) id: i64,
    #[serde(rename = "Stage Attempt ID", default, deserialize_with = "number::or_zero")]
    pub(crate) attempt: i64,
    #[serde(rename = "Stage Name", borrow)]
    pub(crate) name: Text<'a>,
    #[serde(rename = "Number of Tasks", deserialize_with = "number::required")]
    pub(crate) num_tasks: i64,
    #[serde(rename = "Submission Time", default, deserialize_with = "number::optional_time")]
    pub(crate) submission_time: Option<i64>,
    #[serde(rename = "Completion Time", default, deserialize_with = "number::optional_time")]
    pub(crate) completion_time: Option<i64>,
    #[serde(rename = "Failure Reason", borrow, default)]
    pub(crate) failure_reason: Option<Text<'a>>,
    #[serde(rename = "Resource Profile Id", default, deserialize_with = "number::or_zero")]
    pub(crate) resource_profile_id: i64,
    #[serde(rename = "Shuffle Push Enabled", default, deserialize_with = "or_default")]
    pub(crate) shuffle_push_enabled: bool,
    #[serde(rename = "Shuffle Push Mergers Count", default, deserialize_with = "number::or_zero")]
    pub(crate) shuffle_mergers_count: i64,
}

impl StageInfo<'_> {
    /// A stage of a job from an old Spark, which writes only the stage id.
    pub(crate) const fn unknown(id: i64) -> Self {
        Self {
            id,
            attempt: 0,
            name: Text(Cow::Borrowed("unknown")),
            num_tasks: 0,
            submission_time: None,
            completion_time: None,
            failure_reason: None,
            resource_profile_id: 0,
            shuffle_push_enabled: false,
            shuffle_mergers_count: 0,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct StageSubmitted<'a> {
    #[serde(rename = "Stage Info", borrow)]
    pub(crate) info: StageInfo<'a>,
    #[serde(rename = "Properties", borrow, default)]
    pub(crate) properties: Option<JobProperties<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StageCompleted<'a> {
    #[serde(rename = "Stage Info", borrow)]
    pub(crate) info: StageInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StageExecutorMetrics<'a> {
    #[serde(rename = "Executor ID", borrow)]
    pub(crate) executor_id: Text<'a>,
    #[serde(rename = "Stage ID", deserialize_with = "number::required")]
    pub(crate) stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default, deserialize_with = "number::or_zero")]
    pub(crate) stage_attempt_id: i64,
    #[serde(rename = "Executor Metrics", default, deserialize_with = "or_default")]
    pub(crate) peaks: Peaks,
}

/// The peaks of a heartbeat. Of tasks that still run it has metrics as well, which their ends replace.
#[derive(Debug, Deserialize)]
pub(crate) struct ExecutorMetricsUpdate<'a> {
    #[serde(rename = "Executor ID", borrow)]
    pub(crate) executor_id: Text<'a>,
    #[serde(rename = "Executor Metrics Updated", default, deserialize_with = "or_default")]
    pub(crate) updates: Vec<ExecutorUpdate>,
}

/// The peaks of an executor while a stage attempt ran; stage -1 stands for the time without any.
#[derive(Debug, Deserialize)]
pub(crate) struct ExecutorUpdate {
    #[serde(rename = "Stage ID", deserialize_with = "number::required")]
    pub(crate) stage_id: i64,
    #[serde(rename = "Stage Attempt ID", deserialize_with = "number::required")]
    pub(crate) stage_attempt_id: i64,
    #[serde(rename = "Executor Metrics", default, deserialize_with = "or_default")]
    pub(crate) peaks: Peaks,
}

/// A process other than driver and executors.
#[derive(Debug, Deserialize)]
pub(crate) struct ProcessAdded<'a> {
    #[serde(deserialize_with = "number::time")]
    pub(crate) time: i64,
    #[serde(rename = "processId", borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) info: ProcessInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProcessInfo<'a> {
    #[serde(rename = "hostPort", borrow, default, deserialize_with = "or_default")]
    pub(crate) host_port: Text<'a>,
    #[serde(default, deserialize_with = "number::or_zero")]
    pub(crate) cores: i64,
    #[serde(rename = "logUrlInfo", default, deserialize_with = "or_default")]
    pub(crate) log_urls: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TaskStart<'a> {
    #[serde(rename = "Stage ID", deserialize_with = "number::required")]
    pub(crate) stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default, deserialize_with = "number::or_zero")]
    pub(crate) stage_attempt_id: i64,
    #[serde(rename = "Task Info", borrow)]
    pub(crate) task: TaskInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TaskEnd<'a> {
    #[serde(rename = "Stage ID", deserialize_with = "number::required")]
    pub(crate) stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default, deserialize_with = "number::or_zero")]
    pub(crate) stage_attempt_id: i64,
    #[serde(rename = "Task End Reason", borrow)]
    pub(crate) reason: TaskEndReason<'a>,
    #[serde(rename = "Task Info", borrow)]
    pub(crate) task: Option<TaskInfo<'a>>,
    #[serde(rename = "Task Executor Metrics", default)]
    pub(crate) peaks: Option<Peaks>,
    #[serde(rename = "Task Metrics", default)]
    pub(crate) metrics: Option<TaskMetrics>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TaskInfo<'a> {
    #[serde(rename = "Task ID", deserialize_with = "number::required")]
    pub(crate) id: i64,
    #[serde(rename = "Index", deserialize_with = "number::required")]
    pub(crate) index: i64,
    #[serde(rename = "Launch Time", deserialize_with = "number::time")]
    pub(crate) launch_time: i64,
    #[serde(rename = "Executor ID", borrow)]
    pub(crate) executor_id: Text<'a>,
    #[serde(rename = "Speculative", default, deserialize_with = "or_default")]
    pub(crate) speculative: bool,
    #[serde(rename = "Finish Time", default, deserialize_with = "number::time_or_zero")]
    pub(crate) finish_time: i64,
}

impl TaskInfo<'_> {
    /// From launch to finish in ms; 0 for a task without a finish, or when the clock went back.
    pub(crate) fn duration_ms(&self) -> i64 {
        if self.finish_time == 0 {
            return 0;
        }
        self.finish_time.saturating_sub(self.launch_time).max(0)
    }

    /// The same as Spark sums it: below 0 when the clock went back.
    pub(crate) const fn signed_duration_ms(&self) -> i64 {
        if self.finish_time == 0 { 0 } else { self.finish_time.wrapping_sub(self.launch_time) }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct TaskEndReason<'a> {
    #[serde(rename = "Reason", borrow)]
    pub(crate) reason: Text<'a>,
    #[serde(rename = "Kill Reason", borrow, default)]
    pub(crate) kill_reason: Option<Text<'a>>,
    #[serde(rename = "Job ID", default, deserialize_with = "number::optional")]
    pub(crate) job_id: Option<i64>,
    #[serde(rename = "Partition ID", default, deserialize_with = "number::optional")]
    pub(crate) partition_id: Option<i64>,
    #[serde(rename = "Attempt Number", default, deserialize_with = "number::optional")]
    pub(crate) attempt_number: Option<i64>,
}
