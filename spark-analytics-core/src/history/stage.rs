use serde::ser::{Serialize, Serializer};

use super::executor::EXECUTOR_METRICS;
use super::fields::{Date, Fields, Numbers};
use crate::log::{Speculation, Stage};

/// Names of the metrics of a stage, in the order of Spark's `StageData`. They are sums over its tasks: times in ms, CPU
/// and shuffle write times in ns, sizes in bytes.
pub const STAGE_METRICS: [&str; 35] = [
    "executorDeserializeTime",
    "executorDeserializeCpuTime",
    "executorRunTime",
    "executorCpuTime",
    "resultSize",
    "jvmGcTime",
    "resultSerializationTime",
    "memoryBytesSpilled",
    "diskBytesSpilled",
    "peakExecutionMemory",
    "inputBytes",
    "inputRecords",
    "outputBytes",
    "outputRecords",
    "shuffleRemoteBlocksFetched",
    "shuffleLocalBlocksFetched",
    "shuffleFetchWaitTime",
    "shuffleRemoteBytesRead",
    "shuffleRemoteBytesReadToDisk",
    "shuffleLocalBytesRead",
    "shuffleReadBytes",
    "shuffleReadRecords",
    "shuffleCorruptMergedBlockChunks",
    "shuffleMergedFetchFallbackCount",
    "shuffleMergedRemoteBlocksFetched",
    "shuffleMergedLocalBlocksFetched",
    "shuffleMergedRemoteChunksFetched",
    "shuffleMergedLocalChunksFetched",
    "shuffleMergedRemoteBytesRead",
    "shuffleMergedLocalBytesRead",
    "shuffleRemoteReqsDuration",
    "shuffleMergedRemoteReqsDuration",
    "shuffleWriteBytes",
    "shuffleWriteTime",
    "shuffleWriteRecords",
];

/// A stage attempt as Spark's `StageData` in a list.
#[derive(Clone, Copy, Debug)]
pub struct StageData<'a>(pub &'a Stage);

/// A stage attempt as Spark's `StageData` with `details=true`, as for a single stage: with the summary of its
/// speculative tasks, if it had some.
#[derive(Clone, Copy, Debug)]
pub struct StageDetails<'a>(pub &'a Stage);

/// Spark's `SpeculationStageSummary`.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct SpeculationSummary {
    num_tasks: i64,
    num_active_tasks: i64,
    num_completed_tasks: i64,
    num_failed_tasks: i64,
    num_killed_tasks: i64,
}

impl From<Speculation> for SpeculationSummary {
    fn from(tasks: Speculation) -> Self {
        Self {
            num_tasks: tasks.num_tasks,
            num_active_tasks: tasks.active_tasks,
            num_completed_tasks: tasks.completed_tasks,
            num_failed_tasks: tasks.failed_tasks,
            num_killed_tasks: tasks.killed_tasks,
        }
    }
}

impl Serialize for StageDetails<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StageData(self.0).put(serializer, self.0.speculation)
    }
}

impl Serialize for StageData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.put(serializer, None)
    }
}

impl StageData<'_> {
    fn put<S: Serializer>(
        &self,
        serializer: S,
        speculation: Option<Speculation>,
    ) -> Result<S::Ok, S::Error> {
        let speculation = speculation.filter(|tasks| !tasks.is_empty());
        let stage = self.0;
        let peaks = stage.peak_executor_metrics.as_ref();
        let mut fields = Fields::of(serializer)?;
        fields
            .put("status", stage.status.name())?
            .put("stageId", &stage.stage_id)?
            .put("attemptId", &stage.stage_attempt_id)?
            .put("numTasks", &stage.num_tasks)?
            .put("numActiveTasks", &stage.active_tasks)?
            .put("numCompleteTasks", &stage.tasks.succeeded)?
            .put("numFailedTasks", &stage.tasks.failed)?
            .put("numKilledTasks", &stage.tasks.killed)?
            .put("numCompletedIndices", &stage.completed_indices)?
            .put_some("submissionTime", Date::of(stage.submission_time))?
            .put_some("firstTaskLaunchedTime", Date::of(stage.first_task_launched_time))?
            .put_some("completionTime", Date::of(stage.completion_time))?
            .put_some("failureReason", stage.failure_reason.as_ref())?
            .put_numbers(&STAGE_METRICS, &stage.metrics)?
            .put("name", &stage.name)?
            .put_some("description", stage.description.as_ref())?
            .put("schedulingPool", &stage.scheduling_pool)?
            .put_some("speculationSummary", speculation.map(SpeculationSummary::from))?
            .put("killedTasksSummary", &stage.killed_tasks_summary)?
            .put("resourceProfileId", &stage.resource_profile_id)?
            .put_some("peakExecutorMetrics", peaks.map(|peaks| Numbers(&EXECUTOR_METRICS, peaks)))?
            .put("isShufflePushEnabled", &stage.shuffle_push_enabled)?
            .put("shuffleMergersCount", &stage.shuffle_mergers_count)?;
        fields.end()
    }
}
