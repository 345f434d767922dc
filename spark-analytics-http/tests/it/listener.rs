//! What Spark's listener makes of some events, as History Servers 4.1 and 4.3 answer it; and impossible times.

use std::path::Path;

use serde_json::{Value, json};
use spark_analytics_core::log::{Application, LogSnapshot, fact};
use spark_analytics_eventlog::read_log;

use crate::Api;

impl Api {
    /// Over a store that holds a small log.
    async fn of_log(name: &str) -> Self {
        let logs =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../spark-analytics-eventlog/tests/faults");
        let api = Self::new();
        api.import(read_log(logs.join(name)).unwrap().snapshot).await;
        api
    }

    async fn history(&self, path: &str) -> Value {
        self.get(&format!("/api/v1/applications/{path}")).await.json()
    }
}

#[tokio::test]
async fn the_driver_s_peaks_and_garbage_collection_are_those_of_its_heartbeats() {
    let api = Api::of_log("driver-peak-memory/app-driver-peak").await;
    for list in ["executors", "allexecutors"] {
        let driver = api.history(&format!("app-driver-peak/{list}")).await[0].clone();
        assert_eq!(driver["totalGCTime"], 1118);
        assert_eq!(driver["peakMemoryMetrics"]["JVMHeapMemory"], 113_328_128);
    }
}

#[tokio::test]
async fn a_stage_with_details_has_a_summary_of_its_speculative_tasks() {
    let api = Api::of_log("speculation-summary/app-spec").await;
    let expected = json!({
        "numTasks": 1, "numActiveTasks": 0, "numCompletedTasks": 0, "numFailedTasks": 0,
        "numKilledTasks": 1,
    });
    let one = api.history("app-spec/stages/0/0").await;
    assert_eq!(one["speculationSummary"], expected);
    assert_eq!(api.history("app-spec/stages/0").await[0]["speculationSummary"], expected);
    let listed = api.history("app-spec/stages?details=true").await;
    assert_eq!(listed[0]["speculationSummary"], expected);
    for without in ["stages", "stages/0?details=false"] {
        let listed = api.history(&format!("app-spec/{without}")).await;
        assert!(listed[0].get("speculationSummary").is_none(), "{without}");
    }
    let one = api.history("app-spec/stages/0/0?details=false").await;
    assert!(one.get("speculationSummary").is_none());
    let path = "/api/v1/analytics/applications/app-spec/stages";
    let stage = api.get(path).await.json()["stages"][0].clone();
    assert_eq!((&stage["num_tasks"], &stage["tasks"]["task_count"]), (&json!(1), &json!(1)));
    assert_eq!(stage["tasks"]["task_duration_ms"]["max"], 580, "and not the middle of its bucket");
    let job = api.get("/api/v1/analytics/jobs/0?app=app-spec").await.json();
    assert_eq!((&job["num_tasks"], &job["task_duration_ms"]["max"]), (&json!(1), &json!(580)));
    let application = api.get("/api/v1/analytics/applications/app-spec").await.json();
    assert_eq!(application["tasks"]["task_duration_ms"]["max"], 580);
}

#[tokio::test]
async fn processes_are_listed_and_unknown_ones_are_not_an_empty_list() {
    let api = Api::of_log("misc-process/app-misc").await;
    assert_eq!(
        api.history("app-misc/allmiscellaneousprocess").await,
        json!([{
            "id": "yarn-am", "hostPort": "h1:8042", "isActive": true, "totalCores": 1,
            "addTime": "2023-11-14T22:13:20.200GMT",
            "processLogs": {"stdout": "http://h1/stdout", "stderr": "http://h1/stderr"},
        }])
    );
    let old = fact!(Application { app_id: "old".to_owned() });
    api.import(fact!(LogSnapshot { application: old })).await;
    let text = api.refused("/old/allmiscellaneousprocess", 404).await;
    assert!(text.starts_with("the processes of this application are unknown"));
}

#[tokio::test]
async fn databricks_applications_have_a_version_of_spark() {
    let api = Api::of_log("databricks-spark-version/eventlog").await;
    let application = api.history("app-dbver").await;
    assert_eq!(application["attempts"][0]["appSparkVersion"], "3.4.1");
}

#[tokio::test]
async fn maps_are_in_the_order_of_their_names() {
    let api = Api::of_log("order-of-maps/app-order").await;
    let answer = api.get("/api/v1/applications/app-order/executors").await;
    let logs = r#""executorLogs":{"stderr":"http://h1/err","stdout":"http://h1/out"}"#;
    assert!(answer.text().contains(logs), "{}", answer.text());
}

#[tokio::test]
async fn a_duration_below_0_is_counted_and_enters_no_average() {
    let api = Api::of_log("negative-duration/app-skew").await;
    let job = api.get("/api/v1/analytics/jobs/1?app=app-skew").await.json();
    assert_eq!(job["duration_seconds"], -3600.0, "signed");
    let of = async |days: &str| api.get(&format!("/api/v1/analytics/summary?{days}")).await.json();
    let day = of("date=2023-11-14").await;
    assert_eq!((&day["total_jobs"], &day["impossible_durations"]), (&json!(2), &json!(1)));
    assert_eq!(day["avg_duration_seconds"], 0.2);
    let quantiles = &day["job_duration_seconds"];
    assert_eq!(quantiles["p50"], quantiles["max"]);
    // Of a day all jobs count, of a range those with tasks.
    assert_eq!((&day["jobs_with_tasks"], &day["avg_success_rate"]), (&json!(1), &json!(50.0)));
    let range = of("from=2023-11-14&to=2023-11-14").await;
    assert_eq!((&range["jobs_with_tasks"], &range["avg_success_rate"]), (&json!(1), &json!(100.0)));
    assert_eq!(
        (&range["avg_duration_seconds"], &range["impossible_durations"]),
        (&json!(0.2), &json!(1))
    );
}
