//! Unreadable input is reported and skipped, and reading continues.

use std::fs;
use std::io::{self, Read, Write};

use serde_json::json;
use spark_analytics_core::history;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{
    LogError, LogFile, MAX_LINE_BYTES, MAX_TEXT_BYTES, MAX_WARNINGS, read_from, read_log,
};

use crate::made::codecs::{CODECS, zstd};
use crate::made::{Log, NAME, success};

/// An ended application of one job with three tasks.
fn whole() -> Log {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 3)]).submit(0, 0, 3);
    log.task((0, 0), 0, 0).task((0, 0), 1, 1).task((0, 0), 2, 2).complete(0, 0, 3).job_end(0);
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    log
}

fn read(bytes: &[u8]) -> LogFile {
    read_from(bytes, NAME).unwrap()
}

fn error(bytes: &[u8], name: &str) -> String {
    read_from(bytes, name).unwrap_err().to_string()
}

/// The whole log with a line inserted before its sixth.
fn with_line(line: &[u8]) -> Vec<u8> {
    let log = whole();
    let head: String = log.0[..5].iter().map(|line| format!("{line}\n")).collect();
    let tail: String = log.0[5..].iter().map(|line| format!("{line}\n")).collect();
    [head.as_bytes(), line, b"\n", tail.as_bytes()].concat()
}

#[track_caller]
fn assert_left_out(line: &[u8], reason: &str) {
    let log = read(&with_line(line));
    assert_eq!(log.snapshot, whole().read());
    let offset: usize = whole().0[..5].iter().map(|line| line.len() + 1).sum();
    let [warning] = &log.warnings[..] else { panic!("{:?}", log.warnings) };
    assert_eq!((warning.offset, warning.line), (offset as u64, 6));
    assert_eq!(warning.reason, reason);
    assert_eq!(log.lines, whole().0.len() as u64 + 1);
}

#[test]
fn a_line_that_is_not_json_is_left_out() {
    assert_left_out(b"garbage", "the line is not a JSON object");
    assert_left_out(b"{garbage", "the line is not valid JSON at byte 2");
    assert_left_out(
        br#"{"Event":"SparkListenerJobEnd",,"Job ID":0}"#,
        "SparkListenerJobEnd is not valid JSON at byte 32",
    );
}

#[test]
fn a_line_that_is_json_but_not_an_event_is_left_out() {
    assert_left_out(b"[\"SparkListenerJobEnd\"]", "the line is not a JSON object");
    assert_left_out(
        b"{\"event\":\"SparkListenerJobStart\",\"job_id\":1}",
        "the line differs from what Spark writes: missing field `Event`, at byte 44 of the line",
    );
}

#[test]
fn a_line_that_is_cut_off_is_left_out() {
    let line = whole().0[6].clone();
    assert_left_out(
        &line.as_bytes()[..line.len() - 9],
        "SparkListenerTaskEnd is truncated: its JSON ends early",
    );
}

#[test]
fn a_line_whose_meaning_is_not_utf_8_is_left_out() {
    let line = b"{\"Event\":\"SparkListenerTaskEnd\",\"Stage ID\":0,\"Task End Reason\":{\"Reason\":\"\xff\xfe\"}}";
    assert_left_out(
        line,
        "SparkListenerTaskEnd is damaged: bytes that are not UTF-8 in Reason, at byte 74",
    );
}

#[test]
fn a_line_of_nuls_is_left_out() {
    assert_left_out(&[0; 4096], "the line is not a JSON object");
}

#[test]
fn a_line_with_numbers_out_of_range_is_left_out() {
    assert_left_out(
        br#"{"Event":"SparkListenerJobEnd","Job ID":99999999999999999999,"Job Result":{"Result":"JobSucceeded"}}"#,
        "SparkListenerJobEnd differs from what Spark writes: invalid type: floating point `1e+20`, \
         expected i64, at byte 60 of the line",
    );
}

#[test]
fn a_line_with_a_field_missing_is_left_out() {
    assert_left_out(
        br#"{"Event":"SparkListenerJobEnd","Completion Time":7}"#,
        "SparkListenerJobEnd differs from what Spark writes: missing field `Job ID`, at byte 51 of the line",
    );
}

