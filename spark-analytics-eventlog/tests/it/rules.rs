//! The rules of Spark's `AppStatusListener`, each tested with a small log.

use serde_json::{Value, json};
use spark_analytics_core::history;
use spark_analytics_core::log::{Executor, StageStatus};

use crate::made::{Log, success};

fn failure() -> serde_json::Value {
    json!({"Reason": "ExceptionFailure", "Class Name": "E"})
}

#[test]
fn a_jobs_figures_freeze_at_its_end() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 2)]).submit(0, 0, 2);
    log.task((0, 0), 0, 0).task_start((0, 0), 1, 1).job_end(0);
    let frozen = log.job(0);
    assert_eq!((frozen.tasks.succeeded, frozen.active_tasks), (1, 1));
    log.task_end((0, 0), 1, 1, success());
    assert_eq!(log.job(0), frozen);
    assert_eq!(log.stage(0, 0).tasks.succeeded, 2);
    assert_eq!(log.read().application.tasks.succeeded, 2);
}

#[test]
fn a_task_end_that_empties_a_completed_attempt_writes_an_ended_job_again() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 3)]).submit(0, 0, 3);
    log.task_start((0, 0), 0, 0).task_start((0, 0), 1, 1).task_start((0, 0), 2, 2);
    log.task_end((0, 0), 0, 0, success()).complete(0, 0, 3).job_end(0);
    assert_eq!(log.job(0).tasks.succeeded, 1);
    log.task_end((0, 0), 1, 1, success());
    assert_eq!(log.job(0).tasks.succeeded, 1, "one task is still running");
    log.task_end((0, 0), 2, 2, failure());
    let job = log.job(0);
    assert_eq!((job.tasks.succeeded, job.tasks.failed, job.active_tasks), (2, 1, 0));
    assert_eq!((job.tasks.duration_ms, job.tasks.lost_ms), (60, 30));
    log.task_end((0, 0), 1, 1, success());
    assert_eq!(log.job(0), job, "the attempt has been left");
}

#[test]
fn a_task_end_of_an_unknown_attempt_counts_for_the_application_alone() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task((0, 7), 0, 0);
    assert_eq!(log.job(0).tasks.succeeded, 0);
    assert_eq!(log.stage(0, 0).tasks.succeeded, 0);
    assert_eq!(log.read().application.tasks.succeeded, 1);
}

fn exclusion(what: &str, mut fields: Value) -> Value {
    fields["Event"] = format!("org.apache.spark.scheduler.SparkListener{what}").into();
    fields["time"] = 4_000.into();
    fields
}

/// The excluded executors, and those excluded for single stages.
fn excluded(log: &Log) -> (Vec<String>, Vec<(String, Vec<i64>)>) {
    let executors = log.read().executors;
    let wholly = executors.iter().filter(|executor| executor.is_excluded);
    let in_stages = executors.iter().filter(|executor| !executor.excluded_in_stages.is_empty());
    let stages = |e: &Executor| e.excluded_in_stages.iter().copied().collect();
    (wholly.map(|e| e.id.clone()).collect(), in_stages.map(|e| (e.id.clone(), stages(e))).collect())
}

#[test]
fn executors_are_excluded_alone_or_with_their_node_until_unexcluded() {
    for [on, off] in [["Excluded", "Unexcluded"], ["Blacklisted", "Unblacklisted"]] {
        let mut log = Log::started();
        log.executor_added("1").executor_added("2");
        log.add(exclusion(&format!("Executor{on}"), json!({"executorId": "1", "taskFailures": 2})));
        log.add(exclusion(&format!("Executor{on}"), json!({"executorId": "7", "taskFailures": 2})));
        assert_eq!(excluded(&log).0, ["1"]);
        log.add(exclusion(&format!("Node{on}"), json!({"hostId": "h", "executorFailures": 2})));
        assert_eq!(excluded(&log).0, ["1", "2"]);
        log.add(exclusion(&format!("Executor{off}"), json!({"executorId": "2"})));
        assert_eq!(excluded(&log).0, ["1"]);
        log.add(exclusion(&format!("Node{off}"), json!({"hostId": "h"})));
        assert_eq!(excluded(&log).0, [""; 0]);
        log.add(exclusion(&format!("Node{on}"), json!({"hostId": "g", "executorFailures": 2})));
        assert_eq!(excluded(&log).0, [""; 0]);
    }
}

