//! The router on a socket, with the limits that belong to connections.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::Options;
use crate::connections::Connections;
use crate::exchange::Exchange;
use crate::stalls::Stalls;

/// The most that is read of a connection before it is looked at: a head must fit.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Serves a router over HTTP/1.1 until `shutdown` is done, then lets requests under way finish.
///
/// Unlike `axum::serve` it bounds the number of connections, how long each may keep it waiting, what they
/// hold, and the time that requests may still take in the end, all by the [`Options`]. A client that has
/// closed its half of the connection gets its answer. A connection that cannot be accepted, or fails,
/// is told to `tracing` and ends alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &Options,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(READ_BUFFER_BYTES)
        .half_close(true);
    let (write_timeout, body_timeout) = (options.write_timeout, options.body_timeout);
    let connections = Connections::new(options);
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            match listener.accept().await {
                Ok((stream, _)) => Ok((stream, connections.slot().await)),
                Err(error) => Err(error),
            }
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let (stream, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // Most often too many open files: it passes when others close theirs.
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it small answers wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let stream = Stalls::new(stream, Arc::clone(&slot), write_timeout);
        let exchange = Exchange::new(router.clone(), Arc::clone(&slot), body_timeout);
        let connection = http.serve_connection(TokioIo::new(stream), exchange);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                }
                () = slot.closes() => tracing::debug!("a connection made room for others"),
            }
        });
    }
    drop(listener);
    if timeout(options.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the time to stop was over");
    }
}
