//! Times of jobs from logs of Spark up to 1.2, which have none.

use serde_json::json;
use spark_analytics_core::{JobKey, JobRecord, Timestamp};
use spark_analytics_eventlog::read_from;

use crate::made::Log;

/// The log without the times of its jobs.
fn without_times(log: &Log) -> Log {
    let without = |line: &String| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        if line.contains("SparkListenerJob") {
            event.as_object_mut().unwrap().remove("Submission Time");
            event.as_object_mut().unwrap().remove("Completion Time");
        }
        event
    };
    let mut out = Log::default();
    for event in log.0.iter().map(without) {
        out.add(event);
    }
    out
}

fn times(log: &Log, job: i64) -> (Option<i64>, Option<i64>) {
    let job = log.job(job);
    (job.submission_time.map(Timestamp::as_millis), job.completion_time.map(Timestamp::as_millis))
}

#[test]
fn a_job_without_times_has_those_of_its_stages() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1), (1, 1)]).submit(0, 0, 1).task((0, 0), 0, 0);
    let with = |mut log: Log, stage: i64, from: i64, to: i64| {
        let info = json!({
            "Stage ID": stage, "Stage Attempt ID": 0, "Stage Name": "s", "Number of Tasks": 1,
            "Submission Time": from, "Completion Time": to,
        });
        log.add(json!({"Event": "SparkListenerStageCompleted", "Stage Info": info}));
        log
    };
    let log = with(log, 0, 3_000, 8_000);
    assert_eq!(times(&without_times(&log), 0), (Some(3_000), None), "it runs");
    let mut log = log;
    log.submit(1, 0, 1).task((1, 0), 1, 0);
    let mut log = with(log, 1, 2_500, 8_500);
    log.job_end(0);
    assert_eq!(times(&log, 0), (Some(2_000), Some(9_000)));
    let log = without_times(&log);
    assert_eq!(times(&log, 0), (Some(2_500), Some(8_500)));
    let record = JobRecord { log: Some(Box::new(log.job(0))), ..JobRecord::default() };
    let job = record.figures(&JobKey::in_app("local-1", "", 0)).unwrap();
    assert_eq!((job.duration_seconds(), job.tasks.succeeded), (6.0, 2));
}

#[test]
fn a_stage_that_an_earlier_job_ran_does_not_count() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).submit(0, 0, 1).task((0, 0), 0, 0).complete(0, 0, 1).job_end(0);
    // Stage 0 is named again, and skipped.
    log.job_start(1, &[(0, 1), (1, 1)]);
    let mut info = json!({
        "Stage ID": 1, "Stage Attempt ID": 0, "Stage Name": "s", "Number of Tasks": 1,
        "Submission Time": 20_000,
    });
    log.add(json!({"Event": "SparkListenerStageSubmitted", "Stage Info": info})).task((1, 0), 1, 0);
    info["Completion Time"] = 21_000.into();
    log.add(json!({"Event": "SparkListenerStageCompleted", "Stage Info": info})).job_end(1);
    let log = without_times(&log);
    assert_eq!(times(&log, 0), (Some(3_000), Some(8_000)));
    assert_eq!(times(&log, 1), (Some(20_000), Some(21_000)));
}

#[test]
fn a_job_without_any_times_ends_without_figures() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 1)]).job_end(0);
    let log = without_times(&log);
    assert_eq!(times(&log, 0), (None, None));
    let job = log.job(0);
    assert!(job.ended);
    let record = JobRecord { log: Some(Box::new(job)), ..JobRecord::default() };
    assert_eq!(record.figures(&JobKey::in_app("local-1", "", 0)), None);
}

#[test]
fn a_log_of_spark_1_2_is_counted_by_its_stages() {
    let log = include_bytes!("../faults/spark-1.2");
    let log = read_from(&log[..], "local-1422981780767").unwrap();
    let job = &log.snapshot.jobs[0];
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    // 2023-11-14T22:13:21Z to 22:13:21.600Z.
    assert_eq!(millis(job.submission_time), Some(1_700_000_001_000));
    assert_eq!(millis(job.completion_time), Some(1_700_000_001_600));
    assert_eq!((job.tasks.succeeded, log.warnings), (1, vec![]));
}
