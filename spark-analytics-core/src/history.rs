//! Facts of event logs as the History Server's REST gives them.
//!
//! Names, formats and order are those of Spark 4.1, whose classes (`org.apache.spark.status.api.v1`)
//! each function names. A field that Spark leaves out is left out. Of a stage its `details`,
//! `rddIds` and `accumulatorUpdates` are not kept, so they are not given.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{Application, Executor, LogJob, LogSnapshot, Stage, StageStatus, Timestamp};

/// Names of the metrics of a stage, sums over its tasks: times in ms, CPU and shuffle write times in
/// ns, sizes in bytes. In the order of Spark's `StageData`.
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

/// Names of the peaks of an executor: memory in bytes, garbage collections and their time in ms. In
/// the order of Spark's `ExecutorMetricType`.
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

/// The application with this attempt as Spark's `ApplicationInfo`.
///
/// Spark's `lastUpdated` is when the log's file was changed; here it is the time of the latest event. While
/// the application runs, `duration` lasts until then too, and does not grow with the clock.
pub fn application_json(log: &LogSnapshot) -> Value {
    let application = &log.application;
    let start = millis(application.start_time);
    let end = millis(application.end_time);
    let updated = millis(application.last_event_time);
    let mut attempt = json!({
        "startTime": date(start),
        "endTime": date(end),
        "lastUpdated": date(updated),
        "duration": duration_ms(application),
        "sparkUser": application.user,
        "completed": application.ended,
        "appSparkVersion": application.spark_version,
        "startTimeEpoch": start,
        "endTimeEpoch": end,
        "lastUpdatedEpoch": updated,
    });
    if !application.attempt_id.is_empty() {
        attempt["attemptId"] = application.attempt_id.as_str().into();
    }
    json!({ "id": application.app_id, "name": application.name, "attempts": [attempt] })
}

/// The jobs as a list of Spark's `JobData`, the highest number first.
pub fn jobs_json(log: &LogSnapshot) -> Value {
    let mut jobs: Vec<&LogJob> = log.jobs.iter().collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.job_id));
    jobs.into_iter().map(job_json).collect()
}

/// One job as Spark's `JobData`.
pub fn job_json(job: &LogJob) -> Value {
    let status = match job.job_result.as_str() {
        "" => "RUNNING",
        "JobSucceeded" => "SUCCEEDED",
        "JobFailed" => "FAILED",
        _ => "UNKNOWN",
    };
    let mut fields = object(json!({
        "jobId": job.job_id,
        "name": job.name,
        "stageIds": job.stage_ids,
        "jobTags": job.job_tags,
        "status": status,
        "numTasks": job.num_tasks,
        "numActiveTasks": job.active_tasks,
        "numCompletedTasks": job.tasks.succeeded,
        "numSkippedTasks": job.skipped_tasks,
        "numFailedTasks": job.tasks.failed,
        "numKilledTasks": job.tasks.killed,
        "numCompletedIndices": job.completed_indices,
        "numActiveStages": job.active_stages,
        "numCompletedStages": job.completed_stages,
        "numSkippedStages": job.skipped_stages,
        "numFailedStages": job.failed_stages,
        "killedTasksSummary": job.killed_tasks_summary,
    }));
    put(&mut fields, "description", &job.description);
    put(&mut fields, "jobGroup", &job.job_group);
    put_date(&mut fields, "submissionTime", job.submission_time);
    put_date(&mut fields, "completionTime", job.completion_time);
    Value::Object(fields)
}

/// The stage attempts as a list of Spark's `StageData`, the highest number first.
pub fn stages_json(log: &LogSnapshot) -> Value {
    let mut stages: Vec<&Stage> = log.stages.iter().collect();
    stages.sort_by_key(|stage| std::cmp::Reverse((stage.stage_id, stage.stage_attempt_id)));
    stages.into_iter().map(stage_json).collect()
}

/// One stage attempt as Spark's `StageData`.
pub fn stage_json(stage: &Stage) -> Value {
    let status = match stage.status {
        StageStatus::Pending => "PENDING",
        StageStatus::Active => "ACTIVE",
        StageStatus::Skipped => "SKIPPED",
        StageStatus::Complete => "COMPLETE",
        StageStatus::Failed => "FAILED",
    };
    let mut fields = object(json!({
        "status": status,
        "stageId": stage.stage_id,
        "attemptId": stage.stage_attempt_id,
        "numTasks": stage.num_tasks,
        "numActiveTasks": stage.active_tasks,
        "numCompleteTasks": stage.tasks.succeeded,
        "numFailedTasks": stage.tasks.failed,
        "numKilledTasks": stage.tasks.killed,
        "numCompletedIndices": stage.completed_indices,
        "name": stage.name,
        "schedulingPool": stage.scheduling_pool,
        "killedTasksSummary": stage.killed_tasks_summary,
        "resourceProfileId": stage.resource_profile_id,
        "isShufflePushEnabled": stage.shuffle_push_enabled,
        "shuffleMergersCount": stage.shuffle_mergers_count,
    }));
    for (name, value) in values(&STAGE_METRICS, &stage.metrics) {
        fields.insert(name, value);
    }
    put(&mut fields, "description", &stage.description);
    put(&mut fields, "failureReason", &stage.failure_reason);
    put_date(&mut fields, "submissionTime", stage.submission_time);
    put_date(&mut fields, "firstTaskLaunchedTime", stage.first_task_launched_time);
    put_date(&mut fields, "completionTime", stage.completion_time);
    put_peaks(&mut fields, "peakExecutorMetrics", stage.peak_executor_metrics.as_ref());
    Value::Object(fields)
}

