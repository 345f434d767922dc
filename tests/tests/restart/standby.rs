//! A standby, which accepts no writes until it is promoted.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spark_analytics_core::Store;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use crate::support::contested;
use crate::support::on_file::{holds, whole_job};
use crate::{Server, control, control_program};

#[tokio::test]
async fn a_standby_is_read_only_until_it_is_promoted() {
    let _alone = Server::alone().await;
    let url = contested::schema("standby").await;
    let before = contested::open(&url).await;
    before.ingest(whole_job(1, 3)).await.unwrap();

    control("stop");
    let data = Path::new(&control_program()).parent().unwrap().join("postgres/data");
    let signal = data.join("standby.signal");
    std::fs::write(&signal, "").unwrap();
    let owner = data.metadata().unwrap();
    chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
    control("start");

    let opened: Arc<dyn Store> = Arc::new(contested::open(&url).await);
    let before: Arc<dyn Store> = Arc::new(before);
    for store in [&before, &opened] {
        // Its connections ended with the server.
        let back = async { while store.check().await.is_err() {} };
        timeout(Duration::from_secs(60), back).await.unwrap();
        let refused = store.ingest(whole_job(2, 3)).await.unwrap_err().to_string();
        let expected = "cannot set transaction read-write mode during recovery (SQLSTATE 0A000)";
        assert!(refused.ends_with(expected), "{refused}");
        holds(store, &whole_job(1, 3)).await;
    }
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let promoted: bool =
        sqlx::query_scalar("SELECT pg_promote()").fetch_one(&mut connection).await.unwrap();
    assert!(promoted);
    for (job_id, store) in [(2, &before), (3, &opened)] {
        store.ingest(whole_job(job_id, 3)).await.unwrap();
    }
    let all = [whole_job(1, 3), whole_job(2, 3), whole_job(3, 3)].concat();
    holds(&before, &all).await;
    holds(&opened, &all).await;
}
