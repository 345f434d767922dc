//! Statements over many rows.

use sqlx::encode::Encode;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgConnection, PgHasArrayType, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Postgres, Type};

/// The rows of one statement, passed as one array per column, so that the statement's text does not depend on the
/// number of rows.
#[derive(Default)]
pub(crate) struct Rows {
    arguments: PgArguments,
    rows: usize,
    error: Option<BoxDynError>,
}

impl Rows {
    /// Adds a column. All columns must have the same number of values.
    pub(crate) fn column<'v, T>(mut self, values: impl IntoIterator<Item = T>) -> Self
    where
        T: Encode<'v, Postgres> + Type<Postgres> + PgHasArrayType + 'v,
    {
        let values: Vec<T> = values.into_iter().collect();
        self.rows = values.len();
        if let Err(error) = self.arguments.add(values) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Adds a column whose values may fail to encode.
    pub(crate) fn fallible<'v, T, E>(
        mut self,
        values: impl IntoIterator<Item = Result<T, E>>,
    ) -> Self
    where
        T: Encode<'v, Postgres> + Type<Postgres> + PgHasArrayType + 'v,
        E: Into<BoxDynError>,
    {
        match values.into_iter().collect::<Result<Vec<T>, E>>() {
            Ok(values) => self.column(values),
            Err(error) => {
                self.error.get_or_insert(error.into());
                self
            }
        }
    }

    /// Runs `sql`, in which `{rows}` stands for the table of the rows. Without rows it runs nothing.
    pub(crate) async fn execute(
        self,
        connection: &mut PgConnection,
        sql: &str,
    ) -> sqlx::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let (sql, arguments) = self.call(sql)?;
        sqlx::query_with(AssertSqlSafe(sql), arguments).execute(connection).await?;
        Ok(())
    }

    /// Runs `sql` as [`execute`](Self::execute) does, and returns its rows.
    pub(crate) async fn fetch(
        self,
        connection: &mut PgConnection,
        sql: &str,
    ) -> sqlx::Result<Vec<PgRow>> {
        if self.rows == 0 {
            return Ok(Vec::new());
        }
        let (sql, arguments) = self.call(sql)?;
        sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(connection).await
    }

    fn call(self, sql: &str) -> sqlx::Result<(String, PgArguments)> {
        if let Some(error) = self.error {
            return Err(sqlx::Error::Encode(error));
        }
        let arrays: Vec<String> = (1..=self.arguments.len()).map(|at| format!("${at}")).collect();
        Ok((sql.replace("{rows}", &format!("unnest({})", arrays.join(", "))), self.arguments))
    }
}
