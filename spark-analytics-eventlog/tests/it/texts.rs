//! A damaged text costs nothing but itself; damage in what decides the meaning of an event costs the event.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{LogError, LogFile, read_from};

use crate::made::{Log, NAME};

/// What becomes of each of these within a string of JSON.
const DAMAGES: [(&[u8], &str); 18] = [
    (b"Z\xfcrich", "Z\u{fffd}rich"),
    (b"\xff\xfe", "\u{fffd}\u{fffd}"),
    (b"\x80", "\u{fffd}"),
    // Characters of 2, 3 and 4 bytes that end early.
    (b"\xc3", "\u{fffd}"),
    (b"\xe2\x82", "\u{fffd}"),
    (b"\xf0\x9f\x98", "\u{fffd}"),
    (b"\xf0\x9f\x98\xc3\xa9", "\u{fffd}é"),
    // Overlong forms, surrogates as UTF-8, and what is beyond Unicode.
    (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
    (b"\xe0\x80\xaf", "\u{fffd}\u{fffd}\u{fffd}"),
    (b"\xed\xa0\xbd", "\u{fffd}\u{fffd}\u{fffd}"),
    (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
    // Halves of pairs, and pairs in the wrong order.
    (b"\\ud83d", "\u{fffd}"),
    (b"\\uDE00", "\u{fffd}"),
    (b"\\ude00\\ud83d", "\u{fffd}\u{fffd}"),
    (b"\\ud83d\\ud83d\\ude00\\n\\\"", "\u{fffd}\u{1f600}\\n\\\""),
    (b"a\0b\x01", "a\u{fffd}b\u{fffd}"),
    // Shift JIS, whose second byte may be a backslash.
    (b"\x95\x5c\x8e\xa6", "\u{fffd}\u{fffd}\u{fffd}"),
    (b"\xc3\x95\x5c\x8e", "\u{d5}\u{fffd}\u{fffd}"),
];

/// A log with every kind of event and every text that is kept, each text marked.
fn marked() -> Log {
    let mut log = Log::default();
    log.add(json!({"Event": "SparkListenerLogStart", "Spark Version": "@"}));
    log.add(json!({
        "Event": "SparkListenerResourceProfileAdded", "Resource Profile Id": 0,
        "Executor Resource Requests": {
            "a@": {"Resource Name": "@", "Amount": 1, "Discovery Script": "@", "Vendor": "@"},
        },
        "Task Resource Requests": {"a@": {"Resource Name": "@", "Amount": 1.0}},
    }));
    log.add(json!({
        "Event": "SparkListenerBlockManagerAdded", "Maximum Memory": 9, "Timestamp": 1_000,
        "Block Manager ID": {"Executor ID": "driver", "Host": "@", "Port": 1},
    }));
    let properties = json!({"a@": "@", "b": "@"});
    log.add(json!({
        "Event": "SparkListenerEnvironmentUpdate",
        "JVM Information": {"Java Home": "@", "Java Version": "@", "Scala Version": "@"},
        "Spark Properties": properties, "Hadoop Properties": properties,
        "System Properties": properties, "Metrics Properties": properties,
        "Classpath Entries": {"/a@": "@"},
    }));
    log.add(json!({
        "Event": "SparkListenerApplicationStart", "App Name": "@", "App ID": "local-1",
        "Timestamp": 1_000, "User": "@", "App Attempt ID": "1",
        "Driver Logs": {"a@": "@"}, "Driver Attributes": {"a@": "@"},
    }));
    log.add(json!({
        "Event": "SparkListenerExecutorAdded", "Timestamp": 1_500, "Executor ID": "1",
        "Executor Info": {
            "Host": "@", "Total Cores": 4, "Log Urls": {"a@": "@"}, "Attributes": {"a@": "@"},
            "Resources": {"a@": {"name": "@", "addresses": ["@", "b"]}},
        },
    }));
    log.add(json!({
        "Event": "org.apache.spark.scheduler.SparkListenerMiscellaneousProcessAdded",
        "time": 1_600, "processId": "am",
        "info": {"hostPort": "@", "cores": 1, "logUrlInfo": {"a@": "@"}},
    }));
    let sql = |class: &str| format!("org.apache.spark.sql.execution.ui.SparkListenerSQL{class}");
    log.add(json!({
        "Event": sql("ExecutionStart"), "executionId": 0, "description": "@", "details": "@",
        "physicalPlanDescription": "@", "sparkPlanInfo": {"nodeName": "@"}, "time": 1_900,
    }));
    let info = json!({
        "Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": "@", "Number of Tasks": 2,
        "RDD Info": [{"Name": "@"}], "Details": "@", "Submission Time": 3_000,
    });
    let properties = json!({
        "spark.job.description": "@", "spark.jobGroup.id": "@", "spark.job.tags": "a,@",
        "spark.scheduler.pool": "@", "user": "@", "a@": "@", "spark.sql.execution.id": "0",
    });
    log.add(json!({
        "Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": 2_000,
        "Stage Infos": [info], "Properties": properties,
    }));
    log.add(json!({
        "Event": "SparkListenerStageSubmitted", "Stage Info": info, "Properties": properties,
    }));
    log.add(json!({
        "Event": sql("AdaptiveExecutionUpdate"), "executionId": 0, "physicalPlanDescription": "@",
    }));
    log.task((0, 0), 0, 0).task_start((0, 0), 1, 1);
    log.task_end((0, 0), 1, 1, json!({"Reason": "TaskKilled", "Kill Reason": "@"}));
    log.add(json!({
        "Event": "SparkListenerStageExecutorMetrics", "Executor ID": "1", "Stage ID": 0,
        "Stage Attempt ID": 0, "Executor Metrics": {"JVMHeapMemory": 7}, "Note": "@",
    }));
    let mut failed = info.clone();
    failed["Failure Reason"] = "@".into();
    failed["Completion Time"] = 8_000.into();
    log.add(json!({"Event": "SparkListenerStageCompleted", "Stage Info": failed}));
    log.add(json!({
        "Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": 9_000,
        "Job Result": {"Result": "JobFailed", "Exception": {"Message": "@", "Stack Trace": "@"}},
    }));
    log.add(json!({
        "Event": sql("ExecutionEnd"), "executionId": 0, "time": 9_100, "errorMessage": "@",
    }));
    log.add(json!({
        "Event": "org.apache.spark.scheduler.SparkListenerExecutorExcluded", "time": 9_200,
        "executorId": "1", "taskFailures": 2, "note": "@",
    }));
    log.add(json!({
        "Event": "SparkListenerExecutorRemoved", "Timestamp": 9_300, "Executor ID": "1",
        "Removed Reason": "@",
    }));
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999, "note": "@"}));
    log
}

