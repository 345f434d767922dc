//! Writers, one at a time, and their transactions.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection, Transaction};
use tokio::sync::MutexGuard;
use tokio::time::timeout;

use spark_analytics_core::{Error, Result};

use crate::SqliteStore;
use crate::error::{SQLITE, failed};

/// The connection for writing, and the permission to write.
#[derive(Debug)]
pub(crate) struct Writer<'s> {
    pub(crate) connection: PoolConnection<Sqlite>,
    store: &'s SqliteStore,
    _turn: MutexGuard<'s, ()>,
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if let Some(idle) = &self.store.idle {
            idle.written();
        }
    }
}

impl SqliteStore {
    /// The connection for writing; other writers of this store wait for it.
    pub(crate) async fn writer(&self) -> Result<Writer<'_>> {
        const ACTION: &str = "get a connection";
        let turn = timeout(self.writer.options().get_acquire_timeout(), self.turn.lock())
            .await
            .map_err(|_| failed(ACTION)(sqlx::Error::PoolTimedOut))?;
        loop {
            let mut connection = self.writer.acquire().await.map_err(failed(ACTION))?;
            // SQLite rolls back a transaction on its own when the disk is full. The driver does not notice, and the
            // connection is no longer usable.
            if !connection.is_in_transaction() {
                return Ok(Writer { connection, store: self, _turn: turn });
            }
            if is_in_memory(&mut connection).await? {
                return Err(Error::engine(
                    SQLITE,
                    "write",
                    "the in-memory database is full and SQLite rolled back a transaction on its own: \
                     earlier data can still be read, but nothing more can be written; create a new store",
                ));
            }
            connection.close().await.map_err(failed("replace a connection"))?;
        }
    }
}

impl Writer<'_> {
    /// Begins to write. Nothing is read before the write lock is held, so that decisions are based on the current
    /// state.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>> {
        self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin to write"))
    }
}

/// Whether the database is dropped with its connection.
async fn is_in_memory(connection: &mut SqliteConnection) -> Result<bool> {
    let file: String =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(connection)
            .await
            .map_err(failed("find its file"))?;
    Ok(file.is_empty())
}
