//! Everything that a store returns, to compare stores.

use std::collections::BTreeMap;

use spark_analytics_core::backend::RollupKey;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{
    AttemptKey, Day, Event, EventContent, EventCursor, Job, JobCursor, JobFilter, JobKey, JobOrder,
    Result, Rollup, Store,
};

use crate::difference::assert_eq;
use crate::{Reference, history};

/// All figures and facts that a store returns: equal for equal input, whatever its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// All jobs with figures, in their order.
    pub jobs: Vec<Job>,
    /// All roll-ups.
    pub rollups: BTreeMap<RollupKey, Rollup>,
    /// Facts of logs, by application and attempt.
    pub logs: BTreeMap<(String, String), LogSnapshot>,
}

impl Dump {
    /// Reads a store page by page.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Panics
    /// If the figures of a job read by its key differ from the list.
    pub async fn of(store: &dyn Store) -> Result<Self> {
        let mut dump = Self::default();
        let mut after: Option<JobCursor> = None;
        loop {
            let page = store.jobs(&JobFilter::default(), after.as_ref(), 7).await?;
            let Some(last) = page.last() else { break };
            after = Some(JobCursor::from(last));
            dump.jobs.extend(page);
        }
        for order in [JobOrder::Newest, JobOrder::Longest] {
            let mut sorted = dump.jobs.clone();
            sorted.sort_by(|one, other| order.compare(&one.into(), &other.into()));
            let filter = JobFilter::default().order(order);
            let listed = store.jobs(&filter, None, sorted.len() + 1).await?;
            assert_eq!(listed, sorted, "listed {}", order.name());
        }
        for job in &dump.jobs {
            let record = store.job(&job.key).await?;
            let figures = record.and_then(|record| record.figures(&job.key));
            assert_eq!(figures.as_ref(), Some(job), "listed and asked for");
        }
        let mut users: Vec<Option<String>> =
            dump.jobs.iter().map(|j| Some(j.user.clone())).collect();
        users.push(None);
        // Users whose jobs moved to other users must have nothing left.
        users.extend(history::USERS.map(|user| Some(user.to_owned())));
        users.sort();
        users.dedup();
        for user in users {
            for (day, rollup) in store.rollups(Day::MIN, Day::MAX, user.as_deref()).await? {
                dump.rollups.insert(RollupKey { day, user: user.clone() }, rollup);
            }
        }
        let mut after: Option<AttemptKey> = None;
        loop {
            let page = store.applications(after.as_ref(), 2).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            for application in page {
                let key = application.key();
                let log = store.log(&key).await?.unwrap_or_default();
                assert_eq!(log.application, application, "listed and asked for");
                dump.logs.insert((key.app_id, key.attempt_id), log);
            }
        }
        Ok(dump)
    }

    /// The same of the reference model.
    pub fn of_reference(reference: &Reference, applications: &[(String, String)]) -> Self {
        let log = |key: &(String, String)| Some((key.clone(), reference.log(&key.0, &key.1)?));
        Self {
            jobs: reference.jobs(),
            rollups: reference.rollups(),
            logs: applications.iter().filter_map(log).collect(),
        }
    }
}

/// The events of a job as a store holds them, without ids and raw texts, which depend on arrival.
///
/// # Errors
/// Those of the store.
pub async fn contents(store: &dyn Store, key: &JobKey) -> Result<Vec<(EventCursor, EventContent)>> {
    let mut contents = Vec::new();
    let mut after: Option<EventCursor> = None;
    loop {
        let page = store.events(key, after.as_ref(), 3).await?;
        let Some(last) = page.last() else { return Ok(contents) };
        after = Some(EventCursor::from(&last.event));
        let row = |event: &Event| (EventCursor::from(event), event.content().clone());
        contents.extend(page.iter().map(|stored| row(&stored.event)));
    }
}
