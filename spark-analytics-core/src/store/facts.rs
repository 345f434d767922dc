//! Parts of an attempt's facts, which are read without the rest.

use std::ops::Bound;

use crate::log::{LogSnapshot, Stage};

/// Which facts of an attempt to read, see [`Store::facts`](crate::Store::facts).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Facts {
    /// None but the application.
    Application,
    /// The environment.
    Environment,
    /// Jobs by their ids. Those that only single events report are left out.
    Jobs(KeyRange<i64>),
    /// Stage attempts by the stages' ids and the attempts' numbers.
    Stages(KeyRange<(i64, i64)>),
    /// Executors by their ids, in the order of their bytes.
    Executors(KeyRange<String>),
    /// SQL executions by their ids.
    Sql(KeyRange<i64>),
}

impl Facts {
    /// All attempts of a stage.
    pub const fn of_stage(id: i64) -> Self {
        Self::Stages(KeyRange::between((id, i64::MIN), (id, i64::MAX)))
    }

    /// The part of a whole attempt, for stores that have no other way to read it.
    pub fn cut(&self, log: LogSnapshot, limit: usize) -> LogSnapshot {
        let mut part = LogSnapshot { application: log.application, ..LogSnapshot::default() };
        match self {
            Self::Application => {}
            Self::Environment => part.environment = log.environment,
            Self::Jobs(range) => part.jobs = range.cut(log.jobs, |job| job.job_id, limit),
            Self::Stages(range) => part.stages = range.cut(log.stages, stage_key, limit),
            Self::Executors(range) => {
                part.executors = range.cut(log.executors, |executor| executor.id.clone(), limit);
            }
            Self::Sql(range) => part.sql = range.cut(log.sql, |sql| sql.execution_id, limit),
        }
        part
    }

    /// The rest of these facts after a page of them, which was read with a limit; `None` if the page was the last.
    pub fn rest(&self, page: &LogSnapshot, limit: usize) -> Option<Self> {
        match self {
            Self::Application | Self::Environment => None,
            Self::Jobs(range) => range.rest(&page.jobs, |job| job.job_id, limit).map(Self::Jobs),
            Self::Stages(range) => range.rest(&page.stages, stage_key, limit).map(Self::Stages),
            Self::Executors(range) => {
                let id = |executor: &crate::log::Executor| executor.id.clone();
                range.rest(&page.executors, id, limit).map(Self::Executors)
            }
            Self::Sql(range) => range.rest(&page.sql, |sql| sql.execution_id, limit).map(Self::Sql),
        }
    }
}

const fn stage_key(stage: &Stage) -> (i64, i64) {
    (stage.stage_id, stage.stage_attempt_id)
}

/// A range of keys in ascending or descending order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange<K> {
    /// The least key.
    pub lower: Bound<K>,
    /// The greatest key.
    pub upper: Bound<K>,
    /// Whether the greatest key comes first.
    pub is_descending: bool,
}

impl<K> KeyRange<K> {
    /// All keys, the least first.
    pub const fn all() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded, is_descending: false }
    }

    /// The keys from `first` to `last`, both included, the least first.
    pub const fn between(first: K, last: K) -> Self {
        Self { lower: Bound::Included(first), upper: Bound::Included(last), is_descending: false }
    }

    /// The same keys, the greatest first.
    #[must_use]
    pub fn descending(self) -> Self {
        Self { is_descending: true, ..self }
    }

    /// What holds for the keys, for stores that ask in SQL: comparisons with a key, such as `>=`.
    pub fn comparisons(&self) -> impl Iterator<Item = (&'static str, &K)> {
        let comparison = |bound, included, excluded| match bound {
            Bound::Included(key) => Some((included, key)),
            Bound::Excluded(key) => Some((excluded, key)),
            Bound::Unbounded => None,
        };
        let lower = comparison(self.lower.as_ref(), ">=", ">");
        lower.into_iter().chain(comparison(self.upper.as_ref(), "<=", "<"))
    }

    /// The keys that come after one, in the order of the range.
    #[must_use]
    pub fn after(mut self, key: K) -> Self {
        *if self.is_descending { &mut self.upper } else { &mut self.lower } = Bound::Excluded(key);
        self
    }
}

impl<K: Clone + Ord> KeyRange<K> {
    /// One key.
    pub fn one(key: K) -> Self {
        Self::between(key.clone(), key)
    }

    /// Whether no key can be in the range.
    pub fn is_empty(&self) -> bool {
        match (&self.lower, &self.upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower >= upper,
        }
    }

    /// The bounds, as maps want them.
    pub fn bounds(&self) -> (Bound<&K>, Bound<&K>) {
        (self.lower.as_ref(), self.upper.as_ref())
    }

    fn cut<T>(&self, mut facts: Vec<T>, key: impl Fn(&T) -> K, limit: usize) -> Vec<T> {
        use std::ops::RangeBounds;
        facts.retain(|fact| self.bounds().contains(&key(fact)));
        facts.sort_by_key(&key);
        if self.is_descending {
            facts.reverse();
        }
        facts.truncate(limit);
        facts
    }

    fn rest<T>(&self, page: &[T], key: impl Fn(&T) -> K, limit: usize) -> Option<Self> {
        let last = page.last().filter(|_| page.len() >= limit)?;
        Some(self.clone().after(key(last)))
    }
}
