use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};

use super::application::duration_ms;
use super::fields::{Date, Fields, Numbers};
use crate::log::{Application, Executor};

/// Names of the peaks of an executor, in the order of Spark's `ExecutorMetricType`: memory in bytes, garbage
/// collections and their time in ms.
pub const EXECUTOR_METRICS: [&str; 23] = [
    "JVMHeapMemory",
    "JVMOffHeapMemory",
    "OnHeapExecutionMemory",
    "OffHeapExecutionMemory",
    "OnHeapStorageMemory",
    "OffHeapStorageMemory",
    "OnHeapUnifiedMemory",
    "OffHeapUnifiedMemory",
    "DirectPoolMemory",
    "MappedPoolMemory",
    "ProcessTreeJVMVMemory",
    "ProcessTreeJVMRSSMemory",
    "ProcessTreePythonVMemory",
    "ProcessTreePythonRSSMemory",
    "ProcessTreeOtherVMemory",
    "ProcessTreeOtherRSSMemory",
    "MinorGCCount",
    "MinorGCTime",
    "MajorGCCount",
    "MajorGCTime",
    "TotalGCTime",
    "ConcurrentGCCount",
    "ConcurrentGCTime",
];

/// An executor as Spark's `ExecutorSummary`.
///
/// As in its `AppStatusStore`, the driver's time is the application's, and its time in garbage
/// collection the peak that it reported.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorSummary<'a> {
    /// The executor.
    pub executor: &'a Executor,
    /// Its application.
    pub application: &'a Application,
}

#[derive(serde::Serialize)]
struct Resource<'a> {
    name: &'a str,
    addresses: &'a [String],
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct MemoryMetrics {
    used_on_heap_storage_memory: i64,
    used_off_heap_storage_memory: i64,
    total_on_heap_storage_memory: i64,
    total_off_heap_storage_memory: i64,
}

impl Serialize for ExecutorSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { executor, application } = self;
        let peaks = executor.peak_memory_metrics.as_ref();
        let (mut total_duration, mut total_gc_time) =
            (executor.total_duration_ms, executor.total_gc_time_ms);
        if executor.id == "driver" {
            total_duration = duration_ms(application);
            if let Some(peaks) = peaks {
                total_gc_time = peaks.get("TotalGCTime").copied().unwrap_or(0);
            }
        }
        let memory = executor.total_on_heap_storage_memory.map(|on_heap| MemoryMetrics {
            used_on_heap_storage_memory: 0,
            used_off_heap_storage_memory: 0,
            total_on_heap_storage_memory: on_heap,
            total_off_heap_storage_memory: executor.total_off_heap_storage_memory.unwrap_or(0),
        });
        let resources = executor.resources.iter();
        let resources: BTreeMap<&str, Resource<'_>> =
            resources.map(|(name, addresses)| (&**name, Resource { name, addresses })).collect();
        let mut fields = Fields::of(serializer)?;
        fields
            .put("id", &executor.id)?
            .put("hostPort", &executor.host_port)?
            .put("isActive", &executor.is_active)?
            .put("rddBlocks", &0)?
            .put("memoryUsed", &0)?
            .put("diskUsed", &0)?
            .put("totalCores", &executor.total_cores)?
            .put("maxTasks", &executor.max_tasks)?
            .put("activeTasks", &executor.active_tasks)?
            .put("failedTasks", &executor.failed_tasks)?
            .put("completedTasks", &executor.completed_tasks)?
            .put("totalTasks", &executor.total_tasks)?
            .put("totalDuration", &total_duration)?
            .put("totalGCTime", &total_gc_time)?
            .put("totalInputBytes", &executor.total_input_bytes)?
            .put("totalShuffleRead", &executor.total_shuffle_read)?
            .put("totalShuffleWrite", &executor.total_shuffle_write)?
            .put("isBlacklisted", &executor.is_excluded)?
            .put("maxMemory", &executor.max_memory)?
            .put_some("addTime", Date::of(executor.add_time))?
            .put_some("removeTime", Date::of(executor.remove_time))?
            .put_some("removeReason", executor.remove_reason.as_ref())?
            .put("executorLogs", &executor.executor_logs)?
            .put_some("memoryMetrics", memory)?
            .put("blacklistedInStages", &executor.excluded_in_stages)?
            .put_some("peakMemoryMetrics", peaks.map(|peaks| Numbers(&EXECUTOR_METRICS, peaks)))?
            .put("attributes", &executor.attributes)?
            .put("resources", &resources)?
            .put("resourceProfileId", &executor.resource_profile_id)?
            .put("isExcluded", &executor.is_excluded)?
            .put("excludedInStages", &executor.excluded_in_stages)?;
        fields.end()
    }
}
