//! Event logs on the command line.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::cli_support::{Folder, csv_rows, event_logs};
use serde_json::{Value, json};

const FAILURES: &str = "local-1795465776192";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn importing_prints_the_jobs_and_the_day() {
    let folder = Folder::new();
    let logs = event_logs();
    let output = folder.ok(&["import", text(&logs)]);
    let parts: Vec<Vec<&str>> = output.split("\n\n").map(|part| part.lines().collect()).collect();
    let [logs, jobs, days, summary] = &parts[..] else { panic!("{output}") };
    assert!(logs[0].starts_with("LOG ") && logs[0].ends_with("WARNING COUNT"), "{output}");
    assert_eq!(logs.len(), 1 + 3);
    assert!(jobs[0].starts_with("APP ID "), "{output}");
    assert_eq!(jobs.len(), 1 + 5 + 20 + 22);
    assert!(jobs[1..6].iter().all(|line| line.contains(" JobFailed ")), "{output}");
    let job = jobs[6..].iter().find(|line| line.starts_with(FAILURES)).unwrap();
    for cell in [" dave ", " 2026-11-23T20:29:49.508Z ", " 7.75 ", " 14 ", " 71.43  JobSucceeded"] {
        assert!(job.contains(cell), "{job}");
    }
    assert_eq!(days.len(), 2);
    assert_eq!(
        days[1].split_whitespace().collect::<Vec<_>>(),
        ["2026-11-23", "47", "5", "3.40", "94.09", "252", "31", "4"]
    );
    assert_eq!(summary, &["3 logs: 3 new; 47 jobs, 5 failed; 1 day"]);
}

#[test]
fn importing_again_changes_nothing() {
    let folder = Folder::new();
    let logs = event_logs();
    let import = ["import", text(&logs)];
    let first = folder.json(&import);
    let second = folder.json(&import);
    let outcomes = |report: &Value| -> Vec<Value> {
        report["logs"].as_array().unwrap().iter().map(|log| log["outcome"].clone()).collect()
    };
    assert_eq!(outcomes(&first), ["new", "new", "new"]);
    assert_eq!(outcomes(&second), ["unchanged", "unchanged", "unchanged"]);
    assert_eq!((&first["jobs"], &first["days"]), (&second["jobs"], &second["days"]));
    assert_eq!(first["jobs"].as_array().unwrap().len(), 47);
    assert_eq!(folder.json(&["jobs"]).as_array().unwrap().len(), 47);
    assert_eq!(folder.json(&["apps"]).as_array().unwrap().len(), 3);
    let of_day = folder.json(&["summary", "--date", "2026-11-23"]);
    assert_eq!(json!([of_day]), first["days"]);
}

#[test]
fn all_stores_give_the_same_output() {
    let folder = Folder::new();
    folder.generate("sample.json", "30", "4");
    let logs = event_logs();
    let outputs = |store: &str| {
        let commands: [&[&str]; 14] = [
            &["ingest", "sample.json"],
            &["import", text(&logs)],
            &["jobs", "--format", "csv"],
            &["summary", "--from", "2024-01-01", "--to", "2026-12-31", "--format", "json"],
            &["events", "103", "--format", "json"],
            &["apps"],
            &["stages", "--app", FAILURES, "--format", "csv"],
            &["prune", "--before", "2024-04-01"],
            &["job", "3", "--app", FAILURES],
            &["prune", "--logs-before", "2026-11-24", "--compact"],
            &["forget", FAILURES],
            &["prune", "--logs-before", "2026-11-24", "--with-jobs", "--format", "csv"],
            &["jobs", "--format", "csv"],
            &["summary", "--from", "2024-01-01", "--to", "2026-12-31", "--format", "json"],
        ];
        commands.map(|command| folder.ok(&[command, &["--store", store]].concat()))
    };
    assert_eq!(outputs("sqlite:figures.db"), outputs("redb:figures.redb"));
}

