//! The names of all metrics, and what each one is. A test compares them with the names in the sources of the crates that
//! record them.

/// A metric of the program.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in Prometheus.
    pub name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

pub(crate) const BUILD_INFO: &str = "spark_analytics_build_info";
pub(crate) const EVENTS: &str = "spark_analytics_events_total";
pub(crate) const LOGS: &str = "spark_analytics_logs_total";
pub(crate) const REMOVED_APPLICATIONS: &str = "spark_analytics_removed_applications_total";
pub(crate) const RETENTION_SUCCESS: &str = "spark_analytics_retention_success_timestamp_seconds";
pub(crate) const BATCH_EVENTS: &str = "spark_analytics_batch_events";
pub(crate) const COMMIT_SECONDS: &str = "spark_analytics_commit_seconds";
pub(crate) const STORE_ERRORS: &str = "spark_analytics_store_errors_total";
pub(crate) const CACHE_REQUESTS: &str = "spark_analytics_cache_requests_total";
pub(crate) const REDIS_ERRORS: &str = "spark_analytics_redis_errors_total";
pub(crate) const REDIS_FLUSHES: &str = "spark_analytics_redis_flushes_total";
pub(crate) const REDIS_AVAILABLE: &str = "spark_analytics_redis_available";
pub(crate) const LAG_SECONDS: &str = "spark_analytics_lag_seconds";
pub(crate) const PUBLISH_SECONDS: &str = "spark_analytics_publish_seconds";
pub(crate) const LOG_LINES_DROPPED: &str = "spark_analytics_log_lines_dropped_total";
pub(crate) const PUBLISH_ERRORS: &str = "spark_analytics_publish_errors_total";

pub(crate) const IMPORT_LAST_LOOK: &str = "spark_analytics_import_last_look_timestamp_seconds";
pub(crate) const IMPORT_FAILING: &str = "spark_analytics_import_failing";
pub(crate) const IMPORT_BYTES: &str = "spark_analytics_import_bytes_total";
pub(crate) const IMPORT_LAG_SECONDS: &str = "spark_analytics_import_lag_seconds";

const SECONDS: Kind = Kind::Histogram(&[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
]);
const LONG_SECONDS: Kind = Kind::Histogram(&[
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0,
]);
const EVENT_COUNTS: Kind = Kind::Histogram(&[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0,
]);

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// All metrics of the program.
#[rustfmt::skip]
pub const METRICS: [Metric; 25] = [
    metric(BUILD_INFO, Kind::Gauge, "1, with the version of the program"),
    metric(EVENTS, Kind::Counter, "Events by outcome"),
    metric(LOGS, Kind::Counter, "Event logs, by whether they changed anything, were replaced by another run or were refused"),
    metric(REMOVED_APPLICATIONS, Kind::Counter, "Attempts of applications that were pruned or forgotten"),
    metric(RETENTION_SUCCESS, Kind::Gauge, "When what is old was last removed; 0 without --retain and before the first time"),
    metric(BATCH_EVENTS, EVENT_COUNTS, "Events in a commit"),
    metric(COMMIT_SECONDS, SECONDS, "Duration of commits, of events or of logs"),
    metric(STORE_ERRORS, Kind::Counter, "Failed calls of the store, by operation"),
    metric(CACHE_REQUESTS, Kind::Counter, "Reads that a cache answered (hit), could not answer (miss) or was not available for (bypassed)"),
    metric(REDIS_ERRORS, Kind::Counter, "Calls to Redis that failed or timed out"),
    metric(REDIS_FLUSHES, Kind::Counter, "How often all entries in Redis were invalidated"),
    metric(REDIS_AVAILABLE, Kind::Gauge, "Whether Redis is in use now"),
    metric("spark_analytics_broker_connected", Kind::Gauge, "Whether the connection that consumes or publishes is open"),
    metric("spark_analytics_queue_messages", Kind::Gauge, "Messages waiting in a queue"),
    metric("spark_analytics_messages_total", Kind::Counter, "Messages of a queue that were acknowledged or dead-lettered"),
    metric(LAG_SECONDS, LONG_SECONDS, "Time from publishing a message to storing its events"),
    metric(PUBLISH_SECONDS, SECONDS, "Time until the broker confirmed a message"),
    metric(PUBLISH_ERRORS, Kind::Counter, "Messages that the broker did not confirm"),
    metric(LOG_LINES_DROPPED, Kind::Counter, "Lines of the log that were dropped because standard error was not read"),
    metric(IMPORT_LAST_LOOK, Kind::Gauge, "When the followed folder of event logs was last read and stored completely, at first the start of the program; 0 without a folder"),
    metric(IMPORT_FAILING, Kind::Gauge, "Logs and folders below the followed one that cannot be read or stored now"),
    metric(IMPORT_BYTES, Kind::Counter, "Bytes read of followed event logs, as they are stored in files"),
    metric(IMPORT_LAG_SECONDS, LONG_SECONDS, "Longest time from the last write to a log until it was stored, of each look at the folder that stored any"),
    metric("spark_analytics_http_requests_total", Kind::Counter, "HTTP requests by method, route and status"),
    metric("spark_analytics_http_request_seconds", SECONDS, "Duration of HTTP requests, by route"),
];
