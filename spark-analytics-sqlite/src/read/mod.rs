//! Reads.

pub(crate) mod events;
pub(crate) mod facts;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod rejected;
pub(crate) mod rollups;
