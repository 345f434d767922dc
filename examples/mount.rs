//! The HTTP API in your own axum service: `cargo run --example mount`, then `curl localhost:3000/spark/health`.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use spark_analytics_core::{Analytics, Cached, MemoryStore, Store};
use spark_analytics_http::{Api, ServeOptions, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // Any store; the cache spares it repeated reads.
    let store: Arc<dyn Store> = Arc::new(Cached::new(MemoryStore::default()));
    let api = Api::new(Analytics::new(store)).into_router();
    let service = Router::new().route("/", get(|| async { "my service" })).nest("/spark", api);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Any server of axum serves it; this one limits connections and time.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    serve(listener, service, &ServeOptions::default(), stop).await;
    Ok(())
}
