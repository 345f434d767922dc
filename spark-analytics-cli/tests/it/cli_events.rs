//! Single events on the command line: generated, ingested and queried.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::cli_support::{Folder, is_rounded, memory_with};
use serde_json::{Value, json};
use spark_analytics_core::{
    Analytics, Day, Event, EventDetail, EventType, JobFilter, JobKey, Store, Timestamp,
};

#[test]
fn generated_events_are_as_documented() {
    let folder = Folder::new();
    folder.generate("sample.json", "40", "7");
    let events = folder.events("sample.json");
    let mut jobs: BTreeMap<i64, Vec<&Event>> = BTreeMap::new();
    for event in &events {
        jobs.entry(event.job().job_id).or_default().push(event);
    }
    assert_eq!(jobs.keys().copied().collect::<Vec<_>>(), (100..140).collect::<Vec<_>>());
    for events in jobs.values() {
        let time_of = |event_type| {
            let times: Vec<_> = events.iter().filter(|e| e.event_type() == event_type).collect();
            assert_eq!(times.len(), 1);
            times[0].timestamp()
        };
        let (start, end) = (time_of(EventType::JobStart), time_of(EventType::JobEnd));
        let outcomes: Vec<bool> = events
            .iter()
            .filter_map(|event| match event.content().detail {
                EventDetail::TaskEnd { successful, .. } => {
                    assert!(start < event.timestamp() && event.timestamp() <= end);
                    Some(successful)
                }
                _ => None,
            })
            .collect();
        assert!((5..=20).contains(&outcomes.len()));
        let failed = outcomes.iter().filter(|successful| !**successful).count();
        assert!(failed * 100 <= outcomes.len() * 30);
        assert!(events.iter().all(|event| event.user() == events[0].user()));
    }
    let days: BTreeSet<_> = events.iter().map(|e| e.timestamp().day().to_string()).collect();
    assert_eq!(Vec::from_iter(days), ["2024-03-30", "2024-03-31", "2024-04-01"]);
    let users: BTreeSet<_> = events.iter().map(Event::user).collect();
    assert!(users.len() > 1);
    assert!(!events.is_sorted_by_key(|event| event.job().job_id));
    assert!(!events.is_sorted_by_key(Event::timestamp));
}

#[test]
fn equal_seeds_generate_equal_events_and_other_seeds_others() {
    let folder = Folder::new();
    for (name, seed) in [("a.json", "7"), ("b.json", "7"), ("c.json", "8")] {
        folder.generate(name, "10", seed);
    }
    let read = |name| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(read("a.json"), read("b.json"));
    assert_ne!(read("a.json"), read("c.json"));
}

#[test]
fn generated_events_are_of_the_days_before_today_by_default() {
    let folder = Folder::new();
    let before = now();
    folder.ok(&["generate", "--jobs", "20", "--days", "2"]);
    let after = now();
    for event in folder.events("sample_logs.json") {
        let day = event.timestamp().day().number();
        assert!((before.day().number() - 2..after.day().number()).contains(&day));
    }
}

