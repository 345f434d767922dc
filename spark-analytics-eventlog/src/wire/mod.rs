//! What Spark writes: the events that are read, with the fields that are read of them.

pub(crate) mod decode;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod exclusion;
pub(crate) mod lenient;
pub(crate) mod metrics;
pub(crate) mod number;
pub(crate) mod repair;
pub(crate) mod sql;
