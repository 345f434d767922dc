//! Statements over many rows at once.

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
            // A statement that fails has its transaction rolled back: what it did before needs no
            // record of its own, which `OR FAIL` saves.
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

    /// Lets the statement fail instead of running.
    pub(crate) fn fail(&mut self, error: impl Into<BoxDynError>) {
        self.error.get_or_insert(error.into());
    }
}

/// A [`Statement`] with its rows: as few calls as their number allows.
#[derive(Debug)]
pub(crate) struct Calls(sqlx::Result<Vec<(String, SqliteArguments)>>);

impl Statement {
    /// With rows, each of whose values `put` adds.
    pub(crate) fn with<T>(
        &self,
        rows: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut put: impl FnMut(&mut Values, T),
    ) -> Calls {
        let mut rows = rows.into_iter();
        let most = 1 << (MAX_PARAMETERS / self.columns).ilog2();
        let mut calls = Vec::new();
        while rows.len() > 0 {
            let count = rows.len().next_power_of_two().min(most);
            let mut values = Values::default();
            values.arguments.reserve(count * self.columns, 0);
            rows.by_ref().take(count).for_each(|row| put(&mut values, row));
            if let Some(error) = values.error {
                return Calls(Err(sqlx::Error::Encode(error)));
            }
            calls.push((self.sql(count), values.arguments));
        }
        Calls(Ok(calls))
    }

    fn sql(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} (VALUES {}) {}", self.head, vec![row.as_str(); rows].join(","), self.tail)
    }
}

impl Calls {
    pub(crate) async fn execute(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        for (sql, arguments) in self.0? {
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
        }
        Ok(())
    }

    pub(crate) async fn fetch(
        self,
        connection: &mut SqliteConnection,
    ) -> sqlx::Result<Vec<SqliteRow>> {
        let mut rows = Vec::new();
        for (sql, arguments) in self.0? {
            let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
            rows.append(&mut query.fetch_all(&mut *connection).await?);
        }
        Ok(rows)
    }
}
