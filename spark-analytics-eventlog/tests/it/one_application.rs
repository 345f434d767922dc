//! A log has one application: events of another are left out, and parts that are missing or foreign are reported.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{LogError, LogFile, find_logs, read_found, read_from};

use crate::made::codecs::gzip;
use crate::made::{Log, NAME};

/// An ended application with one job, 0, of so many tasks.
fn app(id: &str, user: &str, tasks: i64) -> Log {
    let mut log = Log::default();
    log.add(json!({"Event": "SparkListenerLogStart", "Spark Version": "4.1.0"}));
    log.add(json!({
        "Event": "SparkListenerEnvironmentUpdate",
        "Spark Properties": {"spark.app.id": id},
    }));
    log.add(start(id, user));
    job(&mut log, 0, tasks);
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    log
}

fn start(id: &str, user: &str) -> Value {
    json!({
        "Event": "SparkListenerApplicationStart", "App Name": id, "App ID": id,
        "Timestamp": 1_000, "User": user,
    })
}

fn job(log: &mut Log, id: i64, tasks: i64) {
    log.job_start(id, &[(id, tasks)]).submit(id, 0, tasks);
    (0..tasks).for_each(|task| {
        log.task((id, 0), 100 * id + task, task);
    });
    log.complete(id, 0, tasks).job_end(id);
}

fn read(text: &str) -> LogFile {
    read_from(text.as_bytes(), NAME).unwrap()
}

fn warnings(log: &LogFile) -> Vec<(u64, &str)> {
    log.warnings.iter().map(|warning| (warning.line, &*warning.reason)).collect()
}

fn tasks_of_job(log: &LogSnapshot, id: i64) -> i64 {
    log.jobs.iter().find(|job| job.job_id == id).unwrap().tasks.task_count()
}

#[test]
fn events_of_a_second_application_are_left_out() {
    let (a, b) = (app("app-a", "ann", 2), app("app-b", "bob", 5));
    let log = read(&(a.text() + &b.text()));
    assert_eq!(log.snapshot, a.read());
    assert_eq!(tasks_of_job(&log.snapshot, 0), 2);
    let line = a.0.len() as u64 + 3;
    assert_eq!(
        warnings(&log),
        [(
            line,
            "SparkListenerApplicationStart of another application, app-b of user bob, started \
             1970-01-01T00:00:01Z: events from here on are left out, because this log is that of app-a of \
             user ann, started 1970-01-01T00:00:01Z"
        )]
    );
    // Also without the events that come before the start, and if the first application has not ended.
    let mut running = a.clone();
    running.0.pop();
    let cut = Log(b.0[2..].to_vec());
    let log = read(&(running.text() + &cut.text()));
    assert_eq!((log.snapshot, log.warnings.len()), (running.read(), 1));
}

#[test]
fn another_start_time_or_user_is_another_application() {
    let a = app("app-a", "ann", 2);
    let later = a.text().replace("\"Timestamp\":1000,", "\"Timestamp\":1001,");
    for other in [later, app("app-a", "bob", 2).text()] {
        let log = read(&(a.text() + &other));
        assert_eq!((log.snapshot, log.warnings.len()), (a.read(), 1));
    }
}

#[test]
fn what_follows_a_second_log_start_counts_if_no_other_application_starts() {
    let (a, mut more) = (app("app-a", "ann", 2), Log::default());
    let mut running = a.clone();
    running.0.pop();
    more.add(json!({"Event": "SparkListenerLogStart", "Spark Version": "4.1.0"}));
    more.executor_added("7");
    let executors = |text: &str| read(text).snapshot.executors.len();
    assert_eq!(executors(&(running.text() + &more.text())), 0);
    job(&mut more, 1, 3);
    let text = running.text() + &more.text();
    let log = read(&text);
    assert_eq!((tasks_of_job(&log.snapshot, 1), log.warnings.len()), (3, 0));
    assert_eq!(executors(&text), 1);
}

/// A part of a Databricks log.
fn part(context: i64, number: i64, log: &Log) -> String {
    let mut part = Log::default();
    part.add(json!({
        "Event": "DBCEventLoggingListenerMetadata", "Spark Version": "3.4.1",
        "Rollover Number": number, "SparkContext Id": context,
    }));
    part.text() + &log.text()
}

fn databricks(parts: &[(i64, i64, &Log)]) -> LogFile {
    let folder = tempfile::tempdir().unwrap();
    for (hour, (context, number, log)) in parts.iter().enumerate() {
        let name = format!("eventlog-2023-11-14--{hour:02}-00");
        fs::write(folder.path().join(name), part(*context, *number, log)).unwrap();
    }
    read_found(&find_logs(folder.path()).logs[0]).unwrap()
}

fn first_part() -> Log {
    let mut log = Log::default();
    log.add(start("app-a", "ann"));
    job(&mut log, 0, 1);
    log
}

fn later_part(id: i64) -> Log {
    let mut log = Log::default();
    job(&mut log, id, 1);
    log
}

