//! `serve`: the HTTP API over a store.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use metrics::counter;
use spark_analytics_core::{Analytics, CacheCounts, Cached, Queue, Store};
use spark_analytics_eventlog::is_url;
use spark_analytics_http::{Api, ApiOptions, Origin, ServeOptions, serve};
use spark_analytics_import::{LogState, Update, follow};
use tokio::net::TcpListener;

use crate::flags::Shared;
use crate::metrics::metered::Metered;
use crate::metrics::prometheus;
use crate::server::access_flags::{AccessArgs, TokenFile};
use crate::server::logging::LogArgs;
use crate::server::signals::{Signals, at_hangup};
use crate::server::tls_flags::TlsArgs;
use crate::store::by_url::{open_store, without_password};
use crate::store::shared_cache::SharedCache;

/// More connections than these make room for each other: idle, each takes about 16 KiB.
const MOST_CONNECTIONS: u64 = 10_000;
/// What the store and all else open.
const OTHER_FILES: u64 = 124;

/// Serve the HTTP API and the figures of a store
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics serve --listen 127.0.0.1:8000 --import /var/log/spark"
)]
pub(crate) struct Serve {
    /// The address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// A broker to publish events to, amqp://USER:PASSWORD@HOST:PORT/VHOST: they are answered when it has
    /// them, and a worker takes them into the store.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    publish: Option<String>,
    /// A Redis to share what was read with all programs on the same store,
    /// redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]. All that write the store have to name it too, or their
    /// writes are seen up to 60 s later, as are those of the command line; another store needs another DB.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    redis: Option<String>,
    /// A folder of Spark's event logs to keep the store up to date with.
    #[arg(long, value_name = "DIR")]
    import: Option<PathBuf>,
    /// How often that folder is looked at, such as 500ms, 10s or 1m.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = humantime::parse_duration
    )]
    import_interval: Duration,
    #[command(flatten)]
    access: AccessArgs,
    /// How many requests a second each token may make.
    #[arg(long, value_name = "N", requires = "tokens")]
    rate_limit: Option<NonZeroU32>,
    #[command(flatten)]
    tls: TlsArgs,
    /// A site whose pages may ask from a browser, such as https://figures.example; may be repeated, or name several
    /// with commas between them.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    cors_origin: Vec<Origin>,
    #[command(flatten)]
    log: LogArgs,
}

pub(crate) async fn run(args: Serve, shared: &Shared) -> anyhow::Result<()> {
    args.log.start();
    let tls = args.tls.open()?;
    let tokens = args.access.open(args.listen, args.rate_limit)?;
    if tokens.is_some() && tls.is_none() && !args.listen.ip().to_canonical().is_loopback() {
        tracing::warn!("tokens can be read on their way: there is no TLS here");
    }
    let mut signals = Signals::new()?;
    // Before anything that measures.
    let metrics = prometheus::start()?;
    let queue = args.publish.as_deref().map(queue).transpose()?;
    let store = tokio::select! {
        store = open(shared, queue.is_some()) => store?,
        () = signals.next() => return Ok(()),
    };
    let redis = SharedCache::default();
    let cached = Cached::new(redis.around(Metered::new(store), args.redis.as_deref()).await?);
    let store: Arc<dyn Store> = Arc::new(cached.clone());
    let access = tokens.as_ref().map(|tokens| tokens.access.clone());
    let mut options = ApiOptions::default().origins(args.cors_origin);
    if let Some(access) = &access {
        options = options.access(access.clone());
    }
    let mut api = Api::new(Analytics::new(Arc::clone(&store))).options(options);
    if let Some(queue) = queue {
        api = api.queue(queue);
    }
    let count_caches = move || {
        let CacheCounts { hits, misses, .. } = cached.counts();
        for (result, count) in [("hit", hits), ("miss", misses)] {
            let labels = [("cache", "memory"), ("result", result)];
            counter!("spark_analytics_cache_requests_total", &labels).absolute(count);
        }
        redis.count();
    };
    let metrics = prometheus::route(access.as_ref(), metrics, count_caches);
    let router = api.into_router().merge(metrics);
    let options = ServeOptions::default().connections(connections());
    if tokens.is_some() || tls.is_some() {
        let (tokens, tls) = (tokens.clone(), tls.clone());
        at_hangup(move || {
            tokens.iter().for_each(TokenFile::reload);
            tls.iter().for_each(|tls| tls.reload());
        })?;
    }
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let _ = writeln!(std::io::stdout(), "listening on {scheme}://{}", listener.local_addr()?);
    let url = args.import.as_deref().filter(|folder| is_url(folder));
    if let Some(url) = url {
        let url = without_password(&url.to_string_lossy());
        bail!("cannot import from {url}: only folders can be followed");
    }
    let importing = args.import.map(|folder| {
        let tell = |update: &Update| {
            match update.state {
                LogState::Failed => tracing::warn!(log = update.log, "{update}"),
                _ => tracing::info!(log = update.log, "{update}"),
            }
            Ok::<(), Infallible>(())
        };
        tokio::spawn(follow(Arc::clone(&store), folder, args.import_interval, tell))
    });
    match tls {
        #[cfg(feature = "tls")]
        Some(files) => {
            spark_analytics_http::serve_tls(listener, router, &files.tls, &options, signals.stop())
                .await;
        }
        _ => serve(listener, router, &options, signals.stop()).await,
    }
    if let Some(importing) = importing {
        importing.abort();
    }
    store.close().await?;
    Ok(())
}

/// As many connections as the files that may be open leave room for, which are as many as this process may have.
fn connections() -> usize {
    let files = rlimit::increase_nofile_limit(MOST_CONNECTIONS + OTHER_FILES);
    let files = files.inspect_err(|error| tracing::warn!(%error, "the limit of open files stays"));
    let connections = files.unwrap_or(1024).saturating_sub(OTHER_FILES).min(MOST_CONNECTIONS);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Opens the store: in the background where a queue takes the events meanwhile.
async fn open(shared: &Shared, has_queue: bool) -> anyhow::Result<Arc<dyn Store>> {
    #[cfg(feature = "amqp")]
    if has_queue {
        use crate::store::open_in_background::OpenedLater;
        return Ok(OpenedLater::open(shared.store.clone(), shared.dedup)?);
    }
    let _ = has_queue;
    Ok(open_store(&shared.store, shared.dedup).await?)
}

/// The queue at a broker.
#[cfg(feature = "amqp")]
fn queue(url: &str) -> anyhow::Result<Arc<dyn Queue>> {
    use spark_analytics_amqp::{AmqpUrl, Publisher};

    let url: AmqpUrl = url.parse().map_err(|error| anyhow::anyhow!("--publish: {error}"))?;
    Ok(Arc::new(Publisher::new(url, "spark-analytics http_server")))
}

#[cfg(not(feature = "amqp"))]
fn queue(_url: &str) -> anyhow::Result<Arc<dyn Queue>> {
    bail!(crate::flags::missing_feature("--publish", "amqp"))
}
