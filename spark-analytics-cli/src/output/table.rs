//! Tables in plain text: aligned columns, no lines, as wide as their content, or as a terminal.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};
use serde_json::Value;

use crate::output::fit::Fit;
use crate::output::row::field;
use crate::output::terminal::printable;

/// A table that is written page by page: a column never gets narrower on the way.
#[derive(Debug)]
pub(crate) struct TableLines {
    columns: &'static [&'static str],
    widths: Vec<u16>,
    /// The columns that have had a number.
    are_numbers: Vec<bool>,
    is_first: bool,
    fit: Option<Fit>,
}

impl TableLines {
    /// `width` is that of the terminal that the table has to fit.
    pub(crate) fn new(columns: &'static [&'static str], width: Option<usize>) -> Self {
        let fit = width.map(|width| Fit::new(columns, width));
        let (widths, are_numbers) = (vec![0; columns.len()], vec![false; columns.len()]);
        Self { columns, widths, are_numbers, is_first: true, fit }
    }

    /// Writes some rows, with the headings before the first.
    pub(crate) fn page(&mut self, rows: &[Value], to: &mut impl Write) -> io::Result<()> {
        if let Some(fit) = &mut self.fit {
            return fit.page(rows, to);
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        if std::mem::take(&mut self.is_first) {
            table.add_row(self.columns.iter().map(|name| heading(name)));
        }
        for row in rows {
            table.add_row(self.columns.iter().map(|name| cell_text(row, name)));
        }
        for (is_number, name) in self.are_numbers.iter_mut().zip(self.columns) {
            *is_number |= rows.iter().any(|row| field(row, name).is_number());
        }
        let widths = self.widths.iter().zip(&self.are_numbers);
        for (column, (width, is_number)) in table.column_iter_mut().zip(widths) {
            column.set_padding((0, 2));
            if *is_number {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if *width > 0 {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width)));
            }
        }
        for (held, width) in self.widths.iter_mut().zip(table.column_max_content_widths()) {
            *held = width.saturating_add(2).max(*held);
        }
        table.lines().try_for_each(|line| writeln!(to, "{}", line.trim_end()))
    }
}

/// The heading of a field: `job_id` is `JOB ID`, `tasks.failed_tasks` is `FAILED TASKS`, `numTasks`
/// is `NUM TASKS`. Some fields have headings that say more than their names.
pub(crate) fn heading(name: &str) -> String {
    let name = name.strip_prefix("tasks.").or(name.strip_prefix("event.")).unwrap_or(name);
    match name {
        "task_count" => return "TASK ATTEMPTS".to_owned(),
        "avg_success_rate" => return "MEAN TASK SUCCESS %".to_owned(),
        "success_rate" => return "TASK SUCCESS %".to_owned(),
        "failure_message" | "failure_reason" | "failureMessage" => return "REASON".to_owned(),
        "ended" => return "STATUS".to_owned(),
        _ => {}
    }
    // Of alternatives, the last is the most general.
    let name = name.rsplit('|').next().unwrap_or(name);
    let mut heading = String::new();
    for c in name.chars() {
        match c {
            '_' | '.' => heading.push(' '),
            c if c.is_ascii_uppercase() => heading.extend([' ', c]),
            c => heading.push(c.to_ascii_uppercase()),
        }
    }
    heading
}

/// A field of a row for people.
pub(crate) fn cell_text(row: &Value, name: &str) -> String {
    if has_no_tasks(row, name) {
        return "-".to_owned();
    }
    let value = field(row, name);
    if let (true, Some(ended)) = (name == "ended", value.as_bool()) {
        return status(ended).to_owned();
    }
    match value.as_str().and_then(|text| text.split_once(['\r', '\n'])) {
        // A table has one line for each row.
        Some((first, _)) => text(&Value::from(format!("{first} …"))),
        None => text(value),
    }
}

/// The status of an application that has ended, or not.
pub(crate) const fn status(ended: bool) -> &'static str {
    if ended { "ended" } else { "running" }
}

/// Whether a field is a rate of tasks of a row without tasks.
pub(crate) fn has_no_tasks(row: &Value, name: &str) -> bool {
    name == "success_rate" && *field(row, "task_count") == 0
}

/// A value for people, on one line and without characters that control a terminal.
pub(crate) fn text(value: &Value) -> String {
    const LONGEST: usize = 200;
    let text = match value {
        Value::Null => return "-".to_owned(),
        Value::Number(number) if number.is_f64() => {
            return format!("{:.2}", number.as_f64().unwrap_or_default());
        }
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_column_of_numbers_lacks_is_aligned_with_them() {
        let mut lines = TableLines::new(&["name", "skew", "app_id"], None);
        let mut out = Vec::new();
        let rows = [
            json!({ "name": "a", "skew": null, "app_id": null }),
            json!({ "name": "b", "skew": 11.5, "app_id": "x" }),
        ];
        lines.page(&rows, &mut out).expect("writes");
        lines.page(&rows[..1], &mut out).expect("writes");
        let text = String::from_utf8(out).expect("is UTF-8");
        let expected = "NAME   SKEW  APP ID\na         -  -\nb     11.50  x\na         -  -\n";
        assert_eq!(text, expected);
    }
}
