//! Serving a router on a socket, with limits on connections, memory and time.

pub(crate) mod connections;
pub(crate) mod drain;
pub(crate) mod host;
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

use connections::{Connections, Full, Slot};
use min_rate::FAR;
use one_request::OneRequest;
use options::ServeOptions;
use slow_client::WriteTimeout;

/// The read buffer of a connection, and so the longest head of a request. Ten thousand clients whose heads never end
/// must fit into memory.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Pause after a failed `accept`. Usually too many files are open, which passes when other connections close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves a router over HTTP/1.1 until `shutdown` completes, then lets requests in progress finish.
///
/// Unlike `axum::serve`, it limits the number of connections, how long a client may stall, the memory held for
/// clients, and how long requests may continue after shutdown, as set by the [`ServeOptions`]. A client that has
/// closed its sending half still gets its response. A connection that cannot be accepted, or that fails, is
/// reported to `tracing` and does not affect others.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    serve_with(listener, router, options, shutdown, 0, without_handshake).await;
}

/// Like [`serve`], over TLS. A handshake may take as long as the head of a request, and counts as a connection.
#[cfg(feature = "tls")]
pub async fn serve_tls(
    listener: TcpListener,
    router: Router,
    tls: &tls::Tls,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    let within = options.header_timeout;
    let handshake = |stream| {
        let handshake = timeout(within, tls.accept(stream));
        async { handshake.await.unwrap_or_else(|late| Err(late.into())) }
    };
    serve_with(listener, router, options, shutdown, tls::HANDSHAKE_BYTES, handshake).await;
}

/// Serves the stream that `handshake` makes of each connection. The handshake holds `handshake_bytes` of memory.
async fn serve_with<F, S>(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
    handshake_bytes: usize,
    handshake: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let server = Server::new(options, handshake_bytes);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            match listener.accept().await {
                Ok((stream, peer)) => Ok((stream, peer, server.connections.acquire().await)),
                Err(error) => Err(error),
            }
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                // Without it, small responses wait for the client's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                let request =
                    OneRequest::new(router.clone(), Arc::clone(&slot), peer, options.body_timeout);
                let served = server.connection(handshake(stream), request, Arc::clone(&slot));
                tokio::spawn(until_evicted(served, slot));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.stop(options.shutdown_timeout).await;
}

/// The state that all connections of a server share.
struct Server {
    http: http1::Builder,
    connections: Arc<Connections>,
    graceful: GracefulShutdown,
    /// Ends connections that are still in their handshake at shutdown: they have no request in progress.
    stopping: CancellationToken,
    handshake_bytes: usize,
    write_timeout: Duration,
}

impl Server {
    fn new(options: &ServeOptions, handshake_bytes: usize) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout.min(FAR))
            .max_buf_size(READ_BUFFER_BYTES)
            .half_close(true);
        Self {
            http,
            connections: Connections::new(options),
            graceful: GracefulShutdown::new(),
            stopping: CancellationToken::new(),
            handshake_bytes,
            write_timeout: options.write_timeout,
        }
    }

    /// Performs the handshake of a connection, then answers its requests until it closes.
    fn connection<F, S>(
        &self,
        handshake: F,
        request: OneRequest,
        slot: Arc<Slot>,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + use<F, S>
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (http, watcher, stopping) =
            (self.http.clone(), self.graceful.watcher(), self.stopping.clone());
        let (handshake_bytes, write_timeout) = (self.handshake_bytes, self.write_timeout);
        async move {
            slot.reserve(handshake_bytes)
                .map_err(|Full| io::Error::from(ErrorKind::OutOfMemory))?;
            let stream = tokio::select! {
                stream = handshake => stream?,
                () = stopping.cancelled() => return Ok(()),
            };
            // Reserving less never fails.
            let _ = slot.reserve(0);
            let stream = WriteTimeout::new(stream, slot, write_timeout);
            let connection = http.serve_connection(TokioIo::new(stream), request);
            watcher.watch(connection).await.map_err(Box::from)
        }
    }

    async fn stop(self, within: Duration) {
        self.stopping.cancel();
        if timeout(within, self.graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still in progress when the shutdown timeout expired");
        }
    }
}

/// Drives a connection until it ends or is evicted.
async fn until_evicted(
    served: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>>,
    slot: Arc<Slot>,
) {
    let mut served = pin!(served);
    loop {
        tokio::select! {
            served = &mut served => {
                if let Err(error) = served {
                    tracing::debug!(%error, "connection failed");
                }
                break;
            }
            () = slot.evicted() => {
                if slot.is_evicted() {
                    tracing::debug!("connection closed to free a slot");
                    break;
                }
            }
        }
    }
}

/// The stream of a connection that needs no handshake.
fn without_handshake(stream: TcpStream) -> Ready<io::Result<TcpStream>> {
    future::ready(Ok(stream))
}