/// The text with its mark of this number replaced, and the other marks removed.
fn with(text: &str, number: usize, by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, part) in text.split('@').enumerate() {
        if n > 0 && n - 1 == number {
            out.extend_from_slice(by);
        } else if n > 0 {
            out.extend_from_slice(b"ok");
        }
        out.extend_from_slice(part.as_bytes());
    }
    out
}

fn read(bytes: &[u8]) -> LogFile {
    read_from(bytes, NAME).unwrap()
}

#[test]
fn each_damaged_text_becomes_a_text_with_u_fffd_in_it() {
    let text = marked().text();
    let marks = text.matches('@').count();
    assert!(marks > 60, "{marks}");
    for number in 0..marks {
        let line = text.split('@').take(number + 1).map(|part| part.matches('\n').count());
        let line = line.sum::<usize>() as u64 + 1;
        for (damage, want) in DAMAGES {
            let bytes = with(&text, number, damage);
            let log = read(&bytes);
            let clean = read(&with(&text, number, want.as_bytes()));
            let about = format!("mark {number}, line {line}, {}", damage.escape_ascii());
            assert_eq!(log.snapshot, clean.snapshot, "{about}");
            assert_eq!(clean.warnings, [], "{about}");
            // A text that is not read may be skipped.
            assert!(log.warnings.len() <= 1, "{about}: {:?}", log.warnings);
            if let [warning] = &log.warnings[..] {
                assert_eq!(warning.line, line, "{about}");
                assert!(warning.reason.ends_with(" became U+FFFD"), "{}", warning.reason);
            } else {
                let whole = read(&with(&text, usize::MAX, b""));
                assert_eq!(log.snapshot, whole.snapshot, "{about}");
            }
        }
    }
}

