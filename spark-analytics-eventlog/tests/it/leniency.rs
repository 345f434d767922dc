//! Fields that are missing, `null` or of another type are read as Spark's `JsonProtocol` reads them.

use serde_json::{Value, json};
use spark_analytics_core::Timestamp;
use spark_analytics_core::log::Executor;

use crate::made::{Log, success};

fn task_end(metrics: Value) -> Value {
    json!({
        "Event": "SparkListenerTaskEnd", "Stage ID": 0, "Stage Attempt ID": 0,
        "Task End Reason": success(),
        "Task Info": {
            "Task ID": 0, "Index": 0, "Launch Time": 4_000, "Finish Time": 4_010,
            "Executor ID": "1",
        },
        "Task Metrics": metrics,
    })
}

fn executor(event: Value) -> Executor {
    Log::started().add(event).read().executors.remove(0)
}

#[test]
fn metrics_that_are_null_are_zero() {
    for metrics in [
        json!(null),
        json!({"Executor Run Time": null, "Shuffle Read Metrics": null, "Input Metrics": null}),
        json!({"Shuffle Read Metrics": {"Local Bytes Read": null, "Push Based Shuffle": null}}),
        json!({"Shuffle Read Metrics": {"Push Based Shuffle": {"Merged Local Bytes Read": null}}}),
    ] {
        let mut log = Log::started();
        log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task_start((0, 0), 0, 0);
        let stage = log.add(task_end(metrics)).stage(0, 0);
        assert_eq!(stage.tasks.succeeded, 1);
        assert!(stage.metrics.is_empty());
    }
}

#[test]
fn a_number_may_be_a_fraction_or_a_text() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task_start((0, 0), 0, 0);
    log.add(task_end(json!({
        "Executor Run Time": 12.9, "JVM GC Time": "3", "Input Metrics": {"Bytes Read": 5e3},
    })));
    let metrics = log.stage(0, 0).metrics;
    assert_eq!((metrics["executorRunTime"], metrics["jvmGcTime"]), (12, 3));
    assert_eq!(metrics["inputBytes"], 5_000);
}

#[test]
fn null_numbers_and_flags_of_a_stage_are_read_as_missing() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).add(json!({
        "Event": "SparkListenerStageSubmitted", "Properties": null,
        "Stage Info": {
            "Stage ID": 0, "Stage Attempt ID": null, "Stage Name": "s", "Number of Tasks": 1,
            "Submission Time": null, "Completion Time": null, "Failure Reason": null,
            "Resource Profile Id": null, "Shuffle Push Enabled": null,
            "Shuffle Push Mergers Count": null, "Parent IDs": null,
        },
    }));
    let stage = log.stage(0, 0);
    assert_eq!((stage.num_tasks, stage.submission_time), (1, None));
    assert_eq!((stage.shuffle_push_enabled, stage.shuffle_mergers_count), (false, 0));
    assert_eq!(stage.scheduling_pool, "default");
}

#[test]
fn a_block_manager_without_a_time_was_added_just_before_the_epoch() {
    for time in [json!({}), json!({"Timestamp": null})] {
        let mut event = json!({
            "Event": "SparkListenerBlockManagerAdded", "Maximum Memory": 9,
            "Block Manager ID": {"Executor ID": "driver", "Host": "h", "Port": 1},
        });
        event.as_object_mut().unwrap().extend(time.as_object().unwrap().clone());
        let driver = executor(event);
        assert_eq!(driver.add_time, Some(Timestamp::from_millis(-1)));
        assert_eq!((driver.host_port.as_str(), driver.max_memory), ("h:1", 9));
        assert_eq!(driver.total_on_heap_storage_memory, None);
    }
}

#[test]
fn an_executors_logs_attributes_and_resources_may_be_null() {
    let added = executor(json!({
        "Event": "SparkListenerExecutorAdded", "Timestamp": 1_500, "Executor ID": "1",
        "Executor Info": {
            "Host": "h", "Total Cores": 4, "Log Urls": null, "Attributes": null,
            "Resources": null, "Resource Profile Id": null,
        },
    }));
    assert_eq!((added.total_cores, added.max_tasks, added.resource_profile_id), (4, 4, 0));
    assert!(added.executor_logs.is_empty() && added.attributes.is_empty());
}

#[test]
fn an_executor_may_be_removed_without_a_reason() {
    for reason in [json!({}), json!({"Removed Reason": null})] {
        let mut event = json!({
            "Event": "SparkListenerExecutorRemoved", "Timestamp": 5_000, "Executor ID": "1",
        });
        event.as_object_mut().unwrap().extend(reason.as_object().unwrap().clone());
        let mut log = Log::started();
        let removed = log.executor_added("1").add(event).read().executors.remove(0);
        assert_eq!((removed.is_active, removed.remove_reason), (false, None));
    }
}

#[test]
fn an_application_may_have_neither_a_user_nor_a_name() {
    for texts in [json!({}), json!({"User": null, "App Name": null})] {
        let mut event = json!({
            "Event": "SparkListenerApplicationStart", "App ID": "local-1", "Timestamp": 1_000,
        });
        event.as_object_mut().unwrap().extend(texts.as_object().unwrap().clone());
        let application = Log::default().add(event).read().application;
        assert_eq!((application.user.as_str(), application.name.as_str()), ("", ""));
        assert_eq!(application.start_time, Some(Timestamp::from_millis(1_000)));
    }
}
