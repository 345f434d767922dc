//! How single values are stored in columns and read back.

use std::fmt::Display;

use sqlx::postgres::PgRow;
use sqlx::{Column, Decode, Postgres, Row, Type};

use spark_analytics_core::log::Environment;
use spark_analytics_core::{
    Error, FigureSource, Histogram, JobLabels, Result, TaskTotals, Timestamp,
};

use crate::error::POSTGRES;
use crate::statement::Rows;

/// The sums of a job's or a roll-up's tasks, in the order of their columns.
pub(crate) const fn sums_of_tasks(tasks: &TaskTotals) -> [i128; 11] {
    [
        tasks.duration_ms,
        tasks.lost_ms,
        tasks.run_time_ms,
        tasks.cpu_time_ns,
        tasks.gc_time_ms,
        tasks.input_bytes,
        tasks.output_bytes,
        tasks.shuffle_read_bytes,
        tasks.shuffle_write_bytes,
        tasks.memory_spilled_bytes,
        tasks.disk_spilled_bytes,
    ]
}

/// See [`sums_of_tasks`].
pub(crate) const fn sums_of_tasks_mut(tasks: &mut TaskTotals) -> [&mut i128; 11] {
    [
        &mut tasks.duration_ms,
        &mut tasks.lost_ms,
        &mut tasks.run_time_ms,
        &mut tasks.cpu_time_ns,
        &mut tasks.gc_time_ms,
        &mut tasks.input_bytes,
        &mut tasks.output_bytes,
        &mut tasks.shuffle_read_bytes,
        &mut tasks.shuffle_write_bytes,
        &mut tasks.memory_spilled_bytes,
        &mut tasks.disk_spilled_bytes,
    ]
}

/// A sum as stored in its column, clamped to 64 bits.
pub(crate) fn narrow(sum: i128) -> i64 {
    sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// All sums of a row, if one of them does not fit into its column.
pub(crate) fn wide(sums: &[i128]) -> Option<String> {
    let fits = |sum: &i128| i64::try_from(*sum).is_ok();
    if sums.iter().all(fits) {
        return None;
    }
    let sums: Vec<String> = sums.iter().map(i128::to_string).collect();
    Some(sums.join(" "))
}

pub(crate) fn histogram_bytes(histogram: &Histogram) -> postcard::Result<Vec<u8>> {
    postcard::to_stdvec(histogram)
}

impl Rows {
    /// Adds the columns of [`event_task_columns!`](spark_analytics_core::backend::event_task_columns).
    pub(crate) fn event_tasks<'t>(
        self,
        tasks: impl Iterator<Item = &'t TaskTotals> + Clone,
    ) -> Self {
        self.column(tasks.clone().map(|tasks| tasks.succeeded))
            .column(tasks.clone().map(|tasks| tasks.failed))
            .column(tasks.clone().map(|tasks| narrow(tasks.duration_ms)))
            .column(tasks.clone().map(|tasks| narrow(tasks.lost_ms)))
            .fallible(tasks.map(|tasks| histogram_bytes(&tasks.durations)))
    }

    /// Adds the columns of [`task_columns!`](spark_analytics_core::backend::task_columns).
    pub(crate) fn tasks<'t>(self, tasks: impl Iterator<Item = &'t TaskTotals> + Clone) -> Self {
        let counts = self
            .column(tasks.clone().map(|tasks| tasks.succeeded))
            .column(tasks.clone().map(|tasks| tasks.failed))
            .column(tasks.clone().map(|tasks| tasks.killed));
        let sums: Vec<[i128; 11]> = tasks.clone().map(sums_of_tasks).collect();
        let all =
            (0..11).fold(counts, |rows, at| rows.column(sums.iter().map(|sums| narrow(sums[at]))));
        all.fallible(tasks.map(|tasks| histogram_bytes(&tasks.durations)))
    }
}

/// Whether one of the texts cannot be stored: PostgreSQL's texts have no U+0000.
pub(crate) fn cannot_be_held(texts: &[&str]) -> bool {
    texts.iter().any(|text| text.contains('\0'))
}

/// A text up to U+0000. Stored texts have no U+0000, so they sort after the whole text if they sort after this part.
pub(crate) fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

/// Reads a row from left to right. Errors name it by its first columns, as many as its key has.
#[derive(Debug)]
pub(crate) struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
    table: &'static str,
    key: usize,
}

impl<'r> Columns<'r> {
    pub(crate) const fn new(row: &'r PgRow, table: &'static str, key: usize) -> Self {
        Self { row, next: 0, table, key }
    }

