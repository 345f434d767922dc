//! Metrics: what is measured, and how Prometheus reads it.

pub(crate) mod metered;
pub(crate) mod prometheus;
