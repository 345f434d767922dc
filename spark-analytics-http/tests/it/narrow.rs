//! What is read for an answer below an application.

use std::future::ready;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use spark_analytics_conformance::{Call, Probe, When};
use spark_analytics_core::log::{Application, Executor, LogJob, LogSnapshot, Stage, fact};
use spark_analytics_core::{Facts, MemoryStore, Store};
use spark_analytics_http::ApiOptions;

use crate::Api;

/// The reads of facts for a path: what was asked for, without the bounds.
async fn reads(path: &str) -> Vec<&'static str> {
    let reads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reads);
    let store = Probe::new(MemoryStore::default(), move |when, call| {
        if when == When::Before {
            let kind = match call {
                Call::Log(_) => Some("log"),
                Call::Facts(_, Facts::Application) => Some("application"),
                Call::Facts(_, Facts::Environment) => Some("environment"),
                Call::Facts(_, Facts::Jobs(_)) => Some("jobs"),
                Call::Facts(_, Facts::Stages(_)) => Some("stages"),
                Call::Facts(_, Facts::Executors(_)) => Some("executors"),
                Call::Facts(_, Facts::Sql(_)) => Some("sql"),
                _ => None,
            };
            seen.lock().unwrap().extend(kind);
        }
        ready(Ok(())).boxed()
    });
    let log = fact!(LogSnapshot {
        application: fact!(Application { app_id: "a".to_owned() }),
        jobs: (0..1_000).map(|job_id| fact!(LogJob { job_id, ended: true })).collect(),
        stages: (0..200).map(|stage_id| fact!(Stage { stage_id })).collect(),
        executors: vec![fact!(Executor { id: "1".to_owned(), is_active: true })],
    });
    store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    let api = Api::over(store, &ApiOptions::default());
    api.get(path).await;
    reads.lock().unwrap().clone()
}

#[tokio::test]
async fn an_answer_reads_its_own_facts_and_not_the_attempt() {
    for (path, expected) in [
        ("executors", &["executors"][..]),
        ("allexecutors", &["executors"]),
        ("jobs/7", &["jobs"]),
        ("stages/7", &["stages"]),
        ("stages/7/0", &["stages"]),
        ("stages/7/1", &["stages", "stages"]),
        ("stages", &["stages", "stages"]),
        ("environment", &["environment"]),
        ("storage/rdd", &["application"]),
        ("allmiscellaneousprocess", &["application"]),
        ("sql", &["application", "sql"]),
        ("sql/1", &["sql"]),
    ] {
        let path = format!("/api/v1/applications/a/{path}");
        assert_eq!(reads(&path).await, expected, "{path}");
    }
    assert_eq!(reads("/api/v1/applications/a/jobs").await, ["jobs"; 8]);
    let stages = "/api/v1/analytics/applications/a/stages";
    assert_eq!(reads(&format!("{stages}?limit=10")).await, ["stages"]);
    assert_eq!(reads(stages).await, ["stages"; 2]);
}
