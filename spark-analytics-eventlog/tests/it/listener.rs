//! Events that Spark's own listener reads, and what it makes of them: the answers are those of History Servers 4.1 and 4.3.

use std::path::Path;

use serde_json::{Value, json};
use spark_analytics_core::history::{StageDetails, executors_json, processes};
use spark_analytics_core::log::{LogSnapshot, Speculation, Stage};
use spark_analytics_eventlog::read_log;

use crate::made::{Log, success};

fn fault(name: &str) -> LogSnapshot {
    let log = read_log(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(name));
    let log = log.unwrap();
    assert_eq!(log.warnings, []);
    log.snapshot
}

fn heartbeat(executor: &str, stage: (i64, i64), heap: i64, gc_time: i64) -> Value {
    json!({
        "Event": "SparkListenerExecutorMetricsUpdate", "Executor ID": executor, "Metrics Updated": [],
        "Executor Metrics Updated": [{
            "Stage ID": stage.0, "Stage Attempt ID": stage.1,
            "Executor Metrics": {"JVMHeapMemory": heap, "TotalGCTime": gc_time},
        }],
    })
}

#[test]
fn the_driver_s_peaks_are_the_greatest_of_its_heartbeats() {
    let executors = executors_json(&fault("driver-peak-memory/app-driver-peak"));
    let driver = &executors[0];
    assert_eq!(driver["id"], "driver");
    assert_eq!(driver["totalGCTime"], 1118);
    assert_eq!(driver["peakMemoryMetrics"]["JVMHeapMemory"], 113_328_128);
    assert_eq!(driver["peakMemoryMetrics"]["TotalGCTime"], 1118);
    assert_eq!(driver["peakMemoryMetrics"]["ConcurrentGCTime"], 0);
}

#[test]
fn a_heartbeat_reaches_live_executors_and_live_stage_attempts_only() {
    let mut log = Log::started();
    log.executor_added("1").executor_added("2");
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).executor_removed("2");
    log.add(heartbeat("1", (0, 0), 70, 1)).add(heartbeat("2", (0, 0), 90, 2));
    log.add(heartbeat("1", (-1, -1), 80, 0)).add(heartbeat("unknown", (7, 0), 99, 9));
    let read = log.read();
    let peaks = |executor: usize| read.executors[executor].peak_memory_metrics.clone();
    assert_eq!(peaks(0).unwrap()["JVMHeapMemory"], 80);
    assert_eq!(peaks(0).unwrap()["TotalGCTime"], 1);
    assert_eq!(peaks(1), None, "it has been removed");
    let of_stage = read.stages[0].peak_executor_metrics.clone().unwrap();
    assert_eq!((of_stage["JVMHeapMemory"], of_stage["TotalGCTime"]), (90, 2));
}

#[test]
fn a_heartbeat_without_peaks_changes_none() {
    let mut log = Log::started();
    log.executor_added("driver");
    log.add(json!({"Event": "SparkListenerExecutorMetricsUpdate", "Executor ID": "driver", "Metrics Updated": []}));
    assert_eq!(log.read().executors[0].peak_memory_metrics, None);
}

fn speculation(stage: &Stage) -> Value {
    serde_json::to_value(StageDetails(stage)).unwrap()["speculationSummary"].clone()
}

#[test]
fn speculative_tasks_are_summed_up() {
    let log = fault("speculation-summary/app-spec");
    assert_eq!(
        speculation(&log.stages[0]),
        json!({
            "numTasks": 1, "numActiveTasks": 0, "numCompletedTasks": 0, "numFailedTasks": 0,
            "numKilledTasks": 1,
        })
    );
    assert_eq!(log.jobs[0].longest_task_ms, Some(580));
}