#[test]
fn a_line_that_is_too_long_is_left_out() {
    let line =
        [&b"{\"Event\":\"SparkListenerJobEnd\",\"x\":\""[..], &vec![b'x'; MAX_LINE_BYTES]].concat();
    assert_left_out(&line, &format!("the line is longer than {MAX_LINE_BYTES} bytes"));
}

#[test]
fn a_deeply_nested_line_does_no_harm() {
    let mut line = b"{\"Event\":\"SparkListenerJobEnd\",\"x\":".to_vec();
    line.extend(std::iter::repeat_n(b'[', 1_000_000));
    assert_left_out(&line, "SparkListenerJobEnd is truncated: its JSON ends early");
}

#[test]
fn a_second_application_start_is_left_out() {
    assert_left_out(whole().0[1].as_bytes(), "a second SparkListenerApplicationStart");
}

#[test]
fn blank_lines_carriage_returns_and_unknown_classes_are_not_damage() {
    for line in [
        "",
        "  \t",
        "\r",
        r#"{"Event":"com.acme.Foo","Job ID":1}"#,
        r#"{"Event":"SparkListenerFoo"}"#,
    ] {
        let log = read(&with_line(line.as_bytes()));
        assert_eq!(log.warnings, []);
        assert_eq!(log.snapshot, whole().read());
    }
    let log = read(whole().text().replace('\n', "\r\n").as_bytes());
    assert_eq!((log.snapshot, log.warnings), (whole().read(), vec![]));
}

#[test]
fn an_event_whose_class_is_not_first_is_read() {
    let mut log = whole();
    log.0[6] = log.0[6].replacen("{\"Event\":\"SparkListenerTaskEnd\",", "{ ", 1).replacen(
        "\"Stage ID\"",
        "\"Event\" : \"SparkListenerTaskEnd\", \"Stage ID\"",
        1,
    );
    assert!(log.0[6].starts_with("{ "));
    assert_eq!(log.read(), whole().read());
}

#[test]
fn warnings_are_bounded_and_the_rest_counted() {
    let bytes = with_line("damaged\n".repeat(MAX_WARNINGS + 7).trim_end().as_bytes());
    let log = read(&bytes);
    assert_eq!((log.warnings.len(), log.warnings_left_out), (MAX_WARNINGS, 7));
    assert_eq!(log.bytes, bytes.len() as u64);
}

#[test]
fn a_torn_last_line_is_reported_unless_the_log_is_in_progress() {
    let text = whole().text();
    let torn = &text.as_bytes()[..text.len() - 9];
    let log = read(torn);
    assert_eq!(log.warnings.len(), 1);
    assert!(!log.snapshot.application.ended);
    assert_eq!(log.snapshot.jobs.len(), 1);
    let running = read_from(torn, "local-1.inprogress").unwrap();
    assert_eq!((running.snapshot, running.warnings), (log.snapshot, vec![]));
    let unterminated = read(text.trim_end().as_bytes());
    assert_eq!((unterminated.snapshot, unterminated.warnings), (whole().read(), vec![]));
}

#[test]
fn reading_twice_gives_the_same_facts() {
    let path = format!(
        "{}/tests/cases/codec-3.5-zstd/log/local-1795465576509.zstd",
        env!("CARGO_MANIFEST_DIR")
    );
    let plain = format!(
        "{}/tests/cases/small-3.5-plain/log/local-1795465576509",
        env!("CARGO_MANIFEST_DIR")
    );
    let log = read_log(&path).unwrap().snapshot;
    assert_eq!(log, read_log(&path).unwrap().snapshot);
    assert_eq!(log, read_log(plain).unwrap().snapshot);
}

#[test]
fn zstd_is_recognised_by_content_whatever_the_name() {
    let text = whole().text();
    for name in ["local-1", "local-1.lz4", "local-1.zstd", "x"] {
        assert_eq!(read_from(&zstd(text.as_bytes())[..], name).unwrap().snapshot, whole().read());
        assert_eq!(read_from(text.as_bytes(), name).unwrap().snapshot, whole().read());
    }
}

#[test]
fn zstd_frames_follow_one_another_wherever_they_are_split() {
    let text = whole().text();
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    for at in (0..text.len()).step_by(101) {
        let (head, tail) = text.as_bytes().split_at(at);
        let log = read(&[&skippable[..], &zstd(head), skippable, &zstd(tail)].concat());
        assert_eq!((log.snapshot, log.warnings), (whole().read(), vec![]));
    }
}

