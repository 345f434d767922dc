//! Figures of jobs, days and ranges.

use serde_json::json;

use crate::{Api, END, FAILED_TASK, START, TASK};

#[tokio::test]
async fn the_figures_of_a_job_have_two_decimals() {
    let api = Api::with_a_job().await;
    let answer = api.get("/api/v1/analytics/jobs/101").await;
    answer.json();
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"job_id":101,"user":"ada","start_time":"2024-03-30T10:12:45Z","#,
            r#""end_time":"2024-03-30T10:14:03.005Z","duration_seconds":78.01,"task_count":2,"#,
            r#""failed_tasks":1,"success_rate":50.0,"job_result":"JobSucceeded","app_id":"","#,
            r#""attempt_id":"","killed_tasks":0,"source":"events","task_time_seconds":4.1,"#,
            r#""parallelism":0.05,"skew":40.16,"#,
            r#""task_duration_ms":{"p50":100,"p95":4016,"p99":4016,"max":4016},"#,
            r#""lost_time_seconds":0.1,"run_time_seconds":0.0,"cpu_time_seconds":0.0,"#,
            r#""gc_time_seconds":0.0,"gc_share":null,"input_bytes":0,"output_bytes":0,"#,
            r#""shuffle_read_bytes":0,"shuffle_write_bytes":0,"memory_spilled_bytes":0,"#,
            r#""disk_spilled_bytes":0,"num_tasks":null,"app_name":null,"name":null,"#,
            r#""description":null,"job_group":null,"sql_execution_id":null,"#,
            r#""failure_message":null,"cancelled":null}"#
        )
    );
}

#[tokio::test]
async fn a_job_without_tasks_has_neither_skew_nor_quantiles() {
    let api = Api::new();
    api.lines([START, END].join("\n")).await.json();
    let job = api.get("/api/v1/analytics/jobs/101").await.json();
    assert_eq!(job["success_rate"], 0.0);
    assert!(job["skew"].is_null() && job["task_duration_ms"].is_null());
}

#[tokio::test]
async fn a_job_is_unknown_until_its_start_and_end_are_known() {
    let api = Api::new();
    for event in [TASK, END] {
        let detail = api.get("/api/v1/analytics/jobs/101").await.problem(404);
        assert!(detail.starts_with("job 101 is unknown"), "{detail}");
        api.ingest(event).await.json();
    }
    api.ingest(START).await.json();
    api.get("/api/v1/analytics/jobs/101").await.json();
}

#[tokio::test]
async fn a_late_task_event_changes_a_finished_job() {
    let api = Api::new();
    api.lines([START, END, TASK].join("\n")).await.json();
    assert_eq!(api.get("/api/v1/analytics/jobs/101").await.json()["task_count"], 1);
    api.ingest(FAILED_TASK).await.json();
    assert_eq!(api.get("/api/v1/analytics/jobs/101").await.json()["success_rate"], 50.0);
}

#[tokio::test]
async fn jobs_of_applications_are_found_by_application_and_attempt() {
    let api = Api::with_a_job().await;
    let in_app =
        |event: &str| event.replace(r#""job_id""#, r#""app_id":"app-1","attempt_id":"2","job_id""#);
    api.lines([in_app(START), in_app(END)].join("\n")).await.json();
    let path = "/api/v1/analytics/jobs/101";
    assert_eq!(api.get(path).await.json()["task_count"], 2);
    let of_app = api.get(&format!("{path}?app=app-1&attempt=2")).await.json();
    assert_eq!(
        (of_app["task_count"].as_i64(), of_app["app_id"].as_str()),
        (Some(0), Some("app-1"))
    );
    let detail = api.get(&format!("{path}?app=app-1")).await.problem(404);
    assert!(detail.starts_with("job 101 of application app-1 is unknown"), "{detail}");
}

#[tokio::test]
async fn the_summary_of_a_day_counts_its_jobs() {
    let api = Api::with_a_job().await;
    let answer = api.get("/api/v1/analytics/summary?date=2024-03-30").await;
    answer.json();
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"date":"2024-03-30","total_jobs":1,"avg_duration_seconds":78.01,"#,
            r#""avg_success_rate":50.0,"jobs":[{"job_id":101,"user":"ada","#,
            r#""duration_seconds":78.01,"task_count":2,"success_rate":50.0,"#,
            r#""job_result":"JobSucceeded","app_id":"","attempt_id":"","app_name":null,"#,
            r#""name":null,"description":null,"failure_message":null}],"next":null,"#,
            r#""failed_jobs":0,"unknown_jobs":0,"#,
            r#""job_duration_seconds":{"p50":78.12,"p95":78.12,"p99":78.12,"max":78.12},"#,
            r#""tasks":{"task_count":2,"failed_tasks":1,"killed_tasks":0,"#,
            r#""task_time_seconds":4.1,"lost_time_seconds":0.1,"run_time_seconds":0.0,"#,
            r#""cpu_time_seconds":0.0,"gc_time_seconds":0.0,"input_bytes":0,"output_bytes":0,"#,
            r#""shuffle_read_bytes":0,"shuffle_write_bytes":0,"memory_spilled_bytes":0,"#,
            r#""disk_spilled_bytes":0,"#,
            r#""task_duration_ms":{"p50":100,"p95":4016,"p99":4016,"max":4016},"#,
            r#""skew":40.16,"gc_share":null},"#,
            r#""jobs_with_tasks":1,"impossible_durations":0}"#
        )
    );
}

