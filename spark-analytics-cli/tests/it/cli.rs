//! The use of the command line: arguments, formats, exit codes.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::cli_support::{Ended, Folder, Server};

#[test]
fn help_has_an_example_of_each_command_and_the_exit_codes() {
    let help = Folder::new().ok(&["--help"]);
    let commands = [
        "generate", "send", "ingest", "import", "inspect", "job", "jobs", "failures", "summary",
        "apps", "stages", "events", "rejected", "prune", "forget",
    ];
    for command in commands {
        assert!(help.contains(&format!("\n  spark-analytics {command} ")), "{command}: {help}");
        let own = Folder::new().ok(&[command, "--help"]);
        assert!(own.contains(&format!("Example: spark-analytics {command} ")), "{own}");
    }
    assert!(help.contains("Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."));
}

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    let wrong: [(&[&str], &str); 8] = [
        (&["nonsense"], "unrecognized subcommand 'nonsense'"),
        (&["jobs", "--nonsense"], "unexpected argument '--nonsense'"),
        (&["job", "many"], "invalid value 'many' for '<ID>'"),
        (&["ingest"], "<FILE>"),
        (&["jobs", "--result", "broken"], "use failed, succeeded or unknown"),
        (&["summary", "--date", "2024-02-30"], "is not a day of the calendar"),
        (&["jobs", "--from", "2024-04-02", "--to", "2024-04-01"], "--to is before --from"),
        (&["send", "--file", "f", "--url", "localhost"], "must be a whole URL"),
    ];
    for (args, message) in wrong {
        let ended = Folder::new().run(args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error().contains(message), "{ended:?}");
        assert_eq!((ended.stderr.lines().count(), ended.stdout.as_str()), (1, ""));
    }
}

#[test]
fn the_program_alone_prints_its_help() {
    let ended = Folder::new().run(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("\n  jobs "), "{ended:?}");
    let help = Folder::new().ok(&["stages", "--help"]);
    let (own, global) = help.split_once("\nGlobal options:\n").unwrap();
    assert!(own.contains("--attempt") && !own.contains("--store"), "{help}");
    assert!(global.contains("--store") && global.contains("--format"), "{help}");
}

#[test]
fn reading_creates_no_database_and_says_how_to_create_one() {
    let folder = Folder::new();
    let commands: [&[&str]; 8] = [
        &["jobs"],
        &["job", "1"],
        &["summary", "--date", "2024-04-01"],
        &["apps"],
        &["stages", "--app", "app-1"],
        &["events", "1"],
        &["rejected"],
        &["prune", "--before", "2024-04-01"],
    ];
    for store in ["sqlite:missing.db", "redb:missing.db"] {
        for command in commands {
            let ended = folder.run(&[command, &["--store", store]].concat());
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.error().contains(
                "there is no database missing.db: create one with `spark-analytics import"
            ));
            assert!(!folder.path("missing.db").exists());
        }
    }
}

#[test]
fn a_store_is_found_with_and_without_slashes_before_its_path() {
    let folder = Folder::new();
    folder.generate("sample.json", "3", "1");
    for kind in ["sqlite", "redb"] {
        folder.ok(&["ingest", "sample.json", "--store", &format!("{kind}://{kind}.db")]);
        let whole = format!("{kind}://{}", folder.path(&format!("{kind}.db")).display());
        for store in [&format!("{kind}:{kind}.db"), &whole] {
            assert_eq!(folder.json(&["jobs", "--store", store]).as_array().unwrap().len(), 3);
        }
    }
}

#[test]
fn a_store_of_sqlite_in_memory_is_refused_with_a_hint() {
    let folder = Folder::new();
    folder.generate("sample.json", "3", "1");
    for command in [&["jobs"][..], &["ingest", "sample.json"]] {
        let ended = folder.run(&[command, &["--store", "sqlite::memory:"]].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.error().ends_with("for a store in memory use memory:"), "{ended:?}");
    }
    assert!(!folder.path(":memory:").exists());
}

#[test]
fn a_path_alone_and_one_in_the_home_folder_are_refused_with_what_to_write() {
    let folder = Folder::new();
    for (store, hint) in [
        ("nope.db", "such as sqlite:nope.db"),
        ("nope.redb", "such as redb:nope.redb"),
        ("sqlite:~/x.db", "write sqlite:$HOME/x.db"),
        ("redb://~/x", "write redb:$HOME/x"),
    ] {
        let ended = folder.run(&["jobs", "--store", store]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.error().contains(hint), "{ended:?}");
    }
}

