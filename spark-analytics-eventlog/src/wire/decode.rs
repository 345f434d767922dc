//! Decodes one line into one event.

use serde::Deserialize;

use crate::redact::Redaction;
use crate::wire::event::Event;
use crate::wire::exclusion::Exclusion;
use crate::wire::lenient::Text;

/// Decodes one line: `None` for an event of a class that is not read. An error says what is wrong with the
/// line.
pub(crate) fn decode(line: &[u8]) -> Result<Option<Event<'_>>, String> {
    if line.first() != Some(&b'{') {
        return Err("the line is not a JSON object".to_owned());
    }
    match event_class(line) {
        Some(class) => decode_class(class, line),
        None => {
            let Class { event } =
                serde_json::from_slice(line).map_err(|error| reason("the line", &error))?;
            decode_class(&event.0, line)
        }
    }
}

/// The class at its position in Spark's own layout, found without parsing the rest.
pub(crate) fn event_class(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"{\"Event\":\"")?;
    let end = memchr::memchr2(b'"', b'\\', rest)?;
    if rest[end] == b'\\' {
        return None;
    }
    std::str::from_utf8(&rest[..end]).ok()
}

/// The event in a line that a collector of logs wrote around it, as Fluent Bit and Docker do: `{"log":"{…}\n"}`.
pub(crate) fn unwrap(line: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        log: Text<'a>,
    }
    let Wrapped { log } = serde_json::from_slice(line).ok()?;
    let event = log.0.trim();
    event.starts_with("{\"Event\"").then(|| event.as_bytes().to_vec())
}

#[derive(Deserialize)]
struct Class<'a> {
    #[serde(rename = "Event", borrow)]
    event: Text<'a>,
}

fn decode_class<'a>(class: &str, line: &'a [u8]) -> Result<Option<Event<'a>>, String> {
    let Some(name) = class.strip_prefix("SparkListener") else {
        return decode_other(class, line).transpose().map_err(|error| reason(class, &error));
    };
    macro_rules! read {
        ($($event:ident),*) => {
            match name {
                $(stringify!($event) => serde_json::from_slice(line).map(Event::$event),)*
                _ => return Ok(None),
            }
        };
    }
    let event = read!(
        TaskEnd,
        TaskStart,
        StageSubmitted,
        StageCompleted,
        StageExecutorMetrics,
        ExecutorMetricsUpdate,
        JobStart,
        JobEnd,
        ExecutorAdded,
        ExecutorRemoved,
        BlockManagerAdded,
        ResourceProfileAdded,
        EnvironmentUpdate,
        ApplicationStart,
        ApplicationEnd,
        LogStart
    );
    event.map(Some).map_err(|error| reason(class, &error))
}

fn decode_other<'a>(class: &str, line: &'a [u8]) -> Option<serde_json::Result<Event<'a>>> {
    if let Some(event) = Exclusion::decode(class, line) {
        return Some(event.map(Event::Exclusion));
    }
    Some(match class {
        // Databricks writes it in place of Spark's LogStart.
        "DBCEventLoggingListenerMetadata" => serde_json::from_slice(line).map(Event::PartStart),
        "org.apache.spark.scheduler.SparkListenerMiscellaneousProcessAdded" => {
            serde_json::from_slice(line).map(Event::ProcessAdded)
        }
        "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart" => {
            serde_json::from_slice(line).map(Event::SqlExecutionStart)
        }
        "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate" => {
            serde_json::from_slice(line).map(Event::SqlAdaptiveExecutionUpdate)
        }
        "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd" => {
            serde_json::from_slice(line).map(Event::SqlExecutionEnd)
        }
        _ => return None,
    })
}

/// Maximum number of characters of the parser's message in a warning.
const LONGEST_REASON: usize = 200;

fn reason(what: &str, error: &serde_json::Error) -> String {
    let at = error.column();
    if error.is_eof() {
        return format!("{what} is truncated: its JSON ends early");
    }
    if error.is_syntax() {
        return format!("{what} is not valid JSON at byte {at}");
    }
    // The message ends in a position within the line, which would look like a position in the log.
    let text = error.to_string();
    let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    // It quotes the value found, which may be as long as the line.
    let text: String = Redaction::default().text(text).chars().take(LONGEST_REASON).collect();
    format!("{what} differs from what Spark writes: {text}, at byte {at} of the line")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The README's table: each class, and whether it is read.
    fn table() -> BTreeMap<String, bool> {
        let rows = include_str!("../../README.md").lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let (classes, is_read) = (cells.next()?, cells.next()?);
            let is_read = match is_read {
                "yes" => true,
                "no" => false,
                _ => return None,
            };
            let class = |class: &str| (class.trim_matches('`').to_owned(), is_read);
            Some(classes.split(", ").map(class).collect::<Vec<_>>())
        });
        rows.flatten().collect()
    }

    #[test]
    fn the_readme_says_which_events_are_read() {
        let table = table();
        assert!(table.len() > 80, "{} classes", table.len());
        for (class, is_read) in table {
            // An event without fields is read in vain, or not at all.
            let line = format!("{{\"Event\":\"{class}\"}}");
            let is_skipped = matches!(decode(line.as_bytes()), Ok(None));
            assert_eq!(is_skipped, !is_read, "{class}");
        }
    }

    #[test]
    fn every_event_that_is_read_is_in_the_readme() {
        let code = include_str!("decode.rs");
        let code = &code[..code.find("#[cfg(test)]").unwrap_or(code.len())];
        let (_, names) = code.split_once("let event = read!(").unwrap_or_default();
        let (names, _) = names.split_once(")").unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let own = names.map(|name| format!("SparkListener{name}"));
        let others = code
            .split('"')
            .filter(|text| text.starts_with("org.apache.spark.") || text.starts_with("DBC"));
        let all: Vec<String> = own.chain(others.map(str::to_owned)).collect();
        assert!(all.len() > 20, "{all:?}");
        let table = table();
        for class in all {
            assert_eq!(table.get(&class), Some(&true), "{class}");
        }
    }
}
