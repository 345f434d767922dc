//! Rows: how each kind is written and read back.

pub(crate) mod attempt;
pub(crate) mod event;
pub(crate) mod job;
pub(crate) mod removed;
pub(crate) mod rollup;