#[test]
fn all_whole_lines_of_a_truncated_zstd_log_are_read() {
    let log = whole();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for (n, line) in (1..).zip(&log.0) {
        writeln!(encoder, "{line}").unwrap();
        encoder.flush().unwrap();
        if n < 2 {
            continue;
        }
        let cut = encoder.get_ref().as_slice();
        let want = Log(log.0[..n].to_vec()).read();
        let running = read_from(cut, "local-1.zstd.inprogress").unwrap();
        assert_eq!(
            (running.snapshot, running.warnings, running.lines),
            (want.clone(), vec![], n as u64)
        );
        let ended = read_from(cut, "local-1.zstd").unwrap();
        assert_eq!(ended.snapshot, want);
        let [warning] = &ended.warnings[..] else { panic!("{:?}", ended.warnings) };
        assert_eq!(warning.reason, "the file ends within its compressed data");
        assert_eq!(warning.offset, ended.bytes);
    }
}

#[test]
fn a_zstd_log_may_be_cut_anywhere() {
    let path = format!(
        "{}/tests/cases/codec-3.5-zstd/log/local-1795465576509.zstd",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = fs::read(path).unwrap();
    let mut jobs = 0;
    for end in (0..bytes.len()).step_by(4_999) {
        match read_from(&bytes[..end], "local.zstd.inprogress") {
            Ok(log) => {
                assert_eq!(log.warnings, []);
                assert!(log.snapshot.jobs.len() >= jobs);
                jobs = log.snapshot.jobs.len();
            }
            Err(LogError::Empty { .. } | LogError::NoApplication { .. }) => assert_eq!(jobs, 0),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(jobs > 10);
}

#[test]
fn damaged_zstd_is_read_up_to_the_damage() {
    let head = whole().text();
    let mut bytes = zstd(head.as_bytes());
    bytes.extend(b"no frame starts so");
    let log = read(&bytes);
    assert_eq!(log.snapshot, whole().read());
    let [warning] = &log.warnings[..] else { panic!("{:?}", log.warnings) };
    let reason = "the compressed data is damaged; nothing after this is read: ";
    assert!(warning.reason.starts_with(reason), "{}", warning.reason);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x55;
        let _ = read_from(&flipped[..], NAME);
    }
}

#[test]
fn a_file_without_facts_is_an_error_with_the_reason() {
    assert_eq!(error(b"", "f"), "f is empty");
    assert_eq!(error(b"\n \r\n\n", "f"), "f is empty");
    assert_eq!(error(&zstd(b""), "f"), "f is empty");
    let no_log = "f is not a Spark event log: no line at its start begins with {\"Event\":…}";
    assert_eq!(error(b"# Read me\n\nThis is not a log.\n", "f"), no_log);
    assert_eq!(error(&[0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0], "f"), no_log);
    assert_eq!(error("{\"a\":1}\n".repeat(100_000).as_bytes(), "f"), no_log);
    let mut log = whole();
    log.0.remove(1);
    assert_eq!(
        error(log.text().as_bytes(), "f"),
        "f has no SparkListenerApplicationStart, so the application of its 13 events is unknown",
    );
}

#[test]
fn a_log_may_begin_with_a_few_short_lines_that_are_not_events() {
    let text = whole().text();
    let log = read_from(["?\n".repeat(1_000), text.clone()].concat().as_bytes(), NAME).unwrap();
    assert_eq!(log.snapshot, whole().read());
    assert_eq!(log.warnings.len() as u64 + log.warnings_left_out, 1_000);
    let long = "?".repeat(64 * 1024);
    let log = read_from(format!("{long}\n{long}\n{text}").as_bytes(), NAME).unwrap();
    assert_eq!(log.snapshot, whole().read());
    let many = format!("{long}\n").repeat(100);
    let error = read_from([many, text].concat().as_bytes(), NAME).unwrap_err();
    assert!(matches!(error, LogError::NotALog { .. }), "{error}");
}

#[test]
fn every_codec_is_recognised_by_content_and_may_be_cut_anywhere() {
    let text = whole().text();
    for (codec, compress) in CODECS {
        let bytes = compress(text.as_bytes());
        for name in ["local-1", "local-1.lz4", "local-1.zstd", "x"] {
            let log = read_from(&bytes[..], name).unwrap();
            assert_eq!((log.snapshot, log.warnings), (whole().read(), vec![]), "{codec}");
        }
        let mut lines = 0;
        for end in (0..bytes.len()).step_by(3) {
            match read_from(&bytes[..end], "local-1.inprogress") {
                Ok(log) => {
                    assert_eq!(log.warnings, [], "{codec}, {end}");
                    assert!(log.lines >= lines, "{codec}, {end}");
                    lines = log.lines;
                }
                Err(LogError::Io { .. }) => panic!("{codec}, {end}"),
                Err(_) => assert_eq!(lines, 0, "{codec}, {end}"),
            }
        }
        assert!(lines > 5 || codec == "zstd", "{codec}");
    }
}

#[test]
fn data_damaged_from_the_start_is_an_error_with_the_reason() {
    let cut_off = "f cannot be read: the file ends within its compressed data";
    assert_eq!(error(b"ZV\x01\0", "f"), cut_off);
    assert_eq!(error(b"LZ4Block\x26\0\0", "f"), cut_off);
    let mut damaged = zstd(whole().text().as_bytes());
    damaged[4..24].fill(0xff);
    let damaged = read_from(&damaged[..], "f").unwrap_err();
    assert!(damaged.to_string().starts_with("f cannot be read: the compressed data is damaged"));
    assert!(damaged.is_failure());
    assert!(!read_from(&b"# Read me\n"[..], "f").unwrap_err().is_failure());
    assert_eq!(error(b"ZV\x01\0", "f.inprogress"), "f.inprogress is empty");
}

#[test]
fn a_path_that_is_not_a_file_is_an_error_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_log(folder.path()), Err(LogError::NotOneLog { .. })));
    let missing = read_log(folder.path().join("missing")).unwrap_err();
    assert!(matches!(&missing, LogError::Io { .. }));
    assert!(missing.to_string().contains("missing"), "{missing}");
}

