//! The wire format, and the text of each error.

use spark_analytics_core::{
    Event, EventContent, EventDetail, EventType, InvalidEvent, JobKey, MAX_EVENT_BYTES, Timestamp,
};

const START: &str = r#"{"event":"SparkListenerJobStart","job_id":101,"timestamp":"2024-03-30T10:12:45Z","user":"data_engineer_1@example.com"}"#;
const TASK: &str = r#"{"event":"SparkListenerTaskEnd","job_id":101,"timestamp":"2024-03-30T10:12:50.120Z","user":"data_engineer_1@example.com","task_id":"task_101_004","duration_ms":4120,"successful":true}"#;
const END: &str = r#"{"event":"SparkListenerJobEnd","job_id":101,"timestamp":"2024-03-30T10:14:03Z","user":"data_engineer_1@example.com","completion_time":"2024-03-30T10:14:03Z","job_result":"JobSucceeded"}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `TASK` with the value of one field replaced, or without that field.
fn task_with(field: &str, value: Option<&str>) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(TASK).unwrap();
    match value {
        Some(value) => fields.insert(field.to_owned(), serde_json::from_str(value).unwrap()),
        None => fields.remove(field),
    };
    serde_json::to_string(&fields).unwrap()
}

fn error(json: &str) -> String {
    Event::from_json(json).unwrap_err().to_string()
}

#[test]
fn the_three_events_are_read_as_they_are_written() {
    let user = "data_engineer_1@example.com";
    let start = Event::from_json(START).unwrap();
    assert_eq!((start.event_type(), start.raw()), (EventType::JobStart, START));
    assert_eq!((start.job(), start.user()), (&JobKey::new(101), user));
    assert_eq!(start.timestamp(), at("2024-03-30T10:12:45Z"));

    let task = Event::from_json(TASK).unwrap();
    let detail = EventDetail::TaskEnd {
        task_id: "task_101_004".to_owned(),
        duration_ms: 4120,
        successful: true,
    };
    assert_eq!(task.content(), &EventContent { user: user.to_owned(), detail });
    assert_eq!(task.timestamp().as_micros() % 1_000_000, 120_000);

    let end = Event::from_json(END).unwrap();
    let completion_time = at("2024-03-30T10:14:03Z");
    let detail = EventDetail::JobEnd { completion_time, job_result: "JobSucceeded".to_owned() };
    assert_eq!(end.content().detail, detail);
}

#[test]
fn constructed_events_are_those_of_the_wire() {
    let key = JobKey::in_app("app \"1\"", "2", 0);
    let t = at("1970-01-01T00:00:00.000001Z");
    for event in [
        Event::job_start(key.clone(), t, "").unwrap(),
        Event::task_end(key.clone(), t, "ü", "t", 0, false).unwrap(),
        Event::job_end(key.clone(), t, "a", t, "odd").unwrap(),
    ] {
        assert_eq!(Event::from_json(event.raw()).unwrap(), event);
        assert_eq!(event.job(), &key);
    }
}

#[test]
fn serde_reads_and_writes_the_wire_format_with_unknown_fields() {
    let text = START.replace('}', r#","Stage Infos":[{"a":1.50}]}"#);
    let event: Event = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), text);
    let list: Vec<Event> = serde_json::from_str(&format!("[{START}, {TASK} ,{END}]")).unwrap();
    assert_eq!(list[1], Event::from_json(TASK).unwrap());
    let value: Event = serde_json::from_value(serde_json::from_str(END).unwrap()).unwrap();
    assert_eq!(value.content(), list[2].content());
}