#[test]
fn an_exclusion_for_a_stage_lasts_until_it_completes() {
    let mut log = Log::started();
    log.executor_added("1").executor_added("2").executor_added("driver");
    log.job_start(0, &[(0, 1), (1, 1)]).submit(0, 0, 1).submit(1, 0, 1);
    let of = |stage: i64| json!({"executorId": "1", "stageId": stage, "stageAttemptId": 0});
    log.add(exclusion("ExecutorExcludedForStage", of(0)));
    log.add(exclusion("ExecutorExcludedForStage", of(9)));
    log.add(exclusion(
        "NodeExcludedForStage",
        json!({"hostId": "h", "stageId": 1, "stageAttemptId": 0}),
    ));
    let both = [("1".to_owned(), vec![0, 1, 9]), ("2".to_owned(), vec![1])];
    assert_eq!(excluded(&log).1, both);
    log.complete(1, 0, 1).complete(9, 0, 1);
    assert_eq!(excluded(&log).1, [("1".to_owned(), vec![0, 9])]);
    let log = log.read();
    let summary = serde_json::to_value(history::all_executors(&log)).unwrap();
    let summary = summary.as_array().unwrap().iter().find(|summary| summary["id"] == "1").unwrap();
    assert_eq!(summary["excludedInStages"], json!([0, 9]));
    assert_eq!(summary["blacklistedInStages"], json!([0, 9]));
    assert_eq!(summary["isExcluded"], false);
}

#[test]
fn a_task_counts_for_each_job_of_its_attempt() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).job_start(1, &[(0, 1), (1, 1)]);
    log.task((0, 0), 0, 0);
    assert_eq!(log.job(0).tasks.succeeded, 1);
    assert_eq!(log.job(1).tasks.succeeded, 1);
    assert_eq!(log.read().application.tasks.succeeded, 1);
}

#[test]
fn a_submission_resets_the_jobs_of_an_attempt_to_the_running_ones_that_name_the_stage() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).job_start(1, &[(0, 1)]).submit(0, 0, 1);
    log.job_end(0).submit(0, 1, 1).task((0, 1), 0, 0);
    assert_eq!(log.job(0).tasks.succeeded, 0);
    assert_eq!(log.job(1).tasks.succeeded, 1);
    assert_eq!(log.job(1).active_stages, 2);
}

#[test]
fn killed_and_denied_tasks_are_killed_and_other_reasons_failed() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 9)]).submit(0, 0, 9);
    let reasons = [
        json!({"Reason": "TaskKilled", "Kill Reason": "another attempt succeeded"}),
        json!({"Reason": "TaskKilled"}),
        json!({"Reason": "TaskCommitDenied", "Job ID": 4, "Partition ID": 5, "Attempt Number": 6}),
        json!({"Reason": "FetchFailed"}),
        json!({"Reason": "a reason of tomorrow"}),
    ];
    for (task, reason) in (0..).zip(reasons) {
        log.task_start((0, 0), task, task).task_end((0, 0), task, task, reason);
    }
    let job = log.job(0);
    assert_eq!((job.tasks.killed, job.tasks.failed, job.active_tasks), (3, 2, 0));
    let summary: Vec<(&str, i64)> =
        job.killed_tasks_summary.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
    let denied = "TaskCommitDenied (Driver denied task commit) for job: 4, partition: 5, \
                  attemptNumber: 6";
    assert_eq!(summary, [(denied, 1), ("another attempt succeeded", 1), ("unknown reason", 1)]);
}

#[test]
fn reasons_for_kills_are_bounded_and_no_kill_is_lost() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1);
    for task in 0..1_010 {
        let denied = json!({"Reason": "TaskCommitDenied", "Partition ID": task});
        log.task_start((0, 0), task, task).task_end((0, 0), task, task, denied);
    }
    let summary = log.job(0).killed_tasks_summary;
    assert_eq!((summary.len(), summary["other reasons"]), (1_001, 10));
}

