//! The times that producers send: RFC 3339 texts, and numbers since the epoch.

use proptest::prelude::*;
use spark_analytics_core::{Dedup, Event, Timestamp};

fn event(time: &str) -> Result<Event, String> {
    let json = format!(
        r#"{{"event":"SparkListenerJobStart","job_id":1,"timestamp":{time},"user":"ada"}}"#
    );
    Event::from_json(&json).map_err(|error| error.to_string())
}

/// The instant of a time in JSON.
fn read(time: &str) -> String {
    match event(time) {
        Ok(event) => event.timestamp().to_string(),
        Err(error) => error,
    }
}

const OUTSIDE: &str = "field `timestamp` must be a time from 1970 to 2262";

/// What pydantic 2.13 makes of them, where it accepts a time from 1970 to 2262.
const LIKE_PYDANTIC: [(&str, &str); 29] = [
    ("0", "1970-01-01T00:00:00Z"),
    ("-0", "1970-01-01T00:00:00Z"),
    ("1.5", "1970-01-01T00:00:01.500Z"),
    ("0.0000001", "1970-01-01T00:00:00Z"),
    ("1711792363", "2024-03-30T09:52:43Z"),
    ("1711792363.5", "2024-03-30T09:52:43.500Z"),
    ("1711792363.1234567", "2024-03-30T09:52:43.123457Z"),
    ("1711792363000", "2024-03-30T09:52:43Z"),
    ("1711792363123", "2024-03-30T09:52:43.123Z"),
    ("1711792363123.5", "2024-03-30T09:52:43.123500Z"),
    ("1e9", "2001-09-09T01:46:40Z"),
    ("1.7e12", "2023-11-14T22:13:20Z"),
    ("9246182399", "2262-12-31T23:59:59Z"),
    ("9246182399999", "2262-12-31T23:59:59.999Z"),
    ("20000000000.5", "1970-08-20T11:33:20.000500Z"),
    ("20000000001", "1970-08-20T11:33:20.001Z"),
    ("253402300799", "1978-01-11T21:31:40.799Z"),
    (r#""1711792363""#, "2024-03-30T09:52:43Z"),
    (r#""+1711792363""#, "2024-03-30T09:52:43Z"),
    (r#""01711792363""#, "2024-03-30T09:52:43Z"),
    (r#""1711792363.5""#, "2024-03-30T09:52:43.500Z"),
    (r#""1711792363123""#, "2024-03-30T09:52:43.123Z"),
    (r#""1711792363123.4567""#, "2024-03-30T09:52:43.123457Z"),
    (r#"".5""#, "1970-01-01T00:00:00.500Z"),
    (r#""1.""#, "1970-01-01T00:00:01Z"),
    (r#""2024-03-30T10:12:45+0200""#, "2024-03-30T08:12:45Z"),
    (r#""2024-03-30 10:12:45""#, "2024-03-30T10:12:45Z"),
    (r#""2024-03-30T10:12Z""#, "2024-03-30T10:12:00Z"),
    (r#""2024-03-30T10:12:45,5Z""#, "2024-03-30T10:12:45.500Z"),
];

#[test]
fn numbers_are_the_instants_that_pydantic_makes_of_them() {
    for (time, instant) in LIKE_PYDANTIC {
        assert_eq!(read(time), instant, "{time}");
    }
}

#[test]
fn numbers_beyond_the_milliseconds_of_the_year_9999_are_microseconds() {
    assert_eq!(read("1711792363123456"), "2024-03-30T09:52:43.123456Z");
    assert_eq!(read(r#""1711792363123456""#), "2024-03-30T09:52:43.123456Z");
    assert_eq!(read("253402300800000"), "1978-01-11T21:31:40.800Z");
    assert_eq!(read("9246182399999999"), "2262-12-31T23:59:59.999999Z");
}

#[test]
fn numbers_outside_the_accepted_times_are_refused() {
    for time in [
        "-1",
        "-1.5",
        "9246182400",
        "20000000000",
        "9246182400000",
        "253402300799999",
        "9246182400000000",
        "1711792363123456789",
        "9223372036854775807",
        "9223372036854775808",
        "171179236312345678901234",
        r#""171179236312345678901234""#,
        r#""-171179236312345678901234""#,
    ] {
        assert_eq!(read(time), OUTSIDE, "{time}");
    }
}

#[test]
fn texts_that_are_neither_a_number_nor_a_time_are_refused_with_their_text() {
    for text in
        ["", ".", "+", "-", "1e9", "NaN", "inf", " 1711792363", "1711792363_000", "1.2.3", "٣"]
    {
        let expected = format!(
            "field `timestamp` must be an RFC 3339 time such as 2024-03-30T10:12:45Z, not `{text}`"
        );
        assert_eq!(read(&format!("\"{text}\"")), expected);
    }
}

proptest! {
    #[test]
    fn each_way_to_write_an_instant_is_the_same_event(
        micros in 20_000_000_001_000..9_246_182_400_000_000i64,
        offset in -1439..=1439i64,
    ) {
        let instant = Timestamp::from_micros(micros);
        let (seconds, millis) = (micros / 1_000_000, micros / 1_000);
        let local = Timestamp::from_micros(micros + offset * 60_000_000).to_string();
        let local = local.trim_end_matches('Z');
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
        let mut ways = vec![
            format!("\"{instant}\""),
            format!("\"{local}{sign}{hours:02}:{minutes:02}\""),
            format!("\"{}{sign}{hours:02}{minutes:02}\"", local.replace('T', " ")),
            format!("\"{seconds}.{:06}\"", micros % 1_000_000),
            format!("\"{millis}.{:03}\"", micros % 1_000),
        ];
        // Later milliseconds with a fraction are not exact as JSON's numbers, which are in floating point.
        if millis < 1 << 41 {
            ways.push(format!("{millis}.{:03}", micros % 1_000));
        }
        if minutes == 0 {
            ways.push(format!("\"{local}{sign}{hours:02}\""));
        }
        if micros > 253_402_300_799_999 {
            ways.push(micros.to_string());
            ways.push(format!("\"{micros}\""));
        }
        for way in ways {
            let event = event(&way).unwrap();
            prop_assert_eq!(event.timestamp(), instant, "{}", way);
            let again = Event::from_json(event.raw()).unwrap();
            prop_assert_eq!(again.id(Dedup::WithTask), event.id(Dedup::WithTask));
        }
    }

    #[test]
    fn no_number_and_no_text_panics(number in any::<f64>(), text in "[0-9.+-]{0,40}") {
        let _ = (read(&number.to_string()), read(&format!("\"{text}\"")));
    }
}

#[test]
fn leap_seconds_are_accepted_where_they_may_occur() {
    for (time, instant) in [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500Z"),
        ("2017-01-01T01:29:60+01:30", "2017-01-01T00:00:00Z"),
        ("1972-06-30T23:59:60Z", "1972-07-01T00:00:00Z"),
    ] {
        assert_eq!(read(&format!("\"{time}\"")), instant);
    }
    for time in [
        "2024-03-30T12:34:60Z",
        "2016-12-30T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-31T23:59:61Z",
        "2016-12-31T22:59:60Z",
    ] {
        assert!(read(&format!("\"{time}\"")).contains("must be an RFC 3339 time"), "{time}");
    }
}
