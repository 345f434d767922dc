//! `assert_eq!` of this crate: a failure shows the first difference, not both sides of thousands of lines.

use std::fmt::{Arguments, Debug};
use std::panic::Location;

/// As std's, for any sizes of the two sides, the first of which is what the store gave.
macro_rules! assert_eq {
    ($actual:expr, $expected:expr $(,)?) => {
        match (&$actual, &$expected) {
            (actual, expected) if *actual == *expected => {}
            (actual, expected) => $crate::difference::fail(actual, expected, None),
        }
    };
    ($actual:expr, $expected:expr, $($rule:tt)+) => {
        match (&$actual, &$expected) {
            (actual, expected) if *actual == *expected => {}
            (actual, expected) => {
                $crate::difference::fail(actual, expected, Some(::std::format_args!($($rule)+)))
            }
        }
    };
}
pub(crate) use assert_eq;

/// Values up to this length are shown whole, and longer texts are cut to it.
const LONGEST: usize = 400;

/// Panics with the first difference.
#[track_caller]
pub(crate) fn fail<A: Debug + ?Sized, E: Debug + ?Sized>(
    actual: &A,
    expected: &E,
    rule: Option<Arguments<'_>>,
) -> ! {
    let rule = rule.map(|rule| format!(" ({})", cut(&rule.to_string()))).unwrap_or_default();
    panic!(
        "the store differs from what is expected{rule}, at {}\n{}",
        Location::caller(),
        describe(&actual, &expected)
    )
}

fn describe(actual: &dyn Debug, expected: &dyn Debug) -> String {
    let whole = [actual, expected].map(|value| format!("{value:?}"));
    if whole.iter().all(|text| text.len() <= LONGEST) {
        return format!("    actual: {}\n  expected: {}", whole[0], whole[1]);
    }
    let [actual, expected] = [actual, expected].map(|value| format!("{value:#?}"));
    let (actual, expected): (Vec<&str>, Vec<&str>) =
        (actual.lines().collect(), expected.lines().collect());
    let same = actual.iter().zip(&expected).take_while(|(one, other)| one == other).count();
    let line = |lines: &[&str]| lines.get(same).map_or("the end".to_owned(), |line| cut(line));
    let (place, within) = place(if same < actual.len() { &actual } else { &expected }, same);
    format!(
        "        at: {place}\n    actual: {}\n  expected: {}\n    within: {}",
        line(&actual),
        line(&expected),
        cut(&within)
    )
}

/// Where a line of a value's `{:#?}` is: the names and indices that lead to it; and the innermost value around it
/// that has a name or an index.
fn place(lines: &[&str], at: usize) -> (String, String) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut path = Vec::new();
    let (mut inner, mut innermost) = (at, None);
    let mut level = lines.get(at).map_or(0, |line| indent(line));
    for outer in (0..at).rev() {
        let line = lines[outer];
        if indent(line) >= level {
            continue;
        }
        let opening = line.trim().trim_end_matches(['{', '[', '(']).trim_end();
        if line.trim_end().ends_with('[') {
            // Closing brackets end the items before.
            let is_item =
                |line: &&&str| indent(line) == level && !line.trim().starts_with(['}', ']', ')']);
            let index = lines[outer + 1..=inner].iter().filter(is_item).count().saturating_sub(1);
            path.push(format!("{opening} [{index}]"));
        } else {
            path.push(opening.to_owned());
        }
        innermost.get_or_insert(outer);
        (inner, level) = (outer, indent(line));
    }
    path.reverse();
    path.retain(|part| !part.is_empty());
    let from = innermost.unwrap_or(at);
    let within = lines[from..].iter().take(40).map(|line| line.trim());
    (cut(&path.join(" > ")), within.collect::<Vec<_>>().join(" "))
}

/// The beginning of a text.
pub(crate) fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use spark_analytics_core::{Event, Job, JobKey, JobRecord, Timestamp};

    fn message(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = catch_unwind(test).expect_err("it must fail");
        *panic.downcast::<String>().expect("it is a text")
    }

    #[test]
    fn short_values_are_shown_whole() {
        let said = message(|| assert_eq!([1, 2], [1, 3], "after {}", "a restart"));
        assert!(said.contains("(after a restart), at "), "{said}");
        assert!(said.ends_with("actual: [1, 2]\n  expected: [1, 3]"), "{said}");
    }

    #[test]
    fn of_long_values_the_first_difference_is_shown_and_where_it_is() {
        let jobs = |changed: i64| -> Vec<Job> {
            let of = |id: i64| {
                let key = JobKey::new(id);
                let at = |seconds: i64| Timestamp::from_millis(1_000 * (id + seconds));
                let end = if id == changed { 9 } else { 5 };
                let events = [
                    Event::job_start(key.clone(), at(0), "ada").expect("valid"),
                    Event::job_end(key.clone(), at(end), "ada", at(end), "JobFailed")
                        .expect("valid"),
                ];
                let mut record = JobRecord::default();
                events.iter().for_each(|event| record.events.add(event));
                record.figures(&key).expect("complete")
            };
            (0..500).map(of).collect()
        };
        let said = message(move || assert_eq!(jobs(-1), jobs(321)));
        assert!(said.len() < 2_000, "{}", said.len());
        for expected in ["[321]", "end: ", "job_id: 321"] {
            assert!(said.contains(expected), "{said}");
        }
        let longer = message(|| {
            let all: Vec<i64> = (0..1_000).collect();
            assert_eq!(all[..999], all[..]);
        });
        assert!(longer.contains("actual: ]\n  expected: 999,"), "{longer}");
    }
}
