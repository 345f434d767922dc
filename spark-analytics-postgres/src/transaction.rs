//! Transactions that never outlive the call that began them.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Postgres};

use crate::PostgresStore;
use crate::error::Kind;

/// Begins a transaction in which each statement sees what was committed before it, whatever the default of the pool's
/// connections.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

const BY_KEYS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
     SET LOCAL enable_mergejoin = off; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan; \
     SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// How often to wait for running writers to end, 5 s each time.
const TRIES: usize = 60;

/// A transaction on a pool's connection. If it does not complete, because its call was dropped or a statement failed,
/// even the one that begins it, the connection is closed. With `sqlx`'s own transactions, a connection whose call is
/// dropped during `BEGIN` would return to the pool with an open transaction, and later writes would never be committed.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: PoolConnection<Postgres>,
    is_open: bool,
}

impl Transaction {
    /// Begins with `sql`, which may contain further statements.
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

impl PostgresStore {
    /// Begins to write. Each statement sees what other transactions have committed before it, so a row that is read
    /// after it was locked is current.
    ///
    /// Rows are found by their keys, whatever the planner assumes about a table's size: a plan made while a table was
    /// small may still be in use when it is large.
    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction> {
        let begin = format!(
            "{BEGIN}; {BY_KEYS}; SET LOCAL lock_timeout = '30s'; \
             SELECT pg_advisory_xact_lock_shared({})",
            self.prune_lock()
        );
        Transaction::begin(&self.pool, &begin).await
    }

    /// Begins to write when nobody else does. Writers that arrive in the meantime wait as well, so it gives up while a
    /// long transaction runs and tries again.
    pub(crate) async fn begin_without_writers(&self) -> sqlx::Result<Transaction> {
        let begin = format!(
            "{BEGIN}; {BY_KEYS}; SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock({})",
            self.prune_lock()
        );
        let mut tries = 0;
        loop {
            match Transaction::begin(&self.pool, &begin).await {
                Err(error) if Kind::of(&error) == Kind::Held && tries < TRIES => tries += 1,
                begun => return begun,
            }
        }
    }

    /// The advisory lock that writers share, and that moving the prune day takes exclusively.
    pub(crate) const fn prune_lock(&self) -> i64 {
        self.meta << 8
    }

    /// The advisory lock for reading and dropping partitions of events.
    pub(crate) const fn partitions_lock(&self) -> i64 {
        self.prune_lock() + 0xff
    }
}