/// A task line as Spark lays it out, or with its fields in another order.
fn speculative(event: &str, task: i64, finish: i64, reason: &str, in_layout: bool) -> String {
    let info = format!(
        r#""Task Info":{{"Task ID":{task},"Index":0,"Attempt":1,"Launch Time":4000,"Executor ID":"1","Host":"h","Locality":"ANY","Speculative":true,"Getting Result Time":0,"Finish Time":{finish},"Failed":false,"Killed":false,"Accumulables":[]}}"#
    );
    let stage = r#""Stage ID":0,"Stage Attempt ID":0"#;
    let reason = match reason {
        "" => String::new(),
        reason => format!(r#","Task Type":"ResultTask","Task End Reason":{{"Reason":"{reason}"}}"#),
    };
    match in_layout {
        true => format!(r#"{{"Event":"SparkListener{event}",{stage}{reason},{info}}}"#),
        false => format!(r#"{{{info},"Event":"SparkListener{event}",{stage}{reason}}}"#),
    }
}

#[test]
fn speculative_tasks_count_as_they_end_in_any_layout() {
    for in_layout in [true, false] {
        let mut log = Log::started();
        log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task_start((0, 0), 9, 0);
        for (task, reason) in
            (0..).zip(["Success", "TaskKilled", "ExceptionFailure", "Resubmitted"])
        {
            log.0.push(speculative("TaskStart", task, 0, "", in_layout));
            log.0.push(speculative("TaskEnd", task, 4_100 + task, reason, in_layout));
        }
        log.0.push(speculative("TaskStart", 7, 0, "", in_layout));
        log.task_end((0, 0), 9, 0, success());
        let stage = log.stage(0, 0);
        let summary = speculation(&stage);
        let numbers = ["numTasks", "numCompletedTasks", "numFailedTasks", "numKilledTasks"];
        assert_eq!(numbers.map(|name| summary[name].as_i64().unwrap()), [5, 1, 2, 1]);
        // The end of a resubmitted task ends no running one.
        assert_eq!(summary["numActiveTasks"], 2);
        assert_eq!(stage.longest_task_ms, Some(103));
    }
}

#[test]
fn a_stage_without_speculative_tasks_has_no_summary() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task((0, 0), 0, 0).complete(0, 0, 1).job_end(0);
    let stage = log.stage(0, 0);
    assert_eq!(stage.speculation, Some(Speculation::default()));
    assert_eq!(speculation(&stage), Value::Null);
}

#[test]
fn the_longest_task_is_exact_for_jobs_stages_and_the_application() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 2)]).submit(0, 0, 2);
    assert_eq!(log.job(0).longest_task_ms, None);
    // They take 10 ms times their number plus one.
    log.task((0, 0), 1_632, 0).task((0, 0), 3, 1).task((5, 0), 2_000, 0);
    let read = log.read();
    assert_eq!(read.jobs[0].longest_task_ms, Some(16_330));
    assert_eq!(read.stages[0].longest_task_ms, Some(16_330));
    assert_eq!(read.application.longest_task_ms, Some(20_010), "of an unknown stage");
}

#[test]
fn processes_other_than_driver_and_executors_are_kept() {
    let log = fault("misc-process/app-misc");
    let processes = processes(&log.application).unwrap();
    assert_eq!(
        serde_json::to_value(processes).unwrap(),
        json!([{
            "id": "yarn-am", "hostPort": "h1:8042", "isActive": true, "totalCores": 1,
            "addTime": "2023-11-14T22:13:20.200GMT",
            "processLogs": {"stdout": "http://h1/stdout", "stderr": "http://h1/stderr"},
        }])
    );
    assert_eq!(Log::started().read().application.processes, Some([].into()), "known to have none");
}

#[test]
fn a_process_added_again_keeps_its_first_time_and_their_size_is_bounded() {
    let added = |id: &str, time: i64, host: &str| {
        json!({
            "Event": "org.apache.spark.scheduler.SparkListenerMiscellaneousProcessAdded",
            "time": time, "processId": id, "info": {"hostPort": host, "cores": 2},
        })
    };
    let mut log = Log::started();
    log.add(added("am", 5_000, "a:1")).add(added("am", 6_000, "b:2"));
    for n in 0..100 {
        log.add(added(&format!("p{n}"), 7_000, &"h".repeat(1_000)));
    }
    let processes = log.read().application.processes.unwrap();
    let am = &processes["am"];
    assert_eq!((am.add_time.unwrap().as_millis(), &*am.host_port), (5_000, "b:2"));
    assert_eq!(processes.len(), 1 + 65);
}

#[test]
fn databricks_first_line_has_the_version_of_spark() {
    let log = fault("databricks-spark-version/eventlog");
    assert_eq!(log.application.spark_version, "3.4.1");
}
