//! The content of a store before a target changes it.

use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{Event, JobKey, Timestamp};

/// The events of two jobs, one of them of an application.
pub fn events() -> Vec<Event> {
    let at = |ms: i64| Timestamp::from_millis(1_711_792_363_000 + ms);
    let jobs = [JobKey::new(1), JobKey::in_app("app-1", "1", 2)];
    let of = |job: &JobKey| {
        [
            Event::job_start(job.clone(), at(0), "ada"),
            Event::task_end(job.clone(), at(700), "ada", "t1", 700, true),
            Event::task_end(job.clone(), at(900), "ada", "t2", 900, false),
            Event::job_end(job.clone(), at(1_000), "ada", at(1_000), "JobSucceeded"),
        ]
    };
    jobs.iter().flat_map(of).map(|event| event.expect("it is valid")).collect()
}

/// The facts of an application from a log of Spark 3.5, the first few of each kind.
pub fn log() -> LogSnapshot {
    let text = include_str!("../tests/golden/log-1.json");
    let mut log: LogSnapshot = serde_json::from_str(text).expect("it is a snapshot");
    log.jobs.truncate(2);
    log.stages.truncate(2);
    log.executors.truncate(2);
    log.sql.truncate(2);
    log
}

/// A later state of the same log, in which all facts are greater.
pub fn later_log() -> LogSnapshot {
    let mut log = log();
    log.application.events += 1;
    log.jobs.iter_mut().for_each(|job| job.tasks.succeeded += 1);
    log
}
