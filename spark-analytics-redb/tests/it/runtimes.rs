//! The same program on three runtimes.

use futures::future::try_join_all;
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Analytics, Day, JobKey, Receipt, Store};
use spark_analytics_redb::RedbStore;

/// Concurrent callers through group commit; then their figures.
async fn program() {
    let folder = tempfile::tempdir().expect("a folder");
    let store =
        RedbStore::options().create(folder.path().join("s.redb")).await.expect("makes a file");
    let analytics = Analytics::new(store);
    let events = Workload::new(10, 1).batch(400);
    let calls = events.chunks(8).map(|part| analytics.ingest(part.to_vec()));
    let receipts = try_join_all(calls).await.expect("takes all").concat();
    assert_eq!(receipts.len(), 400);
    assert!(receipts.iter().all(|receipt| matches!(receipt, Receipt::Recorded(_))));
    let key = JobKey::in_app("application_1711792363000_0042", "", 3);
    let job = analytics.job(&key).await.expect("reads").expect("is complete");
    assert_eq!(job.duration_seconds(), 60.0);
    let summary = analytics.summary(Day::MIN, Day::MAX, None).await.expect("reads");
    assert_eq!((summary.jobs(), summary.tasks.task_count()), (10, 380));
    analytics.store().close().await.expect("closes");
}

#[test]
fn it_runs_on_tokio() {
    let builders = [
        tokio::runtime::Builder::new_current_thread(),
        tokio::runtime::Builder::new_multi_thread(),
    ];
    for mut builder in builders {
        let runtime = builder.build().expect("a runtime");
        runtime.block_on(async { tokio::spawn(program()).await.expect("ends well") });
    }
}

#[test]
fn it_runs_on_smol() {
    smol::block_on(smol::spawn(program()));
}

#[test]
fn it_runs_without_a_runtime() {
    futures::executor::block_on(program());
}
