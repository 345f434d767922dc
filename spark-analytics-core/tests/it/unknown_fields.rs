//! What an event contains beyond its known fields is given out again, so it must be readable by any parser of JSON.

use serde_json::Value;
use spark_analytics_core::{Event, MAX_EVENT_DEPTH};

fn with(field: &str) -> String {
    format!(
        r#"{{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-03-30T10:12:45Z","user":"ada",{field}}}"#
    )
}

fn lists(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// Fields that a parser of JSON may refuse, with a part of the reason.
fn unreadable() -> Vec<(String, &'static str)> {
    let objects = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let in_known = format!(r#""task_id":{}"#, lists(10_000));
    vec![
        (r#""x":"\ud800""#.to_owned(), "hex escape"),
        (r#""x":"\udc00a""#.to_owned(), "hex escape"),
        (r#""x":"\ud800\u0041""#.to_owned(), "hex escape"),
        (r#""\ud800":1"#.to_owned(), "hex escape"),
        (r#""x":[{"\ud800":1}]"#.to_owned(), "hex escape"),
        (r#""x":{"y":["\ud800"]}"#.to_owned(), "hex escape"),
        // A start has no task, so that this field is not used.
        (r#""task_id":["\ud800"]"#.to_owned(), "hex escape"),
        (format!(r#""x":{}"#, "9".repeat(60_000)), "number out of range"),
        (format!(r#""x":[-{}]"#, "9".repeat(400)), "number out of range"),
        (r#""x":1e999"#.to_owned(), "number out of range"),
        (format!(r#""x":{}"#, lists(MAX_EVENT_DEPTH)), "more than 100 levels"),
        (format!(r#""x":{}"#, lists(10_000)), "more than 100 levels"),
        (format!(r#""x":{objects}"#), "more than 100 levels"),
        (in_known, "more than 100 levels"),
    ]
}

#[test]
fn what_parsers_refuse_is_refused() {
    for (field, reason) in unreadable() {
        let error = Event::from_json(&with(&field)).unwrap_err().to_string();
        assert!(error.contains(reason), "{}: {error}", &field[..field.len().min(60)]);
    }
}

#[test]
fn what_an_earlier_version_stored_stays_readable_and_is_given_out_as_valid_json() {
    // No version accepted such a name of a field.
    for (field, _) in unreadable().iter().filter(|(field, _)| !field.starts_with(r#""\ud800"#)) {
        let event = Event::from_stored(&with(field)).unwrap();
        assert_eq!((event.job().job_id, event.user()), (1, "ada"));
        assert_eq!(event.timestamp().to_string(), "2024-03-30T10:12:45Z");
        let read: Value = serde_json::from_str(event.raw()).unwrap();
        assert_eq!(read["user"], "ada");
        assert_eq!(Event::from_stored(event.raw()).unwrap(), event);
    }
    let leap = with(r#""x":1"#).replace("10:12:45", "10:12:60");
    assert!(Event::from_json(&leap).is_err());
    let event = Event::from_stored(&leap).unwrap();
    assert_eq!(event.timestamp().to_string(), "2024-03-30T10:13:00Z");
    assert!(Event::from_json(event.raw()).is_ok());
}

#[test]
fn everything_else_is_kept_as_it_is_and_can_be_read_within_a_page() {
    let deepest = lists(MAX_EVENT_DEPTH - 1);
    for field in [
        r#""x":"\ud83d\ude00 \u0000 \ufffe""#,
        r#""x":1e308,"y":-0.0,"z":18446744073709551615,"w":123456789012345678901234567890"#,
        &format!(r#""x":0.{}"#, "0".repeat(5_000)),
        r#""x":[{},[],null,true,"a",{"y":{"z":[1]}}]"#,
        r#""x":1,"x":2"#,
        &format!(r#""x":{deepest}"#),
    ] {
        let json = with(field);
        let event = Event::from_json(&json).unwrap();
        assert_eq!(event.raw(), json);
        assert_eq!(Event::from_stored(&json).unwrap(), event);
        let page = format!(r#"{{"events":[{{"log_id":1,"event":{json}}}]}}"#);
        assert!(serde_json::from_str::<Value>(&page).is_ok(), "{field}");
    }
}