#[test]
fn times_may_have_any_offset_or_none_and_are_truncated_to_microseconds() {
    let same = [
        "2024-03-30T10:12:50.123456Z",
        "2024-03-30T10:12:50.123456789Z",
        "2024-03-30T12:12:50.123456+02:00",
        "2024-03-30T04:42:50.123456-05:30",
        "2024-03-30T10:12:50.123456",
        "2024-03-30t10:12:50.123456z",
        "2024-03-30 10:12:50.123456+00:00",
        "2024-03-30T12:12:50.123456+0200",
        "2024-03-30 12:12:50.123456+02",
        "2024-03-30T04:42:50.123456-0530",
        "2024-03-30 10:12:50,123456",
    ];
    for text in same {
        assert_eq!(at(text), at(same[0]), "{text}");
    }
    assert_eq!(at("1970-01-01T00:00:00").as_micros(), 0);
    assert_eq!(at("2024-03-30T10:12"), at("2024-03-30T10:12:00Z"));
    assert_eq!(at("2024-03-30T10:12+02:00"), at("2024-03-30T08:12:00Z"));
    assert_eq!(format!("{:?}", at("2024-03-30T12:12+02")), "2024-03-30T10:12:00Z");
    assert_eq!(at("2024-02-29T23:59:59Z").to_string(), "2024-02-29T23:59:59Z");
    for text in [
        "",
        "2024-03-30",
        "2024-03-30T",
        "2024-03-30T10:1",
        "2024-03-30T10:12:",
        "2024-03-30T10:12:45+2",
        "2024-03-30T10:12:45+020",
        "2024-03-30T10:12:45+02:0",
        "2024-03-30T10:12:45+2400",
        "2024-03-30T10:12:45+02000",
        "2024-03-30T10:12:45+ü",
        "2024-03-30T10:12:45+0é",
        "2024-03-30T10:12:45+02é",
        "2024-03-30T10:12:45 Z",
        "2024-03-30T10:12:45GMT",
        "2024-03-30_10:12:45",
        "2024-02-30T10:12:45Z",
        "now",
        "2024-03-30T25:12:45Z",
        "+2024-03-30T10:12:45Z",
        "02024-03-30T10:12:45Z",
        "1711792363",
        "2024-03-30T10:12:45ZZ",
        "2024-03-30T10:12:45+25:00",
        "é024-03-30T10:12:45Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn an_error_names_the_field_and_the_reason() {
    let long = format!("\"{}\"", "x".repeat(1025));
    let known = "SparkListenerJobStart, SparkListenerTaskEnd, SparkListenerJobEnd";
    let cases = [
        ("event", None, "field `event` is missing".to_owned()),
        ("event", Some("1"), "field `event` must be a text, not a number".to_owned()),
        ("event", Some("\"SparkListenerLogStart\""), format!("field `event` has the unknown event type `SparkListenerLogStart`; known types are {known}")),
        ("job_id", None, "field `job_id` is missing".to_owned()),
        ("job_id", Some("null"), "field `job_id` is missing".to_owned()),
        ("job_id", Some("\"1\""), "field `job_id` must be an integer, not a text".to_owned()),
        ("job_id", Some("1.5"), "field `job_id` must be an integer, not a number with a fraction".to_owned()),
        ("job_id", Some("-1"), "field `job_id` must be between 0 and 9223372036854775807".to_owned()),
        ("job_id", Some("9223372036854775808"), "field `job_id` must be between 0 and 9223372036854775807".to_owned()),
        ("job_id", Some("1e300"), "field `job_id` must be between 0 and 9223372036854775807".to_owned()),
        ("app_id", Some("5"), "field `app_id` must be a text, not a number".to_owned()),
        ("attempt_id", Some("{}"), "field `attempt_id` must be a text, not an object".to_owned()),
        ("timestamp", None, "field `timestamp` is missing".to_owned()),
        ("timestamp", Some("{}"), "field `timestamp` must be an RFC 3339 time, not an object".to_owned()),
        ("timestamp", Some("\"2024-03-30\""), "field `timestamp` must be an RFC 3339 time such as 2024-03-30T10:12:45Z, not `2024-03-30`".to_owned()),
        ("timestamp", Some("-1"), "field `timestamp` must be a time from 1970 to 2262".to_owned()),
        ("timestamp", Some("1e300"), "field `timestamp` must be a time from 1970 to 2262".to_owned()),
        ("timestamp", Some("\"yesterday\""), "field `timestamp` must be an RFC 3339 time such as 2024-03-30T10:12:45Z, not `yesterday`".to_owned()),
        ("timestamp", Some("\"1969-12-31T23:59:59Z\""), "field `timestamp` must be a time from 1970 to 2262".to_owned()),
        ("timestamp", Some("\"2263-01-01T00:00:00Z\""), "field `timestamp` must be a time from 1970 to 2262".to_owned()),
        ("user", Some("[]"), "field `user` must be a text, not a list".to_owned()),
        ("user", Some(long.as_str()), "field `user` has 1025 bytes, more than the limit of 1024".to_owned()),
        ("user", Some("\"a\\u0000b\""), "field `user` must not contain the character U+0000".to_owned()),
        ("task_id", Some("\"\""), "field `task_id` must not be empty".to_owned()),
        ("task_id", Some("7"), "field `task_id` must be a text, not a number".to_owned()),
        ("duration_ms", Some("-1"), "field `duration_ms` must be between 0 and 31622400000".to_owned()),
        ("duration_ms", Some("31622400001"), "field `duration_ms` must be between 0 and 31622400000".to_owned()),
        ("duration_ms", Some("true"), "field `duration_ms` must be an integer, not true or false".to_owned()),
        ("successful", Some("\"true\""), "field `successful` must be true or false, not a text".to_owned()),
    ];
    for (field, value, expected) in cases {
        assert_eq!(error(&task_with(field, value)), expected, "{field} {value:?}");
    }
    let end = |from: &str, to: &str| error(&END.replace(from, to));
    assert_eq!(end("\"job_result\"", "\"x\""), "field `job_result` is missing");
    assert_eq!(
        end(
            r#""completion_time":"2024-03-30T10:14:03Z""#,
            r#""completion_time":"1900-01-01T00:00:00Z""#
        ),
        "field `completion_time` must be a time from 1970 to 2262"
    );
    assert_eq!(error(&START.replace("\"user\"", "\"job_id\"")), "field `job_id` is given twice");
}

#[test]
fn text_that_is_not_an_object_is_reported_with_its_position() {
    assert_eq!(
        error("{"),
        "the event cannot be read: EOF while parsing an object at line 1 column 1"
    );
    assert_eq!(error(""), "the event cannot be read: EOF while parsing a value at line 1 column 0");
    assert_eq!(error("[]"), "the event cannot be read: not a JSON object: `[]`");
    assert_eq!(error("7"), "the event cannot be read: not a JSON object: `7`");
    let long = format!("\"{}\"", "x".repeat(60_000));
    assert!(error(&long).len() < 200, "an error quotes no page");
    assert!(error(&format!("{START}x")).contains("trailing characters at line 1"));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(Event::from_json(&deep), Err(InvalidEvent::TooLarge { .. })));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(30_000), "]".repeat(30_000));
    assert!(Event::from_json(&deep).is_err(), "deep nesting is an error, not an overflow");
}

