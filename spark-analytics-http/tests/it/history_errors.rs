//! The History Server's answers to invalid requests and unknown things.

use axum::http::Method;
use spark_analytics_core::log::{Application, LogSnapshot, Stage, fact};
use spark_analytics_core::{Store, Timestamp};

use crate::{Answer, Api};

impl Answer {
    /// The text of an error response of Spark's routes.
    #[track_caller]
    fn refusal(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "text/plain");
        self.text()
    }
}

impl Api {
    /// A router over a store with an application without attempts, and another's first attempt.
    async fn of_two() -> Self {
        let api = Self::new();
        for (app_id, attempt_id) in [("app", ""), ("yarn", "1")] {
            let application = fact!(Application {
                app_id: app_id.to_owned(),
                attempt_id: attempt_id.to_owned(),
                name: "etl".to_owned(),
                start_time: Some(Timestamp::from_millis(1_795_465_772_315)),
            });
            let stage = |attempt| fact!(Stage { stage_id: 4, stage_attempt_id: attempt });
            let stages = vec![stage(0), stage(1)];
            let log = fact!(LogSnapshot { application, stages });
            api.store.ingest_logs(vec![log], Vec::new()).await.unwrap();
        }
        api
    }

    pub(crate) async fn refused(&self, path: &str, status: u16) -> String {
        self.get(&format!("/api/v1/applications{path}")).await.refusal(status).to_owned()
    }
}

#[tokio::test]
async fn unknown_things_are_reported_in_sparks_words() {
    let api = Api::of_two().await;
    for (path, text) in [
        ("/nix", "unknown app: nix"),
        ("/nix/jobs", "no such app: nix"),
        ("/nix/1", "unknown app nix, attempt 1"),
        ("/nix/1/jobs", "no such app: nix/1"),
        ("/yarn/2", "unknown app yarn, attempt 2"),
        ("/yarn/2/stages", "no such app: yarn/2"),
        ("/app/jobs/7", "unknown job: 7"),
        ("/yarn/1/jobs/7", "unknown job: 7"),
        ("/app/stages/7", "unknown stage: 7"),
        ("/app/stages/7/0", "unknown stage: 7"),
        ("/app/stages/4/2", "unknown attempt for stage 4.  Found attempts: [0,1]"),
        ("/app/sql/7", "unknown query execution id: 7"),
        ("/app/storage/rdd/7", "no rdd found w/ id 7"),
        ("/app/environment", "no such app: app"),
        ("/yarn/1/environment", "no such app: yarn/1"),
        ("/app/logs", "Event logs are not available for app: app."),
        ("/app/streaming/statistics", "no streaming listener attached to etl"),
    ] {
        assert_eq!(api.refused(path, 404).await, text, "{path}");
    }
    let tasks = api.refused("/app/stages/4/0/taskList?length=7", 404).await;
    assert!(tasks.starts_with("single tasks are not kept"));
    let summary = api.refused("/yarn/1/stages/4/0/taskSummary", 404).await;
    assert!(summary.starts_with("task summaries are not kept"));
    let processes = api.refused("/app/allmiscellaneousprocess", 404).await;
    assert!(processes.starts_with("the processes of this application are unknown"));
    assert_eq!(api.get("/api/v1/applications/app/storage/rdd").await.text(), "[]");
}

#[tokio::test]
async fn thread_dumps_are_unavailable_as_in_sparks_history_server() {
    let api = Api::of_two().await;
    for path in ["/app/threads", "/app/executors/driver/threads", "/yarn/1/executors/7/threads"] {
        let text = api.refused(&format!("{path}?taskId=1"), 503).await;
        assert_eq!(text, "Thread dumps not available through the history server.", "{path}");
    }
    let text = api.refused("/app/executors/first/threads", 400).await;
    assert_eq!(text, "Invalid executorId: neither 'driver' nor number.");
}