/// Returns some bytes and then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

#[test]
fn a_failing_reader_is_an_error_and_not_a_shorter_log() {
    let text = whole().text();
    for bytes in [text.as_bytes(), &zstd(text.as_bytes())[..]] {
        let error = read_from(Failing(&bytes[..bytes.len() - 20]), "f").unwrap_err();
        assert_eq!(error.to_string(), "cannot read f: the disk is gone");
    }
}

/// Returns one byte at a time, with interruptions.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = out.len().min(1);
        self.0.read(&mut out[..most])
    }
}

#[test]
fn a_slow_reader_gives_the_same_facts() {
    let text = whole().text();
    for bytes in [text.as_bytes(), &zstd(text.as_bytes())[..]] {
        let log = read_from(Slow(bytes, false), NAME).unwrap();
        assert_eq!((log.snapshot, log.warnings), (whole().read(), vec![]));
    }
}

#[test]
fn the_files_name_replaces_a_missing_application_id() {
    let mut log = whole();
    log.0[1] = log.0[1].replace("\"App ID\":\"local-1\",", "");
    let names = ["local-7", "/logs/local-7.zstd", "local-7.inprogress", "a/local-7.lz4.inprogress"];
    for name in names {
        let read = read_from(log.text().as_bytes(), name).unwrap();
        assert_eq!(read.snapshot.application.app_id, "local-7");
    }
}

#[test]
fn keys_are_short_and_have_no_nul() {
    let long = format!("a\\u0000{}é", "b".repeat(1019));
    let mut log = whole();
    log.0[1] = log.0[1].replace("ada", &long).replace("local-1", &long);
    let text = log.text().replace("\"Executor ID\":\"1\"", &format!("\"Executor ID\":\"{long}\""));
    let LogSnapshot { application, jobs, executors, .. } = read(text.as_bytes()).snapshot;
    let kept = format!("a\u{fffd}{}", "b".repeat(1019));
    assert_eq!((&application.app_id, &application.user), (&kept, &kept));
    assert_eq!(jobs[0].user, kept);
    assert_eq!((&executors[0].id, executors[0].completed_tasks), (&kept, 3));
    let named =
        whole().text().replace("\"made\"", &format!("\"{}\"", "x".repeat(MAX_TEXT_BYTES + 9)));
    assert_eq!(read(named.as_bytes()).snapshot.application.name.len(), MAX_TEXT_BYTES);
}

