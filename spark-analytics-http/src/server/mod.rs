//! Serving a router on a socket, with limits on connections.

pub(crate) mod connections;
pub(crate) mod drain;
pub(crate) mod min_rate;
pub(crate) mod one_request;
pub(crate) mod options;
mod slow_client;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::error::Error;
use std::future::{self, Future, Ready};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use connections::{Connections, Full};
use min_rate::FAR;
use one_request::Exchange;
use options::ServeOptions;
use slow_client::Stalls;

/// The most that is read of a connection before it is looked at: a head must fit, and ten thousand clients with
/// heads that do not end.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Serves a router over HTTP/1.1 until `shutdown` is done, then lets requests under way finish.
///
/// Unlike `axum::serve` it bounds the number of connections, how long each may keep it waiting, what they
/// hold, and the time that requests may still take in the end, all by the [`ServeOptions`]. A client that has
/// closed its half of the connection gets its answer. A connection that cannot be accepted, or fails,
/// is told to `tracing` and ends alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    serve_over(listener, router, options, shutdown, 0, ready).await;
}

/// The same over TLS. A handshake may take as long as a head, and is one of the connections meanwhile.
#[cfg(feature = "tls")]
pub async fn serve_tls(
    listener: TcpListener,
    router: Router,
    tls: &tls::Tls,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    let within = options.header_timeout;
    let shake_hands = |stream| {
        let handshake = timeout(within, tls.accept(stream));
        async { handshake.await.unwrap_or_else(|late| Err(late.into())) }
    };
    serve_over(
        listener,
        router,
        options,
        shutdown,
        crate::server::tls::HANDSHAKE_BYTES,
        shake_hands,
    )
    .await;
}

/// Serves what `begin` makes of each connection, which holds so many bytes meanwhile.
async fn serve_over<F, S>(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
    begin_bytes: usize,
    begin: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout.min(FAR))
        .max_buf_size(READ_BUFFER_BYTES)
        .half_close(true);
    let (write_timeout, body_timeout) = (options.write_timeout, options.body_timeout);
    let connections = Connections::new(options);
    let graceful = GracefulShutdown::new();
    // What has not begun has no request under way.
    let stopping = CancellationToken::new();
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
        let exchange = Exchange::new(router.clone(), Arc::clone(&slot), body_timeout);
        let (begun, http, watcher) = (begin(stream), http.clone(), graceful.watcher());
        let (stopping, watched) = (stopping.clone(), Arc::clone(&slot));
        let served = async move {
            watched.hold(begin_bytes).map_err(|Full| io::Error::from(ErrorKind::OutOfMemory))?;
            let stream = tokio::select! {
                begun = begun => begun?,
                () = stopping.cancelled() => return Ok(()),
            };
            // Nothing is too much for less.
            let _ = watched.hold(0);
            let stream = Stalls::new(stream, watched, write_timeout);
            let connection = http.serve_connection(TokioIo::new(stream), exchange);
            watcher.watch(connection).await.map_err(Box::<dyn Error + Send + Sync>::from)
        };
        tokio::spawn(async move {
            let mut served = pin!(served);
            loop {
                tokio::select! {
                    served = &mut served => {
                        if let Err(error) = served {
                            tracing::debug!(%error, "a connection broke");
                        }
                        break;
                    }
                    () = slot.closes() => {
                        if slot.is_closing() {
                            tracing::debug!("a connection made room for others");
                            break;
                        }
                    }
                }
            }
        });
    }
    drop(listener);
    stopping.cancel();
    if timeout(options.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the time to stop was over");
    }
}

/// A connection to which HTTP is spoken at once.
fn ready(stream: TcpStream) -> Ready<io::Result<TcpStream>> {
    future::ready(Ok(stream))
}
