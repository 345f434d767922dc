//! Writes, each in one transaction or, for a prune, several.

pub(crate) mod events;
pub(crate) mod logs;
pub(crate) mod prune;
pub(crate) mod rejected;
pub(crate) mod sources;