/// Times have the range of those of single events; -1 is none.
#[test]
fn times_outside_the_years_1970_to_2262_are_damage() {
    const END: i64 = 9_246_182_400_000;
    let class = |name: &str| format!("{{\"Event\":\"SparkListener{name}\",");
    let sql = |name: &str| format!("{{\"Event\":\"org.apache.spark.sql.execution.ui.{name}\",");
    let stage = r#""Stage Info":{"Stage ID":0,"Stage Name":"s","Number of Tasks":3,"#;
    let task = |times: &str| {
        let info =
            r#""Stage ID":0,"Stage Attempt ID":0,"Task Info":{"Task ID":9,"Index":0,"Attempt":0,"#;
        format!(
            "{info}{times},\"Locality\":\"ANY\",\"Speculative\":false,\"Getting Result Time\":0,\
             \"Finish Time\":@,\"Failed\":false,\"Killed\":false,\"Accumulables\":[]}}}}"
        )
    };
    let launch = |at: &str| format!("\"Launch Time\":{at},\"Executor ID\":\"1\",\"Host\":\"h\"");
    let lines = [
        class("ApplicationEnd") + r#""Timestamp":@}"#,
        class("ExecutorAdded")
            + r#""Timestamp":@,"Executor ID":"7","Executor Info":{"Host":"h","Total Cores":4}}"#,
        class("ExecutorRemoved") + r#""Timestamp":@,"Executor ID":"7"}"#,
        class("BlockManagerAdded")
            + r#""Block Manager ID":{"Executor ID":"7","Host":"h","Port":7},"Maximum Memory":7,"Timestamp":@}"#,
        class("JobStart") + r#""Job ID":7,"Submission Time":@,"Stage Infos":[]}"#,
        class("JobEnd")
            + r#""Job ID":7,"Completion Time":@,"Job Result":{"Result":"JobSucceeded"}}"#,
        class("StageSubmitted") + stage + r#""Submission Time":@}}"#,
        class("StageCompleted") + stage + r#""Submission Time":7,"Completion Time":@}}"#,
        class("TaskStart") + &task(&launch("@")).replace("\"Finish Time\":@", "\"Finish Time\":0"),
        class("TaskStart") + &task(&launch("7")),
        sql("SparkListenerSQLExecutionStart") + r#""executionId":7,"time":@}"#,
        sql("SparkListenerSQLExecutionEnd") + r#""executionId":7,"time":@}"#,
    ];
    for line in lines {
        let warnings = |time: i64| {
            let line = line.replace('@', &time.to_string());
            let log = read(&with_line(line.as_bytes()));
            log.warnings.into_iter().map(|warning| warning.reason).collect::<Vec<_>>()
        };
        for time in [-1, 0, END - 1] {
            let warnings = warnings(time);
            assert!(!warnings.concat().contains("time"), "{line} {time}: {warnings:?}");
        }
        for time in [i64::MIN, -2, END, i64::MAX / 1_000, i64::MAX] {
            let warnings = warnings(time).concat();
            let outside = format!("the time {time} is outside the years 1970 to 2262");
            assert!(warnings.contains(&outside), "{line} {time}: {warnings}");
        }
    }
    let start = whole().text().replacen("1000", &i64::MAX.to_string(), 1);
    let error = error(start.as_bytes(), NAME);
    assert!(error.contains("cannot be read without its application: line 2:"), "{error}");
}

#[test]
fn extreme_numbers_do_no_harm() {
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    for a in extremes {
        for b in extremes {
            let mut log = Log::started();
            log.executor_added("1").job_start(a, &[(a, b), (b, a)]).submit(a, 0, b).submit(b, 0, a);
            log.task_start((a, 0), a, b).task_end((a, 0), a, b, success()).job_end(a);
            let text =
                log.text().replace(":4000,", &format!(":{a},")).replace(":2000", &format!(":{b}"));
            let text = text.replace(":9000", &format!(":{a}")).replace(":7,", &format!(":{b},"));
            let text = text.replace(":4010", &format!(":{b}"));
            let log = read(text.as_bytes()).snapshot;
            for json in [
                history::application_json(&log),
                history::jobs_json(&log),
                history::stages_json(&log),
                history::all_executors_json(&log),
            ] {
                assert!(!json.to_string().is_empty());
            }
        }
    }
}
