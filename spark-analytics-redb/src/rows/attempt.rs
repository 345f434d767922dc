//! Rows of applications' attempts: the facts of event logs.

use std::ops::Range;

use redb::ReadableTable;
use serde::de::DeserializeOwned;
use spark_analytics_core::AttemptKey;
use spark_analytics_core::log::Environment;

use crate::error::{Fault, Result};
use crate::keys;
use crate::rows::job::{JobRow, job_key};
use crate::value::from_json;

/// Where the rows of an application's attempt are.
pub(crate) struct Rows<'a> {
    app_id: &'a str,
    /// The application's own key, and the first of all its rows in other tables.
    pub(crate) application: Vec<u8>,
    end: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(attempt: &'a AttemptKey) -> Self {
        let AttemptKey { app_id, attempt_id } = attempt;
        Self {
            app_id,
            application: keys::application(app_id, attempt_id),
            end: keys::after_application(app_id, attempt_id),
        }
    }

    /// The first key of all its rows, and the first after them.
    pub(crate) fn bounds(&self) -> (&[u8], &[u8]) {
        (&self.application, &self.end)
    }

    fn range(&self) -> Range<&[u8]> {
        self.application.as_slice()..self.end.as_slice()
    }

    /// Its jobs with their ids, in the order of the ids.
    pub(crate) fn jobs<'t>(
        &'t self,
        table: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
    ) -> Result<impl Iterator<Item = Result<(i64, JobRow)>> + 't> {
        Ok(table.range::<&[u8]>(self.range())?.map(|row| {
            let (key, value) = row?;
            Ok((job_key(key.value())?.job_id, JobRow::decode(key.value(), value.value())?))
        }))
    }

    /// Its rows in a table of facts, in the order of their ids.
    pub(crate) fn facts<'t, T: DeserializeOwned>(
        &'t self,
        table: &'t impl ReadableTable<&'static [u8], &'static [u8]>,
        what: &'static str,
    ) -> Result<impl Iterator<Item = Result<T>> + 't> {
        Ok(table.range::<&[u8]>(self.range())?.map(move |row| {
            let (_, value) = row?;
            from_json(value.value(), || self.fact(what))
        }))
    }

    pub(crate) fn environment(&self, value: &[u8]) -> Result<Environment> {
        Environment::unpack(value).map_err(|error| Fault::damaged(self.fact("environment"), error))
    }

    /// How errors name a row.
    pub(crate) fn fact(&self, what: &str) -> String {
        format!("{what} of application {}", self.app_id)
    }
}
