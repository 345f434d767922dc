//! Results on standard output: as a table, as JSON or as CSV, from the same rows.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::flags::Shared;
use crate::output::human::{human, human_heading};
pub(crate) use crate::output::row::Columns;
use crate::output::row::{csv_field, field, value};
pub(crate) use crate::output::table::text;
use crate::output::table::{TableLines, has_no_tasks};
use crate::output::terminal::{Escaping, printable};

mod fit;
mod human;
pub(crate) mod pages;
pub(crate) mod progress;
mod row;
mod table;
pub(crate) mod terminal;
pub(crate) mod view;

/// The format of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

/// Standard output. It remembers whether its reader is gone.
#[derive(Debug)]
pub(crate) struct Out {
    writer: BufWriter<Stdout>,
    format: Format,
    /// The width of the terminal that tables have to fit.
    width: Option<usize>,
    /// Whether cells of CSV are written as they are.
    raw_csv: bool,
    closed: bool,
}

impl Out {
    /// Tables fit the terminal, if it is one, unless they are to be wide.
    pub(crate) fn new(shared: &Shared) -> Self {
        let Shared { format, wide, raw_csv, .. } = *shared;
        let width = || console::Term::stdout().size_checked().map(|(_, width)| width.into());
        let width = if wide || !io::stdout().is_terminal() { None } else { width() };
        Self { writer: BufWriter::new(io::stdout()), format, width, raw_csv, closed: false }
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Whether a write found the pipe closed, so that the rest is not needed.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes the rest of the buffer.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.flush()?)
    }

    /// Writes one row: as a table, with one line for each field.
    pub(crate) fn record<T: Serialize>(&mut self, columns: Columns, row: &T) -> anyhow::Result<()> {
        match self.format {
            Format::Table => {
                let row = value(row)?;
                let heading = if self.width.is_some() { human_heading } else { table::heading };
                let headings = columns.all.iter().map(|name| heading(name).len());
                let width = headings.max().unwrap_or(0);
                let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
                for name in columns.all {
                    // A terminal has no room for what is not there.
                    if self.width.is_some() && is_empty(field(&row, name)) {
                        continue;
                    }
                    let value = match (self.width, field(&row, name)) {
                        _ if has_no_tasks(&row, name) => "-".to_owned(),
                        // There is room for every line of a reason.
                        (_, Value::String(text)) if text.contains('\n') => {
                            let lines: Vec<String> = text.lines().map(printable).collect();
                            lines.join(&format!("\n{:width$}  ", ""))
                        }
                        (Some(_), value) => human(name, value),
                        (None, value) => table::text(value),
                    };
                    let line = format!("{:width$}  {value}", heading(name));
                    writeln!(self, "{}", line.trim_end())?;
                }
            }
            Format::Json => {
                serde_json::to_writer_pretty(&mut *self, row)?;
                writeln!(self)?;
            }
            Format::Csv => {
                self.csv_heading(columns)?;
                self.csv_rows(columns, std::slice::from_ref(row))?;
            }
        }
        Ok(())
    }
}

/// Tables and JSON are written in whole characters, and escaped here; the writer of CSV cuts
/// anywhere, and its cells come escaped.
impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.format {
            Format::Csv => self.writer.write(bytes),
            _ => Escaping { to: &mut self.writer, has_colours: false }.write(bytes),
        };
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.writer.flush();
        self.note(flushed)
    }
}

impl Out {
    /// Writes the header of CSV.
    pub(crate) fn csv_heading(&mut self, columns: Columns) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_writer(self);
        writer.write_record(columns.all)?;
        Ok(writer.flush()?)
    }

    /// Writes rows of CSV.
    pub(crate) fn csv_rows<T: Serialize>(
        &mut self,
        columns: Columns,
        rows: &[T],
    ) -> anyhow::Result<()> {
        let is_raw = self.raw_csv;
        let mut writer = csv::Writer::from_writer(self);
        for row in rows {
            let row = value(row)?;
            let cells = columns.all.iter().map(|name| csv_field(field(&row, name), is_raw));
            writer.write_record(cells)?;
        }
        Ok(writer.flush()?)
    }

    fn note<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            self.closed |= error.kind() == ErrorKind::BrokenPipe;
            io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))
        })
    }
}

/// A list that is written page by page, so that its length does not matter. In JSON it is an array.
#[derive(Debug)]
pub(crate) struct List<'a> {
    out: &'a mut Out,
    columns: Columns,
    lines: TableLines,
    is_first: bool,
    is_empty: bool,
}

impl<'a> List<'a> {
    pub(crate) fn new(out: &'a mut Out, columns: Columns) -> Self {
        let width = out.width;
        Self {
            out,
            columns,
            lines: TableLines::new(columns.table, width),
            is_first: true,
            is_empty: true,
        }
    }

    /// Writes some rows, which have each field of [`Columns`].
    pub(crate) fn page<T: Serialize>(&mut self, rows: &[T]) -> anyhow::Result<()> {
        match self.out.format {
            Format::Table => {
                let rows = rows.iter().map(value).collect::<Result<Vec<_>, _>>()?;
                self.lines.page(&rows, &mut *self.out)?;
            }
            Format::Json => {
                for (at, row) in rows.iter().enumerate() {
                    let is_first = self.is_first && at == 0;
                    self.out.write_all(if is_first { b"[\n  " } else { b",\n  " })?;
                    serde_json::to_writer(&mut *self.out, row)?;
                }
            }
            Format::Csv => {
                if self.is_first {
                    self.out.csv_heading(self.columns)?;
                }
                self.out.csv_rows(self.columns, rows)?;
            }
        }
        self.is_empty &= rows.is_empty();
        self.is_first &= rows.is_empty() && self.out.format == Format::Json;
        Ok(())
    }

    /// Ends the list; if it is empty, says so to a person who looks at it.
    pub(crate) fn end_or_say(self, if_empty: &str) -> anyhow::Result<()> {
        if self.is_empty && io::stdout().is_terminal() {
            progress::say(if_empty);
        }
        self.end()
    }

    /// Ends the list.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        if self.is_first && self.out.format != Format::Json {
            self.page::<Value>(&[])?;
        }
        match (self.out.format, self.is_first) {
            (Format::Json, true) => self.out.write_all(b"[]\n")?,
            (Format::Json, false) => self.out.write_all(b"\n]\n")?,
            _ => {}
        }
        Ok(())
    }
}
