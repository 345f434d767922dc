//! Values as people say them: `8m 54s`, `20.0 KB`, `2026-11-23 20:23`.

use serde_json::Value;

use crate::output::table::{heading, status, text};
use crate::output::terminal::printable;

/// The unit in which a field is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
    Bytes,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Seconds, Self::Millis, Self::Bytes];

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| {
            let (unit, in_camel_case) = unit.in_names();
            name.ends_with(unit)
                || name.ends_with(in_camel_case)
                || name.contains(&format!("{unit}."))
        })
    }

    const fn in_names(self) -> (&'static str, &'static str) {
        match self {
            Self::Seconds => ("_seconds", "Seconds"),
            Self::Millis => ("_ms", "Ms"),
            Self::Bytes => ("_bytes", "Bytes"),
        }
    }

    const fn in_headings(self) -> &'static str {
        match self {
            Self::Seconds => " SECONDS",
            Self::Millis => " MS",
            Self::Bytes => " BYTES",
        }
    }
}

/// The heading of a field whose values are those of [`human`]: without the unit, which they have.
pub(crate) fn human_heading(name: &str) -> String {
    let heading = heading(name);
    match Unit::of(name) {
        Some(unit) => heading.replacen(unit.in_headings(), "", 1),
        None => heading,
    }
}

/// The value of a field for people, on one line, with the unit that the field's name has.
pub(crate) fn human(name: &str, value: &Value) -> String {
    if let (true, Some(ended)) = (name == "ended", value.as_bool()) {
        return status(ended).to_owned();
    }
    if let (Some(number), Some(unit)) = (value.as_f64(), Unit::of(name)) {
        return match unit {
            Unit::Seconds => duration(number),
            Unit::Millis => duration(number / 1e3),
            Unit::Bytes => bytes(number),
        };
    }
    match (name, value.as_str()) {
        (_, Some(time)) if name.ends_with("_time") || name.ends_with("Time") => minute(time),
        ("job_result", Some("JobSucceeded")) => "succeeded".to_owned(),
        ("job_result", Some("JobFailed")) => "failed".to_owned(),
        (_, Some(string)) => match string.split_once(['\r', '\n']) {
            Some((first, _)) => text(&Value::from(format!("{first} …"))),
            None => text(value),
        },
        _ => text(value),
    }
}

fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds == 0.0 => "0 s".to_owned(),
        _ if seconds < 0.9995 => format!("{sign}{:.0} ms", seconds * 1e3),
        _ if seconds < 59.95 => format!("{sign}{seconds:.1} s"),
        ..3_600 => format!("{sign}{}m {:02}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{sign}{}h {:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{sign}{}d {:02}h", whole / 86_400, whole / 3_600 % 24),
    }
}

fn bytes(number: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut number = number;
    for unit in &UNITS[..UNITS.len() - 1] {
        if number.abs() < 1023.95 {
            return if *unit == "B" {
                format!("{number:.0} B")
            } else {
                format!("{number:.1} {unit}")
            };
        }
        number /= 1024.0;
    }
    format!("{number:.1} PB")
}

/// An RFC 3339 time without its seconds, any other text as it is.
fn minute(time: &str) -> String {
    match (time.get(..10), time.get(10..11), time.get(11..16)) {
        (Some(day), Some("T"), Some(minute)) => printable(&format!("{day} {minute}")),
        _ => text(&Value::from(time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_their_units() {
        for (name, value, expected) in [
            ("duration_seconds", json!(0.0), "0 s"),
            ("duration_seconds", json!(0.25), "250 ms"),
            ("duration_seconds", json!(5.38), "5.4 s"),
            ("duration_seconds", json!(59.96), "1m 00s"),
            ("duration_seconds", json!(534.26), "8m 54s"),
            ("duration_seconds", json!(7_500), "2h 05m"),
            ("duration_seconds", json!(-100_000), "-1d 03h"),
            ("tasks.task_duration_ms.p50", json!(1_464), "1.5 s"),
            ("job_duration_seconds.max", json!(61), "1m 01s"),
            ("tasks.input_bytes", json!(1_023), "1023 B"),
            ("input_bytes", json!(20_484), "20.0 KB"),
            ("longestTaskMs", json!(12_452), "12.5 s"),
            ("input_bytes", json!(5e18), "4440.9 PB"),
            ("end_time", json!("2026-11-23T20:23:51.168Z"), "2026-11-23 20:23"),
            ("submissionTime", json!("2026-11-23T20:23:51.168GMT"), "2026-11-23 20:23"),
            ("end_time", json!(null), "-"),
            ("skew", json!(1.5), "1.50"),
            ("job_result", json!("JobFailed"), "failed"),
            ("job_result", json!("Killed"), "Killed"),
            ("failure_message", json!("a\nb"), "a …"),
            ("name", json!("a\u{1b}"), "a\u{fffd}"),
            ("name", json!(["a\u{202e}"]), "[\"a\u{fffd}\"]"),
            (
                "end_time",
                json!("\u{1b}\u{1b}\u{1b}4567890T12345"),
                "\u{fffd}\u{fffd}\u{fffd}4567890 12345",
            ),
        ] {
            assert_eq!(human(name, &value), expected, "{name}");
        }
    }

    #[test]
    fn a_heading_has_the_unit_only_if_the_values_have_none() {
        for (name, expected) in [
            ("duration_seconds", "DURATION"),
            ("job_duration_seconds.max", "JOB DURATION MAX"),
            ("tasks.task_duration_ms.p50", "TASK DURATION P50"),
            ("tasks.input_bytes", "INPUT"),
            ("memory_spilled_bytes", "MEMORY SPILLED"),
            ("longestTaskMs", "LONGEST TASK"),
            ("success_rate", "TASK SUCCESS %"),
        ] {
            assert_eq!(human_heading(name), expected);
        }
    }
}
