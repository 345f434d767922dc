//! Calls of `Analytics::ingest` that are dropped at each of their await points, on real stores.

use spark_analytics_core::MemoryStore;
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;

use crate::support::gives_up::one_gives_up_anywhere;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_or_follower_on_sqlite_gives_up_at_any_await_and_the_rest_commits() {
    let folder = tempfile::tempdir().unwrap();
    for place in [0, 1, 3] {
        let path = folder.path().join(format!("{place}.db"));
        one_gives_up_anywhere(SqliteStore::open(path).await.unwrap(), place).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_or_follower_on_redb_gives_up_at_any_await_and_the_rest_commits() {
    let folder = tempfile::tempdir().unwrap();
    for place in [0, 1, 3] {
        let path = folder.path().join(format!("{place}.redb"));
        one_gives_up_anywhere(RedbStore::options().create(path).await.unwrap(), place).await;
    }
}

#[tokio::test]
async fn a_leader_or_follower_in_memory_gives_up_at_any_await_and_the_rest_commits() {
    for place in [0, 1, 3] {
        one_gives_up_anywhere(MemoryStore::default(), place).await;
    }
}