/// The executors that are there as a list of Spark's `ExecutorSummary`, what its `/executors` gives:
/// the last id first.
pub fn executors_json(log: &LogSnapshot) -> Value {
    let listed = by_id(log).into_iter().rev().filter(|executor| executor.is_active);
    listed.map(|executor| executor_json(executor, &log.application)).collect()
}

/// All executors, those too that were removed, as a list of Spark's `ExecutorSummary`: its
/// `/allexecutors`, the first id first.
pub fn all_executors_json(log: &LogSnapshot) -> Value {
    by_id(log).into_iter().map(|executor| executor_json(executor, &log.application)).collect()
}

/// The executors by id as texts, but what stands in for storage when executors are decommissioned.
fn by_id(log: &LogSnapshot) -> Vec<&Executor> {
    let mut executors: Vec<&Executor> =
        log.executors.iter().filter(|executor| executor.id != "fallback").collect();
    executors.sort_by(|a, b| a.id.cmp(&b.id));
    executors
}

/// One executor as Spark's `ExecutorSummary`.
///
/// As in its `AppStatusStore`, the driver's time is the application's, and its time in garbage
/// collection the peak that it told.
pub fn executor_json(executor: &Executor, application: &Application) -> Value {
    let mut total_duration = executor.total_duration_ms;
    let mut total_gc_time = executor.total_gc_time_ms;
    if executor.id == "driver" {
        total_duration = duration_ms(application);
        if let Some(peaks) = &executor.peak_memory_metrics {
            total_gc_time = peaks.get("TotalGCTime").copied().unwrap_or(0);
        }
    }
    let resource = |(name, addresses): (&String, &Vec<String>)| {
        (name.clone(), json!({ "name": name, "addresses": addresses }))
    };
    let mut fields = object(json!({
        "id": executor.id,
        "hostPort": executor.host_port,
        "isActive": executor.is_active,
        "rddBlocks": 0,
        "memoryUsed": 0,
        "diskUsed": 0,
        "totalCores": executor.total_cores,
        "maxTasks": executor.max_tasks,
        "activeTasks": executor.active_tasks,
        "failedTasks": executor.failed_tasks,
        "completedTasks": executor.completed_tasks,
        "totalTasks": executor.total_tasks,
        "totalDuration": total_duration,
        "totalGCTime": total_gc_time,
        "totalInputBytes": executor.total_input_bytes,
        "totalShuffleRead": executor.total_shuffle_read,
        "totalShuffleWrite": executor.total_shuffle_write,
        "isBlacklisted": false,
        "maxMemory": executor.max_memory,
        "executorLogs": executor.executor_logs,
        "blacklistedInStages": [],
        "attributes": executor.attributes,
        "resources": executor.resources.iter().map(resource).collect::<Map<_, _>>(),
        "resourceProfileId": executor.resource_profile_id,
        "isExcluded": false,
        "excludedInStages": [],
    }));
    put_date(&mut fields, "addTime", executor.add_time);
    put_date(&mut fields, "removeTime", executor.remove_time);
    put(&mut fields, "removeReason", &executor.remove_reason);
    if let Some(on_heap) = executor.total_on_heap_storage_memory {
        let memory = json!({
            "usedOnHeapStorageMemory": 0,
            "usedOffHeapStorageMemory": 0,
            "totalOnHeapStorageMemory": on_heap,
            "totalOffHeapStorageMemory": executor.total_off_heap_storage_memory.unwrap_or(0),
        });
        fields.insert("memoryMetrics".to_owned(), memory);
    }
    put_peaks(&mut fields, "peakMemoryMetrics", executor.peak_memory_metrics.as_ref());
    Value::Object(fields)
}

fn duration_ms(application: &Application) -> i64 {
    let until = application.end_time.or(application.last_event_time);
    match (application.start_time, until) {
        (Some(start), Some(until)) => until.as_millis().saturating_sub(start.as_millis()),
        _ => 0,
    }
}

/// ms since the epoch; -1, as in Spark, for a time that is not known.
fn millis(time: Option<Timestamp>) -> i64 {
    time.map_or(-1, Timestamp::as_millis)
}

/// Spark's `JacksonMessageWriter` writes dates this way.
fn date(millis: i64) -> String {
    let time = Timestamp::from_millis(millis);
    match time.to_chrono() {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.3fGMT").to_string(),
        None => time.to_string(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn put(fields: &mut Map<String, Value>, name: &str, text: &Option<String>) {
    if let Some(text) = text {
        fields.insert(name.to_owned(), text.as_str().into());
    }
}

fn put_date(fields: &mut Map<String, Value>, name: &str, time: Option<Timestamp>) {
    if let Some(time) = time {
        fields.insert(name.to_owned(), date(time.as_millis()).into());
    }
}

fn put_peaks(fields: &mut Map<String, Value>, name: &str, peaks: Option<&BTreeMap<String, i64>>) {
    if let Some(peaks) = peaks {
        fields.insert(name.to_owned(), values(&EXECUTOR_METRICS, peaks).collect());
    }
}

fn values<'a>(
    names: &'a [&str],
    known: &'a BTreeMap<String, i64>,
) -> impl Iterator<Item = (String, Value)> + 'a {
    names.iter().map(|name| ((*name).to_owned(), known.get(*name).copied().unwrap_or(0).into()))
}
