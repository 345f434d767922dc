//! The facts of a log only grow while it is written.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use futures::executor::block_on;
use serde_json::json;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{MemoryStore, Store};
use spark_analytics_eventlog::{LogError, read_from};

use crate::made::{Log, success};

fn case(name: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).join("log");
    let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// The facts of the first `lines` lines; `None` before the application's start.
fn prefix(all: &[String], lines: usize) -> Option<LogSnapshot> {
    match read_from(all[..lines].join("\n").as_bytes(), "local.inprogress") {
        Ok(log) => Some(log.snapshot),
        Err(LogError::NoApplication { .. } | LogError::Empty { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

fn assert_grown<K: Ord + Debug, F: Ord + Debug>(
    before: &[F],
    after: &[F],
    key: impl Fn(&F) -> K,
    lines: usize,
) {
    let after: BTreeMap<K, &F> = after.iter().map(|fact| (key(fact), fact)).collect();
    for fact in before {
        let now = after.get(&key(fact)).unwrap();
        assert!(*now >= fact, "after {lines} lines {fact:#?} became {now:#?}");
    }
}

fn assert_grows(all: &[String], step: usize) {
    let full = prefix(all, all.len()).unwrap();
    let mut last: Option<LogSnapshot> = None;
    for lines in (0..=all.len()).step_by(step).chain([all.len()]) {
        let Some(now) = prefix(all, lines) else { continue };
        if let Some(last) = &last {
            assert!(now.application >= last.application, "after {lines} lines");
            assert_grown(&last.jobs, &now.jobs, |job| job.job_id, lines);
            let stage = |s: &spark_analytics_core::log::Stage| (s.stage_id, s.stage_attempt_id);
            assert_grown(&last.stages, &now.stages, stage, lines);
            assert_grown(&last.executors, &now.executors, |e| e.id.clone(), lines);
            assert_grown(&last.sql, &now.sql, |execution| execution.execution_id, lines);
            assert!(now.environment >= last.environment, "after {lines} lines");
        }
        assert_eq!(joined(&[&now, &full]), full, "after {lines} lines");
        assert_eq!(joined(&[&full, &now]), full, "after {lines} lines");
        last = Some(now);
    }
    assert_eq!(last, Some(full));
}

/// The content of a store that has ingested these snapshots in this order.
fn joined(logs: &[&LogSnapshot]) -> LogSnapshot {
    let store = MemoryStore::default();
    for log in logs {
        block_on(store.ingest_logs(vec![(*log).clone()], Vec::new())).unwrap();
    }
    let application = &logs[0].application;
    block_on(store.log(&application.key())).unwrap().unwrap()
}

#[test]
fn facts_of_a_log_with_lost_executors_only_grow() {
    assert_grows(&case("spec-3.5"), 1);
}

#[test]
fn facts_of_a_log_with_failures_only_grow() {
    assert_grows(&case("failures-3.5"), 7);
}

#[test]
fn facts_of_a_log_with_concurrent_jobs_only_grow() {
    assert_grows(&case("concurrent-3.5"), 7);
}

#[test]
fn facts_only_grow_when_something_ended_begins_again() {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 2), (1, 2)]).submit(1, 0, 2);
    log.task_start((1, 0), 0, 0).task_start((1, 0), 1, 1).task_end((1, 0), 0, 0, success());
    log.complete(1, 0, 2).job_end(0).executor_removed("1").executor_added("1");
    log.task_end((1, 0), 1, 1, success());
    log.job_start(1, &[(0, 2)]).submit(0, 0, 2).task((0, 0), 2, 0).complete(0, 0, 2).job_end(1);
    log.job_start(1, &[(0, 2)]).submit(0, 0, 2).task((0, 0), 3, 0).job_end(1);
    log.job_start(1, &[(0, 2)]).job_start(1, &[]).executor_removed("1");
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    log.job_end(1);
    assert_grows(&log.0, 1);
}
