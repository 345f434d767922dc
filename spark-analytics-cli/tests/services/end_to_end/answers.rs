//! The answers of servers, compared with the model.

use std::time::{Duration, Instant};

use serde_json::Value;
use spark_analytics_conformance::Dump;
use spark_analytics_core::backend::RollupKey;
use spark_analytics_core::{Day, Job, Rollup};

use crate::end_to_end::history::{USERS, days};
use crate::worker_support::{Server, until};

/// Waits until all servers return the expected figures of all jobs and days, each in the same text; returns the longest
/// wait.
pub(crate) async fn are_like(servers: &[&Server], expected: &Dump) -> Duration {
    let mut longest = Duration::ZERO;
    for job in &expected.jobs {
        let key = &job.key;
        let path = format!(
            "/api/v1/analytics/jobs/{}?app={}&attempt={}",
            key.job_id, key.app_id, key.attempt_id
        );
        longest = longest.max(agree(servers, &path, |answer| is_job(answer, job)).await);
    }
    let listed = agree(servers, "/api/v1/analytics/jobs?limit=10000", |answer| {
        let listed = answer["jobs"].as_array().unwrap();
        listed.len() == expected.jobs.len()
            && listed.iter().zip(&expected.jobs).all(|(answer, job)| is_job(answer, job))
    });
    longest = longest.max(listed.await);
    let nothing = Rollup::default();
    for day in days() {
        for user in [None].into_iter().chain(USERS.map(Some)) {
            let path = match user {
                Some(user) => format!(
                    "/api/v1/analytics/summary?date={day}&user={}",
                    user.replace('ö', "%C3%B6")
                ),
                None => format!("/api/v1/analytics/summary?date={day}"),
            };
            let key = RollupKey { day, user: user.map(str::to_owned) };
            let rollup = expected.rollups.get(&key).unwrap_or(&nothing);
            let jobs: Vec<&Job> = jobs_of(expected, day, user).collect();
            let summary = agree(servers, &path, |answer| is_summary(answer, rollup, &jobs));
            longest = longest.max(summary.await);
        }
    }
    longest
}

/// Waits until all servers return the expected answer, in the same text; returns how long that took.
async fn agree(servers: &[&Server], path: &str, holds: impl Fn(&Value) -> bool) -> Duration {
    let started = Instant::now();
    until(path, async || {
        let mut texts = Vec::new();
        for server in servers {
            let (status, text) = server.get(path).await;
            if status != 200 || !holds(&serde_json::from_str(&text).unwrap()) {
                return None;
            }
            texts.push(text);
        }
        texts.windows(2).all(|pair| pair[0] == pair[1]).then_some(())
    })
    .await;
    started.elapsed()
}

fn jobs_of<'a>(
    expected: &'a Dump,
    day: Day,
    user: Option<&'a str>,
) -> impl Iterator<Item = &'a Job> {
    let is_of = move |job: &&Job| job.end.day() == day && user.is_none_or(|user| job.user == user);
    expected.jobs.iter().filter(is_of)
}

fn is(answer: &Value, expected: f64) -> bool {
    answer.as_f64().is_some_and(|value| (value - expected).abs() < 0.005_001)
}

fn is_job(answer: &Value, job: &Job) -> bool {
    answer["job_id"] == job.key.job_id
        && answer["app_id"] == job.key.app_id
        && answer["attempt_id"] == job.key.attempt_id
        && answer["user"] == job.user
        && answer["start_time"] == job.start.to_string()
        && answer["end_time"] == job.end.to_string()
        && answer["job_result"] == job.result.name()
        && answer["task_count"] == job.tasks.task_count()
        && answer["failed_tasks"] == job.tasks.failed
        && is(&answer["duration_seconds"], job.duration_seconds())
        && is(&answer["success_rate"], job.success_rate())
}

fn is_summary(answer: &Value, rollup: &Rollup, jobs: &[&Job]) -> bool {
    let listed = answer["jobs"].as_array().unwrap();
    answer["total_jobs"] == rollup.jobs()
        && answer["failed_jobs"] == rollup.jobs_failed
        && answer["unknown_jobs"] == rollup.jobs_unknown
        && is(&answer["avg_duration_seconds"], rollup.avg_duration_seconds())
        && is(&answer["avg_success_rate"], rollup.avg_success_rate())
        && answer["tasks"]["task_count"] == rollup.tasks.task_count()
        && answer["tasks"]["failed_tasks"] == rollup.tasks.failed
        && listed.len() == jobs.len()
        && listed.iter().zip(jobs).all(|(answer, job)| {
            answer["job_id"] == job.key.job_id && answer["task_count"] == job.tasks.task_count()
        })
}
