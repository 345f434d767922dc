//! What writes, each in a transaction of the caller's.

pub(crate) mod events;
pub(crate) mod logs;
pub(crate) mod prune;
pub(crate) mod rejected;
pub(crate) mod sources;
