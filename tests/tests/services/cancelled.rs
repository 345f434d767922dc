//! Calls of `Analytics::ingest` that are dropped at each of their await points, on PostgreSQL.

use crate::support::contested;
use crate::support::gives_up::one_gives_up_anywhere;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_or_follower_on_postgres_gives_up_at_any_await_and_the_rest_commits() {
    for place in [0, 1, 3] {
        let url = contested::schema(&format!("gives_up_{place}")).await;
        one_gives_up_anywhere(contested::open(&url).await, place).await;
    }
}