#[tokio::test]
async fn figures_agree_with_those_computed_from_the_file() {
    let folder = Folder::new();
    folder.generate("sample.json", "60", "3");
    let events = folder.events("sample.json");
    let counts = folder.json(&["ingest", "sample.json"]);
    let all = events.len();
    assert_eq!(counts, json!({"recorded": all, "duplicate": 0, "replaced": 0, "rejected": 0}));

    let store = memory_with(events).await;
    let jobs = store.jobs(&JobFilter::default(), None, 1_000).await.unwrap();
    let listed = folder.json(&["jobs", "--sort", "oldest"]);
    let mut newest_first = listed.as_array().unwrap().clone();
    newest_first.reverse();
    assert_eq!(folder.json(&["jobs"]), Value::from(newest_first));
    let longest = folder.json(&["jobs", "--sort", "longest", "--top", "60"]);
    let longest = longest.as_array().unwrap();
    let seconds = |job: &Value| job["duration_seconds"].as_f64().unwrap();
    assert!(longest.is_sorted_by(|one, other| seconds(one) >= seconds(other)));
    assert_eq!(longest.len(), 60);
    let listed = listed.as_array().unwrap();
    assert_eq!((listed.len(), jobs.len()), (60, 60));
    for (view, job) in listed.iter().zip(&jobs) {
        assert_eq!(view["job_id"], job.key.job_id);
        assert_eq!(view["user"], job.user);
        assert_eq!(view["start_time"], job.start.to_string());
        assert_eq!(view["end_time"], job.end.to_string());
        assert_eq!(view["job_result"], job.result.name());
        assert_eq!(view["task_count"], job.tasks.task_count());
        assert_eq!(view["failed_tasks"], job.tasks.failed);
        assert!(is_rounded(&view["duration_seconds"], job.duration_seconds()));
        assert!(is_rounded(&view["success_rate"], job.success_rate()));
        assert!(is_rounded(&view["parallelism"], job.parallelism().unwrap()));
        assert!(is_rounded(&view["skew"], job.skew().unwrap()));
        assert_eq!(&folder.json(&["job", &job.key.job_id.to_string()]), view);
    }

    let (from, to): (Day, Day) = ("2024-03-30".parse().unwrap(), "2024-04-01".parse().unwrap());
    let range = folder.json(&["summary", "--from", "2024-03-30", "--to", "2024-04-01"]);
    let total = Analytics::new(store.clone()).summary(from, to, None).await.unwrap();
    assert_eq!(range["total_jobs"], 60);
    assert_eq!(range["failed_jobs"], total.jobs_failed);
    assert_eq!(range["tasks"]["failed_tasks"], total.tasks.failed);
    assert!(is_rounded(&range["avg_duration_seconds"], total.avg_duration_seconds()));
    assert!(is_rounded(&range["avg_success_rate"], total.avg_success_rate()));
    let days = range["days"].as_array().unwrap();
    assert_eq!(days.len(), 3);
    for day in days {
        let date = day["date"].as_str().unwrap();
        assert_eq!(&folder.json(&["summary", "--date", date]), day);
        let of_day = folder.json(&["jobs", "--from", date, "--to", date]);
        assert_eq!(day["total_jobs"], of_day.as_array().unwrap().len());
    }
}

#[test]
fn halves_are_rounded_away_from_zero() {
    let folder = Folder::new();
    let job = |id: u32, end: &str| {
        let start = GOOD.replace(":1,", &format!(":{id},"));
        let end = format!(
            r#"{{"event":"SparkListenerJobEnd","job_id":{id},"timestamp":"{end}","user":"ada","completion_time":"{end}","job_result":"JobSucceeded"}}"#
        );
        format!("{start}\n{end}\n")
    };
    let late = job(1, "2024-04-01T10:00:01.005Z") + &job(2, "2024-04-01T10:00:01.004999Z");
    let early = job(3, "2024-04-01T09:59:58.995Z") + &job(4, "2024-04-01T09:59:59.999Z");
    folder.write("events.ndjson", late + &early);
    folder.ok(&["ingest", "events.ndjson"]);
    let csv = folder.ok(&["jobs", "--format", "csv"]);
    let durations: BTreeSet<_> =
        csv.lines().skip(1).map(|line| (&line[..1], line.split(',').nth(4).unwrap())).collect();
    let expected = [("1", "1.01"), ("2", "1.0"), ("3", "-1.01"), ("4", "0.0")];
    assert_eq!(durations, BTreeSet::from(expected));
}

