//! A secret in any text of an event log shows nowhere: not in a file of a store, an answer of the server, or an output.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli_support::Folder;
use crate::program::{agent, get, server};

const MARK: &str = "kx7Vq2mZ9tLw4Rb8";

/// A log with the mark in each text of each event, except ids and users, which are not judged.
fn log() -> String {
    let text = format!(
        "jdbc:x://h/d?user=u&password={MARK} apikey={MARK} DB_PASS={MARK} --passphrase {MARK} keyStorePwd={MARK} s3://u:{MARK}@b"
    );
    let text = text.as_str();
    let of = |names: &[&str]| -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), MARK.to_owned())).collect()
    };
    let properties = of(&[
        "a.apikey",
        "account.key",
        "passphrase",
        "keyStorePwd",
        "DB_PASS",
        "my.token",
        "password",
    ]);
    let mut more = properties.clone();
    more.extend([("spark.a".to_owned(), text.to_owned()), (text.to_owned(), "b".to_owned())]);
    let sql = |class: &str| format!("org.apache.spark.sql.execution.ui.SparkListenerSQL{class}");
    let stage = json!({
        "Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": text, "Number of Tasks": 1, "RDD Info": [], "Parent IDs": [],
        "Details": text, "Submission Time": 3_000,
    });
    let mut failed = stage.clone();
    failed["Failure Reason"] = text.into();
    failed["Completion Time"] = 8_000.into();
    let of_job = json!({
        "spark.job.description": text, "spark.jobGroup.id": text, "spark.job.tags": text, "spark.scheduler.pool": text,
        "spark.sql.execution.id": "0",
    });
    let events = [
        json!({"Event": "SparkListenerLogStart", "Spark Version": text}),
        json!({"Event": "SparkListenerResourceProfileAdded", "Resource Profile Id": 0,
               "Executor Resource Requests": {text: {"Amount": 1, "Discovery Script": text, "Vendor": text}},
               "Task Resource Requests": {text: {"Amount": 1.0}}}),
        json!({"Event": "SparkListenerBlockManagerAdded", "Maximum Memory": 9, "Timestamp": 1_000,
               "Block Manager ID": {"Executor ID": "driver", "Host": text, "Port": 1}}),
        json!({"Event": "SparkListenerEnvironmentUpdate",
               "JVM Information": {"Java Home": text, "Java Version": text, "Scala Version": text},
               "Spark Properties": more, "Hadoop Properties": more, "System Properties": more, "Metrics Properties": more,
               "Classpath Entries": {text: text}}),
        json!({"Event": "SparkListenerApplicationStart", "App Name": text, "App ID": "local-1", "Timestamp": 1_000,
               "User": "ada", "Driver Logs": {text: text}, "Driver Attributes": properties}),
        json!({"Event": "SparkListenerExecutorAdded", "Timestamp": 1_500, "Executor ID": "1",
               "Executor Info": {"Host": text, "Total Cores": 4, "Log Urls": more, "Attributes": more,
                                 "Resources": {text: {"name": text, "addresses": [text]}}}}),
        json!({"Event": "org.apache.spark.scheduler.SparkListenerMiscellaneousProcessAdded", "time": 1_600,
               "processId": "am", "info": {"hostPort": text, "cores": 1, "logUrlInfo": more}}),
        json!({"Event": sql("ExecutionStart"), "executionId": 0, "description": text, "details": text,
               "physicalPlanDescription": text, "time": 1_900}),
        json!({"Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": 2_000, "Stage Infos": [stage],
               "Stage IDs": [0], "Properties": of_job}),
        json!({"Event": "SparkListenerStageSubmitted", "Stage Info": stage, "Properties": of_job}),
        json!({"Event": sql("AdaptiveExecutionUpdate"), "executionId": 0, "physicalPlanDescription": text}),
        json!({"Event": "SparkListenerStageCompleted", "Stage Info": failed}),
        json!({"Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": 9_000,
               "Job Result": {"Result": "JobFailed", "Exception": {"Message": text, "Stack Trace": []}}}),
        json!({"Event": sql("ExecutionEnd"), "executionId": 0, "time": 9_100, "errorMessage": text}),
        json!({"Event": "SparkListenerExecutorRemoved", "Timestamp": 9_300, "Executor ID": "1", "Removed Reason": text}),
        // Warnings quote what they are about.
        json!({"Event": "SparkListenerJobEnd", "Job ID": text, "Job Result": {}}),
        json!({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": text}),
    ];
    events.iter().map(|event| format!("{event}\n")).collect()
}

#[track_caller]
fn assert_unmarked(what: &str, said: &str) {
    if let Some(at) = said.find(MARK) {
        let start = said.floor_char_boundary(at.saturating_sub(200));
        panic!("{what}: {}", &said[start..at + MARK.len()]);
    }
}

#[test]
fn a_secret_of_a_log_shows_in_no_file_no_answer_and_no_output() {
    let folder = Folder::new();
    folder.write("logs/local-1", log());
    for store in ["sqlite:a.db", "redb:a.redb"] {
        let commands: &[&[&str]] = &[
            &["import", "logs", "--verbose"],
            &["inspect", "logs"],
            &["jobs"],
            &["job", "0", "--app", "local-1"],
            &["failures"],
            &["apps"],
            &["stages", "--app", "local-1"],
            &["summary"],
            &["rejected"],
        ];
        for command in commands {
            for format in ["table", "json", "csv"] {
                let ended =
                    folder.run(&[*command, &["--store", store, "--format", format]].concat());
                assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.stderr);
                assert_unmarked(&format!("{command:?} {format}"), &(ended.stdout + &ended.stderr));
            }
        }
        let path = folder.path(store.split_once(':').unwrap().1);
        let held = std::fs::read(&path).unwrap();
        assert!(held.windows(5).any(|five| five == b"local"), "{store}");
        assert_unmarked(store, &String::from_utf8_lossy(&held));
    }
    let home = folder.path("");
    let (program, url) = server(&home, &["--import", "logs"], &[]);
    let ask = |path: &str| {
        get(&agent(), &format!("{url}{path}"), "").body_mut().read_to_string().unwrap()
    };
    while !ask("/api/v1/analytics/applications").contains("local-1") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let document: Value = serde_json::from_str(&ask("/api/v1/openapi.json")).unwrap();
    let (mut asked, mut hidden) = (0, 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        if methods.get("get").is_none() {
            continue;
        }
        let mut path = path.replace("{app_id}", "local-1");
        while let Some((before, after)) = path.split_once('{') {
            let (_, after) = after.split_once('}').unwrap();
            path = format!("{before}0{after}");
        }
        for query in ["", "?app_id=local-1", "?details=true&planDescription=true&job_id=0"] {
            let answer = ask(&format!("{path}{query}"));
            assert_unmarked(&path, &answer);
            asked += 1;
            hidden += usize::from(answer.contains("(redacted)"));
        }
    }
    assert!(asked > 60 && hidden > 20, "{asked} {hidden}");
    assert_unmarked("the server's output", &program.stop());
}
