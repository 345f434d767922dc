//! How single values are kept in columns and read back.

use std::fmt::Display;

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteRow, SqliteTypeInfo};
use sqlx::{Column, Decode, Row, Sqlite, Type};

use spark_analytics_core::log::Environment;
use spark_analytics_core::{
    Error, FigureSource, Histogram, JobLabels, Result, TaskTotals, Timestamp,
};

use crate::error::SQLITE;
use crate::statement::Values;

/// A sum: an integer while it fits 64 bits, a decimal text beyond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum(pub(crate) i128);

impl Type<Sqlite> for Sum {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Sum {
    fn encode_by_ref(&self, to: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        match i64::try_from(self.0) {
            Ok(small) => Encode::<Sqlite>::encode_by_ref(&small, to),
            Err(_) => Encode::<Sqlite>::encode(self.0.to_string(), to),
        }
    }
}

pub(crate) fn put_tasks(values: &mut Values, tasks: &TaskTotals) {
    values.add(tasks.succeeded);
    values.add(tasks.failed);
    values.add(tasks.killed);
    values.add(Sum(tasks.duration_ms));
    values.add(Sum(tasks.lost_ms));
    values.add(Sum(tasks.run_time_ms));
    values.add(Sum(tasks.cpu_time_ns));
    values.add(Sum(tasks.gc_time_ms));
    values.add(Sum(tasks.input_bytes));
    values.add(Sum(tasks.output_bytes));
    values.add(Sum(tasks.shuffle_read_bytes));
    values.add(Sum(tasks.shuffle_write_bytes));
    values.add(Sum(tasks.memory_spilled_bytes));
    values.add(Sum(tasks.disk_spilled_bytes));
    put_histogram(values, &tasks.durations);
}

pub(crate) fn put_event_tasks(values: &mut Values, tasks: &TaskTotals) {
    values.add(tasks.succeeded);
    values.add(tasks.failed);
    values.add(Sum(tasks.duration_ms));
    values.add(Sum(tasks.lost_ms));
    put_histogram(values, &tasks.durations);
}

pub(crate) fn put_histogram(values: &mut Values, histogram: &Histogram) {
    match postcard::to_stdvec(histogram) {
        Ok(bytes) => values.add(bytes),
        Err(error) => values.fail(error),
    }
}

pub(crate) fn put_json(values: &mut Values, value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => values.add(text),
        Err(error) => values.fail(error),
    }
}

/// Far more ids than a store ever assigns, with room above for counting on.
const MOST_IDS: i64 = 1 << 62;

/// The id after the last one of a table, or the first id of an empty table.
pub(crate) fn next_id(last: Option<i64>, table: &str) -> Result<i64> {
    match last.map_or(1, |last| last.saturating_add(1)) {
        next @ 1..MOST_IDS => Ok(next),
        next => {
            let reason = format!("{} was never assigned", next - 1);
            Err(Error::damaged(SQLITE, format!("id in {table}"), reason))
        }
    }
}

/// Reads a row from left to right. Its first column is its number in its table, by which errors
/// name it.
#[derive(Debug)]
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
    table: &'static str,
}

impl<'r> Columns<'r> {
    pub(crate) const fn new(row: &'r SqliteRow, table: &'static str) -> Self {
        Self { row, next: 0, table }
    }

    /// The next column's value.
    pub(crate) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(|error| self.damaged(error))
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

    /// A number of jobs or tasks.
    pub(crate) fn count(&mut self) -> Result<i64> {
        let count: i64 = self.get()?;
        if count < 0 { Err(self.damaged(format!("invalid count {count}"))) } else { Ok(count) }
    }

    pub(crate) fn sum(&mut self) -> Result<i128> {
        let at = self.next;
        self.next += 1;
        if let Ok(small) = self.row.try_get::<i64, _>(at) {
            return Ok(small.into());
        }
        let text: &str = self.row.try_get(at).map_err(|error| self.damaged(error))?;
        text.parse().map_err(|error| self.damaged(error))
    }

    pub(crate) fn histogram(&mut self) -> Result<Histogram> {
        let bytes: &[u8] = self.get()?;
        postcard::from_bytes(bytes).map_err(|error| self.damaged(error))
    }

    pub(crate) fn tasks(&mut self) -> Result<TaskTotals> {
        Ok(TaskTotals {
            succeeded: self.count()?,
            failed: self.count()?,
            killed: self.count()?,
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

    fn damaged(&self, reason: impl Display) -> Error {
        let number = self.row.try_get::<i64, _>(0).unwrap_or_default();
        let column = self.row.columns().get(self.next - 1).map_or("", |column| column.name());
        Error::damaged(
            SQLITE,
            format!("row {number} of {}", self.table),
            format!("{column}: {reason}"),
        )
    }
}
