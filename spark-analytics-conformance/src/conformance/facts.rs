use std::ops::Bound;

use super::logs::{import, job, log};
use super::*;
use spark_analytics_core::log::{Executor, LogSnapshot, SqlExecution, Stage, fact};
use spark_analytics_core::{AttemptKey, Facts, KeyRange};

use crate::difference::assert_eq;

/// An attempt with several facts of each kind.
fn several() -> LogSnapshot {
    let mut several = log("app", 0, 9, (-2..4).map(|id| job(id, 1, Some(9))).collect());
    let stage = |(stage_id, stage_attempt_id)| fact!(Stage { stage_id, stage_attempt_id });
    let stages = [(i64::MIN, 0), (1, -1), (1, 0), (1, 7), (2, 0), (i64::MAX, i64::MAX)];
    several.stages = stages.map(stage).to_vec();
    let ids = ["", "1", "10", "2", "driver", "\u{e9}", "\u{1f600}"];
    several.executors = ids.map(|id| fact!(Executor { id: id.to_owned() })).to_vec();
    let executions = [i64::MIN, -1, 0, 1, i64::MAX];
    several.sql = executions.map(|id| fact!(SqlExecution { execution_id: id })).to_vec();
    several
}

/// Nor are the facts of other attempts among them.
pub fn facts_are_read_without_the_rest<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let whole = several();
        let attempt = AttemptKey::new("app", "");
        let mut other = several();
        other.application.attempt_id = "1".to_owned();
        for log in [whole.clone(), other, log("app1", 0, 1, vec![job(1, 1, None)])] {
            import(&store, log).await;
        }
        // A job that only single events report is none of the log's.
        let key = JobKey::in_app("app", "", 9);
        send(&store, whole_job(&key, 0, 9, "ada", "JobFailed")).await;
        for facts in [
            Facts::Application,
            Facts::Environment,
            Facts::Jobs(KeyRange::one(3)),
            Facts::Jobs(KeyRange::all()),
            Facts::of_stage(1),
            Facts::Executors(KeyRange::one("driver".to_owned())),
            Facts::Sql(KeyRange::one(0)),
        ] {
            let part = store.facts(&attempt, &facts, 100).await.expect("reads");
            assert_eq!(part, Some(facts.cut(whole.clone(), 100)), "{facts:?}");
            for (app, attempt) in [("ap", ""), ("app", "2"), ("app\0", ""), ("app", "\0")] {
                let unknown = AttemptKey::new(app, attempt);
                assert_eq!(store.facts(&unknown, &facts, 100).await.expect("reads"), None);
            }
        }
        for nothing in [
            Facts::Jobs(KeyRange::one(9)),
            Facts::of_stage(3),
            Facts::Executors(KeyRange::one("3".to_owned())),
            Facts::Sql(KeyRange::one(2)),
        ] {
            let part = store.facts(&attempt, &nothing, 100).await.expect("reads");
            let expected = Facts::Application.cut(whole.clone(), 0);
            assert_eq!(part, Some(expected), "{nothing:?}");
        }
    });
}

fn bounds<K: Clone>(keys: &[K]) -> Vec<Bound<K>> {
    let of = |key: &K| [Bound::Included(key.clone()), Bound::Excluded(key.clone())];
    keys.iter().flat_map(of).chain([Bound::Unbounded]).collect()
}

/// Every range of some bounds, in both orders; also those that are empty, or whose bounds no store can hold.
fn ranges<K: Clone>(keys: &[K]) -> Vec<KeyRange<K>> {
    let mut ranges = Vec::new();
    for lower in bounds(keys) {
        for upper in bounds(keys) {
            for is_descending in [false, true] {
                let (lower, upper) = (lower.clone(), upper.clone());
                ranges.push(KeyRange { lower, upper, is_descending });
            }
        }
    }
    ranges
}

/// In the order of the range, and no more than asked for.
pub fn ranges_of_facts_have_the_facts_within_their_bounds<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let whole = several();
        let attempt = AttemptKey::new("app", "");
        import(&store, whole.clone()).await;
        let ids = ranges(&[i64::MIN, 0, 1, i64::MAX]);
        let stages = ranges(&[(i64::MIN, 0), (1, -1), (1, 5), (i64::MAX, i64::MAX)]);
        let names = ["", "1", "1\0", "1\0x", "2", "\u{e9}"].map(str::to_owned);
        let mut all: Vec<Facts> = ids.iter().cloned().map(Facts::Jobs).collect();
        all.extend(ids.into_iter().map(Facts::Sql));
        all.extend(stages.into_iter().map(Facts::Stages));
        all.extend(ranges(&names).into_iter().map(Facts::Executors));
        for facts in all {
            for limit in [0, 2, usize::MAX] {
                let part = store.facts(&attempt, &facts, limit).await.expect("reads");
                let expected = facts.cut(whole.clone(), limit);
                assert_eq!(part, Some(expected), "{facts:?} limit {limit}");
            }
        }
    });
}
