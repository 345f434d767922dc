//! Transactions that never outlive the call that began them.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Postgres};

/// What begins a transaction each of whose statements sees what was committed before it, whatever the
/// pool's connections do by default.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// A transaction on a pool's connection. Where it does not come to its end - its call was given up, a statement
/// failed, even the one that begins it - the connection is closed: with `sqlx`'s own, one given up while it
/// begins would come back to the pool open, and what is written next would never be committed.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: PoolConnection<Postgres>,
    is_open: bool,
}

impl Transaction {
    /// Begins by `sql`, which may go on with further statements.
    pub(crate) async fn begin(pool: &PgPool, sql: &str) -> sqlx::Result<Self> {
        let mut begun = Self { connection: pool.acquire().await?, is_open: true };
        begun.run(sql).await?;
        Ok(begun)
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        self.run("COMMIT").await?;
        self.is_open = false;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> sqlx::Result<()> {
        self.run("ROLLBACK").await?;
        self.is_open = false;
        Ok(())
    }

    async fn run(&mut self, sql: &str) -> sqlx::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.connection).await.map(drop)
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            self.connection.close_on_drop();
        }
    }
}
