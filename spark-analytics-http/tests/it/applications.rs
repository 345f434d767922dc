//! Figures of applications and of their stages.

use axum::http::Method;
use serde_json::{Value, json};
use spark_analytics_core::log::{Application, LogJob, LogSnapshot, Stage, fact};
use spark_analytics_core::{PruneScope, Refusal, Store, TaskOutcome, Timestamp};

use crate::Api;

const PATH: &str = "/api/v1/analytics/applications";

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(1_711_792_800_000 + seconds * 1_000))
}

/// An attempt of 100 s with 4 cores, and three attempts of two stages.
fn log(app_id: &str, attempt_id: &str) -> LogSnapshot {
    let mut log = fact!(LogSnapshot {
        application: fact!(Application {
            app_id: app_id.to_owned(),
            attempt_id: attempt_id.to_owned(),
            start_time: at(0),
            ended: true,
            end_time: at(100),
            name: "etl".to_owned(),
            user: "ada".to_owned(),
            spark_version: "4.1.4".to_owned(),
            core_time_ms: Some(400_000),
        }),
    });
    for (stage_id, stage_attempt_id) in [(3, 0), (3, 1), (7, 0)] {
        let mut stage = fact!(Stage {
            stage_id,
            stage_attempt_id,
            submission_time: at(10),
            completion_time: (stage_id == 3).then(|| at(12)).flatten(),
        });
        stage.tasks.record(TaskOutcome::Succeeded, 60);
        stage.tasks.record(TaskOutcome::Failed, 120);
        stage.tasks.run_time_ms = 150;
        stage.tasks.gc_time_ms = 50;
        stage.tasks.disk_spilled_bytes = 9;
        log.application.tasks += &stage.tasks;
        log.stages.push(stage);
    }
    log
}

async fn api() -> Api {
    let api = Api::new();
    for (app_id, attempt_id) in [("a", ""), ("b", "1"), ("b", "2")] {
        api.store.ingest_logs(vec![log(app_id, attempt_id)], Vec::new()).await.unwrap();
    }
    api
}

#[tokio::test]
async fn an_application_reports_its_cores_and_tasks() {
    let answer = api().await.get(&format!("{PATH}/a")).await;
    answer.json();
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"app_id":"a","attempt_id":"","name":"etl","user":"ada","spark_version":"4.1.4","#,
            r#""start_time":"2024-03-30T10:00:00Z","end_time":"2024-03-30T10:01:40Z","ended":true,"#,
            r#""duration_seconds":100.0,"core_time_seconds":400.0,"idle_share":99.87,"#,
            r#""tasks":{"task_count":6,"failed_tasks":3,"killed_tasks":0,"task_time_seconds":0.54,"#,
            r#""lost_time_seconds":0.36,"run_time_seconds":0.45,"cpu_time_seconds":0.0,"#,
            r#""gc_time_seconds":0.15,"input_bytes":0,"output_bytes":0,"shuffle_read_bytes":0,"#,
            r#""shuffle_write_bytes":0,"memory_spilled_bytes":0,"disk_spilled_bytes":27,"#,
            r#""task_duration_ms":{"p50":60,"p95":120,"p99":120,"max":120},"skew":2.0,"gc_share":33.33},"#,
            r#""facts_pruned":false,"jobs":null,"failed_jobs":null}"#
        )
    );
}

#[tokio::test]
async fn unknown_figures_of_an_application_are_null() {
    let api = Api::new();
    let application = fact!(Application { app_id: "a".to_owned() });
    api.store.ingest_logs(vec![fact!(LogSnapshot { application })], Vec::new()).await.unwrap();
    let figures = api.get(&format!("{PATH}/a")).await.json();
    for field in ["start_time", "end_time", "duration_seconds", "core_time_seconds", "idle_share"] {
        assert!(figures[field].is_null(), "{field}");
    }
    for field in ["skew", "gc_share", "task_duration_ms"] {
        assert!(figures["tasks"][field].is_null(), "{field}");
    }
}

#[tokio::test]
async fn applications_are_listed_page_by_page() {
    let api = api().await;
    let mut listed: Vec<(Value, Value)> = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = api.get(&format!("{PATH}{query}")).await.json();
        for one in page["applications"].as_array().unwrap() {
            listed.push((one["app_id"].clone(), one["attempt_id"].clone()));
        }
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    let expected = [("a", ""), ("b", "1"), ("b", "2")];
    assert_eq!(listed, expected.map(|(app, attempt)| (json!(app), json!(attempt))));
}