    /// The next column's value.
    pub(crate) fn get<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(|error| self.damaged(error))
    }

    /// Leaves out columns.
    pub(crate) const fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp> {
        self.get().map(Timestamp::from_micros)
    }

    pub(crate) fn optional_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    /// The column `source` of a job with figures.
    pub(crate) fn source(&mut self) -> Result<FigureSource> {
        let name: &str = self.get()?;
        name.try_into().map_err(|error| self.damaged(error))
    }

    /// The column `source`.
    pub(crate) fn optional_source(&mut self) -> Result<Option<FigureSource>> {
        let name: Option<&str> = self.get()?;
        name.map(FigureSource::try_from).transpose().map_err(|error| self.damaged(error))
    }

    /// The index of the request that the row answers.
    pub(crate) fn place(&mut self) -> Result<usize> {
        let place: i64 = self.get()?;
        usize::try_from(place).map_err(|error| self.damaged(error))
    }

    /// A number of jobs or tasks.
    pub(crate) fn count(&mut self) -> Result<i64> {
        let count: i64 = self.get()?;
        if count < 0 { Err(self.damaged(format!("invalid count {count}"))) } else { Ok(count) }
    }

    pub(crate) fn sum(&mut self) -> Result<i128> {
        self.get::<i64>().map(i128::from)
    }

    pub(crate) fn histogram(&mut self) -> Result<Histogram> {
        let bytes: &[u8] = self.get()?;
        postcard::from_bytes(bytes).map_err(|error| self.damaged(error))
    }

    /// The tasks, with a function that reads their counts: those of a roll-up's slot may be negative.
    pub(crate) fn tasks(&mut self, count: fn(&mut Self) -> Result<i64>) -> Result<TaskTotals> {
        Ok(TaskTotals {
            succeeded: count(self)?,
            failed: count(self)?,
            killed: count(self)?,
            duration_ms: self.sum()?,
            lost_ms: self.sum()?,
            run_time_ms: self.sum()?,
            cpu_time_ns: self.sum()?,
            gc_time_ms: self.sum()?,
            input_bytes: self.sum()?,
            output_bytes: self.sum()?,
            shuffle_read_bytes: self.sum()?,
            shuffle_write_bytes: self.sum()?,
            memory_spilled_bytes: self.sum()?,
            disk_spilled_bytes: self.sum()?,
            durations: self.histogram()?,
        })
    }

    /// The tasks that single events report.
    pub(crate) fn event_tasks(&mut self) -> Result<TaskTotals> {
        Ok(TaskTotals {
            succeeded: self.count()?,
            failed: self.count()?,
            duration_ms: self.sum()?,
            lost_ms: self.sum()?,
            durations: self.histogram()?,
            ..TaskTotals::default()
        })
    }

    /// Reads `wide_sums` and corrects the sums read before, which are given in the order of their columns.
    pub(crate) fn widen<const N: usize>(&mut self, sums: [&mut i128; N]) -> Result<()> {
        let Some(text) = self.get::<Option<&str>>()? else { return Ok(()) };
        let wide: Vec<i128> = text
            .split(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|error| self.damaged(error))?;
        if wide.len() != N {
            return Err(self.damaged(format!("{} sums instead of {N}", wide.len())));
        }
        sums.into_iter().zip(wide).for_each(|(sum, wide)| *sum = wide);
        Ok(())
    }

    /// See [`Environment::pack`].
    pub(crate) fn environment(&mut self) -> Result<Environment> {
        Environment::unpack(self.get()?).map_err(|error| self.damaged(error))
    }

    /// A value kept as JSON.
    pub(crate) fn json<T: serde::Deserialize<'r>>(&mut self) -> Result<T> {
        let text: &str = self.get()?;
        serde_json::from_str(text).map_err(|error| self.damaged(error))
    }

    /// A value kept as JSON, or NULL.
    pub(crate) fn optional_json<T: serde::Deserialize<'r>>(&mut self) -> Result<Option<T>> {
        let text: Option<&str> = self.get()?;
        text.map(serde_json::from_str).transpose().map_err(|error| self.damaged(error))
    }

    /// What the column `log` says of the names of a job.
    pub(crate) fn labels(&mut self) -> Result<Option<Box<JobLabels>>> {
        let log: Option<&str> = self.get()?;
        let labels = log.map(|log| JobLabels::from_log(log).map(Box::new)).transpose();
        labels.map_err(|error| self.damaged(error))
    }

    /// The error that the value in the column read last is not one that was written.
    pub(crate) fn damaged(&self, reason: impl Display) -> Error {
        let name = |at: usize| self.row.columns().get(at).map_or("", |column| column.name());
        let key = (0..self.key).map(|at| format!("{} = {}", name(at), self.shown(at)));
        let key: Vec<String> = key.collect();
        Error::damaged(
            POSTGRES,
            format!("row of {} with {}", self.table, key.join(", ")),
            format!("{}: {reason}", name(self.next - 1)),
        )
    }

    fn shown(&self, at: usize) -> String {
        let row = self.row;
        let number = row.try_get::<i64, _>(at).map(|number| number.to_string());
        let number = number.or_else(|_| row.try_get::<i32, _>(at).map(|number| number.to_string()));
        let number = number.or_else(|_| row.try_get::<i16, _>(at).map(|number| number.to_string()));
        number
            .or_else(|_| row.try_get::<String, _>(at).map(|text| format!("`{text}`")))
            .unwrap_or_default()
    }
}