#[test]
fn a_store_of_an_unknown_kind_is_refused() {
    let ended = Folder::new().run(&["jobs", "--store", "mongodb:jobs"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.error().contains("mongodb:jobs"));
}

#[test]
fn an_error_of_the_store_does_not_repeat_itself() {
    let folder = Folder::new();
    folder.write("notes.txt", "no store");
    for store in ["redb:.", "sqlite:.", "redb:notes.txt", "sqlite:notes.txt", "mongodb:jobs"] {
        let ended = folder.run(&["rejected", "--store", store]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let error = ended.error();
        let parts: Vec<_> = error.split(": ").collect();
        let distinct: BTreeSet<_> = parts.iter().collect();
        assert_eq!(distinct.len(), parts.len(), "{error}");
        assert!(error.matches("cannot open").count() <= 1, "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_one_error() {
    let folder = Folder::new();
    folder.generate("sample.json", "200", "1");
    folder.ok(&["ingest", "sample.json"]);
    let commands: [&[&str]; 7] = [
        &["--help"],
        &["--version"],
        &["jobs", "--limit", "1"],
        &["jobs"],
        &["jobs", "--format", "json"],
        &["jobs", "--format", "csv"],
        &["generate", "--output", "-"],
    ];
    for command in commands {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = folder.command(command);
        let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let ended = Ended::from(output.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let message = "error: cannot write to standard output: No space left on device";
        assert!(ended.error().starts_with(message), "{ended:?}");
        assert_eq!(ended.error().matches("No space").count(), 1, "{ended:?}");
    }
}

#[test]
fn csv_has_the_documented_header_even_without_rows() {
    let folder = Folder::new();
    let header = |args: &[&str]| {
        let output = folder.ok(&[args, &["--store", "memory:", "--format", "csv"]].concat());
        output.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        header(&["jobs"]),
        "job_id,user,start_time,end_time,duration_seconds,task_count,failed_tasks,success_rate,\
         job_result,app_id,attempt_id,killed_tasks,source,task_time_seconds,parallelism,skew,\
         task_duration_ms.p50,task_duration_ms.p95,task_duration_ms.p99,task_duration_ms.max,\
         lost_time_seconds,run_time_seconds,cpu_time_seconds,gc_time_seconds,gc_share,input_bytes,\
         output_bytes,shuffle_read_bytes,shuffle_write_bytes,memory_spilled_bytes,\
         disk_spilled_bytes,num_tasks,app_name,name,description,job_group,sql_execution_id,\
         failure_message,cancelled"
    );
    assert_eq!(header(&["failures"]), header(&["jobs"]));
    let days = header(&["summary", "--date", "2024-04-01"]);
    assert_eq!(
        days,
        "date,total_jobs,avg_duration_seconds,avg_success_rate,failed_jobs,unknown_jobs,\
         job_duration_seconds.p50,job_duration_seconds.p95,job_duration_seconds.p99,\
         job_duration_seconds.max,tasks.task_count,tasks.failed_tasks,tasks.killed_tasks,\
         tasks.task_time_seconds,tasks.lost_time_seconds,tasks.run_time_seconds,\
         tasks.cpu_time_seconds,tasks.gc_time_seconds,tasks.input_bytes,tasks.output_bytes,\
         tasks.shuffle_read_bytes,tasks.shuffle_write_bytes,tasks.memory_spilled_bytes,\
         tasks.disk_spilled_bytes,tasks.task_duration_ms.p50,tasks.task_duration_ms.p95,\
         tasks.task_duration_ms.p99,tasks.task_duration_ms.max,tasks.skew,tasks.gc_share,\
         jobs_with_tasks,impossible_durations"
    );
    assert_eq!(header(&["summary", "--from", "2024-04-01", "--to", "2024-04-02"]), days);
    assert_eq!(
        header(&["apps"]),
        "app_id,attempt_id,name,user,spark_version,start_time,end_time,ended,duration_seconds,\
         core_time_seconds,idle_share,tasks.task_count,tasks.failed_tasks,tasks.killed_tasks,\
         tasks.task_time_seconds,tasks.lost_time_seconds,tasks.run_time_seconds,\
         tasks.cpu_time_seconds,tasks.gc_time_seconds,tasks.input_bytes,tasks.output_bytes,\
         tasks.shuffle_read_bytes,tasks.shuffle_write_bytes,tasks.memory_spilled_bytes,\
         tasks.disk_spilled_bytes,tasks.task_duration_ms.p50,tasks.task_duration_ms.p95,\
         tasks.task_duration_ms.p99,tasks.task_duration_ms.max,tasks.skew,tasks.gc_share,\
         facts_pruned,jobs,failed_jobs"
    );
    assert_eq!(
        header(&["events", "1"]),
        "log_id,event.event,event.timestamp,event.user,event.task_id,event.duration_ms,\
         event.successful,event.completion_time,event.job_result,event"
    );
    assert_eq!(header(&["rejected"]), "id,at,reason,raw");
}

#[test]
fn an_empty_list_is_valid_json() {
    let folder = Folder::new();
    for command in [&["jobs"][..], &["apps"], &["events", "1"], &["rejected"]] {
        let list = folder.json(&[command, &["--store", "memory:"]].concat());
        assert_eq!(list, serde_json::json!([]));
    }
}

#[test]
fn a_flag_overrides_its_environment_variable() {
    let folder = Folder::new();
    let output = |args: &[&str]| {
        let mut command = folder.command(args);
        command.env("SPARK_ANALYTICS_STORE", "memory:").env("SPARK_ANALYTICS_FORMAT", "json");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(output(&["jobs"]), "[]\n");
    assert!(output(&["jobs", "--format", "csv"]).starts_with("job_id,"));
}

#[test]
fn a_day_on_the_command_line_overrides_a_range_in_the_environment() {
    let folder = Folder::new();
    let date = ("SPARK_ANALYTICS_DATE", "2024-04-01");
    let from = ("SPARK_ANALYTICS_FROM", "2024-03-01");
    let to = ("SPARK_ANALYTICS_TO", "2024-03-31");
    let run = |args: &[&str], variables: &[(&str, &str)]| {
        let args = [&["summary", "--store", "memory:", "--format", "json"], args].concat();
        let mut command = folder.command(&args);
        Ended::of(command.envs(variables.iter().copied()))
    };
    let ok = |args: &[&str], variables: &[(&str, &str)]| -> serde_json::Value {
        let ended = run(args, variables);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    };
    assert_eq!(ok(&["--date", "2026-11-23"], &[from, to])["date"], "2026-11-23");
    assert_eq!(ok(&["--date", "2026-11-23"], &[date, from, to])["date"], "2026-11-23");
    assert_eq!(ok(&["--date", "2026-11-23"], &[from])["date"], "2026-11-23");
    let range = ok(&["--from", "2024-01-01", "--to", "2024-01-31"], &[date]);
    assert_eq!((&range["from"], &range["to"]), (&"2024-01-01".into(), &"2024-01-31".into()));
    let range = ok(&["--to", "2024-05-31"], &[date, from, to]);
    assert_eq!((&range["from"], &range["to"]), (&"2024-03-01".into(), &"2024-05-31".into()));
    assert_eq!(ok(&[], &[date])["date"], "2024-04-01");
    assert_eq!(ok(&[], &[from, to])["from"], "2024-03-01");

    let refused = |args: &[&str], variables: &[(&str, &str)], message: &str| {
        let ended = run(args, variables);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error().contains(message), "{ended:?}");
    };
    let both = ["--date", "2024-04-01", "--from", "2024-03-01", "--to", "2024-03-31"];
    let too_many = "--date cannot be used with --from or --to";
    refused(&both, &[], too_many);
    refused(&both[..4], &[], too_many);
    refused(&[], &[date, from, to], too_many);
    let open = ok(&["--from", "2024-03-01"], &[date]);
    assert_eq!((&open["from"], &open["to"]), (&"2024-03-01".into(), &serde_json::Value::Null));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = Folder::new();
    folder.generate("sample.json", "2000", "1");
    folder.ok(&["ingest", "sample.json"]);
    for format in ["table", "json", "csv"] {
        let mut command = folder.command(&["jobs", "--format", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The pipe's buffer holds less than 2,000 jobs, so the command is still writing after this.
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{format}");
    }
}

#[test]
fn tables_are_aligned_and_free_of_control_characters() {
    let folder = Folder::new();
    let start = |job: u32, user: &str| {
        format!(
            r#"{{"event":"SparkListenerJobStart","job_id":{job},"timestamp":"2024-04-01T10:00:00Z","user":"{user}"}}
{{"event":"SparkListenerJobEnd","job_id":{job},"timestamp":"2024-04-01T10:00:0{job}Z","completion_time":"2024-04-01T10:00:05Z","user":"x","job_result":"JobSucceeded"}}
"#
        )
    };
    let events = start(1, "a\\u001b[31m") + &start(2, "a much longer name");
    folder.write("events.ndjson", events);
    folder.ok(&["ingest", "events.ndjson"]);
    let table = folder.ok(&["jobs"]);
    assert!(!table.contains('\u{1b}'), "{table}");
    let ends = |line: &str| line.find("2024-").or(line.find("END TIME")).unwrap();
    let columns: Vec<_> = table.lines().map(|line| ends(&line.replace('\u{fffd}', "?"))).collect();
    assert_eq!(columns, vec![columns[0]; 3], "{table}");
}

#[test]
fn a_copy_of_a_store_in_use_is_not_taken_for_an_empty_one() {
    let folder = Folder::new();
    folder.generate("sample.json", "3", "1");
    let server = Server::start(&format!("sqlite:{}", folder.path("live.db").display()));
    folder.ok(&["send", "--file", "sample.json", "--url", &server.url, "--delay", "0"]);
    std::fs::copy(folder.path("live.db"), folder.path("copy.db")).unwrap();
    folder.write("empty.db", "");
    for store in ["sqlite:copy.db", "sqlite:empty.db", "redb:empty.db"] {
        let path = folder.path(store.split_once(':').unwrap().1);
        let before = std::fs::read(&path).unwrap();
        for command in [&["jobs"][..], &["apps"], &["summary", "--date", "2024-04-01"]] {
            let ended = folder.run(&[command, &["--store", store]].concat());
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{store}");
            ended.error();
        }
        assert_eq!(std::fs::read(&path).unwrap(), before, "{store}");
    }
    let ended = folder.run(&["jobs", "--store", "sqlite:copy.db"]);
    assert!(ended.error().contains("If it is a copy of a store in use"), "{ended:?}");
}
