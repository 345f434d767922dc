//! Events in another form than that of a log are read, or named for what they are.

use serde_json::json;
use spark_analytics_eventlog::{LogError, LogFile, read_from};

use crate::made::{Log, NAME};

fn log() -> Log {
    let mut log = Log::started();
    log.executor_added("1").job_start(0, &[(0, 1)]).submit(0, 0, 1);
    log.task((0, 0), 0, 0).complete(0, 0, 1).job_end(0);
    log
}

fn read(bytes: &[u8]) -> LogFile {
    read_from(bytes, NAME).unwrap()
}

#[track_caller]
fn assert_named(bytes: &[u8], form: &str) {
    let error = read_from(bytes, "f").unwrap_err();
    assert!(matches!(error, LogError::OtherForm { .. }), "{error}");
    assert_eq!(error.to_string(), format!("f has the events of a log, but {form}"));
}

#[test]
fn utf_16_is_named() {
    let text = log().text();
    for (mark, text) in
        [("", text.clone()), ("\u{feff}", text.clone()), ("\u{feff}", text.replace('\n', "\r\n"))]
    {
        let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        assert_named(&little, "it is in UTF-16; convert it to UTF-8: iconv -f UTF-16LE -t UTF-8");
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_named(&big, "it is in UTF-16; convert it to UTF-8: iconv -f UTF-16BE -t UTF-8");
    }
}

#[test]
fn long_utf_16_is_named() {
    let text = log().text().repeat(2_000);
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(bytes.len() > 4 * 1024 * 1024);
    assert_named(&bytes, "it is in UTF-16; convert it to UTF-8: iconv -f UTF-16LE -t UTF-8");
}

#[test]
fn carriage_returns_as_ends_of_lines_are_named() {
    let form =
        "it has carriage returns as ends of its lines; replace them by line feeds: tr '\\r' '\\n'";
    assert_named(log().text().replace('\n', "\r").as_bytes(), form);
}

#[test]
fn arrays_formatted_events_and_events_on_one_line_are_named() {
    let array = "it is a JSON array; write one event per line: jq -c '.[]'";
    assert_named(format!("[{}]", log().0.join(",\n")).as_bytes(), array);
    assert_named(format!("[\n  {}\n]", log().0.join(",\n  ")).as_bytes(), array);
    assert_named(format!("[{}]", log().0.join(",")).as_bytes(), array);
    let formatted: Vec<String> =
        log().0.iter().map(|line| line.replace("{\"Event\"", "{\n  \"Event\"") + "\n").collect();
    let form = "it is formatted JSON; write one event per line: jq -c .";
    assert_named(formatted.concat().as_bytes(), form);
    let line = "it has several events on a line; write one event per line: jq -c .";
    assert_named(log().0.concat().as_bytes(), line);
}

#[test]
fn other_files_are_not_named_as_logs() {
    for text in ["[1,2]", "{\n\"a\":1}", "\u{feff}", "{\"Events\":[]}", "[]", "{", "["] {
        let error = read_from(text.as_bytes(), "f").unwrap_err();
        assert!(!matches!(error, LogError::OtherForm { .. }), "{text}: {error}");
    }
}

#[test]
fn events_that_a_collector_of_logs_wrapped_are_read() {
    let want = log().read();
    let wrap = |with: fn(&str) -> serde_json::Value| -> String {
        log().0.iter().map(|line| format!("{}\n", with(line))).collect()
    };
    for text in [
        wrap(|line| json!({"log": line})),
        wrap(
            |line| json!({"log": format!("{line}\n"), "stream": "stdout", "time": "2024-01-01T00:00:00Z"}),
        ),
        wrap(|line| json!({"date": 1.5, "log": line, "kubernetes": {"pod_name": "driver"}})),
    ] {
        let read = read(text.as_bytes());
        assert_eq!((read.snapshot, read.warnings), (want.clone(), vec![]));
        assert_eq!(read.lines, log().0.len() as u64);
    }
    let damaged = wrap(|line| json!({"log": line})).replace("a job", "a \\\\ud83d job");
    let read = read(damaged.as_bytes());
    assert_eq!(read.snapshot.jobs[0].description.as_deref(), Some("a \u{fffd} job"));
    assert_eq!(read.warnings.len(), 1);
    // Lines of the program itself may be among them.
    let with_others =
        format!("{}\n{}", json!({"log": "INFO started"}), wrap(|line| json!({"log": line})));
    let read = read_from(with_others.as_bytes(), NAME).unwrap();
    assert_eq!((read.snapshot, read.warnings.len()), (want, 1));
}
