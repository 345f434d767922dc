//! Statements over many rows.

use sqlx::encode::Encode;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Sqlite, Type};

/// Parameters of one statement; SQLite's limit is 32,766.
const MAX_PARAMETERS: usize = 16_384;

/// A statement around a table of rows given as parameters: `{head} (VALUES (?, …), …) {tail}`.
///
/// The number of rows is filled up to a power of two with rows of NULLs, which `tail` leaves out. So
/// there are few different texts, and each is parsed once a connection.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    head: String,
    columns: usize,
    tail: String,
}

impl Statement {
    /// Inserts rows of some columns, the first of which is never NULL.
    pub(crate) fn insert(into: &str, columns: &str) -> Self {
        Self {
            head: format!("{into} ({columns}) SELECT * FROM"),
            columns: columns.split(", ").count(),
            tail: "WHERE column1 IS NOT NULL".to_owned(),
        }
    }

    /// Sets columns, given from the second value on, of the row whose key is the first.
    pub(crate) fn update(table: &str, key: &str, columns: &str) -> Self {
        let set = columns.split(", ").zip(2..).map(|(name, at)| format!("{name} = column{at}"));
        let set: Vec<String> = set.collect();
        Self {
            // A failed statement rolls back its transaction, so its own changes need no separate journal, which `OR
            // FAIL` saves.
            head: format!("UPDATE OR FAIL {table} SET {} FROM", set.join(", ")),
            columns: set.len() + 1,
            tail: format!("WHERE {key} = column1"),
        }
    }

    /// Deletes the rows of keys.
    pub(crate) fn delete(table: &str, key: &str) -> Self {
        Self {
            head: format!("DELETE FROM {table} WHERE ({key}) IN"),
            columns: key.split(", ").count(),
            tail: String::new(),
        }
    }

    /// Selects the rows of a table where `key` is, in its order, the values from the second on; the
    /// first value is given back after `columns`.
    pub(crate) fn select(columns: &str, table: &str, key: &str) -> Self {
        let on = key.split(", ").zip(2..).map(|(name, at)| format!("{name} IS column{at}"));
        let on: Vec<String> = on.collect();
        Self {
            head: format!("SELECT {columns}, column1 FROM"),
            columns: on.len() + 1,
            tail: format!("CROSS JOIN {table} ON column1 IS NOT NULL AND {}", on.join(" AND ")),
        }
    }
}

/// The values of one row, in the order of the columns.
#[derive(Debug, Default)]
pub(crate) struct Values {
    arguments: SqliteArguments,
    error: Option<BoxDynError>,
}

impl Values {
    pub(crate) fn add<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) {
        if let Err(error) = self.arguments.add(value) {
            self.fail(error);
        }
    }

    /// Makes the statement fail instead of running.
    pub(crate) fn fail(&mut self, error: impl Into<BoxDynError>) {
        self.error.get_or_insert(error.into());
    }
}

/// A [`Statement`] with its rows, run in as few calls as their number allows.
#[derive(Debug)]
pub(crate) struct Calls<I, F> {
    statement: Statement,
    rows: I,
    put: F,
}

impl Statement {
    /// With rows, each of whose values `put` adds.
    pub(crate) fn with<T, R, F>(self, rows: R, put: F) -> Calls<R::IntoIter, F>
    where
        R: IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        F: FnMut(&mut Values, T),
    {
        Calls { statement: self, rows: rows.into_iter(), put }
    }

    fn sql(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} (VALUES {}) {}", self.head, vec![row.as_str(); rows].join(","), self.tail)
    }
}

impl<T, I: ExactSizeIterator<Item = T>, F: FnMut(&mut Values, T)> Calls<I, F> {
    /// The next call's text and parameters.
    fn next(&mut self) -> Option<sqlx::Result<(String, SqliteArguments)>> {
        if self.rows.len() == 0 {
            return None;
        }
        let columns = self.statement.columns;
        let most = 1 << (MAX_PARAMETERS / columns).ilog2();
        let count = self.rows.len().next_power_of_two().min(most);
        let mut values = Values::default();
        values.arguments.reserve(count * columns, 0);
        self.rows.by_ref().take(count).for_each(|row| (self.put)(&mut values, row));
        Some(match values.error {
            Some(error) => Err(sqlx::Error::Encode(error)),
            None => Ok((self.statement.sql(count), values.arguments)),
        })
    }

    /// Runs the calls, each while the next is being put together.
    pub(crate) async fn execute(mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let mut next = self.next();
        while let Some(call) = next {
            let (sql, arguments) = call?;
            let call = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection);
            let (done, following) = tokio::join!(biased; call, async { self.next() });
            done?;
            next = following;
        }
        Ok(())
    }

    pub(crate) async fn fetch(
        mut self,
        connection: &mut SqliteConnection,
    ) -> sqlx::Result<Vec<SqliteRow>> {
        let mut rows = Vec::new();
        while let Some(call) = self.next() {
            let (sql, arguments) = call?;
            let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
            rows.append(&mut query.fetch_all(&mut *connection).await?);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn rows_of_keys_are_found_by_indexes() {
        let store = SqliteStore::in_memory().await.unwrap();
        let cases = [
            (Statement::select("log", "spark_jobs", "app_id, attempt_id, job_id"), "by_key"),
            (
                Statement::select("raw", "spark_events", "job_no, time_us, type, task_key"),
                "by_identity",
            ),
            (Statement::select("rollup_no", "spark_rollups", "user, day"), "by_user"),
            (Statement::select("log", "spark_jobs", "app_id, attempt_id"), "by_key"),
            (
                Statement::select("fact", "spark_stages", "app_id, attempt_id"),
                "sqlite_autoindex_spark_stages_1 (app_id=? AND attempt_id=?)",
            ),
            (Statement::update("spark_events", "id", "raw"), "INTEGER PRIMARY KEY (rowid=?)"),
            (Statement::update("spark_jobs", "job_no", "log"), "INTEGER PRIMARY KEY (rowid=?)"),
        ];
        for (statement, index) in cases {
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql(64));
            let rows = sqlx::query_as::<_, (i64, i64, i64, String)>(AssertSqlSafe(sql))
                .fetch_all(&store.readers)
                .await
                .unwrap();
            let searches: Vec<&String> =
                rows.iter().map(|row| &row.3).filter(|step| step.starts_with("SEARCH")).collect();
            assert!(matches!(searches[..], [step] if step.contains(index)), "{rows:?}");
            assert!(!rows.iter().any(|row| row.3.starts_with("SCAN spark")), "{rows:?}");
        }
    }

    #[test]
    fn few_statement_texts_serve_any_number_of_rows() {
        let insert = Statement::insert("INSERT INTO t", "a, b, c");
        let calls = |rows: i64| {
            let mut calls = insert.clone().with(0..rows as usize, |values, row| {
                (0..3).for_each(|_| values.add(row as i64));
            });
            std::iter::from_fn(|| calls.next())
                .map(Result::unwrap)
                .map(|(sql, arguments)| (sql.matches("(?,?,?)").count(), arguments.len() / 3))
                .collect::<Vec<_>>()
        };
        assert_eq!(calls(0), []);
        assert_eq!(calls(1), [(1, 1)]);
        assert_eq!(calls(5), [(8, 5)]);
        assert_eq!(calls(5_000), [(4_096, 4_096), (1_024, 904)]);
    }
}
