//! Options for opening the cache.

use std::time::Duration;

/// Options for caching a store in Redis; see [`RedisCached::options`](crate::RedisCached::options).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub struct RedisOptions {
    pub(crate) max_age: Duration,
}

impl RedisOptions {
    pub(crate) const DEFAULT: Self = Self { max_age: Duration::from_secs(60) };

    /// The maximum lifetime of an entry, 60 s by default; truncated to whole milliseconds, at least 1 ms.
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
