//! A process that writes to a file is killed at random moments, and nothing acknowledged is lost. `just torture` kills it
//! more often.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use spark_analytics_core::Durability;
use spark_analytics_core::Store;
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;

use support::killed::{Storage, life::live, loses_nothing};
use support::on_file::{OnFile, Redb, Sqlite};

const FILE: &str = "store";

/// A copy of the files in a folder.
fn copy(folder: &Path) -> Option<TempDir> {
    let copy = TempDir::new().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let from = file.unwrap().path();
        std::fs::copy(&from, copy.path().join(from.file_name().unwrap())).unwrap();
    }
    copy.path().join(FILE).exists().then_some(copy)
}

struct InSqlite(TempDir);

impl InSqlite {
    fn path(&self) -> PathBuf {
        self.0.path().join(FILE)
    }
}

impl Storage for InSqlite {
    async fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn place(&self) -> String {
        self.path().display().to_string()
    }

    /// In every other life SQLite checkpoints its log every few commits; by default it does so too seldom for a process
    /// that is killed.
    async fn open(place: &str, life: u64) -> Arc<dyn Store> {
        if life.is_multiple_of(2) {
            return Arc::new(SqliteStore::open(place).await.unwrap());
        }
        let options = SqliteConnectOptions::new()
            .filename(place)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "40");
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
        Arc::new(SqliteStore::from_pool(pool.unwrap()).await.unwrap())
    }

    async fn left(&self) -> Option<Self> {
        copy(self.0.path()).map(Self)
    }

    async fn check_integrity(&self) {
        Sqlite::check_integrity(&self.path()).await;
    }
}

struct InRedb<const IS_DURABLE: bool>(TempDir);

impl<const IS_DURABLE: bool> InRedb<IS_DURABLE> {
    fn path(&self) -> PathBuf {
        self.0.path().join(FILE)
    }
}

impl<const IS_DURABLE: bool> Storage for InRedb<IS_DURABLE> {
    const IS_DURABLE: bool = IS_DURABLE;
    // With eventual durability, commits are durable after 64 more, so a process must live that long.
    const CALLERS: usize = if IS_DURABLE { 8 } else { 2 };
    const INPUTS: usize = if IS_DURABLE { 90 } else { 250 };
    const MOST_NEW: usize = if IS_DURABLE { 20 } else { 150 };

    async fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn place(&self) -> String {
        self.path().display().to_string()
    }

    async fn open(place: &str, _life: u64) -> Arc<dyn Store> {
        let durability = if IS_DURABLE { Durability::Immediate } else { Durability::Eventual };
        let options = RedbStore::options().durability(durability);
        Arc::new(options.open(place).await.unwrap())
    }

    async fn left(&self) -> Option<Self> {
        copy(self.0.path()).map(Self)
    }

    async fn check_integrity(&self) {
        Redb::check_integrity(&self.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run and killed by nothing_acknowledged_is_lost_on_sqlite"]
async fn a_life_on_sqlite() {
    live::<InSqlite>().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run and killed by nothing_acknowledged_is_lost_on_redb"]
async fn a_life_on_redb() {
    live::<InRedb<true>>().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run and killed by each_commit_is_whole_on_redb_that_is_eventually_durable"]
async fn a_life_on_redb_that_is_eventually_durable() {
    live::<InRedb<false>>().await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_on_sqlite() {
    loses_nothing::<InSqlite>("a_life_on_sqlite").await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_on_redb() {
    loses_nothing::<InRedb<true>>("a_life_on_redb").await;
}

#[tokio::test]
async fn each_commit_is_whole_on_redb_that_is_eventually_durable() {
    loses_nothing::<InRedb<false>>("a_life_on_redb_that_is_eventually_durable").await;
}
