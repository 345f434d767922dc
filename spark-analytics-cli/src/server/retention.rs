//! Removing what is old, periodically.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use clap::Args;
use metrics::gauge;
use spark_analytics_core::{Day, PruneScope, Result, Store, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use crate::exit::WrongUsage;
use crate::metrics::names::RETENTION_SUCCESS;

const EVERY: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long what is stored is kept.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RetentionArgs {
    /// For how long to keep raw events, and the stages, executors, environments and SQL executions of applications
    /// that have ended, in whole days such as 90d; jobs and summaries stay. Older input is rejected
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    retain: Option<Duration>,
    /// For how long to keep applications that have ended with their jobs, such as 400d; summaries stay. Older input
    /// is rejected
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    retain_jobs: Option<Duration>,
}

impl RetentionArgs {
    /// Whether anything is removed.
    ///
    /// # Errors
    /// If less than a day is to be kept.
    pub(crate) fn check(self) -> anyhow::Result<bool> {
        let times = [self.retain, self.retain_jobs];
        if times.into_iter().flatten().any(|time| time < DAY) {
            bail!(WrongUsage("--retain and --retain-jobs must be at least 1d"));
        }
        Ok(times.iter().any(Option::is_some))
    }

    /// Removes what is old now and every hour, and never returns.
    pub(crate) async fn run(self, store: Arc<dyn Store>) {
        let mut hours = interval(EVERY);
        hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut done = None;
        loop {
            hours.tick().await;
            let now = SystemTime::now();
            // What is older than a day is refused once it was pruned, so there is nothing new before the next day.
            let days = Days::at(now, self);
            if done != Some(days) {
                if let Err(error) = days.prune(&*store).await {
                    tracing::warn!(%error, "cannot remove what is old, trying again in an hour");
                    continue;
                }
                done = Some(days);
            }
            let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            gauge!(RETENTION_SUCCESS).set(now.as_secs_f64());
        }
    }
}

/// The days on which what is kept begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days {
    facts: Option<Day>,
    jobs: Option<Day>,
}

impl Days {
    /// Those of a time.
    fn at(now: SystemTime, kept: RetentionArgs) -> Self {
        // A time before all time keeps everything.
        let day = |time| Some(Timestamp::from(now.checked_sub(time)?).day());
        Self { facts: kept.retain.and_then(day), jobs: kept.retain_jobs.and_then(day) }
    }

    /// Removes what is older.
    async fn prune(self, store: &dyn Store) -> Result<()> {
        if let Some(before) = self.facts {
            let events = store.prune(before).await?.events;
            let applications = store.prune_logs(before, PruneScope::Facts).await?.applications;
            tracing::info!(events, applications, %before, "removed old events and facts of logs");
        }
        if let Some(before) = self.jobs {
            let pruned = store.prune_logs(before, PruneScope::Jobs).await?;
            let (applications, jobs) = (pruned.applications, pruned.jobs);
            tracing::info!(applications, jobs, %before, "removed old applications and jobs");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use spark_analytics_core::{Event, JobKey, MemoryStore, Receipt};

    use super::*;

    #[tokio::test]
    async fn what_is_old_is_removed_and_the_rest_stays() {
        let store = MemoryStore::default();
        let now = SystemTime::now();
        let start = |days: u32| {
            let at = Timestamp::from(now - days * DAY);
            Event::job_start(i64::from(days), at, "ada").unwrap()
        };
        store.ingest(vec![start(2), start(4)]).await.unwrap();
        let kept = RetentionArgs { retain: Some(3 * DAY), retain_jobs: None };
        Days::at(now, kept).prune(&store).await.unwrap();
        let events = async |job: i64| store.events(&JobKey::new(job), None, 9).await.unwrap().len();
        assert_eq!((events(2).await, events(4).await), (1, 0));
        assert_eq!(store.ingest(vec![start(5)]).await.unwrap(), [Receipt::TooOld]);
        let forever =
            RetentionArgs { retain: Some(Duration::MAX), retain_jobs: Some(Duration::MAX) };
        Days::at(now, forever).prune(&store).await.unwrap();
        assert_eq!(events(2).await, 1);
    }

    #[test]
    fn at_least_a_day_is_kept() {
        let args = |retain| RetentionArgs { retain, retain_jobs: None };
        assert!(args(Some(DAY - Duration::from_secs(1))).check().is_err());
        assert!(args(Some(DAY)).check().unwrap());
        assert!(!args(None).check().unwrap());
    }
}
