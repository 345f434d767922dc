//! The environment, the SQL executions and the cores that a log reports.

use std::path::Path;

use serde_json::{Value, json};
use spark_analytics_core::Timestamp;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{MAX_PLANS_BYTES, MAX_PROPERTIES_BYTES, MAX_TEXT_BYTES, read_log};

use crate::made::Log;

fn case(name: &str) -> LogSnapshot {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).join("log");
    read_log(folder.read_dir().unwrap().next().unwrap().unwrap().path()).unwrap().snapshot
}

fn sql(class: &str, fields: Value) -> Value {
    let mut event = json!({
        "Event": format!("org.apache.spark.sql.execution.ui.SparkListenerSQL{class}"),
    });
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

fn start(id: i64, plan: &str) -> Value {
    let fields = json!({
        "executionId": id, "rootExecutionId": 0, "description": "count", "details": "at",
        "physicalPlanDescription": plan, "sparkPlanInfo": {"nodeName": "Range"}, "time": 5_000,
    });
    sql("ExecutionStart", fields)
}

#[test]
fn the_environment_of_a_real_log_is_read() {
    let environment = case("small-3.5-plain").environment.unwrap();
    assert_eq!(environment.java_version.as_deref(), Some("17.0.15 (Debian)"));
    assert_eq!(environment.scala_version.as_deref(), Some("version 2.12.18"));
    assert_eq!(environment.spark_properties["spark.master"], "local[2]");
    let profile = &environment.resource_profiles[0];
    assert_eq!((profile.id, profile.executor_resources["memory"].amount), (0, 1024));
    assert_eq!(profile.task_resources["cpus"], "1.0");
    assert_eq!(environment.events, 2);
}

#[test]
fn sql_executions_of_a_real_log_are_read() {
    let log = case("small-3.5-plain");
    let ids: Vec<i64> = log.sql.iter().map(|execution| execution.execution_id).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5]);
    let first = &log.sql[0];
    assert_eq!(first.description, "aggregate phase: café ☃ \"quoted\" \\back");
    assert_eq!(first.completion_time, Some(Timestamp::from_millis(1_795_465_597_739)));
    assert_eq!((first.ended, first.error_message.as_deref()), (true, Some("")));
    let plan = &first.plan_description;
    assert!(plan.contains("isFinalPlan=true"), "the plan is the one that adaptive execution told");
    assert!(log.jobs.iter().any(|job| job.sql_execution_id == Some(0)));
}

#[test]
fn a_later_update_of_the_environment_replaces_all_properties() {
    let mut log = Log::started();
    let update = |properties: Value| json!({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": properties});
    let profile = json!({"Event": "SparkListenerResourceProfileAdded", "Resource Profile Id": 3,
        "Task Resource Requests": {"gpu": {"Resource Name": "gpu", "Amount": 0.25}}});
    log.add(update(json!({"a": "1", "b": "2"}))).add(profile).add(update(json!({"b": "3"})));
    let environment = log.read().environment.unwrap();
    assert_eq!(environment.spark_properties, [("b".to_owned(), "3".to_owned())].into());
    assert_eq!(environment.resource_profiles[0].task_resources["gpu"], "0.25");
    assert_eq!((environment.events, environment.java_version), (3, None));
    assert_eq!(Log::started().read().environment, None);
}

#[test]
fn properties_are_bounded() {
    let mut log = Log::started();
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let entries: serde_json::Map<String, Value> =
        (0..40).map(|n| (format!("{n:02}"), long.as_str().into())).collect();
    log.add(json!({"Event": "SparkListenerEnvironmentUpdate", "System Properties": entries}));
    let kept = log.read().environment.unwrap().system_properties;
    assert_eq!(kept["00"].len(), MAX_TEXT_BYTES);
    assert_eq!(kept.len(), MAX_PROPERTIES_BYTES / (MAX_TEXT_BYTES + 2));
}

#[test]
fn an_execution_runs_until_its_end() {
    let mut log = Log::started();
    log.add(start(4, "first plan"));
    log.add(sql(
        "AdaptiveExecutionUpdate",
        json!({"executionId": 4, "physicalPlanDescription": "second plan", "sparkPlanInfo": {}}),
    ));
    let running = log.read().sql.remove(0);
    assert_eq!(
        (running.ended, running.completion_time, running.error_message),
        (false, None, None)
    );
    assert_eq!(
        (running.plan_description.as_str(), running.root_execution_id),
        ("second plan", Some(0))
    );
    let end = json!({"executionId": 4, "time": 6_000, "errorMessage": "no such table"});
    log.add(sql("ExecutionEnd", end));
    log.add(sql("ExecutionEnd", json!({"executionId": 5, "time": 7_000})));
    let snapshot = log.read();
    let ended = &snapshot.sql[0];
    assert_eq!((ended.ended, ended.events, snapshot.sql.len()), (true, 3, 1));
    assert_eq!(ended.completion_time, Some(Timestamp::from_millis(6_000)));
    assert_eq!(ended.error_message.as_deref(), Some("no such table"));
    assert_eq!(snapshot.application.last_event_time, Some(Timestamp::from_millis(7_000)));
}

#[test]
fn plans_are_bounded() {
    let mut log = Log::started();
    let fitting = MAX_PLANS_BYTES / MAX_TEXT_BYTES;
    let plan = "p".repeat(MAX_TEXT_BYTES);
    for id in 0..=fitting as i64 {
        log.add(start(id, &plan));
    }
    let mut kept = log.read().sql;
    assert_eq!(kept.pop().unwrap().plan_description, "");
    assert!(kept.iter().all(|execution| execution.plan_description == plan));
    log.add(start(0, "short")).add(start(999, "fits now"));
    assert_eq!(log.read().sql.pop().unwrap().plan_description, "fits now");
}

#[test]
fn cores_count_from_when_an_executor_is_added_until_it_is_removed_or_the_log_ends() {
    let mut log = Log::started();
    log.executor_added("1").executor_added("2").executor_removed("1");
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_500}));
    // Two executors with 4 cores each, added at 1.5 s: one is removed at 5 s, the other stays until the end.
    assert_eq!(log.read().application.core_time_ms, Some(4 * 3_500 + 4 * 8_000));
}

#[test]
fn an_error_is_removed_when_a_job_starts_after_the_end() {
    let job = |id: i64| {
        json!({
            "Event": "SparkListenerJobStart", "Job ID": id, "Submission Time": 6_000, "Stage Infos": [],
            "Properties": {"spark.sql.execution.id": "7"},
        })
    };
    let end = json!({"executionId": 7, "time": 7_000, "errorMessage": "it broke"});
    let mut log = Log::started();
    log.add(start(7, "plan")).add(job(0)).add(sql("ExecutionEnd", end));
    let error = |log: &Log| log.read().sql[0].error_message.clone();
    // Its first job is still running, so the execution has not ended for Spark.
    log.add(job(1));
    assert_eq!(error(&log).as_deref(), Some("it broke"));
    log.job_end(0).job_end(1);
    assert_eq!(error(&log).as_deref(), Some("it broke"));
    log.add(job(2));
    assert_eq!(error(&log), None);
}