#[tokio::test]
async fn an_empty_day_is_zeros() {
    let day = Api::new().get("/api/v1/analytics/summary?date=2024-02-29").await.json();
    assert_eq!(day["date"], "2024-02-29");
    for field in ["total_jobs", "failed_jobs", "unknown_jobs"] {
        assert_eq!(day[field], 0, "{field}");
    }
    for field in ["avg_duration_seconds", "avg_success_rate"] {
        assert_eq!(day[field], 0.0, "{field}");
    }
    assert_eq!(day["jobs"], serde_json::json!([]));
    assert!(day["next"].is_null());
}

#[tokio::test]
async fn a_job_belongs_to_the_day_on_which_it_ended() {
    let api = Api::new();
    let end = END.replace("03-30T10:14:03.005Z", "03-31T00:00:00Z");
    api.lines([START.to_owned(), end].join("\n")).await.json();
    let jobs = async |query: &str| {
        api.get(&format!("/api/v1/analytics/summary?{query}")).await.json()["total_jobs"].clone()
    };
    assert_eq!(jobs("date=2024-03-30").await, 0);
    assert_eq!(jobs("date=2024-03-31").await, 1);
    assert_eq!(jobs("from=2024-03-01&to=2024-03-30").await, 0);
    assert_eq!(jobs("from=2024-03-31&to=2034-03-31").await, 1);
}

#[tokio::test]
async fn a_summary_can_be_of_a_range_and_of_a_user() {
    let api = Api::with_a_job().await;
    let other = |event: &str| event.replace("ada", "bob").replace("101", "102");
    api.lines([other(START), other(END).replace("JobSucceeded", "JobFailed")].join("\n")).await;
    let ask =
        async |query: &str| api.get(&format!("/api/v1/analytics/summary?{query}")).await.json();
    let all = ask("from=2024-03-01&to=2024-03-31").await;
    assert_eq!((all["total_jobs"].as_i64(), all["failed_jobs"].as_i64()), (Some(2), Some(1)));
    assert_eq!(
        (all["from"].as_str(), all["to"].as_str()),
        (Some("2024-03-01"), Some("2024-03-31"))
    );
    assert!(all.get("date").is_none() && all.get("user").is_none());
    let (since, until) = (ask("from=2024-03-01").await, ask("to=2024-03-31").await);
    assert_eq!((&since["jobs"], &until["jobs"]), (&all["jobs"], &all["jobs"]));
    assert_eq!((&since["from"], &since["to"]), (&json!("2024-03-01"), &json!("2034-03-01")));
    assert_eq!((&until["from"], &until["to"]), (&json!("2014-04-01"), &json!("2024-03-31")));
    let bobs = ask("from=2024-03-01&to=2024-03-31&user=bob").await;
    assert_eq!((bobs["total_jobs"].as_i64(), bobs["user"].as_str()), (Some(1), Some("bob")));
    assert_eq!(bobs["jobs"][0]["job_id"], 102);
    assert_eq!(ask("date=2024-03-30&user=ada").await["jobs"][0]["job_id"], 101);
}

#[tokio::test]
async fn jobs_are_listed_by_user_application_result_and_day() {
    let api = Api::with_a_job().await;
    let other = |event: &str| {
        let event = event.replace("ada", "bob").replace("101", "102").replace("03-30", "03-31");
        event.replace(r#""job_id""#, r#""app_id":"app-1","job_id""#)
    };
    api.lines([other(START), other(END).replace("JobSucceeded", "Killed")].join("\n")).await;
    let ids = async |query: &str| {
        let page = api.get(&format!("/api/v1/analytics/jobs?{query}")).await.json();
        let jobs = page["jobs"].as_array().unwrap().iter();
        jobs.map(|job| job["job_id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [101, 102]);
    assert_eq!(ids("user=bob").await, [102]);
    assert_eq!(ids("app=app-1").await, [102]);
    assert_eq!(ids("app=").await, [101]);
    for word in ["JobSucceeded", "succeeded", "SUCCEEDED"] {
        assert_eq!(ids(&format!("result={word}")).await, [101]);
    }
    assert_eq!(ids("result=failed").await, [0; 0]);
    assert_eq!(ids("result=unknown").await, [102]);
    let detail = api.get("/api/v1/analytics/jobs?result=Killed").await.problem(400);
    assert!(detail.starts_with("`result`: `Killed` is not a result: use failed, succeeded"));
    assert_eq!(ids("from=2024-03-31&to=yesterday").await, [102]);
    assert_eq!(ids("from=7d").await, [0; 0]);
    assert_eq!(ids("from=2024-03-31").await, [102]);
    assert_eq!(ids("to=2024-03-30").await, [101]);
    assert_eq!(ids("user=bob&to=2024-03-30").await, [0; 0]);
}
