//! The reader's facts about real logs agree with the answers of Spark's History Server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use spark_analytics_core::history;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{FoundLog, LogError, find_logs, read_found};

/// The cases in a folder, with their logs.
fn cases(folder: &Path) -> Vec<(String, FoundLog)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut cases = Vec::new();
    for case in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let found = find_logs(case.join("log"));
        assert_eq!((found.skipped, found.failed), (vec![], vec![]));
        cases.extend(found.logs.into_iter().map(|log| (name.clone(), log)));
    }
    cases.sort_by(|a, b| (&a.0, &a.1.name).cmp(&(&b.0, &b.1.name)));
    cases
}

fn own_cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// A larger collection with the same layout beside the workspace, if it exists.
fn shared_cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eventlogs")
}

fn expected(case: &str, folder: &Path, what: &str) -> Option<Value> {
    let text = fs::read_to_string(folder.join(case).join("shs").join(what)).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// Lists each field that differs, by its path.
fn differences(path: &str, want: &Value, got: &Value, out: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let mut keys: Vec<&String> = want.keys().chain(got.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let (want, got) = (want.get(key), got.get(key));
                let missing = Value::String("(absent)".to_owned());
                let (want, got) = (want.unwrap_or(&missing), got.unwrap_or(&missing));
                differences(&format!("{path}.{key}"), want, got, out);
            }
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (at, (want, got)) in want.iter().zip(got).enumerate() {
                let id = ["jobId", "stageId", "id"].iter().find_map(|key| want.get(key));
                let at = id.map_or_else(|| at.to_string(), Value::to_string);
                differences(&format!("{path}[{at}]"), want, got, out);
            }
        }
        _ if want != got => out.push(format!("{path}: Spark {want}, here {got}")),
        _ => {}
    }
}

fn compare(case: &str, folder: &Path, snapshot: &LogSnapshot) -> Vec<String> {
    let is_running = !snapshot.application.ended;
    let mut out = Vec::new();
    let answers = [
        ("application", history::application_json(snapshot)),
        ("jobs", history::jobs_json(snapshot)),
        ("stages", history::stages_json(snapshot)),
        ("executors", history::executors_json(snapshot)),
    ];
    for (what, mut got) in answers {
        if what == "jobs" {
            cut_kill_reasons(&mut got);
        }
        let Some(want) = expected(case, folder, &format!("{what}.json")) else { continue };
        differences(&format!("{case}: {what}"), &want, &got, &mut out);
    }
    // The first is the time of the file's last change; the other grows with the clock.
    let is_clock = |line: &String| {
        line.contains(".lastUpdated") || is_running && line.contains("[\"driver\"].totalDuration")
    };
    let is_not_kept =
        |line: &String| NOT_KEPT.iter().any(|field| line.contains(&format!(".{field}: Spark ")));
    let is_left_out = |line: &String| line.ends_with("here \"(absent)\"") && is_not_kept(line);
    out.retain(|line| !(is_clock(line) || is_left_out(line)));
    out
}

/// Fields that are not stored. Answers recorded from Spark 4.3 have them; those of older versions were recorded without
/// them.
const NOT_KEPT: [&str; 6] =
    ["exitCode", "logSourceFullPath", "logSourceName", "accumulatorUpdates", "details", "rddIds"];

/// In the recorded answers, the reasons in a job's summary of killed tasks are cut to 120 characters; in a stage's
/// summary they are whole.
fn cut_kill_reasons(jobs: &mut Value) {
    for job in jobs.as_array_mut().unwrap() {
        let summary = job["killedTasksSummary"].as_object_mut().unwrap();
        let cut = |(reason, n): (String, Value)| (reason.chars().take(120).collect(), n);
        *summary = std::mem::take(summary).into_iter().map(cut).collect();
    }
}

#[test]
fn all_figures_of_the_cases_agree() {
    let mut compared = 0;
    for (case, found) in cases(&own_cases()) {
        let log = read_found(&found).unwrap();
        let differences = compare(&case, &own_cases(), &log.snapshot);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        assert_eq!(log.warnings, []);
        for answer in ["application.json", "jobs.json", "stages.json", "executors.json"] {
            assert!(expected(&case, &own_cases(), answer).is_some(), "{case} has no {answer}");
        }
        compared += 1;
    }
    assert_eq!(compared, 5);
}

#[test]
fn all_figures_of_the_shared_cases_agree() {
    let folder = shared_cases();
    let mut all = Vec::new();
    for (case, found) in cases(&folder) {
        let log = match read_found(&found) {
            Ok(log) => log,
            Err(LogError::Empty { .. }) if case == "variant-empty" => continue,
            Err(LogError::NoApplication { .. }) if case == "variant-no-appstart" => continue,
            Err(error) => panic!("{case}: {error}"),
        };
        let application = expected(&case, &folder, "application.json").unwrap();
        match case.as_str() {
            // The answers cover only one of its two logs.
            "small-2.4-plain" if application["id"] != log.snapshot.application.app_id => continue,
            // A blank line ends the log for the History Server. Another case has the same events.
            "variant-blank-line" => {
                all.extend(compare("variant-unknown-event-class", &folder, &log.snapshot));
            }
            _ => all.extend(compare(&case, &folder, &log.snapshot)),
        }
    }
    // In a variant the application's id was changed; its name is that of the other attempt.
    all.retain(|line| {
        !line.starts_with("variant-unknown-event-class: application.id")
            && !line.starts_with("variant-attempts-2: application.name")
    });
    assert!(all.is_empty(), "{} differences:\n{}", all.len(), all.join("\n"));
}

#[test]
fn the_shared_cases_of_every_codec_equal_the_plain_one() {
    let cases = cases(&shared_cases());
    let of = |name: &str| cases.iter().find(|(case, _)| case == name).map(|(_, log)| log);
    let Some(plain) = of("small-3.5-plain") else { return };
    let plain = read_found(plain).unwrap();
    for codec in ["zstd", "lz4", "snappy", "lzf"] {
        let log = read_found(of(&format!("codec-3.5-{codec}")).unwrap()).unwrap();
        assert_eq!(log.snapshot, plain.snapshot, "{codec}");
        assert_eq!((log.warnings, log.bytes, log.lines), (vec![], plain.bytes, plain.lines));
    }
}
