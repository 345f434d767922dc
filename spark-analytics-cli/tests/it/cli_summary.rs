//! Summaries of impossible times and of jobs without tasks; exact maxima.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use crate::cli_support::{Folder, event_logs};
use serde_json::{Value, json};

fn job(id: u32, start: &str, end: &str) -> String {
    format!(
        "{{\"event\":\"SparkListenerJobStart\",\"job_id\":{id},\"timestamp\":\"{start}\",\"user\":\"ada\"}}\n\
         {{\"event\":\"SparkListenerJobEnd\",\"job_id\":{id},\"timestamp\":\"{end}\",\"user\":\"ada\",\
         \"completion_time\":\"{end}\",\"job_result\":\"JobSucceeded\"}}\n"
    )
}

const TASK: &str = "{\"event\":\"SparkListenerTaskEnd\",\"job_id\":1,\"timestamp\":\"2024-03-30T10:00:10Z\",\
                    \"user\":\"ada\",\"task_id\":\"t\",\"duration_ms\":7,\"successful\":true}\n";

fn lines(output: &str) -> Vec<Vec<&str>> {
    output.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn impossible_durations_have_a_column_and_enter_no_average() {
    let folder = Folder::new();
    let whole = job(1, "2024-03-30T10:00:00Z", "2024-03-30T10:00:20Z");
    folder.write("whole.ndjson", whole + TASK);
    folder.ok(&["ingest", "whole.ndjson"]);
    let range = ["summary", "--from", "2024-03-30", "--to", "2024-03-31"];
    assert!(!folder.ok(&range).contains("IMPOSSIBLE"));
    folder.write("backwards.ndjson", job(2, "2024-03-30T11:00:00Z", "2024-03-30T10:00:00Z"));
    folder.ok(&["ingest", "backwards.ndjson"]);
    let output = folder.ok(&range);
    let lines = lines(&output);
    assert!(
        output.contains("AVG DURATION SECONDS  IMPOSSIBLE DURATIONS  MEAN TASK SUCCESS %"),
        "{output}"
    );
    assert_eq!(lines[1], ["2024-03-30", "2", "0", "20.00", "1", "100.00", "1", "0", "0"]);
    assert_eq!(lines[2][1..], lines[1][1..]);
    let day = folder.json(&["summary", "--date", "2024-03-30"]);
    let figures =
        ["avg_duration_seconds", "avg_success_rate", "jobs_with_tasks", "impossible_durations"];
    assert_eq!(
        figures.map(|name| day[name].clone()),
        [json!(20.0), json!(100.0), json!(1), json!(1)]
    );
    assert_eq!(folder.json(&["job", "2"])["duration_seconds"], -3600.0);
    let csv = folder.ok(&["summary", "--date", "2024-03-30", "--format", "csv"]);
    assert!(
        csv.lines().next().unwrap().ends_with(",jobs_with_tasks,impossible_durations"),
        "{csv}"
    );
}

#[test]
fn the_longest_task_of_a_log_is_exact_and_spark_s_tasks_stand_beside_attempts() {
    let folder = Folder::new();
    let logs = event_logs();
    folder.ok(&["import", logs.to_str().unwrap()]);
    let app = ["--app", "local-1795465776192"];
    let job = folder.json(&[&["job", "18"], &app[..]].concat());
    assert_eq!((&job["task_count"], &job["num_tasks"]), (&json!(13), &json!(5)));
    let stages = folder.json(&[&["stages"], &app[..]].concat());
    let longest = |stage: &Value| stage["tasks"]["task_duration_ms"]["max"].as_i64();
    let of_stages = stages.as_array().unwrap().iter().filter_map(longest).max();
    let inspected = folder.ok(&["inspect", logs.to_str().unwrap(), "--format", "csv"]);
    let heads = inspected.lines().next().unwrap();
    let at = heads.split(',').position(|head| head == "longestTaskMs").unwrap();
    let of_jobs = inspected.lines().filter(|line| line.starts_with(app[1]));
    let of_jobs = of_jobs.filter_map(|line| line.split(',').nth(at)?.parse::<i64>().ok()).max();
    assert_eq!((of_stages, of_jobs), (Some(3_231), Some(3_231)));
}
