//! Metrics: their names, the store adapter that records them, and the endpoint for Prometheus.

pub(crate) mod metered;
pub(crate) mod names;
pub(crate) mod prometheus;
