//! Tables in plain text: aligned columns, no lines, as wide as their content.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, Table, Width};
use serde_json::Value;

use crate::output::row::field;

/// A table that is written page by page: a column never gets narrower on the way.
#[derive(Debug)]
pub(crate) struct TableLines {
    columns: &'static [&'static str],
    widths: Vec<u16>,
    is_first: bool,
}

impl TableLines {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, widths: vec![0; columns.len()], is_first: true }
    }

    /// Writes some rows, with the headings before the first.
    pub(crate) fn page(&mut self, rows: &[Value], to: &mut impl Write) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(NOTHING);
        if std::mem::take(&mut self.is_first) {
            let sample = rows.first().unwrap_or(&Value::Null);
            table.add_row(self.columns.iter().map(|name| cell(heading(name), field(sample, name))));
        }
        for row in rows {
            table.add_row(
                self.columns.iter().map(|name| cell(text(field(row, name)), field(row, name))),
            );
        }
        for (column, width) in table.column_iter_mut().zip(&self.widths) {
            column.set_padding((0, 2));
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
/// is `NUM TASKS`.
pub(crate) fn heading(name: &str) -> String {
    let name = name.strip_prefix("tasks.").or(name.strip_prefix("event.")).unwrap_or(name);
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

/// A value for people, on one line and without characters that control a terminal.
pub(crate) fn text(value: &Value) -> String {
    const LONGEST: usize = 200;
    let text = match value {
        Value::Null => return "-".to_owned(),
        Value::Number(number) if number.is_f64() => {
            return format!("{:.2}", number.as_f64().unwrap_or_default());
        }
        Value::String(text) => text.replace(|c: char| c.is_control(), "\u{fffd}"),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn cell(text: String, value: &Value) -> Cell {
    let alignment = if value.is_number() { CellAlignment::Right } else { CellAlignment::Left };
    Cell::new(text).set_alignment(alignment)
}
