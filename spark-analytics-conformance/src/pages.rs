//! The law of [`Store::facts`]: pages of any size, in either order, are the whole attempt.

use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{Facts, KeyRange, Result, Store};

use crate::Dump;
use crate::difference::assert_eq;

/// Compares all kinds of facts with the whole attempts.
pub(crate) async fn assert_pages_are_parts(store: &dyn Store, dump: &Dump) -> Result<()> {
    for log in dump.logs.values() {
        assert_pages_are_parts_of(store, log).await?;
    }
    Ok(())
}

async fn assert_pages_are_parts_of(store: &dyn Store, log: &LogSnapshot) -> Result<()> {
    let attempt = log.application.key();
    let ids = KeyRange::<i64>::all;
    let all = [
        Facts::Application,
        Facts::Environment,
        Facts::Jobs(ids()),
        Facts::Jobs(ids().descending()),
        Facts::Stages(KeyRange::all()),
        Facts::Stages(KeyRange::all().descending()),
        Facts::Executors(KeyRange::all()),
        Facts::Executors(KeyRange::all().descending()),
        Facts::Sql(ids()),
        Facts::Sql(ids().descending()),
    ];
    for facts in all {
        for limit in [2, usize::MAX] {
            let (mut whole, mut rest) = (LogSnapshot::default(), Some(facts.clone()));
            while let Some(facts) = rest {
                let page = store.facts(&attempt, &facts, limit).await?.unwrap_or_default();
                rest = facts.rest(&page, limit);
                whole.application = page.application;
                whole.environment = page.environment;
                whole.jobs.extend(page.jobs);
                whole.stages.extend(page.stages);
                whole.executors.extend(page.executors);
                whole.sql.extend(page.sql);
            }
            let expected = facts.cut(log.clone(), usize::MAX);
            assert_eq!(whole, expected, "{facts:?} by {limit}");
        }
    }
    Ok(())
}