#[test]
fn jobs_are_filtered_limited_and_summed_by_user() {
    let folder = Folder::new();
    folder.generate("sample.json", "60", "3");
    folder.ok(&["ingest", "sample.json"]);
    let all = folder.json(&["jobs"]);
    let all = all.as_array().unwrap();
    let kept = |wanted: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all.iter().filter(|job| wanted(job)).cloned().collect()
    };
    let user = all[0]["user"].as_str().unwrap();
    let of_user = folder.json(&["jobs", "--user", user]);
    assert_eq!(of_user, Value::from(kept(&|job| job["user"] == user)));
    let failed = kept(&|job| job["job_result"] == "JobFailed");
    assert!(!failed.is_empty() && failed.len() < all.len());
    for word in ["JobFailed", "FAILED", "failed"] {
        assert_eq!(folder.json(&["jobs", "--result", word]), Value::from(failed.clone()), "{word}");
    }
    assert_eq!(folder.json(&["jobs", "--result", "unknown"]), json!([]));
    assert_eq!(folder.json(&["failures"]), folder.json(&["jobs", "--result", "failed"]));
    assert_eq!(folder.json(&["jobs", "--limit", "7"]), Value::from(&all[..7]));
    assert_eq!(folder.json(&["jobs", "--top", "7"]), Value::from(&all[..7]));
    assert_eq!(folder.json(&["jobs", "--app", "none"]), json!([]));
    let summary = ["summary", "--from", "2024-03-30", "--to", "2024-04-01", "--user", user];
    assert_eq!(folder.json(&summary)["total_jobs"], of_user.as_array().unwrap().len());
}

#[test]
fn days_are_named_by_words_and_a_summary_needs_none() {
    let folder = Folder::new();
    folder.ok(&["generate", "--jobs", "20", "--days", "10"]);
    folder.ok(&["ingest", "sample_logs.json"]);
    let summary = |args: &[&str]| folder.json(&[&["summary"], args].concat());
    let days = |summary: &Value| -> Vec<String> {
        let days = summary["days"].as_array().unwrap().iter();
        days.map(|day| day["date"].as_str().unwrap().to_owned()).collect()
    };
    let all = summary(&["--from", "2020-01-01"]);
    assert_eq!((days(&all).len(), &all["total_jobs"]), (10, &json!(20)));
    let last = summary(&[]);
    assert_eq!(days(&last), days(&all)[3..]);
    assert_eq!((&last["total_jobs"], &last["from"]), (&json!(14), &json!(days(&all)[3])));
    assert_eq!(days(&summary(&["--to", "yesterday"])), days(&all));
    assert_eq!(days(&summary(&["--from", "3d"])), days(&all)[7..]);
    assert_eq!(summary(&["--date", "yesterday"])["total_jobs"], 2);
    assert_eq!(summary(&["--date", "TODAY"])["total_jobs"], 0);
    assert_eq!(folder.json(&["jobs", "--from", "2d"]).as_array().unwrap().len(), 4);
}

#[test]
fn a_file_is_overwritten_only_by_force() {
    let folder = Folder::new();
    folder.ok(&["generate", "--output", "a.json"]);
    let before = folder.events("a.json");
    let ended = folder.run(&["generate", "--output", "a.json"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.error().ends_with("a.json exists; --force overwrites it, --output names another")
    );
    assert_eq!(folder.events("a.json"), before);
    folder.ok(&["generate", "--output", "a.json", "--force", "--jobs", "3"]);
    assert_ne!(folder.events("a.json"), before);
}

#[test]
fn jobs_of_many_pages_are_listed_once_each() {
    let folder = Folder::new();
    folder.generate("sample.json", "2500", "5");
    folder.ok(&["ingest", "sample.json"]);
    let csv = folder.ok(&["jobs", "--format", "csv"]);
    let ids: BTreeSet<_> = csv.lines().skip(1).map(|line| line.split(',').next()).collect();
    assert_eq!((ids.len(), csv.lines().count()), (2_500, 2_501));
    assert_eq!(folder.json(&["jobs"]).as_array().unwrap().len(), 2_500);
    assert_eq!(folder.ok(&["jobs"]).lines().count(), 2_501);
}

#[test]
fn ingesting_again_changes_nothing() {
    let folder = Folder::new();
    folder.generate("sample.json", "10", "3");
    folder.ok(&["ingest", "sample.json"]);
    let jobs = folder.json(&["jobs"]);
    let counts = folder.json(&["ingest", "sample.json", "sample.json"]);
    let twice = 2 * folder.events("sample.json").len();
    assert_eq!(counts, json!({"recorded": 0, "duplicate": twice, "replaced": 0, "rejected": 0}));
    assert_eq!(folder.json(&["jobs"]), jobs);
}

#[test]
fn lines_on_standard_input_are_stored_like_an_array() {
    let folder = Folder::new();
    folder.generate("sample.json", "10", "3");
    folder.ok(&["ingest", "sample.json", "--store", "sqlite:array.db"]);
    let mut lines = String::new();
    for event in folder.events("sample.json") {
        lines += &format!("{}\n", event.raw());
    }
    let ended = folder.run_with_input(&["ingest", "-", "--store", "sqlite:lines.db"], &lines);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        folder.json(&["jobs", "--store", "sqlite:lines.db"]),
        folder.json(&["jobs", "--store", "sqlite:array.db"])
    );
}