#[tokio::test]
async fn stages_are_listed_page_by_page() {
    let api = api().await;
    let path = format!("{PATH}/b/stages?attempt=2&limit=2");
    let first = api.get(&path).await.json();
    let ids = |page: &Value| {
        let stages = page["stages"].as_array().unwrap().iter();
        let ids =
            |s: &Value| (s["stage_id"].as_i64().unwrap(), s["stage_attempt_id"].as_i64().unwrap());
        stages.map(ids).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), [(3, 0), (3, 1)]);
    assert_eq!(first["stages"][0]["duration_seconds"], 2.0);
    assert_eq!(first["stages"][0]["status"], "PENDING");
    assert_eq!(first["stages"][0]["tasks"]["skew"], 2.0);
    let next = first["next"].as_str().unwrap();
    let second = api.get(&format!("{path}&cursor={next}")).await.json();
    assert_eq!(ids(&second), [(7, 0)]);
    assert!(second["next"].is_null() && second["stages"][0]["duration_seconds"].is_null());
}

#[tokio::test]
async fn the_newest_attempt_is_meant_unless_one_is_named() {
    let api = api().await;
    let mut newest = log("b", "3");
    newest.application.start_time = at(5);
    newest.stages.truncate(1);
    let mut job = LogJob::default();
    (job.job_id, job.ended) = (9, true);
    (job.submission_time, job.completion_time) = (at(5), at(6));
    newest.jobs.push(job);
    api.store.ingest_logs(vec![newest], Vec::new()).await.unwrap();
    assert_eq!(api.get(&format!("{PATH}/b")).await.json()["attempt_id"], "3");
    let stages = api.get(&format!("{PATH}/b/stages")).await.json();
    assert_eq!(stages["stages"].as_array().unwrap().len(), 1);
    let job = "/api/v1/analytics/jobs/9?app=b";
    assert_eq!(api.get(job).await.json()["attempt_id"], "3");
    api.get(&format!("{job}&attempt=")).await.problem(404);
    api.get(&format!("{job}&attempt=2")).await.problem(404);
    api.get("/api/v1/analytics/jobs/9?app=a").await.problem(404);
    let figures = api.get(&format!("{PATH}/b?attempt=2")).await.json();
    assert_eq!(figures["attempt_id"], "2");
    for path in ["b?attempt=", "b?attempt=4", "b/stages?attempt=4"] {
        let detail = api.get(&format!("{PATH}/{path}")).await.problem(404);
        let said = "application b does not have this attempt; set `attempt` to one of its 3: `1`, `2`, `3`";
        assert_eq!(detail, said, "{path}");
    }
    for path in ["c", "c/stages"] {
        let detail = api.get(&format!("{PATH}/{path}")).await.problem(404);
        assert_eq!(detail, "no event log of application c was imported");
    }
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    let api = api().await;
    for path in [
        "?limit=0",
        "?cursor=x",
        "?colour=red",
        "/a?colour=red",
        "/a/stages?limit=many",
        "/a/stages?cursor=x",
        "/a/stages?app=a",
    ] {
        api.get(&format!("{PATH}{path}")).await.problem(400);
    }
}

#[tokio::test]
async fn the_cores_of_a_real_log_are_counted_with_its_lost_executors() {
    let (api, app) = Api::of_case("spec-3.5").await;
    let figures = api.get(&format!("{PATH}/{app}")).await.json();
    let executors = api.get(&format!("/api/v1/applications/{app}/allexecutors")).await.json();
    let application = api.get(&format!("/api/v1/applications/{app}")).await.json();
    let instant = |text: &Value| -> Option<Timestamp> {
        Some(text.as_str()?.strip_suffix("GMT").unwrap().parse().unwrap())
    };
    let end = instant(&application["attempts"][0]["endTime"]).unwrap();
    let mut core_ms = 0;
    for executor in executors.as_array().unwrap() {
        let from = instant(&executor["addTime"]).unwrap().as_millis();
        let to = instant(&executor["removeTime"]).unwrap_or(end).as_millis();
        core_ms += executor["totalCores"].as_i64().unwrap() * (to - from);
    }
    assert!(core_ms > 0);
    let seconds = figures["core_time_seconds"].as_f64().unwrap();
    assert!((seconds - core_ms as f64 / 1e3).abs() <= 0.005, "{seconds} {core_ms}");
    let busy = figures["tasks"]["task_time_seconds"].as_f64().unwrap() / seconds;
    let idle = figures["idle_share"].as_f64().unwrap();
    assert!((idle - 100.0 * (1.0 - busy)).abs() < 0.02, "{idle} {busy}");
}

