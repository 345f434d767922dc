//! Texts that others wrote do nothing to the terminal, or to the spreadsheet, that shows them.

use serde_json::{Value, json};

use crate::cli_support::Folder;

/// Control characters of both kinds, a change of direction, line separators, an invisible one.
const HARM: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2028}\u{200b}\u{7f}\u{2066}";
/// What a spreadsheet would run.
const FORMULA: &str = "=HYPERLINK(\"http://x.example\")";

fn has_harm(text: &str) -> bool {
    text.chars().any(|c| c != '\n' && (c.is_control() || HARM.contains(c) && !c.is_ascii()))
}

/// A folder with a store in which each text is harmful.
fn folder() -> Folder {
    let folder = Folder::new();
    let text = |what: &str| format!("{FORMULA}{what}{HARM}");
    let lines = [
        json!({"Event": "SparkListenerLogStart", "Spark Version": text("version")}),
        json!({"Event": "SparkListenerApplicationStart", "App Name": text("name"), "App ID": "app-1",
               "Timestamp": 1_700_000_000_000_i64, "User": text("user")}),
        json!({"Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": 1_700_000_001_000_i64,
               "Stage Infos": [{"Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": text("stage"),
                                "Number of Tasks": 1, "RDD Info": [], "Parent IDs": [], "Details": ""}],
               "Stage IDs": [0],
               "Properties": {"spark.job.description": text("job"), "spark.jobGroup.id": text("group")}}),
        json!({"Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": 1_700_000_002_000_i64,
               "Job Result": {"Result": "JobFailed", "Exception": {"Message": text("reason"), "Stack Trace": []}}}),
    ];
    let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
    folder.write(&format!("logs/app-1{HARM}"), log + "{\"Event\":\"SparkListenerJobEnd\", torn\n");
    folder.write(&format!("logs/notes{HARM}.txt"), "no log\n");
    let event = json!({"event": "SparkListenerJobStart", "job_id": 7, "user": text("user"),
                       "timestamp": "2024-04-01T10:00:00Z", "x": [text("x")]});
    folder.write("events.ndjson", format!("{event}\n{}\n", json!({"job_id": text("bad")})));
    folder
}

#[test]
fn nothing_harmful_reaches_the_terminal() {
    let folder = folder();
    let mut shown = 0;
    let commands: &[&[&str]] = &[
        &["import", "logs", "--verbose"],
        &["inspect", "logs"],
        &["ingest", "events.ndjson"],
        &["jobs"],
        &["job", "0", "--app", "app-1"],
        &["failures"],
        &["apps"],
        &["stages", "--app", "app-1"],
        &["events", "7"],
        &["rejected"],
        &["summary"],
        &["job", HARM],
        &["import", &format!("missing{HARM}")],
    ];
    for command in commands {
        for format in ["table", "json", "csv"] {
            for wide in [&[][..], &["--wide"]] {
                let ended = folder.run(&[*command, &["--format", format], wide].concat());
                for output in [&ended.stdout, &ended.stderr] {
                    assert!(!has_harm(output), "{command:?} {format}: {output:?}");
                    shown += usize::from(output.contains("HYPERLINK"));
                }
            }
        }
    }
    assert!(shown > 40, "{shown}");
}

#[test]
fn json_has_the_very_texts_and_csv_on_demand() {
    let folder = folder();
    folder.ok(&["import", "logs", "--quiet"]);
    folder.ok(&["ingest", "events.ndjson"]);
    let reason = format!("{FORMULA}reason{HARM}");
    let Value::Array(jobs) = folder.json(&["failures"]) else { panic!("it is a list") };
    assert_eq!(jobs[0]["failure_message"], reason.as_str());
    let events = folder.json(&["events", "7"]);
    assert_eq!(events[0]["event"]["x"][0], format!("{FORMULA}x{HARM}").as_str());
    let cell = |flags: &[&str]| {
        let csv = folder.ok(&[&["failures", "--format", "csv"], flags].concat());
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let column = reader.headers().unwrap().iter().position(|name| name == "failure_message");
        reader.records().next().unwrap().unwrap()[column.unwrap()].to_owned()
    };
    assert_eq!(cell(&["--raw-csv"]), reason);
    let escaped = r"\u001b]0;x\u0007\u009b31m\u202e\u2028\u200b\u007f\u2066";
    assert_eq!(cell(&[]), format!("'{FORMULA}reason{escaped}"));
}
