//! A wire event, read by this library and by a generic JSON parser.

use serde_json::Value;
use spark_analytics_core::{Event, EventDetail, Timestamp};

/// The longest error: it quotes a short part of the input.
const LONGEST_ERROR: usize = 1024;

/// Reads the input as an event. A valid one has the values of its JSON, and is the same after it is written and read again,
/// as it is or from its typed fields.
pub fn read_and_written(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let event = match Event::from_json(text) {
        Ok(event) => event,
        Err(error) => return assert!(error.to_string().len() <= LONGEST_ERROR, "{error}"),
    };
    assert_eq!(Event::from_json(event.raw()).as_ref(), Ok(&event));
    assert_eq!(Event::from_stored(event.raw()).as_ref(), Ok(&event));
    let written = serde_json::to_string(&event).expect("it is JSON");
    assert_eq!(written, event.raw());
    assert_eq!(serde_json::from_str::<Event>(text).expect("serde reads it, too"), event);
    says_what_its_json_says(&event);
    same_from_its_fields(&event);
}

fn says_what_its_json_says(event: &Event) {
    let json: Value = serde_json::from_str(event.raw()).expect("any parser can read it");
    let text = |name: &str| json[name].as_str().unwrap_or_default();
    let is_time = |name: &str, time: Timestamp| match &json[name] {
        Value::Number(number) => number.as_i64().is_none_or(|number| since_epoch(number) == time),
        _ => match text(name).parse::<Timestamp>() {
            Ok(parsed) => parsed == time,
            // A number as a text.
            Err(_) => {
                text(name).bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte))
            }
        },
    };
    assert_eq!(event.event_type().name(), text("event"));
    assert_eq!(Some(event.job().job_id), json["job_id"].as_i64());
    assert_eq!(event.job().app_id, text("app_id"));
    assert_eq!(event.job().attempt_id, text("attempt_id"));
    assert!(is_time("timestamp", event.timestamp()));
    assert_eq!(Some(event.user()), json["user"].as_str());
    match &event.content().detail {
        EventDetail::JobStart => {}
        EventDetail::TaskEnd { task_id, duration_ms, successful } => {
            assert_eq!(task_id, text("task_id"));
            assert_eq!(Some(*duration_ms), json["duration_ms"].as_i64());
            assert_eq!(Some(*successful), json["successful"].as_bool());
        }
        EventDetail::JobEnd { completion_time, job_result } => {
            assert!(is_time("completion_time", *completion_time));
            assert_eq!(Some(job_result.as_str()), json["job_result"].as_str());
        }
    }
}

/// The time that a whole number stands for: seconds, milliseconds or microseconds, as its size says.
fn since_epoch(number: i64) -> Timestamp {
    Timestamp::from_micros(match number.unsigned_abs() {
        0..=20_000_000_000 => number * 1_000_000,
        20_000_000_001..=253_402_300_799_999 => number * 1_000,
        _ => number,
    })
}

fn same_from_its_fields(event: &Event) {
    let (job, at, user) = (event.job().clone(), event.timestamp(), event.user());
    let made = match event.content().detail.clone() {
        EventDetail::JobStart => Event::job_start(job, at, user),
        EventDetail::TaskEnd { task_id, duration_ms, successful } => {
            Event::task_end(job, at, user, task_id, duration_ms, successful)
        }
        EventDetail::JobEnd { completion_time, job_result } => {
            Event::job_end(job, at, user, completion_time, job_result)
        }
    };
    let made = made.expect("what was read can be made");
    assert_eq!(Event::from_json(made.raw()).as_ref(), Ok(&made));
    let of = |event: &Event| (event.job().clone(), event.timestamp(), event.content().clone());
    assert_eq!(of(&made), of(event));
}
