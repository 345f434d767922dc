//! Reading for a request within bounds: permits for reads under way, and lists as streams of short pieces.

pub(crate) mod listing;
pub(crate) mod permits;