#[test]
fn a_missing_part_of_a_databricks_log_is_reported() {
    let (first, second, third) = (first_part(), later_part(1), later_part(2));
    let whole = databricks(&[(7, 0, &first), (7, 1, &second), (7, 2, &third)]);
    assert_eq!((whole.warnings, whole.snapshot.jobs.len()), (vec![], 3));
    assert_eq!(whole.snapshot.application.spark_version, "3.4.1");
    let log = databricks(&[(7, 0, &first), (7, 2, &third)]);
    assert_eq!((warnings(&log), log.snapshot.jobs.len()), (vec![(0, "part 1 is missing")], 2));
    let log = databricks(&[(7, 0, &first), (7, 4, &third)]);
    assert_eq!(warnings(&log), [(0, "parts 1 to 3 are missing")]);
}

#[test]
fn a_part_of_a_databricks_log_counts_once() {
    let (first, second) = (first_part(), later_part(1));
    let once = databricks(&[(7, 0, &first), (7, 1, &second)]);
    let twice = databricks(&[(7, 0, &first), (7, 0, &first), (7, 1, &second), (7, 1, &second)]);
    assert_eq!(twice.snapshot, once.snapshot);
    let reasons =
        ["part 0 exists twice; this one is left out", "part 1 exists twice; this one is left out"];
    assert_eq!(warnings(&twice).iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), reasons);
}

#[test]
fn parts_of_another_context_are_left_out() {
    let (first, second) = (first_part(), later_part(1));
    let mut other = Log::default();
    other.add(start("app-b", "bob"));
    job(&mut other, 0, 9);
    let own = databricks(&[(7, 0, &first), (7, 1, &second)]);
    let mixed = databricks(&[(7, 0, &first), (8, 0, &other), (7, 1, &second)]);
    assert_eq!(mixed.snapshot, own.snapshot);
    let reasons: Vec<&str> = mixed.warnings.iter().map(|warning| &*warning.reason).collect();
    assert_eq!(
        reasons[0],
        "a part of another SparkContext, 8: it is left out, because this log is that of SparkContext 7"
    );
    assert!(reasons[1].contains("of another application, app-b"), "{reasons:?}");
    // Events whose application is unknown are not those of the first one that starts.
    let log = databricks(&[(8, 1, &second), (7, 0, &first)]);
    assert_eq!(log.snapshot.jobs.len(), 1);
    assert!(log.warnings[0].reason.starts_with("the 6 events before this part are left out"));
}

#[test]
fn a_part_of_another_application_in_a_rolling_log_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("eventlog_v2_app-a");
    fs::create_dir(&log).unwrap();
    fs::write(log.join("appstatus_app-a"), "").unwrap();
    fs::write(log.join("events_1_app-a"), first_part().text()).unwrap();
    fs::write(log.join("events_2_app-b"), later_part(1).text()).unwrap();
    let log = read_found(&find_logs(folder.path()).logs[0]).unwrap();
    assert_eq!(log.snapshot.jobs.len(), 1);
    assert_eq!(warnings(&log), [(0, "events_2_app-b is left out: it is not a part of app-a")]);
}

#[test]
fn missing_ends_of_tasks_are_reported_once_the_application_has_ended() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 3)]).submit(0, 0, 3).task((0, 0), 0, 0).complete(0, 0, 3).job_end(0);
    assert_eq!(read(&log.text()).warnings, []);
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    assert_eq!(
        warnings(&read(&log.text())),
        [(
            0,
            "ends of tasks are missing: 2 of the tasks of 1 completed stages have no successful end in this \
             log (of stage 0, 1 of 3 have), so its figures are too low"
        )]
    );
    // Spark's compaction removes the ends of tasks of stages that were running.
    assert_eq!(read_from(log.text().as_bytes(), "events_2_local-1.compact").unwrap().warnings, []);
}

#[test]
fn an_application_that_stops_while_tasks_run_lacks_nothing() {
    let mut log = Log::started();
    log.job_start(0, &[(0, 3)]).submit(0, 0, 3).task((0, 0), 0, 0).task_start((0, 0), 1, 1);
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    assert_eq!(read(&log.text()).warnings, []);
}

/// A tar archive of one file, as GNU tar writes it.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o} ", content.len()).as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar  \0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; 1_024 + (512 - content.len() % 512) % 512];
    [header, content.to_vec(), padding].concat()
}

/// The beginning of a zip archive with one file that is not compressed.
fn stored_zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0".to_vec();
    zip.extend([0; 12]);
    zip.write_all(&(name.len() as u16).to_le_bytes()).unwrap();
    zip.extend([0; 2]);
    [&zip, name.as_bytes(), content].concat()
}

#[test]
fn an_archive_is_named_and_not_read() {
    let text = app("app-a", "ann", 2).text();
    let tar = tar("app-a", text.as_bytes());
    for (bytes, kind) in [
        (tar.clone(), "tar archive"),
        (gzip(&tar), "tar archive"),
        (stored_zip("app-a", text.as_bytes()), "zip archive"),
        (b"PK\x03\x04".to_vec(), "zip archive"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "file compressed with xz"),
    ] {
        let error = read_from(&bytes[..], "logs").unwrap_err();
        assert!(!error.is_failure());
        assert!(matches!(error, LogError::Archive { .. }), "{error}");
        let expected =
            format!("logs is a {kind}, which cannot be read: unpack it, and read the logs in it");
        assert_eq!(error.to_string(), expected);
    }
}
