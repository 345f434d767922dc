//! Reading parts of the facts of event logs: the application, and rows beside it in the order of their keys.

use std::ops::Bound;

use redb::{ReadTransaction, TableDefinition};
use serde::de::DeserializeOwned;
use spark_analytics_core::log::{LogSnapshot, fact};
use spark_analytics_core::{AttemptKey, Facts, JobKey, KeyRange};

use crate::error::Result;
use crate::keys;
use crate::rows::attempt::Rows;
use crate::rows::job::JobRow;
use crate::tables::{APPLICATIONS, ENVIRONMENTS, EXECUTORS, JOBS, SQL, STAGES};
use crate::value::from_json;

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(crate) fn facts(
    transaction: &ReadTransaction,
    attempt: &AttemptKey,
    facts: &Facts,
    limit: usize,
) -> Result<Option<LogSnapshot>> {
    let rows = Rows::of(attempt);
    let applications = transaction.open_table(APPLICATIONS)?;
    let Some(row) = applications.get_owned(rows.application.as_slice())? else { return Ok(None) };
    let application = from_json(row.value(), || rows.fact("application"))?;
    let mut part = fact!(LogSnapshot { application });
    let AttemptKey { app_id, attempt_id } = attempt;
    let of = |table, what| Page { transaction, rows: &rows, table, what, limit };
    match facts {
        Facts::Application => {}
        Facts::Environment => {
            let environments = transaction.open_table(ENVIRONMENTS)?;
            let environment = environments.get_owned(rows.application.as_slice())?;
            part.environment = environment.map(|row| rows.environment(row.value())).transpose()?;
        }
        Facts::Jobs(range) => {
            let key = |id: &i64| keys::job(&JobKey::in_app(&**app_id, &**attempt_id, *id));
            let read = |key: &[u8], value: &[u8]| {
                Ok(JobRow::decode(key, value)?.record.log.map(|log| *log))
            };
            part.jobs = of(JOBS, "job").read(range, key, read)?;
        }
        Facts::Stages(range) => {
            let key = |key: &(i64, i64)| keys::stage(app_id, attempt_id, *key);
            part.stages = of(STAGES, "stage").facts(range, key)?;
        }
        Facts::Executors(range) => {
            let key = |id: &String| keys::executor(app_id, attempt_id, id);
            part.executors = of(EXECUTORS, "executor").facts(range, key)?;
        }
        Facts::Sql(range) => {
            let key = |id: &i64| keys::sql(app_id, attempt_id, *id);
            part.sql = of(SQL, "execution of SQL").facts(range, key)?;
        }
    }
    Ok(Some(part))
}

/// The first rows of an attempt in a table.
struct Page<'a> {
    transaction: &'a ReadTransaction,
    rows: &'a Rows<'a>,
    table: Table,
    what: &'static str,
    limit: usize,
}

impl Page<'_> {
    fn facts<K: Clone + Ord, T: DeserializeOwned>(
        self,
        range: &KeyRange<K>,
        encode: impl Fn(&K) -> Vec<u8>,
    ) -> Result<Vec<T>> {
        let (rows, what) = (self.rows, self.what);
        self.read(range, encode, |_, value| from_json(value, || rows.fact(what)).map(Some))
    }

    /// Reads the rows of a range, in its order. Those that are read as `None` are left out.
    fn read<K: Clone + Ord, T>(
        self,
        range: &KeyRange<K>,
        encode: impl Fn(&K) -> Vec<u8>,
        read: impl Fn(&[u8], &[u8]) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let (lower, upper) = range.bounds();
        let (lower, upper) = (lower.map(&encode), upper.map(&encode));
        let (first, end) = self.rows.bounds();
        let lower = match &lower {
            Bound::Unbounded => Bound::Included(first),
            bound => bound.as_ref().map(Vec::as_slice),
        };
        let upper = match &upper {
            Bound::Unbounded => Bound::Excluded(end),
            bound => bound.as_ref().map(Vec::as_slice),
        };
        let table = self.transaction.open_table(self.table)?;
        let mut rows = table.range::<&[u8]>((lower, upper))?;
        let mut page = Vec::new();
        while page.len() < self.limit {
            let row = if range.is_descending { rows.next_back() } else { rows.next() };
            let Some(row) = row else { break };
            let (key, value) = row?;
            page.extend(read(key.value(), value.value())?);
        }
        Ok(page)
    }
}
