//! Recording metrics, and the endpoint from which Prometheus reads them.

use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use spark_analytics_http::{Access, Role};

use crate::metrics::names::{
    BATCH_EVENTS, BUILD_INFO, CACHE_REQUESTS, COMMIT_SECONDS, EVENTS, IMPORT_BYTES, IMPORT_FAILING,
    IMPORT_LAG_SECONDS, IMPORT_LAST_LOOK, Kind, LAG_SECONDS, LOG_LINES_DROPPED, LOGS, METRICS,
    Metric, PUBLISH_ERRORS, PUBLISH_SECONDS, REDIS_AVAILABLE, REDIS_ERRORS, REDIS_FLUSHES,
    REMOVED_APPLICATIONS, RETENTION_SUCCESS, STORE_ERRORS,
};

/// Records metrics from now on. Needs a tokio runtime; may be called once in a process.
///
/// # Errors
/// If a recorder is installed already.
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
    metrics_process::Collector::default().describe();
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    begin_at_zero();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        // Samples take memory until they are added up.
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Starts counters at zero, so that the first increase shows in a rate.
fn begin_at_zero() {
    for outcome in ["recorded", "duplicate", "replaced", "rejected", "too_old", "queued"] {
        counter!(EVENTS, "outcome" => outcome).absolute(0);
    }
    for outcome in ["changed", "unchanged", "replaced", "refused"] {
        counter!(LOGS, "outcome" => outcome).absolute(0);
    }
    for operation in
        ["ingest", "ingest_logs", "read", "reject", "prune", "prune_logs", "forget", "check"]
    {
        counter!(STORE_ERRORS, "operation" => operation).absolute(0);
    }
    for (cache, result) in [
        ("memory", "hit"),
        ("memory", "miss"),
        ("redis", "hit"),
        ("redis", "miss"),
        ("redis", "bypassed"),
    ] {
        let labels = [("cache", cache), ("result", result)];
        counter!(CACHE_REQUESTS, &labels).absolute(0);
    }
    for by in ["prune", "forget"] {
        counter!(REMOVED_APPLICATIONS, "by" => by).absolute(0);
    }
    counter!(REDIS_ERRORS).absolute(0);
    counter!(REDIS_FLUSHES).absolute(0);
    gauge!(REDIS_AVAILABLE).set(0.0);
    gauge!(RETENTION_SUCCESS).set(0.0);
    for of in ["events", "logs"] {
        let _ = histogram!(COMMIT_SECONDS, "of" => of);
    }
    counter!(PUBLISH_ERRORS).absolute(0);
    counter!(LOG_LINES_DROPPED).absolute(0);
    gauge!(IMPORT_LAST_LOOK).set(0.0);
    gauge!(IMPORT_FAILING).set(0.0);
    counter!(IMPORT_BYTES).absolute(0);
    for name in [BATCH_EVENTS, LAG_SECONDS, PUBLISH_SECONDS, IMPORT_LAG_SECONDS] {
        let _ = histogram!(name);
    }
}

/// `GET /metrics`, for callers that may read. `before` is called first, to publish counts that are kept elsewhere.
pub(crate) fn route(
    access: Option<&Access>,
    handle: PrometheusHandle,
    before: impl Fn() + Clone + Send + Sync + 'static,
) -> Router {
    let render = move || {
        before();
        metrics_process::Collector::default().collect();
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