#[test]
fn a_resubmitted_task_is_failed_and_no_running_task_ends() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task((0, 0), 0, 0).task_start((0, 0), 1, 0);
    log.task_end((0, 0), 0, 0, json!({"Reason": "Resubmitted"}));
    let (job, stage) = (log.job(0), log.stage(0, 0));
    assert_eq!((job.tasks.succeeded, job.tasks.failed, job.active_tasks), (1, 1, 1));
    assert_eq!(stage.active_tasks, 1);
    assert_eq!(stage.metrics["executorRunTime"], 7);
}

#[test]
fn a_partition_that_succeeds_twice_counts_once() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 2), (1, 1)]).submit(0, 0, 2).submit(1, 0, 1);
    log.task((0, 0), 0, 0).task((0, 0), 1, 0).task((0, 0), 2, 1).task((1, 0), 3, 0);
    log.submit(0, 1, 2).task((0, 1), 4, 1);
    assert_eq!(log.job(0).tasks.succeeded, 5);
    assert_eq!(log.job(0).completed_indices, 3);
    assert_eq!(log.stage(0, 0).completed_indices, 2);
    assert_eq!(log.stage(0, 1).completed_indices, 1);
}

#[test]
fn a_stage_never_submitted_is_skipped_and_may_run_for_a_later_job() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 3), (1, 1)]).submit(1, 0, 1).task((1, 0), 0, 0).complete(1, 0, 1);
    log.job_end(0);
    let job = log.job(0);
    assert_eq!((job.num_tasks, job.skipped_stages, job.skipped_tasks), (4, 1, 3));
    assert_eq!(job.completed_stages, 1);
    assert_eq!(log.stage(0, 0).status, StageStatus::Skipped);
    log.job_start(1, &[(0, 3)]).submit(0, 0, 3);
    assert_eq!(log.stage(0, 0).status, StageStatus::Active);
    log.task((0, 0), 1, 0).complete(0, 0, 3).job_end(1);
    assert_eq!(log.stage(0, 0).status, StageStatus::Complete);
    assert_eq!(log.job(0).skipped_stages, 1);
}

#[test]
fn a_task_without_a_start_adds_no_metrics_to_its_stage() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task_end((0, 0), 0, 0, success());
    let stage = log.stage(0, 0);
    assert_eq!((stage.tasks.succeeded, stage.active_tasks), (1, -1));
    assert!(stage.metrics.is_empty());
    assert_eq!(stage.tasks.run_time_ms, 7);
}

#[test]
fn a_jobs_user_is_its_property_or_else_the_applications() {
    let mut log = Log::started();
    log.job_start(0, &[]);
    for (job, user) in [(1, "grace"), (2, "")] {
        log.add(json!({
            "Event": "SparkListenerJobStart", "Job ID": job, "Submission Time": 1,
            "Stage Infos": [], "Properties": {"user": user},
        }));
    }
    let users: Vec<String> = log.read().jobs.into_iter().map(|job| job.user).collect();
    assert_eq!(users, ["ada", "grace", "ada"]);
}

#[test]
fn slots_of_an_executor_are_its_cores_by_the_cpus_of_a_task() {
    let mut log = Log::started();
    log.executor_added("1");
    log.add(json!({
        "Event": "SparkListenerEnvironmentUpdate", "Spark Properties": {"spark.task.cpus": "2"},
    }));
    log.executor_added("2");
    log.add(json!({
        "Event": "SparkListenerResourceProfileAdded", "Resource Profile Id": 0,
        "Task Resource Requests": {"cpus": {"Resource Name": "cpus", "Amount": 4.0}},
    }));
    log.executor_added("3");
    let slots: Vec<i64> = log.read().executors.iter().map(|executor| executor.max_tasks).collect();
    assert_eq!(slots, [4, 2, 1]);
}

#[test]
fn a_removed_executor_no_longer_counts_and_starts_again_when_it_is_back() {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 9)]).submit(0, 0, 9).task((0, 0), 0, 0);
    log.executor_removed("1").task((0, 0), 1, 1);
    let executor = log.read().executors.remove(0);
    assert_eq!((executor.is_active, executor.completed_tasks), (false, 1));
    assert_eq!((executor.total_gc_time_ms, executor.total_input_bytes), (1, 5));
    assert_eq!(executor.remove_reason.as_deref(), Some("lost"));
    log.executor_added("1").task((0, 0), 2, 2).task((0, 0), 3, 3);
    let executor = log.read().executors.remove(0);
    assert_eq!((executor.is_active, executor.completed_tasks), (true, 2));
    assert_eq!(executor.remove_time, None);
}

