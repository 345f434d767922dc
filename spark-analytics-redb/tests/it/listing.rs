//! The jobs of an application of any size are listed in the order of their ends.

use spark_analytics_core::log::{Application, LogJob, LogSnapshot, fact};
use spark_analytics_core::{Job, JobCursor, JobFilter, MemoryStore, Store, Timestamp};
use spark_analytics_redb::RedbStore;

fn log(app: &str, jobs: i64) -> LogSnapshot {
    let time = |ms| Some(Timestamp::from_millis(ms));
    let job = |job_id: i64| {
        fact!(LogJob {
            job_id,
            ended: true,
            job_result: "JobSucceeded".to_owned(),
            submission_time: time(0),
            // Ends are not in the order of ids, and several jobs end at the same time.
            completion_time: time(job_id * 7_919 % 1_000 * 120_000),
        })
    };
    fact!(LogSnapshot {
        application: fact!(Application { app_id: app.to_owned() }),
        jobs: (0..jobs).map(job).collect(),
    })
}

/// All jobs, in pages.
async fn list(store: &dyn Store, filter: &JobFilter) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    loop {
        let after = jobs.last().map(JobCursor::from);
        let page = store.jobs(filter, after.as_ref(), 300).await.unwrap();
        if page.is_empty() {
            return jobs;
        }
        jobs.extend(page);
    }
}

#[tokio::test]
async fn an_application_of_any_size_is_listed_in_the_order_of_ends() {
    let folder = tempfile::tempdir().unwrap();
    let redb = RedbStore::options().create(folder.path().join("store.redb")).await.unwrap();
    let memory = MemoryStore::default();
    let apps = [("a", 1_024), ("a-", 1_025), ("a\u{1}", 700), ("b", 3), ("", 2)];
    for (app, jobs) in apps {
        redb.ingest_logs(vec![log(app, jobs)], Vec::new()).await.unwrap();
        memory.ingest_logs(vec![log(app, jobs)], Vec::new()).await.unwrap();
    }
    let first_day = spark_analytics_core::Day::from_number(0);
    for (app, count) in apps {
        let of_app = JobFilter::default().app(app);
        let jobs = list(&redb, &of_app).await;
        assert_eq!(jobs.len(), count as usize, "{app:?}");
        assert_eq!(jobs, list(&memory, &of_app).await, "{app:?}");
        let within = JobFilter::day(first_day).app(app);
        assert_eq!(list(&redb, &within).await, list(&memory, &within).await, "{app:?}");
    }
}