#[test]
fn names_and_reasons_are_shown_wherever_a_job_is() {
    let folder = Folder::new();
    folder.ok(&["import", text(&event_logs())]);
    let inspected = folder.json(&["inspect", text(&event_logs())]);
    let applications = inspected["applications"].as_array().unwrap();
    let of_log = applications.iter().find(|log| log["application"]["id"] == FAILURES).unwrap();
    let jobs = folder.json(&["jobs", "--app", FAILURES]);
    for job in jobs.as_array().unwrap() {
        let told = of_log["jobs"].as_array().unwrap().iter();
        let told = told.clone().find(|told| told["jobId"] == job["job_id"]).unwrap();
        assert_eq!(job["name"], told["name"]);
        let field = |name: &str| told.get(name).cloned().unwrap_or_default();
        assert_eq!(job["description"], field("description"));
        assert_eq!(job["job_group"], field("jobGroup"));
        assert_eq!(job["app_name"], of_log["application"]["name"]);
        let failed = job["job_result"] == "JobFailed";
        assert_eq!(job["failure_message"].is_string(), failed, "{job}");
    }
    let failures = folder.json(&["failures", "--app", FAILURES]);
    let ids: Vec<i64> =
        failures.as_array().unwrap().iter().map(|job| job["job_id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    let cancelled = failures.as_array().unwrap().iter().find(|job| job["job_id"] == 3).unwrap();
    assert_eq!(cancelled["cancelled"], true, "{cancelled}");
    let table = folder.ok(&["failures"]);
    assert!(table.lines().next().unwrap().ends_with("REASON"), "{table}");
    assert!(table.contains("  Job 3 cancelled part of cancelled job group"), "{table}");
    let job = folder.ok(&["job", "1", "--app", FAILURES]);
    assert!(job.contains("\nREASON                Job aborted due to stage failure: "), "{job}");
    let csv = folder.ok(&["jobs", "--app", FAILURES, "--format", "csv"]);
    assert!(csv.contains("Job aborted due to stage failure: "), "{csv}");

    let stages = folder.json(&["stages", "--app", FAILURES, "--status", "failed"]);
    for stage in stages.as_array().unwrap() {
        let told = of_log["stages"].as_array().unwrap().iter();
        let told = told.clone().find(|told| {
            told["stageId"] == stage["stage_id"] && told["attemptId"] == stage["stage_attempt_id"]
        });
        assert_eq!(stage["failure_reason"], told.unwrap()["failureReason"]);
    }
    assert!(!stages.as_array().unwrap().is_empty());
}

#[test]
fn stages_of_an_imported_log_are_listed_with_their_figures() {
    let folder = Folder::new();
    folder.ok(&["import", text(&event_logs())]);
    let stages = folder.json(&["stages", "--app", FAILURES]);
    let stages = stages.as_array().unwrap();
    let inspected = folder.json(&["inspect", text(&event_logs())]);
    let applications = inspected["applications"].as_array().unwrap();
    let of_log = applications.iter().find(|log| log["application"]["id"] == FAILURES).unwrap();
    assert_eq!(stages.len(), of_log["stages"].as_array().unwrap().len());
    for expected in of_log["stages"].as_array().unwrap() {
        let is_same = |stage: &&Value| {
            stage["stage_id"] == expected["stageId"]
                && stage["stage_attempt_id"] == expected["attemptId"]
        };
        let stage = stages.iter().find(is_same).unwrap();
        assert_eq!(stage["status"], expected["status"]);
        assert_eq!(stage["tasks"]["failed_tasks"], expected["numFailedTasks"]);
        assert_eq!(stage["tasks"]["skew"].is_null(), stage["tasks"]["task_duration_ms"].is_null());
    }
    let some = |args: &[&str]| -> Vec<i64> {
        let stages = folder.json(&[&["stages", "--app", FAILURES], args].concat());
        stages.as_array().unwrap().iter().map(|s| s["stage_id"].as_i64().unwrap()).collect()
    };
    let all_of = |wanted: &dyn Fn(&&Value) -> bool| -> Vec<i64> {
        stages.iter().filter(wanted).map(|s| s["stage_id"].as_i64().unwrap()).collect()
    };
    assert_eq!(some(&["--status", "Failed"]), all_of(&|s| s["status"] == "FAILED"));
    let job = of_log["jobs"].as_array().unwrap().iter().find(|job| job["jobId"] == 3).unwrap();
    let ids = job["stageIds"].as_array().unwrap();
    assert_eq!(some(&["--job", "3"]), all_of(&|s| ids.contains(&s["stage_id"])));
    assert_eq!(folder.run(&["stages", "--app", FAILURES, "--job", "99"]).code, Some(1));
    let csv = folder.ok(&["stages", "--app", FAILURES, "--format", "csv"]);
    assert_eq!(csv_rows(&csv), stages.len());
    let header = "stage_id,stage_attempt_id,name,status,submission_time,completion_time,\
                  duration_seconds,tasks.task_count,";
    assert!(csv.starts_with(header), "{csv}");

    let apps = folder.json(&["apps"]);
    let starts: Vec<&str> =
        apps.as_array().unwrap().iter().map(|app| app["start_time"].as_str().unwrap()).collect();
    assert!(starts.is_sorted_by(|one, other| one >= other), "{starts:?}");
    let of = |args: &[&str]| folder.json(&[&["apps"], args].concat());
    assert_eq!(of(&["--limit", "1"])[0], apps[0]);
    assert_eq!(of(&["--user", "erin", "--name", "SPECULATION"]).as_array().unwrap().len(), 1);
    assert_eq!(of(&["--user", "nobody"]), json!([]));
    assert_eq!(of(&["--name", "speculation"])[0]["jobs"], 5);
    assert_eq!(of(&["--name", "speculation"])[0]["failed_jobs"], 1);
    for app in apps.as_array().unwrap() {
        let idle = app["idle_share"].as_f64().unwrap();
        assert!(app["core_time_seconds"].as_f64().unwrap() > 0.0 && (0.0..100.0).contains(&idle));
    }
    for attempt in [&["--attempt", "1"][..], &["--attempt", ""], &[]] {
        let ended = folder.run(&[&["stages", "--app", "app-9"], attempt].concat());
        assert_eq!(ended.code, Some(1));
        assert_eq!(ended.error(), "error: no event log of application app-9 was imported");
    }
}

#[test]
fn a_file_that_is_not_an_event_log_is_named_and_skipped() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("logs/eventlog_v2_app-1")).unwrap();
    std::fs::create_dir_all(folder.path("logs/deep/_temporary")).unwrap();
    folder.write("logs/.hidden", "no log");
    folder.write("logs/_SUCCESS", "");
    folder.write("logs/appstatus_app-1", "");
    folder.write("logs/deep/_temporary/part", "no log");
    folder.write("logs/deep/readme.md", "# no log\n");
    std::fs::copy(event_logs().join(FAILURES), folder.path("logs/deep").join(FAILURES)).unwrap();

    let ended = folder.run(&["import", "logs", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["logs"].as_array().unwrap().len(), 1);
    assert_eq!(report["jobs"].as_array().unwrap().len(), 22);
    let skipped = report["skipped"].as_array().unwrap();
    let paths: Vec<_> = skipped.iter().map(|skipped| skipped["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["logs/eventlog_v2_app-1", "logs/deep/readme.md"]);
    let said: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(said[0], "skipped: logs/eventlog_v2_app-1 is a rolling event log without parts");
    assert_eq!(said[1], "skipped: 1 file that is not an event log (--verbose names it)");
    assert_eq!(said.len(), 2);
}

/// A log in parts of `lines` lines, with their line ends.
fn parts(name: &str, lines: usize) -> Vec<String> {
    let log = std::fs::read_to_string(event_logs().join(name)).unwrap();
    let all: Vec<_> = log.split_inclusive('\n').collect();
    all.chunks(lines).map(<[&str]>::concat).collect()
}

#[test]
fn a_rolling_log_is_imported_as_one_log() {
    let folder = Folder::new();
    for (index, part) in (1..).zip(parts(FAILURES, 40)) {
        folder.write(&format!("logs/eventlog_v2_{FAILURES}/events_{index}_{FAILURES}"), part);
    }
    folder.write(&format!("logs/eventlog_v2_{FAILURES}/appstatus_{FAILURES}"), "");
    let spec = parts("app-20261123203120-0000", 100);
    let (last, rolled) = spec.split_last().unwrap();
    for (minute, part) in rolled.iter().enumerate() {
        folder.write(&format!("logs/databricks/1/eventlog-2026-11-23--20-0{minute}"), part);
    }
    folder.write("logs/databricks/1/eventlog", last);

    let report = folder.json(&["import", "logs"]);
    let logs = report["logs"].as_array().unwrap();
    let names: Vec<_> = logs.iter().map(|log| log["log"].as_str().unwrap()).collect();
    assert_eq!(names, ["logs/databricks/1", &format!("logs/eventlog_v2_{FAILURES}")]);
    let plain = [event_logs().join("app-20261123203120-0000"), event_logs().join(FAILURES)];
    let again = folder.json(&["import", text(&plain[0]), text(&plain[1])]);
    assert_eq!((&report["jobs"], &report["days"]), (&again["jobs"], &again["days"]));
    assert!(again["logs"].as_array().unwrap().iter().all(|log| log["outcome"] == "unchanged"));

    let rolling = format!("logs/eventlog_v2_{FAILURES}");
    let shown = folder.json(&["inspect", &rolling]);
    assert_eq!(shown, folder.json(&["inspect", text(&plain[1])]));
    std::fs::remove_file(folder.path(&format!("{rolling}/events_2_{FAILURES}"))).unwrap();
    let ended = folder.run(&["inspect", &rolling, "--format", "csv"]);
    let warning = format!("warning: {rolling}: part 2 is missing");
    assert_eq!((ended.code, ended.stderr.lines().next()), (Some(0), Some(&*warning)));
}

#[test]
fn a_missing_path_fails_after_the_others_were_imported() {
    let folder = Folder::new();
    let log = event_logs().join(FAILURES);
    let ended = folder.run(&["import", "missing", text(&log), "--format", "csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.error().starts_with("error: cannot read missing: "));
    assert_eq!(csv_rows(&ended.stdout), 22);
    assert_eq!(folder.json(&["jobs"]).as_array().unwrap().len(), 22);
}

#[test]
fn a_damaged_line_is_a_warning_and_the_rest_is_imported() {
    let folder = Folder::new();
    let log = std::fs::read_to_string(event_logs().join(FAILURES)).unwrap();
    let at = log.find("\n{\"Event\":\"SparkListenerTaskStart\"").unwrap() + 1;
    let line = 1 + log[..at].matches('\n').count();
    folder.write(FAILURES, format!("{}{{\"Event\":\"Spark\n{}", &log[..at], &log[at..]));
    let ended = folder.run(&["import", FAILURES, "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["logs"][0]["warning_count"], 1);
    assert_eq!(report["logs"][0]["warnings"][0]["line"], line);
    assert!(ended.stderr.starts_with(&format!("warning: {FAILURES}, line {line}: ")), "{ended:?}");
    assert_eq!(report["jobs"].as_array().unwrap().len(), 22);
}

/// A log of 70 jobs. The id is given as it appears between quotes in JSON.
fn log_of_many_jobs(app: &str) -> String {
    let mut log = format!(
        "{{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"3.5.9\"}}\n\
         {{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"many\",\"App ID\":\"{app}\",\
         \"Timestamp\":1711879200000,\"User\":\"ada\"}}\n",
    );
    for job in 0..70 {
        let at = 1_711_879_200_000_i64 + job;
        log += &format!(
            "{{\"Event\":\"SparkListenerJobStart\",\"Job ID\":{job},\"Submission Time\":{at},\
             \"Stage Infos\":[],\"Stage IDs\":[]}}\n\
             {{\"Event\":\"SparkListenerJobEnd\",\"Job ID\":{job},\"Completion Time\":{at},\
             \"Job Result\":{{\"Result\":\"JobSucceeded\"}}}}\n"
        );
    }
    log
}

#[test]
fn a_long_list_of_jobs_is_shortened_in_the_table_only() {
    let folder = Folder::new();
    folder.write("app-1", log_of_many_jobs("app-1"));
    let table = folder.ok(&["import", "app-1"]);
    let jobs: Vec<_> = table.split("\n\n").nth(1).unwrap().lines().collect();
    assert_eq!(jobs.len(), 1 + 50 + 1);
    assert_eq!(jobs[51], "… 20 more; `spark-analytics jobs --app app-1` lists them");
    assert_eq!(folder.json(&["import", "app-1"])["jobs"].as_array().unwrap().len(), 70);
}

#[test]
fn an_application_id_cannot_control_the_terminal() {
    let folder = Folder::new();
    folder.write("log", log_of_many_jobs("app\\u001b[2J\\n"));
    let table = folder.ok(&["import", "log"]);
    assert!(!table.contains('\u{1b}'), "{table}");
    let line = "… 20 more; `spark-analytics jobs --app app\u{fffd}[2J\u{fffd}` lists them";
    assert!(table.lines().any(|other| other == line), "{table}");
}

#[test]
fn inspecting_prints_what_sparks_rest_api_would_and_stores_nothing() {
    let folder = Folder::new();
    let log = event_logs().join(FAILURES);
    let report = folder.json(&["inspect", text(&log)]);
    let applications = report["applications"].as_array().unwrap();
    assert_eq!(applications.len(), 1);
    let names: Vec<_> = applications[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["application", "executors", "jobs", "stages", "warnings"]);
    let application = &applications[0];
    assert_eq!(application["application"]["id"], FAILURES);
    assert_eq!(application["jobs"].as_array().unwrap().len(), 22);
    assert_eq!(application["stages"].as_array().unwrap().len(), 34);
    assert_eq!(application["executors"].as_array().unwrap().len(), 1);
    assert_eq!(application["warnings"], json!([]));
    let first = &application["jobs"][21];
    let figures = ["jobId", "status", "numTasks", "numCompletedTasks", "numFailedTasks"];
    assert_eq!(
        figures.map(|name| first[name].clone()),
        [json!(0), json!("SUCCEEDED"), json!(10), json!(10), json!(4)]
    );
    assert!(!folder.path("spark-analytics.db").exists());
}

#[test]
fn inspecting_a_folder_shows_each_log() {
    let folder = Folder::new();
    let logs = event_logs();
    let report = folder.json(&["inspect", text(&logs)]);
    assert_eq!(report["applications"].as_array().unwrap().len(), 3);
    let csv = folder.ok(&["inspect", text(&logs), "--format", "csv"]);
    assert_eq!(csv_rows(&csv), 47);
    let table = folder.ok(&["inspect", text(&logs)]);
    assert_eq!(table.lines().count(), 3 * 3 + 47 + 2);
}

#[test]
fn inspecting_a_file_that_is_not_a_log_fails() {
    let folder = Folder::new();
    folder.write("notes.txt", "no log");
    let ended = folder.run(&["inspect", "notes.txt"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1));
    assert!(ended.error().starts_with("error: notes.txt is not a Spark event log"));
}

/// Serves these bytes on the loopback interface for every request; returns the server's URL.
fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let is_get = lines.next().unwrap().starts_with("GET");
            lines.find(String::is_empty).unwrap();
            let head = format!("Content-Length: {}\r\nConnection: close", body.len());
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n").unwrap();
            stream.write_all(if is_get { &body } else { b"" }).unwrap();
        }
    });
    url
}

#[test]
fn a_url_that_is_not_a_log_is_an_error() {
    let folder = Folder::new();
    let url = format!("{}/notes.txt", serve(b"# Read me\n".to_vec()));
    let ended = folder.run(&["inspect", &url]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{url} is not a Spark event log")), "{}", ended.stderr);
}

#[test]
fn a_url_is_accepted_as_a_path() {
    let folder = Folder::new();
    let body = std::fs::read(event_logs().join("local-1795465576509.zstd")).unwrap();
    let url = format!("{}/local-1795465576509.zstd", serve(body));
    let file = event_logs().join("local-1795465576509.zstd");
    let want = folder.json(&["inspect", text(&file)]);
    assert_eq!(folder.json(&["inspect", &url]), want);
    let report = folder.json(&["import", &url]);
    assert_eq!(report["logs"][0]["log"], url);
    assert_eq!(report["jobs"].as_array().unwrap().len(), 20);
    assert_eq!(folder.json(&["import", text(&file)])["logs"][0]["outcome"], "unchanged");
}

#[test]
fn each_unreadable_log_is_named_and_the_rest_is_imported() {
    let folder = Folder::new();
    let good = fs::read(event_logs().join("app-20261123203120-0000")).unwrap();
    folder.write("logs/good", &good);
    for name in ["logs/a.zstd", "logs/b.zstd"] {
        // The beginning of a zstd frame, followed by something else.
        folder.write(name, [&b"\x28\xb5\x2f\xfd"[..], &[0xff; 60]].concat());
    }
    let ended = folder.run(&["--store", "sqlite:a.db", "import", "logs"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 logs or folders cannot be read"), "{}", ended.stderr);
    for name in ["logs/a.zstd cannot be read", "logs/b.zstd cannot be read"] {
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
    assert!(ended.stdout.contains("app-20261123203120-0000"), "{}", ended.stdout);
}

#[test]
fn what_old_logs_left_is_pruned_and_summaries_stay() {
    let folder = Folder::new();
    let logs = event_logs();
    folder.ok(&["import", text(&logs)]);
    let summary = || folder.json(&["summary", "--date", "2026-11-23"]);
    let before = summary();
    let none = folder.json(&["prune", "--logs-before", "2026-11-23"]);
    assert_eq!(none, json!({"applications": 0, "jobs": 0, "logs_before": "2026-11-23"}));
    let prune = ["prune", "--logs-before", "2026-11-24"];
    let pruned = folder.json(&prune);
    assert_eq!(pruned, json!({"applications": 3, "jobs": 0, "logs_before": "2026-11-24"}));
    assert_eq!(folder.json(&["stages", "--app", FAILURES]), json!([]));
    assert_eq!(folder.json(&["jobs"]).as_array().unwrap().len(), 47);
    assert_eq!(summary(), before);

    let again = folder.json(&["import", text(&logs)]);
    assert!(again["logs"].as_array().unwrap().iter().all(|log| log["outcome"] == "too_old"));
    let with_events = [&prune[..], &["--with-jobs", "--before", "2026-11-24"]].concat();
    let pruned = folder.json(&with_events);
    let both = json!({"events": 0, "before": "2026-11-24", "applications": 3, "jobs": 47, "logs_before": "2026-11-24"});
    assert_eq!(pruned, both);
    assert_eq!((folder.json(&["apps"]), folder.json(&["jobs"])), (json!([]), json!([])));
    assert_eq!(summary(), before);
    folder.ok(&["import", text(&logs)]);
    assert_eq!((folder.json(&["jobs"]), summary()), (json!([]), before));

    for wrong in [&["prune"][..], &["prune", "--with-jobs", "--before", "2026-11-24"]] {
        assert_eq!(folder.run(wrong).code, Some(2));
    }
    assert_eq!(folder.run(&["prune", "--logs-before", "9999-12-31"]).code, Some(2));
}

#[test]
fn a_forgotten_application_is_gone_and_its_log_is_refused() {
    let folder = Folder::new();
    let logs = event_logs();
    folder.ok(&["import", text(&logs.join("local-1795465576509.zstd"))]);
    let without = folder.json(&["summary", "--date", "2026-11-23"]);
    folder.ok(&["import", text(&logs.join(FAILURES))]);
    assert_eq!(folder.json(&["forget", FAILURES]), json!({"attempts": 1, "jobs": 22}));
    assert_eq!(folder.json(&["summary", "--date", "2026-11-23"]), without);
    assert_eq!(folder.json(&["jobs", "--app", FAILURES]), json!([]));
    let again = folder.json(&["import", text(&logs.join(FAILURES))]);
    assert_eq!(again["logs"][0]["outcome"], "forgotten");
    assert_eq!(folder.json(&["summary", "--date", "2026-11-23"]), without);
    for unknown in [&["forget", FAILURES][..], &["forget", "nobody", "--attempt", "1"]] {
        let ended = folder.run(unknown);
        assert_eq!(ended.code, Some(1));
        assert!(ended.error().contains("nothing is known of application"), "{ended:?}");
    }
    assert_eq!(folder.run(&["forget", ""]).code, Some(2));
}

/// A log of each of two attempts of an application, and one of an application without attempts.
fn with_attempts() -> Folder {
    let folder = Folder::new();
    let log = fs::read_to_string(event_logs().join("app-20261123203120-0000")).unwrap();
    for attempt in ["1", "2"] {
        let id = format!(r#""App ID":"app-20261123203120-0000","App Attempt ID":"{attempt}""#);
        let mut text = log.replace(r#""App ID":"app-20261123203120-0000""#, &id);
        if attempt == "2" {
            // It has the first job only, and starts later.
            let end = text.find("SparkListenerJobEnd").unwrap();
            let end = end + text[end..].find('\n').unwrap();
            text.truncate(end + 1);
            text = text.replacen("\"Timestamp\":179546", "\"Timestamp\":179547", 1);
        }
        folder.write(&format!("logs/app_{attempt}"), text);
    }
    folder.ok(&["import", "logs"]);
    folder.ok(&["import", text(&event_logs().join(FAILURES))]);
    folder
}

#[test]
fn the_newest_attempt_is_meant_unless_one_is_named() {
    let folder = with_attempts();
    let app = ["--app", "app-20261123203120-0000"];
    let apps = folder.json(&["apps"]);
    assert_eq!(apps.as_array().unwrap().len(), 3, "{apps}");
    let stages =
        |args: &[&str]| folder.run(&[&["stages", "--format", "json"], &app[..], args].concat());
    let (newest, first, second) =
        (stages(&[]), stages(&["--attempt", "1"]), stages(&["--attempt", "2"]));
    assert_eq!(newest.stdout, second.stdout);
    assert_ne!(newest.stdout, first.stdout);
    let said = "attempt 2, the newest; its application has the attempts 1, 2\n";
    assert_eq!((newest.stderr.as_str(), second.stderr.as_str()), (said, ""));
    let third = stages(&["--attempt", "3"]);
    assert_eq!(third.code, Some(1));
    assert_eq!(
        third.error(),
        "error: there is no attempt 3 of application app-20261123203120-0000; its application has the attempts 1, 2"
    );

    let job = |id: &str, args: &[&str]| {
        folder.run(&[&["job", id, "--format", "json"], &app[..], args].concat())
    };
    assert_eq!(job("0", &[]).stdout, job("0", &["--attempt", "2"]).stdout);
    assert_eq!(job("0", &[]).stderr, said);
    let unknown = job("4", &[]);
    assert_eq!(unknown.code, Some(1));
    assert_eq!(
        unknown.error(),
        "error: job 4 of application app-20261123203120-0000 is unknown; its application has the attempts 1, 2"
    );
    let of_one = folder.run(&["job", "99", "--app", FAILURES]);
    assert!(
        of_one.error().ends_with("is unknown: its application is known, but has no job of this id"),
        "{of_one:?}"
    );
    let events = folder.run(&["events", "0", "--app", FAILURES]);
    assert!(events.stderr.ends_with("and logs leave no single events\n"), "{events:?}");
}