#[test]
fn an_event_of_64_kib_is_accepted_and_a_longer_one_rejected() {
    let pad = |n: usize| START.replace('}', &format!(",\"pad\":\"{}\"}}", "x".repeat(n)));
    let fits = pad(MAX_EVENT_BYTES - pad(0).len());
    assert_eq!(fits.len(), MAX_EVENT_BYTES);
    assert!(Event::from_json(&fits).is_ok());
    assert_eq!(
        error(&fits.replace("xx", "xxx")),
        format!(
            "the event has {} bytes, more than the limit of 65536",
            fits.replace("xx", "xxx").len()
        )
    );

    // The size comes first, whatever the bytes are; white space around them does not count.
    let mut bytes = vec![0xff; MAX_EVENT_BYTES];
    bytes.push(b'\n');
    assert!(matches!(Event::from_bytes(&bytes), Err(InvalidEvent::NotJson { .. })));
    bytes.insert(0, 0xff);
    let too_large = InvalidEvent::TooLarge { bytes: MAX_EVENT_BYTES + 1 };
    assert_eq!(Event::from_bytes(&bytes), Err(too_large));
}

#[test]
fn constructors_check_the_same_as_the_wire_format() {
    let t = at("2024-03-30T10:12:45Z");
    let text = |result: Result<Event, InvalidEvent>| result.unwrap_err().to_string();
    assert_eq!(
        text(Event::job_start(-1, t, "a")),
        "field `job_id` must be between 0 and 9223372036854775807"
    );
    assert_eq!(text(Event::task_end(1, t, "a", "", 1, true)), "field `task_id` must not be empty");
    assert_eq!(
        text(Event::task_end(1, t, "a", "t", -1, true)),
        "field `duration_ms` must be between 0 and 31622400000"
    );
    assert_eq!(
        text(Event::job_start(1, Timestamp::from_micros(-1), "a")),
        "field `timestamp` must be a time from 1970 to 2262"
    );
    assert_eq!(
        text(Event::job_start(JobKey::in_app("\0", "", 1), t, "a")),
        "field `app_id` must not contain the character U+0000"
    );
}

#[test]
fn a_line_of_an_event_log_is_recognised() {
    let line = r#"{"Event":"SparkListenerLogStart","Spark Version":"3.5.1"}"#;
    for text in [line, r#"  { "Event" : "org.apache.spark.X"}"#, r#"{"Event":"cut off"#] {
        assert_eq!(Event::from_json(text), Err(InvalidEvent::OfEventLog), "{text}");
    }
    assert_eq!(
        error(line),
        "this is a line of an event log that Spark wrote, not an event: import the log with \
         `spark-analytics import`"
    );
    let long = line.replace("3.5.1", &"x".repeat(MAX_EVENT_BYTES));
    assert_eq!(Event::from_bytes(long.as_bytes()), Err(InvalidEvent::OfEventLog));
    assert_eq!(Event::from_bytes(b"{\"Event\":\"\xff\"}"), Err(InvalidEvent::OfEventLog));
    // An event may have other fields.
    assert!(Event::from_json(&START.replacen('{', r#"{"Event":"x","#, 1)).is_ok());
    assert_eq!(error(r#"{"Event":1}"#), "field `event` is missing");
}
