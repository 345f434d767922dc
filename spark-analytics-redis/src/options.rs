//! How to put the cache before a store.

use std::time::Duration;

/// How to connect a store to Redis; see [`RedisCached::options`](crate::RedisCached::options).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RedisOptions {
    pub(crate) max_age: Duration,
}

impl RedisOptions {
    pub(crate) const DEFAULT: Self = Self { max_age: Duration::from_secs(60) };

    /// The longest that an entry lives, 60 s by default; rounded to whole milliseconds, at least one.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
