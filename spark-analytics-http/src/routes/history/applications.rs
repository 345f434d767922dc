//! `/applications`, and a single application.

use std::collections::BTreeMap;
use std::time::SystemTime;

use spark_analytics_core::history::{ApplicationAttemptInfo, ApplicationInfo};
use spark_analytics_core::log::Application;
use spark_analytics_core::{AttemptKey, Result, Store, TaskTotals, Timestamp, attempts_of};

use super::answer::{Answer, Refusal, json};
use super::query::Query;
use crate::state::App;

/// How many attempts are read at a time.
const PAGE: usize = 1_000;
/// The list is cut to this many applications: those that ended last.
const MAX_LISTED: usize = 100_000;

/// Spark's `ApplicationListResource`.
pub(super) async fn list(app: &App, query: &Query<'_>) -> Answer {
    let wanted = Wanted::of(query)?;
    let limit =
        query.integer("limit")?.map_or(MAX_LISTED, |limit| usize::try_from(limit).unwrap_or(0));
    let limit = limit.min(MAX_LISTED);
    // Ordered by the end of the newest attempt, as in the History Server; a running application has none.
    let mut listed: BTreeMap<(i64, String), Vec<Application>> = BTreeMap::new();
    let mut add = |attempts: Vec<Application>| {
        let attempts = newest_first(attempts);
        if limit > 0 && wanted.matches(&attempts) {
            listed.insert((end(&attempts[0]), attempts[0].app_id.clone()), attempts);
            if listed.len() > limit {
                listed.pop_first();
            }
        }
    };
    let mut of_one: Vec<Application> = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = page(app.analytics.store(), after.as_ref()).await?;
        for mut attempt in page {
            // The list does not use the totals of its tasks.
            attempt.tasks = TaskTotals::default();
            if of_one.first().is_some_and(|first| first.app_id != attempt.app_id) {
                add(std::mem::take(&mut of_one));
            }
            of_one.push(attempt);
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    if !of_one.is_empty() {
        add(of_one);
    }
    json(&listed.values().rev().map(|attempts| ApplicationInfo(attempts)).collect::<Vec<_>>())
}

/// An application with all its attempts.
pub(super) async fn one(app: &App, app_id: &str) -> Answer {
    let attempts = attempts(app, app_id).await?;
    if attempts.is_empty() {
        return Err(Refusal::not_found(format!("unknown app: {app_id}")));
    }
    json(&ApplicationInfo(&attempts))
}

/// One attempt of an application.
pub(super) async fn attempt(app: &App, app_id: &str, attempt_id: &str) -> Answer {
    let attempts = attempts(app, app_id).await?;
    let attempt = attempts.iter().find(|attempt| attempt.attempt_id == attempt_id);
    let unknown = || Refusal::not_found(format!("unknown app {app_id}, attempt {attempt_id}"));
    json(&ApplicationAttemptInfo(attempt.ok_or_else(unknown)?))
}

async fn attempts(app: &App, app_id: &str) -> Result<Vec<Application>> {
    Ok(newest_first(attempts_of(app.analytics.store(), app_id).await?))
}

/// The attempts after the given one, and the last of them if more may follow.
async fn page(
    store: &impl Store,
    after: Option<&AttemptKey>,
) -> Result<(Vec<Application>, Option<AttemptKey>)> {
    let page = store.applications(after, PAGE).await?;
    let last = page.last().filter(|_| page.len() == PAGE);
    let next = last.map(Application::key);
    Ok((page, next))
}

/// Sorts attempts by their starts.
fn newest_first(mut attempts: Vec<Application>) -> Vec<Application> {
    attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.start_time));
    attempts
}

fn end(attempt: &Application) -> i64 {
    attempt.end_time.map_or(-1, |end| end.as_millis())
}

/// Which applications are listed.
struct Wanted {
    completed: bool,
    running: bool,
    starts: (i64, i64),
    ends: (i64, i64),
    now: i64,
}

impl Wanted {
    fn of(query: &Query<'_>) -> std::result::Result<Self, Refusal> {
        const FIRST: i64 = 1_262_304_000_000;
        const LAST: i64 = 32_503_680_000_000;
        let statuses = query.words("status", &["COMPLETED", "RUNNING"])?;
        let is_wanted = |status| statuses.is_empty() || statuses.contains(&status);
        Ok(Self {
            completed: is_wanted("COMPLETED"),
            running: is_wanted("RUNNING"),
            starts: (query.date("minDate", FIRST)?, query.date("maxDate", LAST)?),
            ends: (query.date("minEndDate", FIRST)?, query.date("maxEndDate", LAST)?),
            now: Timestamp::from(SystemTime::now()).as_millis(),
        })
    }

    /// Whether the newest attempt has a wanted status, and any attempt has its times within the bounds.
    fn matches(&self, newest_first: &[Application]) -> bool {
        let is_running = newest_first.first().is_none_or(|newest| !newest.ended);
        let in_range = |attempt: &Application| {
            let start = attempt.start_time.map_or(-1, |start| start.as_millis());
            let is_end_in_range = match is_running {
                true => self.ends.1 > self.now,
                false => (self.ends.0..=self.ends.1).contains(&end(attempt)),
            };
            (self.starts.0..=self.starts.1).contains(&start) && is_end_in_range
        };
        (if is_running { self.running } else { self.completed })
            && newest_first.iter().any(in_range)
    }
}
