//! Writes, each in one transaction or, for prunes, several.

pub(crate) mod events;
pub(crate) mod logs;
pub(crate) mod prune;
pub(crate) mod rejected;
pub(crate) mod removal;
pub(crate) mod sources;
