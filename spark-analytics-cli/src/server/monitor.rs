//! The endpoints of `work`: metrics and health.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use spark_analytics_http::{Access, ServeOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::prometheus;
use crate::store::shared_cache::SharedCache;

/// Serves `/metrics` to holders of a token that may read, and `/health` to everyone.
pub(crate) async fn serve(
    address: SocketAddr,
    access: Option<&Access>,
    metrics: PrometheusHandle,
    shared: SharedCache,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let router = prometheus::route(access, metrics, move || shared.count())
        .route("/health", get(|| async { axum::Json(serde_json::json!({"status": "healthy"})) }));
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let _ = writeln!(std::io::stdout(), "metrics on http://{}/metrics", listener.local_addr()?);
    tokio::spawn(async move {
        let stopped = stop.cancelled_owned();
        spark_analytics_http::serve(listener, router, &ServeOptions::default(), stopped).await;
    });
    Ok(())
}