const GOOD: &str = r#"{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-04-01T10:00:00Z","user":"ada"}"#;

#[test]
fn invalid_events_are_reported_and_kept_and_valid_ones_are_stored() {
    let folder = Folder::new();
    let negative = GOOD.replace(":1,", ":-1,");
    folder.write("events.ndjson", format!("{negative}\n\n{GOOD}\nnonsense\n"));
    let ended = folder.run(&["ingest", "events.ndjson", "--format", "json"]);
    assert_eq!(ended.code, Some(0));
    let counts: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(counts, json!({"recorded": 1, "duplicate": 0, "replaced": 0, "rejected": 2}));
    let said: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("rejected: events.ndjson, line 1: field `job_id` must be between"));
    assert!(said[1].starts_with("rejected: events.ndjson, line 4: the event cannot be read"));

    let rejected = folder.json(&["rejected"]);
    assert_eq!(rejected.as_array().unwrap().len(), 2);
    assert_eq!((&rejected[0]["raw"], &rejected[1]["raw"]), (&json!("nonsense"), &json!(negative)));
    let reason = rejected[1]["reason"].as_str().unwrap();
    assert!(reason.contains("events.ndjson, line 1: field `job_id` must be between"));
    assert_eq!(folder.json(&["rejected", "--limit", "1"]).as_array().unwrap().len(), 1);
}