#[tokio::test]
async fn names_and_reasons_of_a_real_log_are_in_each_answer() {
    let (api, app) = Api::of_case("failures-3.5").await;
    let list = format!("/api/v1/analytics/jobs?app={app}");
    let listed = api.get(&format!("{list}&result=failed&order=newest")).await.json();
    let listed = listed["jobs"].as_array().unwrap();
    assert!(!listed.is_empty());
    let told = api.get(&format!("/api/v1/applications/{app}/jobs")).await.json();
    let name = api.get(&format!("{PATH}/{app}")).await.json()["name"].clone();
    for job in listed {
        let told = told.as_array().unwrap().iter().find(|told| told["jobId"] == job["job_id"]);
        assert_eq!((&job["name"], &job["app_name"]), (&told.unwrap()["name"], &name));
        let reason = job["failure_message"].as_str().unwrap();
        let is_cancelled = reason.starts_with("Job ") && reason.contains(" cancelled");
        assert_eq!(job["cancelled"], is_cancelled, "{reason}");
        let one = format!("/api/v1/analytics/jobs/{}?app={app}", job["job_id"]);
        assert_eq!(api.get(&one).await.json(), *job);
    }
    assert!(listed.iter().any(|job| job["cancelled"] == true));
    let day = &listed[0]["end_time"].as_str().unwrap()[..10];
    let summary = api.get(&format!("/api/v1/analytics/summary?date={day}")).await.json();
    let line = summary["jobs"].as_array().unwrap().iter();
    let line = line.clone().find(|job| job["job_id"] == listed[0]["job_id"]).unwrap();
    for field in ["app_name", "name", "description", "failure_message"] {
        assert_eq!(line[field], listed[0][field], "{field}");
    }
    let stages = api.get(&format!("{PATH}/{app}/stages")).await.json();
    let failed = stages["stages"].as_array().unwrap().iter().filter(|s| s["status"] == "FAILED");
    assert!(failed.clone().count() > 0 && failed.clone().all(|s| s["failure_reason"].is_string()));
}

#[tokio::test]
async fn an_application_is_forgotten_and_its_log_refused() {
    let api = api().await;
    let delete = async |path: &str| api.ask(Method::DELETE, &format!("{PATH}/{path}")).await;
    api.store.prune_logs(at(86_400).unwrap().day(), PruneScope::Facts).await.unwrap();
    assert_eq!(api.get(&format!("{PATH}/a")).await.json()["facts_pruned"], true);
    assert_eq!(delete("b/2").await.json(), json!({"attempts": 1, "jobs": 0}));
    api.get(&format!("{PATH}/b?attempt=1")).await.json();
    api.get(&format!("{PATH}/b?attempt=2")).await.problem(404);
    assert_eq!(delete("b").await.json(), json!({"attempts": 1, "jobs": 0}));
    assert_eq!(delete("a").await.json(), json!({"attempts": 1, "jobs": 0}));
    assert_eq!(api.get(PATH).await.json()["applications"], json!([]));
    let receipts = api.store.ingest_logs(vec![log("a", "")], Vec::new()).await.unwrap();
    assert_eq!(receipts[0].refused, Some(Refusal::Forgotten));
    assert_eq!(delete("a").await.problem(404), "nothing is known of application a");
    assert_eq!(delete("b/1").await.problem(404), "nothing is known of application b attempt 1");
}

#[tokio::test]
async fn events_of_a_forgotten_application_are_refused() {
    let api = Api::new();
    let event = |app: &str| {
        format!(
            r#"{{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-04-01T10:00:00Z","user":"ada","app_id":"{app}"}}"#
        )
    };
    api.ingest(event("a")).await.json();
    assert_eq!(
        api.ask(Method::DELETE, &format!("{PATH}/a")).await.json(),
        json!({"attempts": 1, "jobs": 1})
    );
    let refused = api.ingest(event("a")).await.problem(400);
    assert!(refused.contains("its application was removed"), "{refused}");
    api.ingest(event("b")).await.json();
}
