//! What the programs measure, as Prometheus reads it.

use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use spark_analytics_http::{Access, Role};

/// A measured thing: its name, whether it is counted, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name in Prometheus.
    pub name: &'static str,
    kind: Kind,
    help: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

const SECONDS: Kind = Kind::Histogram(&[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
]);
const LONG_SECONDS: Kind = Kind::Histogram(&[
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0,
]);
const EVENTS: Kind = Kind::Histogram(&[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0,
]);

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// All that is measured.
#[rustfmt::skip]
pub const METRICS: [Metric; 17] = [
    metric("spark_analytics_events_total", Kind::Counter, "Events by outcome"),
    metric("spark_analytics_logs_total", Kind::Counter, "Event logs taken, by whether they changed anything"),
    metric("spark_analytics_batch_events", EVENTS, "Events in a commit"),
    metric("spark_analytics_commit_seconds", SECONDS, "How long commits took, of events or of logs"),
    metric("spark_analytics_store_errors_total", Kind::Counter, "Calls that the store failed, by operation"),
    metric("spark_analytics_cache_requests_total", Kind::Counter, "Questions that a cache answered (hit), had no answer to (miss) or was not there for (bypassed)"),
    metric("spark_analytics_redis_errors_total", Kind::Counter, "Calls to Redis that failed or were late"),
    metric("spark_analytics_redis_flushes_total", Kind::Counter, "How often all entries in Redis were made stale"),
    metric("spark_analytics_redis_available", Kind::Gauge, "Whether Redis is read now"),
    metric("spark_analytics_broker_connected", Kind::Gauge, "Whether the connection to consume or to publish is there"),
    metric("spark_analytics_queue_messages", Kind::Gauge, "Messages that wait in a queue"),
    metric("spark_analytics_messages_total", Kind::Counter, "Messages of a queue that were acknowledged or dead-lettered"),
    metric("spark_analytics_lag_seconds", LONG_SECONDS, "Time from a message's publishing until its events were stored"),
    metric("spark_analytics_publish_seconds", SECONDS, "How long the broker took to confirm a message"),
    metric("spark_analytics_publish_errors_total", Kind::Counter, "Messages that the broker did not confirm"),
    metric("spark_analytics_http_requests_total", Kind::Counter, "HTTP requests by method, route and status"),
    metric("spark_analytics_http_request_seconds", SECONDS, "How long HTTP requests took, by route"),
];

/// Measures from now on; once in a process, on tokio.
///
/// # Errors
/// When something else measures already.
pub(crate) fn start() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), bounds)?;
        }
    }
    let handle = builder.install_recorder()?;
    for Metric { name, kind, help } in METRICS {
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Histogram(_) => describe_histogram!(name, help),
        }
    }
    begin_at_zero();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        // What was recorded waits in memory until it is added up.
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// A rate needs a zero to rise from.
fn begin_at_zero() {
    for outcome in ["recorded", "duplicate", "replaced", "rejected", "too_old", "queued"] {
        counter!("spark_analytics_events_total", "outcome" => outcome).absolute(0);
    }
    for outcome in ["changed", "unchanged"] {
        counter!("spark_analytics_logs_total", "outcome" => outcome).absolute(0);
    }
    for operation in ["ingest", "ingest_logs", "read", "reject", "prune", "check"] {
        counter!("spark_analytics_store_errors_total", "operation" => operation).absolute(0);
    }
    for (cache, result) in [
        ("memory", "hit"),
        ("memory", "miss"),
        ("redis", "hit"),
        ("redis", "miss"),
        ("redis", "bypassed"),
    ] {
        let labels = [("cache", cache), ("result", result)];
        counter!("spark_analytics_cache_requests_total", &labels).absolute(0);
    }
    counter!("spark_analytics_redis_errors_total").absolute(0);
    counter!("spark_analytics_redis_flushes_total").absolute(0);
    gauge!("spark_analytics_redis_available").set(0.0);
    for of in ["events", "logs"] {
        let _ = histogram!("spark_analytics_commit_seconds", "of" => of);
    }
    counter!("spark_analytics_publish_errors_total").absolute(0);
    for name in ["batch_events", "lag_seconds", "publish_seconds"] {
        let _ = histogram!(format!("spark_analytics_{name}"));
    }
}

/// `GET /metrics`, to those that may read; `before` is called first, for what is not counted as it happens.
pub(crate) fn route(
    access: Option<&Access>,
    handle: PrometheusHandle,
    before: impl Fn() + Clone + Send + Sync + 'static,
) -> Router {
    let render = move || {
        before();
        let text = handle.render();
        let headers = [
            (header::CONTENT_TYPE, "text/plain; version=0.0.4"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        async move { (headers, text) }
    };
    let router = Router::new().route("/metrics", get(render));
    match access {
        Some(access) => access.guard(Role::Read, router),
        None => router,
    }
}