#[test]
fn a_warning_says_what_became_of_which_text() {
    let log = marked().text();
    let reasons = |damage: &[u8]| -> Vec<String> {
        let text = with(&log, usize::MAX, b"");
        let at = memchr::memmem::find(&text, b"\"App Name\":\"").unwrap() + 12;
        let bytes = [&text[..at], damage, &text[at..]].concat();
        read(&bytes).warnings.into_iter().map(|warning| warning.reason).collect()
    };
    let of = "SparkListenerApplicationStart: ";
    assert_eq!(
        reasons(b"\xfc"),
        [format!("{of}bytes that are not UTF-8 in `App Name` became U+FFFD")]
    );
    assert_eq!(
        reasons(b"\\ud83d"),
        [format!("{of}half a surrogate pair in `App Name` became U+FFFD")]
    );
    assert_eq!(reasons(b"\0"), [format!("{of}a control character in `App Name` became U+FFFD")]);
}

#[test]
fn damage_in_what_an_event_means_costs_the_event() {
    let text = String::from_utf8(with(&marked().text(), usize::MAX, b"")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let places = [
        ("SparkListenerJobEnd\"", "Event"),
        ("\"Executor ID\":\"1\"", "Executor ID"),
        ("\"executorId\":\"1\"", "executorId"),
        ("\"Reason\":\"TaskKilled\"", "Reason"),
        ("\"Result\":\"JobFailed\"", "Result"),
        ("\"Completion Time\":", "the name of a field"),
    ];
    for (place, name) in places {
        for damage in [&b"\xfc"[..], b"\\ud83d", b"\x01"] {
            let (at, line) =
                lines.iter().enumerate().rfind(|(_, line)| line.contains(place)).unwrap();
            let cut = line.rfind(place).unwrap() + place.rfind('"').unwrap();
            let (before, after) = line.as_bytes().split_at(cut);
            let damaged = [before, damage, after].concat();
            let mut bytes = Vec::new();
            for (n, line) in lines.iter().enumerate() {
                bytes.extend_from_slice(if n == at { &damaged } else { line.as_bytes() });
                bytes.push(b'\n');
            }
            let without: Vec<&str> = [&lines[..at], &lines[at + 1..]].concat();
            let log = read(&bytes);
            assert_eq!(
                log.snapshot,
                read((without.join("\n") + "\n").as_bytes()).snapshot,
                "{place}"
            );
            let [warning] = &log.warnings[..] else { panic!("{place}: {:?}", log.warnings) };
            assert_eq!(warning.line, at as u64 + 1);
            let is_named = warning.reason.contains(&format!(" in {name}, at byte "));
            let is_unread =
                warning.reason == "the line is not JSON: it contains a control character";
            assert!(is_named || name == "Event" && is_unread, "{}", warning.reason);
        }
    }
}

#[test]
fn an_application_whose_id_is_damaged_says_so() {
    let text = with(&marked().text(), usize::MAX, b"");
    let at = memchr::memmem::find(&text, b"local-1").unwrap();
    let bytes = [&text[..at], b"\xfc", &text[at..]].concat();
    let error = read_from(&bytes[..], "f").unwrap_err();
    assert!(error.is_failure() && matches!(error, LogError::BadApplication { .. }));
    let place =
        "SparkListenerApplicationStart is damaged: bytes that are not UTF-8 in App ID, at byte ";
    let want = format!("f cannot be read without its application: line 5: {place}");
    assert!(error.to_string().starts_with(&want), "{error}");
}

#[test]
fn a_byte_order_mark_is_no_damage() {
    const MARK: &str = "\u{feff}";
    let text = marked().text().replace('@', "ok");
    let want = read(text.as_bytes());
    for bytes in [
        format!("{MARK}{text}"),
        format!("{MARK}\n{text}"),
        format!("\n{MARK}{text}{MARK}"),
        // As when files are concatenated.
        text.replace(
            "{\"Event\":\"SparkListenerTaskEnd\"",
            &format!("{MARK}{{\"Event\":\"SparkListenerTaskEnd\""),
        ),
    ] {
        let log = read(bytes.as_bytes());
        assert_eq!((log.snapshot, log.warnings), (want.snapshot.clone(), vec![]));
    }
    // The first line is the application's start, as in logs of Spark 1.
    let start = text.find("{\"Event\":\"SparkListenerApplicationStart").unwrap();
    let log = read(format!("{MARK}{}", &text[start..]).as_bytes());
    assert_eq!((log.snapshot.application.name.as_str(), log.warnings), ("ok", vec![]));
}

#[test]
fn each_part_of_a_rolled_log_may_begin_with_a_byte_order_mark() {
    let text = marked().text().replace('@', "ok");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("eventlog_v2_local-1");
    fs::create_dir(&log).unwrap();
    fs::write(log.join("appstatus_local-1"), "").unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (n, part) in (1..).zip(lines.chunks(7)) {
        let name = format!("events_{n}_local-1");
        fs::write(log.join(name), format!("\u{feff}{}", part.concat())).unwrap();
    }
    let log = spark_analytics_eventlog::read_log(log).unwrap();
    assert_eq!((log.snapshot, log.warnings), (read(text.as_bytes()).snapshot, vec![]));
}

#[test]
fn a_log_that_is_being_written_may_end_within_a_damaged_line() {
    let text = with(&marked().text(), 12, b"Z\xfcrich");
    let at = memchr::memchr(0xfc, &text).unwrap();
    let end = at + memchr::memchr(b'\n', &text[at..]).unwrap();
    for end in at - 1..end - 1 {
        match read_from(&text[..end], "local-1.inprogress") {
            Ok(log) => assert_eq!(log.warnings, [], "{end}"),
            Err(error) => assert!(matches!(error, LogError::NoApplication { .. }), "{error}"),
        }
    }
}

/// The figures of a log, without its texts.
fn figures(mut log: LogSnapshot) -> LogSnapshot {
    log.environment = None;
    log.sql.clear();
    log.application.name.clear();
    log.application.user.clear();
    log.application.spark_version.clear();
    for job in &mut log.jobs {
        job.name.clear();
        job.user.clear();
        job.job_tags.clear();
        (job.description, job.job_group, job.failure_message) = (None, None, None);
        job.app_name = None;
        job.sql_execution_id = None;
        let killed = job.killed_tasks_summary.values().sum();
        job.killed_tasks_summary = [(String::new(), killed)].into();
    }
    for stage in &mut log.stages {
        stage.name.clear();
        stage.scheduling_pool.clear();
        stage.description = None;
        stage.failure_reason = stage.failure_reason.take().map(|_| String::new());
        let killed = stage.killed_tasks_summary.values().sum();
        stage.killed_tasks_summary = [(String::new(), killed)].into();
    }
    for executor in &mut log.executors {
        executor.host_port.clear();
        executor.remove_reason = None;
        executor.executor_logs.clear();
        executor.attributes.clear();
        executor.resources.clear();
    }
    log
}

/// Where the free texts of a line begin and end.
fn free_texts(line: &[u8]) -> Vec<std::ops::Range<usize>> {
    const STRICT: [&str; 9] = [
        "Event",
        "App ID",
        "App Attempt ID",
        "Executor ID",
        "executorId",
        "hostId",
        "Reason",
        "Result",
        "spark.task.cpus",
    ];
    let mut texts = Vec::new();
    let (mut at, mut name) = (0, String::new());
    while let Some(start) = line[at..].iter().position(|byte| *byte == b'"') {
        let start = at + start + 1;
        let mut end = start;
        while line[end] != b'"' {
            end += if line[end] == b'\\' { 2 } else { 1 };
        }
        at = end + 1;
        if line.get(at) == Some(&b':') {
            name = String::from_utf8_lossy(&line[start..end]).into_owned();
        } else if !STRICT.contains(&name.as_str()) {
            texts.push(start..end);
        }
    }
    texts
}

fn case(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).join("log");
    let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    fs::read(path).unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Task lines in Spark's own layout among them, which are not parsed unless they are damaged.
    #[test]
    fn damaged_texts_change_no_figure(
        name in prop::sample::select(vec!["spec-3.5", "failures-3.5", "concurrent-3.5", "small-3.5-plain"]),
        damages in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(),
             prop::sample::select(&DAMAGES[..])),
            1..60,
        ),
    ) {
        let mut lines = case(name);
        let whole = read(&lines.join(&b'\n'));
        for (line, text, at, (damage, _)) in damages {
            let line = line.get(&lines).clone();
            let texts = free_texts(&line);
            if texts.is_empty() {
                continue;
            }
            let text = text.get(&texts).clone();
            let at = text.start + at.index(text.len() + 1);
            // Not within an escape.
            if line[text.start..at].contains(&b'\\') {
                continue;
            }
            let n = lines.iter().position(|other| *other == line).unwrap();
            lines[n] = [&line[..at], damage, &line[at..]].concat();
        }
        let damaged = read(&lines.join(&b'\n'));
        prop_assert_eq!(figures(damaged.snapshot), figures(whole.snapshot));
        for warning in damaged.warnings {
            // Events that are not read are not repaired, and their damage costs nothing.
            prop_assert!(warning.reason.ends_with("became U+FFFD"), "{}", warning.reason);
        }
    }
}

