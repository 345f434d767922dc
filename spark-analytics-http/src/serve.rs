//! The router on a socket, with the limits that belong to connections.

use std::error::Error;
use std::future::{self, Future, Ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Options;

/// The most that is read of a connection before it is looked at: a head must fit.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Serves a router over HTTP/1.1 until `shutdown` is done, then lets requests under way finish.
///
/// Unlike `axum::serve` it bounds the time that a head may take, the number of connections, and the
/// time that requests may still take in the end, all by the [`Options`]. A connection that cannot be
/// accepted, or fails, is told to `tracing` and ends alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &Options,
    shutdown: impl Future<Output = ()>,
) {
    serve_over(listener, router, options, shutdown, ready).await;
}

/// The same over TLS. A handshake may take as long as a head, and is one of the connections meanwhile.
#[cfg(feature = "tls")]
pub async fn serve_tls(
    listener: TcpListener,
    router: Router,
    tls: &crate::Tls,
    options: &Options,
    shutdown: impl Future<Output = ()>,
) {
    let within = options.header_timeout;
    let shake_hands = |stream| {
        let handshake = timeout(within, tls.accept(stream));
        async { handshake.await.unwrap_or_else(|late| Err(late.into())) }
    };
    serve_over(listener, router, options, shutdown, shake_hands).await;
}

/// Serves what `begin` makes of each connection.
async fn serve_over<F, S>(
    listener: TcpListener,
    router: Router,
    options: &Options,
    shutdown: impl Future<Output = ()>,
    begin: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(READ_BUFFER_BYTES);
    let connections = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(options.connections.clamp(1, Semaphore::MAX_PERMITS)));
    // What has not begun has no request under way.
    let stopping = CancellationToken::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, stream) = tokio::select! {
            () = &mut shutdown => break,
            (permit, stream) = accepted => (permit, stream),
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // Most often too many open files: it passes when others close theirs.
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it small answers wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let (begun, http, watcher) = (begin(stream), http.clone(), connections.watcher());
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let stream = tokio::select! {
                begun = begun => begun,
                () = stopping.cancelled() => return,
            };
            let served = match stream {
                Ok(stream) => {
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    watcher.watch(connection).await.map_err(Into::into)
                }
                Err(error) => Err(Box::<dyn Error + Send + Sync>::from(error)),
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }
    drop(listener);
    stopping.cancel();
    if timeout(options.shutdown_timeout, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the time to stop was over");
    }
}

/// A connection to which HTTP is spoken at once.
fn ready(stream: TcpStream) -> Ready<io::Result<TcpStream>> {
    future::ready(Ok(stream))
}
