//! Helpers shared by the tests of this crate.

use spark_analytics_core::{Event, Job, JobKey, Store, Timestamp};

/// The start, a task and the end of a job on 2024-03-30.
pub(crate) fn whole_job(job_id: i64) -> Vec<Event> {
    let at = |seconds: i64| Timestamp::from_millis(1_711_792_800_000 + seconds * 1_000);
    vec![
        Event::job_start(job_id, at(0), "ada").unwrap(),
        Event::task_end(job_id, at(4), "ada", "t1", 3_500, true).unwrap(),
        Event::job_end(job_id, at(5), "ada", at(5), "JobSucceeded").unwrap(),
    ]
}

/// The figures of a job.
pub(crate) async fn job(store: &impl Store, job_id: i64) -> Option<Job> {
    let key = JobKey::new(job_id);
    store.job(&key).await.unwrap()?.figures(&key)
}