#[test]
fn a_task_that_is_damaged_counts_whichever_way_it_is_read() {
    let mut log = marked();
    log.task((0, 0), 7, 1);
    let text = String::from_utf8(with(&log.text(), usize::MAX, b"")).unwrap();
    let want = read(text.as_bytes());
    let damaged = text.replace("\"Host\":\"h\"", "\"Host\":\"\\ud83d\"");
    assert_ne!(damaged, text);
    let log = read(damaged.as_bytes());
    assert_eq!(log.snapshot, want.snapshot);
}

fn fault(name: &str) -> LogFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(name);
    read_from(&fs::read(path).unwrap()[..], "app").unwrap()
}

#[test]
fn logs_that_were_lost_for_a_text_are_whole() {
    let half_pair = fault("lone-surrogate").snapshot;
    assert_eq!(half_pair.jobs.len(), 2);
    assert_eq!(half_pair.jobs[1].description.as_deref(), Some("daily \u{fffd}"));
    let latin = fault("latin1-app-name");
    assert_eq!(
        (latin.snapshot.application.name.as_str(), latin.snapshot.jobs.len()),
        ("Z\u{fffd}rich", 1)
    );
    assert_eq!(latin.warnings[0].line, 2);
    let mark = fault("bom");
    assert_eq!(
        (mark.snapshot.application.spark_version.as_str(), mark.warnings),
        ("3.5.1", vec![])
    );
    assert_eq!(mark.snapshot.jobs.len(), 1);
}
