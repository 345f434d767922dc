//! Tables that fit the width of a terminal: values as people say them, empty columns left out, long texts cut.

use std::io::{self, Write};

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::human::{human, human_heading};
use crate::output::row::field;
use crate::output::table::has_no_tasks;

/// Between two columns.
const GAP: usize = 2;
/// Texts are not cut to less than this.
const LEAST: usize = 8;
/// Columns whose texts may be cut.
const FLEXIBLE: [&str; 11] = [
    "app_id",
    "app_name",
    "description|name",
    "failureMessage",
    "failure_message",
    "failure_reason",
    "log",
    "name",
    "raw",
    "reason",
    "user",
];
/// Columns that are left out of a table that is too wide, in this order. `--wide` shows them.
const DISPENSABLE: [&str; 11] = [
    "attempt_id",
    "spark_version",
    "success_rate",
    "idle_share",
    "core_time_seconds",
    "gc_share",
    "task_duration_ms.p50",
    "failed_tasks",
    "user",
    "app_id",
    "task_count",
];

/// A table for a terminal. The first page determines its columns and their widths.
#[derive(Debug)]
pub(crate) struct Fit {
    columns: &'static [&'static str],
    width: usize,
    shown: Option<Vec<Shown>>,
}

#[derive(Debug)]
struct Shown {
    name: &'static str,
    width: usize,
    is_number: bool,
    is_flexible: bool,
}

impl Fit {
    pub(crate) const fn new(columns: &'static [&'static str], width: usize) -> Self {
        Self { columns, width, shown: None }
    }

    /// Writes some rows, with the headings before the first.
    pub(crate) fn page(&mut self, rows: &[Value], to: &mut impl Write) -> io::Result<()> {
        let (columns, width) = (self.columns, self.width);
        let is_first = self.shown.is_none();
        let shown = self.shown.get_or_insert_with(|| choose(columns, width, rows));
        if is_first {
            let headings = shown.iter().map(|column| human_heading(column.name));
            line(shown, headings.collect(), width, to)?;
        }
        for row in rows {
            let cells = shown.iter().map(|column| cell(row, column.name)).collect();
            line(shown, cells, width, to)?;
        }
        Ok(())
    }
}

/// The columns that have a value, without those that a narrow terminal has no room for.
fn choose(columns: &[&'static str], width: usize, rows: &[Value]) -> Vec<Shown> {
    let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    let has_value =
        |name: &&str| rows.is_empty() || rows.iter().any(|row| !is_empty(field(row, name)));
    let mut shown: Vec<Shown> = columns
        .iter()
        .filter(|name| has_value(name))
        .map(|name| Shown {
            name,
            width: rows
                .iter()
                .map(|row| cell(row, name).width())
                .fold(human_heading(name).width(), usize::max),
            is_number: rows.iter().any(|row| field(row, name).is_number()),
            is_flexible: FLEXIBLE.contains(name),
        })
        .collect();
    let least = |shown: &[Shown]| -> usize {
        let least = |column: &Shown| {
            if column.is_flexible { column.width.min(LEAST) } else { column.width }
        };
        shown.iter().map(least).sum::<usize>() + GAP * shown.len().saturating_sub(1)
    };
    for name in DISPENSABLE {
        // An application is named somehow.
        let is_only_name =
            name == "app_id" && !shown.iter().any(|column| column.name == "app_name");
        if least(&shown) > width && !is_only_name {
            shown.retain(|column| column.name.trim_start_matches("tasks.") != name);
        }
    }
    loop {
        let total: usize = shown.iter().map(|column| column.width + GAP).sum();
        let widest = shown
            .iter_mut()
            .filter(|column| column.is_flexible && column.width > LEAST)
            .max_by_key(|column| column.width);
        match widest {
            Some(widest) if total > width + GAP => widest.width -= 1,
            _ => return shown,
        }
    }
}

fn line(shown: &[Shown], cells: Vec<String>, width: usize, to: &mut impl Write) -> io::Result<()> {
    let mut line = String::new();
    for (column, cell) in shown.iter().zip(cells) {
        let cell = cut(&cell, column.width);
        let padding = " ".repeat(column.width - cell.width());
        let (left, right) = if column.is_number { (&*padding, "") } else { ("", &*padding) };
        line += left;
        line += &cell;
        line += right;
        line += "  ";
    }
    writeln!(to, "{}", cut(line.trim_end(), width))
}

/// The beginning of a text that is at most so wide.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut kept, mut taken) = (String::new(), 0);
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken + 1 > width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

fn cell(row: &Value, name: &str) -> String {
    if has_no_tasks(row, name) { "-".to_owned() } else { human(name, field(row, name)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[&str] = &[
        "app_id",
        "attempt_id",
        "app_name",
        "job_id",
        "description|name",
        "user",
        "end_time",
        "duration_seconds",
        "task_count",
        "failed_tasks",
        "success_rate",
        "job_result",
        "failure_message",
    ];

    fn table(width: usize, rows: &[Value]) -> Vec<String> {
        let mut out = Vec::new();
        let mut fit = Fit::new(COLUMNS, width);
        fit.page(rows, &mut out).expect("writes");
        fit.page(rows, &mut out).expect("writes");
        String::from_utf8(out).expect("is UTF-8").lines().map(str::to_owned).collect()
    }

    fn row(reason: Option<&str>) -> Value {
        json!({
            "app_id": "application_1711792363000_0042", "attempt_id": "", "app_name": "daily sales 表",
            "job_id": 7, "name": "count at /opt/etl/jobs/sales.py:20", "description": null,
            "user": "ada", "end_time": "2026-11-23T20:23:51.168Z", "duration_seconds": 534.26,
            "task_count": 0, "failed_tasks": 0, "success_rate": 0.0, "job_result": "JobFailed",
            "failure_message": reason,
        })
    }

    #[test]
    fn a_table_fits_any_terminal_and_keeps_its_columns() {
        for width in [20, 60, 80, 100, 120, 160, 400] {
            let lines = table(width, &[row(Some("Task 3 failed\n\tat x")), row(None)]);
            assert_eq!(lines.len(), 5);
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:#?}");
            assert_eq!(lines[1..3], lines[3..]);
            assert!(!lines[0].contains("ATTEMPT ID"), "{lines:#?}");
        }
        let wide = table(400, &[row(Some("Task 3 failed\n\tat x"))]);
        assert!(wide[0].ends_with("REASON") && wide[1].ends_with("Task 3 failed …"), "{wide:#?}");
        assert!(
            wide[1].contains("  2026-11-23 20:23  ") && wide[1].contains("  8m 54s  "),
            "{wide:#?}"
        );
        assert!(wide[1].contains("application_1711792363000_0042"), "{wide:#?}");
        let narrow = table(80, &[row(None)]);
        assert!(!narrow[0].contains("REASON") && !narrow[0].contains("APP ID"), "{narrow:#?}");
        assert!(narrow[1].contains("daily sale"), "{narrow:#?}");
    }

    #[test]
    fn a_table_without_rows_has_its_headings() {
        assert!(table(200, &[])[0].starts_with("APP ID  ATTEMPT ID  APP NAME  JOB ID  NAME"));
    }
}
