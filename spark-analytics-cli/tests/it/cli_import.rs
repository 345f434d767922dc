//! What `import` says of logs: which are new, replaced, skipped or archives.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;

use crate::cli_support::{Folder, event_logs};
use serde_json::{Value, json};

const SPEC: &str = "app-20261123203120-0000";

/// A log of an ended application with so many jobs, of which the first has failed, on as many days.
fn log(app: &str, user: &str, start: i64, jobs: i64) -> String {
    let mut lines = vec![
        json!({"Event": "SparkListenerLogStart", "Spark Version": "3.5.1"}),
        json!({
            "Event": "SparkListenerApplicationStart", "App Name": "etl", "App ID": app,
            "Timestamp": start, "User": user,
        }),
    ];
    for job in 0..jobs {
        let time = start + 1_000 + job * 86_400_000;
        lines.push(json!({
            "Event": "SparkListenerJobStart", "Job ID": job, "Submission Time": time, "Stage Infos": [],
        }));
        let result = if job == 0 { "JobFailed" } else { "JobSucceeded" };
        lines.push(json!({
            "Event": "SparkListenerJobEnd", "Job ID": job, "Completion Time": time + 500,
            "Job Result": {"Result": result},
        }));
    }
    lines.push(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": start + 9_000}));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

const T0: i64 = 1_700_000_000_000;

fn outcomes(report: &Value) -> Vec<&str> {
    let logs = report["logs"].as_array().unwrap();
    logs.iter().map(|log| log["outcome"].as_str().unwrap()).collect()
}

#[test]
fn a_run_that_another_replaces_is_reported_at_each_import() {
    let folder = Folder::new();
    folder.write("logs/run1/app-1", log("app-1", "ann", T0, 3));
    folder.write("logs/run2/app-1", log("app-1", "bob", T0 + 500, 1));
    let by = "replaced by another run of this id, started 2023-11-14T22:13:20.500Z, and its 3 jobs are in no figure";
    for _ in 0..2 {
        let report = folder.json(&["import", "logs"]);
        assert_eq!(outcomes(&report)[0], "replaced", "{report}");
        assert_eq!(report["logs"][0]["other_run"], by);
        assert_eq!(
            (&report["summary"]["replaced"], &report["summary"]["jobs"]),
            (&json!(1), &json!(1))
        );
    }
    let ended = folder.run(&["import", "logs"]);
    assert_eq!(ended.stderr.trim(), format!("warning: logs/run1/app-1, app-1: {by}"));
    assert_eq!(
        ended.stdout.lines().last(),
        Some("2 logs: 1 unchanged, 1 replaced by another run; 1 job, 1 failed; 1 day")
    );
    // The run that replaced it is reported, too, when it does so.
    let other = folder.run(&["--store", "sqlite:b.db", "import", "logs"]);
    let removed = "warning: logs/run2/app-1, app-1: replaces another run of this id, started 2023-11-14T22:13:20Z, \
                   whose 3 jobs left the figures";
    assert_eq!(other.stderr.trim(), removed);
}

#[test]
fn runs_of_two_users_that_start_at_the_same_time_are_not_mixed() {
    let folder = Folder::new();
    folder.write("a", log("app-1", "ann", T0, 3));
    folder.write("b", log("app-1", "bob", T0, 1));
    let report = folder.json(&["import", "a", "b"]);
    assert_eq!(outcomes(&report), ["replaced", "new"]);
    let jobs = report["jobs"].as_array().unwrap();
    assert!(jobs.len() == 1 && jobs[0]["user"] == "bob", "{jobs:?}");
}

#[test]
fn an_unchanged_log_is_not_read_again_unless_it_is_forced() {
    let folder = Folder::new();
    let path = folder.path("logs/app-1");
    folder.write("logs/app-1", log("app-1", "ann", T0, 2));
    folder.ok(&["import", "logs"]);
    // As long and as old as before, it is known under each of its names.
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    folder.write("logs/app-1", "x".repeat(std::fs::metadata(&path).unwrap().len() as usize));
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    for name in ["logs", "logs/app-1", "logs/../logs", "./logs"] {
        let report = folder.json(&["import", name]);
        assert_eq!(outcomes(&report), ["unchanged"], "{name}");
        assert_eq!(report["jobs"].as_array().unwrap().len(), 2);
        assert!(report["logs"][0]["jobs"].is_null());
    }
    let forced = folder.run(&["import", "logs/app-1", "--force"]);
    assert_eq!(forced.code, Some(1));
    assert!(
        forced
            .error()
            .starts_with("error: nothing was imported: logs/app-1 is not a Spark event log")
    );
}

#[test]
fn a_path_without_event_logs_is_reported() {
    let folder = Folder::new();
    folder.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    std::fs::create_dir(folder.path("empty")).unwrap();
    let file = folder.run(&["import", "etc/passwd"]);
    assert_eq!((file.code, file.stdout.as_str()), (Some(1), ""));
    assert!(
        file.error()
            .starts_with("error: nothing was imported: etc/passwd is not a Spark event log")
    );
    let other = folder.run(&["import", "etc"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        other.stderr,
        "skipped: 1 file that is not an event log (--verbose names it)\n\
         nothing was imported: there is no event log in etc\n"
    );
    let empty = folder.run(&["import", "empty"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""));
    assert_eq!(empty.stderr, "nothing was imported: there is no event log in empty\n");
    let missing = folder.run(&["import", "nope"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), ""));
    let good = event_logs().join(SPEC);
    assert_eq!(folder.run(&["import", "etc/passwd", good.to_str().unwrap()]).code, Some(0));
}

#[test]
fn of_many_logs_the_failed_jobs_the_days_and_a_summary_are_printed() {
    let folder = Folder::new();
    for app in 0..30 {
        folder.write(&format!("logs/app-{app:02}"), log(&format!("app-{app:02}"), "ann", T0, 3));
    }
    for file in 0..70 {
        folder.write(&format!("logs/notes-{file}.txt"), "to do\n");
    }
    let ended = folder.run(&["import", "logs"]);
    assert_eq!(ended.stderr, "skipped: 70 files that are not event logs (--verbose lists them)\n");
    let parts: Vec<Vec<&str>> =
        ended.stdout.split("\n\n").map(|part| part.lines().collect()).collect();
    let [jobs, days, summary] = &parts[..] else { panic!("{}", ended.stdout) };
    assert_eq!((jobs.len(), days.len()), (1 + 30, 1 + 3));
    assert_eq!(summary, &["30 logs: 30 new; 90 jobs, 30 failed; 3 days"]);

    let verbose = folder.run(&["import", "logs", "--verbose"]);
    assert_eq!(verbose.stderr.lines().count(), 70);
    let last = verbose.stdout.lines().last().unwrap();
    assert_eq!(last, "30 logs: 30 unchanged; 90 jobs, 30 failed; 3 days");
    assert!(verbose.stdout.contains("… 40 more; `spark-analytics jobs` lists them"));
    let quiet = folder.run(&["import", "logs", "--quiet"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (Some(0), "", ""));
    assert_eq!(folder.run(&["import", "logs", "--quiet", "--verbose"]).code, Some(2));
}

#[test]
fn failed_jobs_are_listed_first() {
    let folder = Folder::new();
    folder.write("log", log("app-1", "ann", T0, 3) + &log("app-2", "bob", T0, 3));
    let ended = folder.run(&["import", "log"]);
    let jobs: Vec<&str> = ended.stdout.split("\n\n").nth(1).unwrap().lines().collect();
    assert!(jobs.len() == 1 + 3 && jobs[1].contains(" JobFailed "), "{jobs:?}");
    // The second application in the file is named with the first, and counts for nothing.
    let warning = "warning: log, line 11: SparkListenerApplicationStart of another application, app-2 of user bob, \
                   started 2023-11-14T22:13:20Z: events from here on are left out, because this log is that of \
                   app-1 of user ann";
    assert!(ended.stderr.starts_with(warning), "{}", ended.stderr);
}

#[test]
fn an_archive_is_named_without_asking() {
    let folder = Folder::new();
    folder.write("logs/logs.zip", b"PK\x03\x04\x14\0\0\0\0\0");
    folder.write("logs/app-1", log("app-1", "ann", T0, 1));
    let ended = folder.run(&["import", "logs"]);
    assert_eq!(ended.code, Some(0));
    let name = Path::new("logs").join("logs.zip");
    let line = format!(
        "skipped: {} is a zip archive, which cannot be read: unpack it, and read the logs in it\n",
        name.display()
    );
    assert_eq!(ended.stderr, line);
}
