//! Tables in plain text: aligned columns, no lines, as wide as their content.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, Table, Width};
use serde_json::Value;

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
        table.load_style(NOTHING).force_no_tty();
        if std::mem::take(&mut self.is_first) {
            let sample = rows.first().unwrap_or(&Value::Null);
            table.add_row(self.columns.iter().map(|name| cell(heading(name), &sample[name])));
        }
        for row in rows {
            table.add_row(self.columns.iter().map(|name| cell(text(&row[name]), &row[name])));
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

/// The heading of a field: `job_id` is `JOB ID`.
pub(crate) fn heading(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}

/// A value as people read it, on one line and without what could steer a terminal.
pub(crate) fn text(value: &Value) -> String {
    const LONGEST: usize = 100;
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