#[test]
fn the_first_of_many_invalid_events_are_reported_and_the_rest_counted() {
    let folder = Folder::new();
    folder.write("events.json", format!("[{}{GOOD}]", "{},".repeat(2_500)));
    let ended = folder.run(&["ingest", "events.json"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(0), 11));
    assert!(ended.stderr.contains("events.json, index 9: field `event` is missing"));
    assert!(
        ended
            .stderr
            .ends_with("rejected: 2490 more; `spark-analytics rejected` lists the newest\n")
    );
    assert_eq!(folder.json(&["rejected"]).as_array().unwrap().len(), 2_500);
    assert_eq!(folder.json(&["events", "1"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_truncated_file_fails_after_its_whole_events_were_stored() {
    let folder = Folder::new();
    folder.write("events.json", format!("[{GOOD},{{\"eve"));
    let ended = folder.run(&["ingest", "events.json", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.error(), "error: cannot read events.json: its JSON array is not closed");
    let counts: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&counts["recorded"], &counts["rejected"]), (&json!(1), &json!(1)));
}

#[test]
fn a_file_with_text_after_its_array_fails_after_the_array_was_stored() {
    let folder = Folder::new();
    folder.write("events.json", format!("[{GOOD}]\n[{GOOD}]"));
    let ended = folder.run(&["ingest", "events.json", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.error(),
        "error: cannot read events.json: something follows the end of its JSON array"
    );
    let counts: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&counts["recorded"], &counts["rejected"]), (&json!(1), &json!(0)));
}

/// The first lines of an event log.
const EVENT_LOG: &str = concat!(
    "{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"3.5.1\"}\n",
    "{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"etl\",\"App ID\":\"a\",\"Timestamp\":1}\n",
);

#[test]
fn an_event_log_is_named_and_nothing_of_it_is_kept() {
    let folder = Folder::new();
    folder.write("app-1", EVENT_LOG);
    // Events must be in arrays as well; a byte order mark is not part of the first line.
    folder.write("array", format!("[{}]", EVENT_LOG.trim().replace('\n', ",")));
    folder.write("marked", format!("\u{feff}\n{EVENT_LOG}"));
    for name in ["app-1", "array", "marked"] {
        let ended = folder.run(&["ingest", name, "--format", "json"]);
        assert_eq!(ended.code, Some(1));
        assert_eq!(
            ended.stderr,
            format!(
                "error: cannot read {name}: it is an event log that Spark wrote: use \
                 `spark-analytics import`\n"
            )
        );
        assert_eq!(folder.json(&["rejected"]), json!([]));
    }
    // A line of one between events does not reject the events.
    folder.write("mixed", format!("{GOOD}\n{EVENT_LOG}"));
    let counts = folder.json(&["ingest", "mixed"]);
    assert_eq!((&counts["recorded"], &counts["rejected"]), (&json!(1), &json!(2)));
}

#[test]
fn a_compressed_file_is_named() {
    let folder = Folder::new();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(GOOD.as_bytes()).unwrap();
    folder.write("events.gz", gz.finish().unwrap());
    folder.write("events.zst", zstd::encode_all(GOOD.as_bytes(), 0).unwrap());
    for (name, codec) in [("events.gz", "gzip"), ("events.zst", "zstd")] {
        let ended = folder.run(&["ingest", name]);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.error().starts_with(&format!(
                "error: cannot read {name}: it is compressed ({codec}): decompress it, or"
            )),
            "{ended:?}"
        );
        assert_eq!(folder.json(&["rejected"]), json!([]));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_reading_with_exit_code_130() {
    // With a single processor the runtime has only one thread.
    for threads in ["1", "2"] {
        interrupt_reading(threads);
    }
}

#[cfg(unix)]
fn interrupt_reading(threads: &str) {
    let folder = Folder::new();
    let mut command = folder.command(&["ingest", "-"]);
    command.env("TOKIO_WORKER_THREADS", threads);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let batch = format!("{GOOD}\n{}", "{}\n".repeat(9_999));
    stdin.write_all(batch.as_bytes()).unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("rejected: standard input, line 2: "), "{line}");
    // The pipe's buffer is smaller, so once this is written, the command has stored the batch and is reading again.
    stdin.write_all(&[b' '; 1 << 20]).unwrap();
    crate::cli_support::interrupt(&child);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.ends_with("error: interrupted; everything stored so far is kept\n"), "{rest}");
    drop(stdin);
}

#[test]
fn a_missing_file_is_named() {
    let ended = Folder::new().run(&["ingest", "missing.json"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.error().starts_with("error: cannot open missing.json: "));
}

#[test]
fn an_unknown_job_and_an_incomplete_one_say_what_is_missing() {
    let folder = Folder::new();
    folder.write("events.ndjson", GOOD);
    folder.ok(&["ingest", "events.ndjson"]);
    let incomplete = folder.run(&["job", "1"]);
    assert_eq!(incomplete.code, Some(1));
    assert_eq!(incomplete.error(), "error: job 1 is incomplete: its end is not known");
    let unknown = folder.run(&["job", "1", "--app", "a"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.error().starts_with("error: job 1 of application a is unknown"));
}

#[test]
fn a_job_of_an_application_is_found_by_its_attempt() {
    let folder = Folder::new();
    let mut lines = String::new();
    for (attempt, end) in [("", "10:00:30"), ("1", "10:00:10"), ("2", "10:00:20")] {
        let key = JobKey::in_app(if attempt.is_empty() { "" } else { "etl" }, attempt, 7);
        let (start, end) = ("2024-04-01T10:00:00Z", format!("2024-04-01T{end}Z"));
        let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
        let start = Event::job_start(key.clone(), start, "ada").unwrap();
        let end = Event::job_end(key, end, "ada", end, "JobSucceeded").unwrap();
        lines += &format!("{}\n{}\n", start.raw(), end.raw());
    }
    folder.write("events.ndjson", lines);
    folder.ok(&["ingest", "events.ndjson"]);

    let second = ["7", "--app", "etl", "--attempt", "2"];
    assert_eq!(folder.json(&["job", "7"])["duration_seconds"], 30.0);
    let job = folder.json(&[&["job"], &second[..]].concat());
    assert_eq!((&job["attempt_id"], &job["duration_seconds"]), (&json!("2"), &json!(20.0)));
    let events = folder.json(&[&["events"], &second[..]].concat());
    let types: Vec<&Value> =
        events.as_array().unwrap().iter().map(|row| &row["event"]["event"]).collect();
    assert_eq!(types, ["SparkListenerJobStart", "SparkListenerJobEnd"]);
    let first = folder.json(&[&["events", "--limit", "1"], &second[..]].concat());
    assert_eq!(first.as_array().unwrap()[..], events.as_array().unwrap()[..1]);
    assert_eq!(folder.run(&["job", "7", "--app", "etl"]).code, Some(1), "it has no such attempt");
}

#[test]
fn events_are_listed_unchanged_until_they_are_pruned() {
    let folder = Folder::new();
    folder.generate("sample.json", "10", "3");
    folder.ok(&["ingest", "sample.json"]);
    let mut events = folder.events("sample.json");
    events.retain(|event| event.job().job_id == 104);
    events.sort_by_key(Event::timestamp);
    let listed = folder.json(&["events", "104"]);
    let listed: Vec<Value> =
        listed.as_array().unwrap().iter().map(|row| row["event"].clone()).collect();
    let came: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event.raw()).unwrap()).collect();
    assert_eq!(listed, came);

    let (jobs, all) = (folder.json(&["jobs"]), folder.events("sample.json").len());
    let pruned = folder.json(&["prune", "--before", "2024-04-02"]);
    assert_eq!(pruned, json!({"events": all, "before": "2024-04-02"}));
    assert_eq!(folder.json(&["events", "104"]), json!([]));
    let again = folder.run(&["ingest", "sample.json", "--format", "json"]);
    let counts: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((again.code, &counts["rejected"]), (Some(0), &json!(all)));
    assert!(again.stderr.contains("older than the day before which events were pruned"));
    assert_eq!(folder.json(&["jobs"]), jobs);
}

#[test]
fn a_day_in_the_future_cannot_be_pruned() {
    let folder = Folder::new();
    folder.write("events.ndjson", GOOD);
    folder.ok(&["ingest", "events.ndjson"]);
    let today = now().day();
    let far = [today.next().next().next().to_string(), "9999-12-31".to_owned()];
    for day in far {
        let ended = folder.run(&["prune", "--before", &day]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error().contains("--before is after tomorrow"), "{ended:?}");
        assert!(ended.error().contains("cannot be undone"), "{ended:?}");
    }
    assert_eq!(folder.json(&["events", "1"]).as_array().unwrap().len(), 1);
    let tomorrow = today.next().to_string();
    let pruned = folder.json(&["prune", "--before", &tomorrow]);
    assert_eq!(pruned, json!({"events": 1, "before": tomorrow}));
}

#[test]
fn a_store_is_not_opened_with_another_dedup_rule() {
    let folder = Folder::new();
    folder.write("events.ndjson", GOOD);
    folder.ok(&["ingest", "events.ndjson", "--dedup", "time"]);
    let ended = folder.run(&["jobs"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.error().contains("time"), "{ended:?}");
    folder.ok(&["jobs", "--dedup", "time"]);
}

fn now() -> Timestamp {
    let passed = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_micros(passed.as_micros() as i64)
}
