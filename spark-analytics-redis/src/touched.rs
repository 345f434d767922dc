//! The jobs that a write may change, and the days on which they may end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{Day, Event, EventType, JobKey, JobRecord};

/// Jobs, with the days on which a write reports that they end.
pub(crate) type Touched = BTreeMap<JobKey, BTreeSet<Day>>;

pub(crate) fn by_events(events: &[Event]) -> Touched {
    let mut touched = Touched::new();
    for event in events {
        let end = (event.event_type() == EventType::JobEnd).then(|| event.timestamp().day());
        match touched.get_mut(event.job()) {
            Some(days) => days.extend(end),
            None => drop(touched.insert(event.job().clone(), end.into_iter().collect())),
        }
    }
    touched
}

/// Adds the jobs of a log.
pub(crate) fn add_log(touched: &mut Touched, log: &LogSnapshot) {
    let LogSnapshot { application, jobs, .. } = log;
    for job in jobs {
        let key = JobKey::in_app(&application.app_id, &application.attempt_id, job.job_id);
        touched.entry(key).or_default().extend(job.completion_time.map(|time| time.day()));
    }
}

/// Every day on which the job may end, whether its events' or its log's figures come into force. The day of a job
/// after a write is therefore either among these or reported by the write.
pub(crate) fn days_of(record: &JobRecord) -> impl Iterator<Item = Day> {
    let by_events = record.events.end.as_ref().map(|end| end.timestamp);
    let by_log = record.log.as_ref().and_then(|log| log.completion_time);
    by_events.into_iter().chain(by_log).map(|time| time.day())
}

/// The name of a job in keys, different for each job.
pub(crate) fn job_name(key: &JobKey) -> String {
    format!("{}:{}", key.job_id, app_name(&key.app_id, &key.attempt_id))
}

/// The name of an application's attempt in keys, different for each attempt.
pub(crate) fn app_name(app_id: &str, attempt_id: &str) -> String {
    format!("{}:{app_id}{attempt_id}", app_id.len())
}

/// A list of days, as the scripts expect it.
pub(crate) fn list(days: &BTreeSet<Day>) -> String {
    days.iter().fold(String::new(), |mut list, day| {
        let _ = write!(list, "{},", day.number());
        list
    })
}