#[tokio::test]
async fn an_application_with_attempts_is_found_by_its_attempt_alone() {
    let api = Api::of_two().await;
    assert_eq!(api.refused("/yarn/stages", 404).await, "no such app: yarn");
    assert_eq!(api.refused("/app/1/stages", 404).await, "no such app: app/1");
    api.get("/api/v1/applications/yarn/1/stages").await.json();
    api.get("/api/v1/applications/yarn").await.json();
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_repeated() {
    let api = Api::of_two().await;
    for path in [
        "/app/jobs/seven",
        "/app/jobs/-1",
        "/app/jobs/+1",
        "/app/jobs/99999999999",
        "/app/stages/x",
        "/app/stages/4/x",
        "/app/stages/4/0/tasks",
        "/yarn/1/jobs/seven",
        "/yarn/1/nothing",
        "/yarn/1/2/jobs",
        "/app/sql/last",
    ] {
        assert_eq!(api.refused(path, 404).await, format!("/api/v1/applications{path}"));
    }
}

#[tokio::test]
async fn parameters_that_cannot_be_read_are_refused_as_spark_does() {
    let api = Api::of_two().await;
    for query in ["status=done", "limit=many", "limit=99999999999"] {
        assert_eq!(api.refused(&format!("?{query}"), 404).await, "/api/v1/applications");
    }
    for name in ["minDate", "maxDate", "minEndDate", "maxEndDate"] {
        let text = api.refused(&format!("?{name}=yesterday"), 400).await;
        assert_eq!(text, "Couldn't parse date: yesterday");
    }
    for (path, query) in [
        ("/app/jobs", "status=complete"),
        ("/app/stages", "status=succeeded"),
        ("/app/stages", "taskStatus=done"),
        ("/app/stages/4", "taskStatus=done"),
        ("/app/sql", "offset=few"),
        ("/app/sql", "length=few"),
    ] {
        let answered = api.refused(&format!("{path}?{query}"), 404).await;
        assert_eq!(answered, format!("/api/v1/applications{path}"));
    }
    for path in ["/app/stages", "/app/stages/4", "/app/stages/4/0", "/app/stages/4/0/taskSummary"] {
        let text = api.refused(&format!("{path}?quantiles=0.5,x"), 400).await;
        assert_eq!(text, r#"Bad value for parameter "quantiles".  Expected a double, got "x""#);
    }
}

#[tokio::test]
async fn parameters_about_tasks_are_accepted() {
    let api = Api::of_two().await;
    let query = "details=true&withSummaries=true&quantiles=0.1,0.5,&taskStatus=failed&taskStatus=SUCCESS&x=y";
    for path in ["stages/4", "stages/4/1"] {
        let path = format!("/api/v1/applications/app/{path}");
        let plain = api.get(&path).await;
        plain.json();
        assert_eq!(api.get(&format!("{path}?{query}")).await.text(), plain.text());
    }
}

#[tokio::test]
async fn stages_are_chosen_by_the_status_of_tasks_where_details_are_asked_for() {
    let api = Api::new();
    let stage = |stage_id, change: fn(&mut Stage)| {
        let mut stage = fact!(Stage { stage_id, num_tasks: 1 });
        change(&mut stage);
        stage
    };
    let stages = vec![
        stage(0, |stage| stage.tasks.succeeded = 1),
        stage(1, |stage| stage.tasks.failed = 1),
        stage(2, |stage| {
            stage.tasks.killed = 1;
            stage.num_tasks = i64::MIN;
        }),
        stage(3, |stage| stage.active_tasks = 1),
        stage(4, |_| {}),
    ];
    let application = fact!(Application { app_id: "app".to_owned() });
    let log = fact!(LogSnapshot { application, stages });
    api.store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    for (query, ids) in [
        ("details=true&taskStatus=success", vec![0]),
        ("details=true&taskStatus=FAILED&taskStatus=killed", vec![2, 1]),
        ("details=true&taskStatus=running", vec![3]),
        ("details=true&taskStatus=unknown", vec![4]),
        ("details=true&taskStatus=", vec![]),
        ("details=true", vec![4, 3, 2, 1, 0]),
        ("taskStatus=failed", vec![4, 3, 2, 1, 0]),
        ("details=false&taskStatus=failed", vec![4, 3, 2, 1, 0]),
        ("details=&taskStatus=failed&quantiles=,", vec![4, 3, 2, 1, 0]),
    ] {
        let stages = api.get(&format!("/api/v1/applications/app/stages?{query}")).await.json();
        let stages = stages.as_array().unwrap().iter();
        let listed: Vec<_> = stages.map(|stage| stage["stageId"].as_i64().unwrap()).collect();
        assert_eq!(listed, ids, "{query}");
    }
}

#[tokio::test]
async fn an_empty_value_counts_as_absent_except_as_a_status() {
    let api = Api::of_two().await;
    let count = async |query: &str| {
        let list = api.get(&format!("/api/v1/applications{query}")).await.json();
        list.as_array().unwrap().len()
    };
    assert_eq!(count("?limit=").await, 2);
    assert_eq!(count("?minDate=&maxEndDate=").await, 2);
    assert_eq!(count("?status=").await, 0);
    assert_eq!(count("?status=&status=running").await, 2);
    assert_eq!(count("/app/jobs?status=").await, 0);
    assert_eq!(count("/app/sql?offset=&length=&planDescription=").await, 0);
}

#[tokio::test]
async fn a_slash_at_the_end_does_not_matter() {
    let api = Api::of_two().await;
    api.get("/api/v1/version/").await.json();
    assert_eq!(api.get("/api/v1/applications/app/").await.json()["id"], "app");
    assert_eq!(api.get("/api/v1/applications/app/jobs/").await.text(), "[]");
    assert_eq!(api.get("/api/v1/applications/yarn/1/").await.json()["attemptId"], "1");
}

#[tokio::test]
async fn head_is_answered_and_nothing_is_written() {
    let api = Api::of_two().await;
    let head = api.ask(Method::HEAD, "/api/v1/applications/app/jobs").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let post = api.ask(Method::POST, "/api/v1/applications/app/jobs").await;
    assert!(post.problem(405).contains("does not support POST"));
}