#[test]
fn peaks_reach_a_removed_executor_while_a_stage_of_its_time_is_live() {
    let peaks = |stage: i64, heap: i64| {
        json!({
            "Event": "SparkListenerStageExecutorMetrics", "Executor ID": "1", "Stage ID": stage,
            "Stage Attempt ID": 0, "Executor Metrics": {"MinorGCTime": 3, "JVMHeapMemory": heap},
        })
    };
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 1)]).submit(0, 0, 1).executor_removed("1");
    assert_eq!(log.read().executors[0].peak_memory_metrics, None);
    log.add(peaks(0, 50)).complete(0, 0, 1).add(peaks(0, 70));
    let known = log.read().executors.remove(0).peak_memory_metrics.unwrap();
    assert_eq!((known["JVMHeapMemory"], known["MinorGCTime"]), (50, 3));
    assert_eq!(log.stage(0, 0).peak_executor_metrics.unwrap()["JVMHeapMemory"], 50);
}

#[test]
fn a_job_of_an_old_spark_names_its_stages_by_number() {
    let mut log = Log::started();
    log.add(json!({
        "Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": 1, "Stage IDs": [4, 2],
    }));
    assert_eq!(log.job(0).stage_ids, [4, 2]);
    assert_eq!(log.job(0).name, "unknown");
}

#[test]
fn a_resubmitted_task_adds_nothing_to_the_sums_of_its_executor() {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 1)]).submit(0, 0, 1).task((0, 0), 0, 0);
    log.task_end((0, 0), 0, 0, json!({"Reason": "Resubmitted"}));
    let executor = log.read().executors.remove(0);
    assert_eq!((executor.completed_tasks, executor.failed_tasks), (1, 1));
    assert_eq!((executor.total_tasks, executor.active_tasks), (1, 0));
    assert_eq!((executor.total_duration_ms, executor.total_input_bytes), (10, 5));
}

#[test]
fn an_executors_time_shrinks_by_a_task_that_finished_before_its_launch() {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 2)]).submit(0, 0, 2).task((0, 0), 0, 0);
    log.task_start((0, 0), 1, 1).add(json!({
        "Event": "SparkListenerTaskEnd", "Stage ID": 0, "Stage Attempt ID": 0,
        "Task End Reason": success(),
        "Task Info": {
            "Task ID": 1, "Index": 1, "Launch Time": 4_000, "Finish Time": 3_997,
            "Executor ID": "1",
        },
    }));
    assert_eq!(log.read().executors[0].total_duration_ms, 7);
    assert_eq!(log.job(0).tasks.duration_ms, 10);
}

#[test]
fn sums_wrap_around_as_in_the_jvm() {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 2)]).submit(0, 0, 2);
    for task in 0..2 {
        log.task_start((0, 0), task, task).add(json!({
            "Event": "SparkListenerTaskEnd", "Stage ID": 0, "Stage Attempt ID": 0,
            "Task End Reason": success(),
            "Task Info": {
                "Task ID": task, "Index": task, "Launch Time": 4_000, "Finish Time": 4_010,
                "Executor ID": "1",
            },
            "Task Metrics": {"Input Metrics": {"Bytes Read": i64::MAX}},
        }));
    }
    assert_eq!(log.stage(0, 0).metrics["inputBytes"], -2);
    assert_eq!(log.read().executors[0].total_input_bytes, -2);
}

#[test]
fn all_executors_are_listed_by_ascending_id_and_active_ones_by_descending_id() {
    let ids = |list: Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut log = Log::started();
    log.executor_added("10").executor_added("2").executor_added("fallback").executor_added("3");
    let log = log.executor_removed("3").read();
    assert_eq!(ids(history::all_executors_json(&log)), ["10", "2", "3"]);
    assert_eq!(ids(history::executors_json(&log)), ["2", "10"]);
}
