//! Writes, each in a transaction of the caller.

pub(crate) mod events;
pub(crate) mod logs;
pub(crate) mod prune;
pub(crate) mod rejected;
pub(crate) mod removal;
pub(crate) mod sources;
