//! `serve`: the HTTP API over a store.

mod import_log;

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use metrics::counter;
use spark_analytics_core::{Analytics, CacheCounts, Cached, Queue, Store};
use spark_analytics_http::{Api, ApiOptions, Degradation, HostName, Hosts, Origin, serve};
use tokio::net::TcpListener;

use crate::commands::import;
use crate::flags::Shared;
use crate::metrics::metered::Metered;
use crate::metrics::names::CACHE_REQUESTS;
use crate::metrics::prometheus;
use crate::server::access_flags::{AccessArgs, TokenFile};
use crate::server::logging::LogArgs;
use crate::server::retention::RetentionArgs;
use crate::server::signals::{Signals, at_hangup};
use crate::server::tls_flags::TlsArgs;
use crate::store::by_url::without_password;
use crate::store::shared_cache::SharedCache;

/// The maximum number of connections: each takes about 16 KiB while it is idle.
const MOST_CONNECTIONS: u64 = 10_000;
/// Files that the store and everything else open.
const OTHER_FILES: u64 = 124;

/// For how long what other processes write may stay unseen, and how often the cache drops what is over age.
const CACHE_AGE: Duration = Duration::from_secs(1);

/// Serve the HTTP API and the figures of a store
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics serve --listen 127.0.0.1:8000 --import /var/log/spark"
)]
pub(crate) struct Serve {
    /// The address and port to listen on; port 0 picks a free port
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// A broker to publish events to, amqp://USER:PASSWORD@HOST:PORT/VHOST. Events are answered once the broker has
    /// them, and a worker stores them
    #[arg(long, value_name = "URL", hide_env_values = true)]
    publish: Option<String>,
    /// A Redis as the cache that all programs on the same store share, redis://[[USER]:PASSWORD@]HOST[:PORT][/DB].
    /// Programs that write to the store without naming it, such as the command line, have their writes seen up to
    /// 60 s later. Each store needs its own DB
    #[arg(long, value_name = "URL", hide_env_values = true)]
    redis: Option<String>,
    /// A folder of Spark's event logs, with the folders below it, with which to keep the store up to date
    #[arg(long, value_name = "DIR")]
    import: Option<PathBuf>,
    /// How often to check that folder, such as 500ms, 10s or 1m
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = humantime::parse_duration
    )]
    import_interval: Duration,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    access: AccessArgs,
    /// The maximum number of requests a second for each token
    #[arg(long, value_name = "N", requires = "tokens")]
    rate_limit: Option<NonZeroU32>,
    #[command(flatten)]
    tls: TlsArgs,
    /// An origin whose pages may call the API from a browser, such as https://figures.example; repeat it, or separate
    /// several with commas
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    cors_origin: Vec<Origin>,
    /// A name under which clients reach a server that requires no tokens, besides IP addresses and localhost; repeat it,
    /// or separate several with commas. With tokens, any name will do unless some are given
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    host: Vec<HostName>,
    #[command(flatten)]
    log: LogArgs,
}

pub(crate) async fn run(args: Serve, shared: &Shared) -> anyhow::Result<()> {
    args.log.start();
    if let Some(folder) = &args.import {
        import::check_folder(folder)
            .with_context(|| format!("cannot import from {}", import::shown(folder)))?;
    }
    let retains = args.retention.check()?;
    let tls = args.tls.open()?;
    let tokens = args.access.open(args.listen, args.rate_limit)?;
    if tokens.is_some() && tls.is_none() && !args.listen.ip().to_canonical().is_loopback() {
        tracing::warn!("tokens are sent unencrypted: there is no TLS here");
    }
    let mut signals = Signals::new()?;
    // Before anything is measured.
    let metrics = prometheus::start()?;
    let queue = args.publish.as_deref().map(queue).transpose()?;
    let store = tokio::select! {
        store = open(shared, queue.is_some()) => store?,
        () = signals.next() => return Ok(()),
    };
    let redis = SharedCache::default();
    let memory = shared.memory();
    let store = redis.around(Metered::new(store), args.redis.as_deref()).await?;
    let cached = Cached::with_limits(store, memory.cache(), CACHE_AGE);
    let store: Arc<dyn Store> = Arc::new(cached.clone());
    let access = tokens.as_ref().map(|tokens| tokens.access.clone());
    let options = ApiOptions::default().origins(args.cors_origin);
    let mut options = memory.reads(options, shared.postgres_connections);
    if let Some(access) = &access {
        options = options.access(access.clone());
    }
    let hosts = (access.is_none() || !args.host.is_empty()).then(|| Hosts::new(args.host));
    if let Some(hosts) = &hosts {
        options = options.hosts(hosts.clone());
    }
    let degradation = Degradation::default();
    let mut api = Api::new(Analytics::with_limits(Arc::clone(&store), memory.commits()))
        .options(options)
        .degradation(degradation.clone());
    if let Some(queue) = queue {
        api = api.queue(queue);
    }
    let swept = cached.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(CACHE_AGE);
        loop {
            tick.tick().await;
            swept.sweep();
        }
    });
    let count_caches = move || {
        let CacheCounts { hits, misses, .. } = cached.counts();
        for (result, count) in [("hit", hits), ("miss", misses)] {
            let labels = [("cache", "memory"), ("result", result)];
            counter!(CACHE_REQUESTS, &labels).absolute(count);
        }
        redis.count();
    };
    let metrics = prometheus::route(access.as_ref(), metrics, count_caches);
    let metrics = hosts.iter().fold(metrics, |metrics, hosts| hosts.guard(metrics));
    let router = api.into_router().merge(metrics);
    let most_connections = connections();
    let options = memory.serving(most_connections);
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
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        store = without_password(&shared.store),
        dedup = shared.how_to_open().dedup.name(),
        memory_mib = memory.mib(),
        connections = most_connections,
        tokens = tokens.is_some(),
        tls = tls.is_some(),
        import = args.import.is_some(),
        retention = retains,
        "started"
    );
    let scheme = if tls.is_some() { "https" } else { "http" };
    let _ = writeln!(std::io::stdout(), "listening on {scheme}://{}", listener.local_addr()?);
    let importing = args.import.map(|folder| {
        tokio::spawn(import_log::follow_folder(
            Arc::clone(&store),
            folder,
            args.import_interval,
            memory.logs(),
            degradation,
        ))
    });
    let retention = retains.then(|| tokio::spawn(args.retention.run(Arc::clone(&store))));
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
    if let Some(retention) = retention {
        retention.abort();
    }
    store.close().await?;
    Ok(())
}

/// The number of connections for which the limit of open files, raised as far as it may be, leaves room.
fn connections() -> usize {
    let files = rlimit::increase_nofile_limit(MOST_CONNECTIONS + OTHER_FILES);
    let files =
        files.inspect_err(|error| tracing::warn!(%error, "cannot raise the limit of open files"));
    let connections = files.unwrap_or(1024).saturating_sub(OTHER_FILES).min(MOST_CONNECTIONS);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Opens the store: in the background where a queue takes the events meanwhile.
async fn open(shared: &Shared, has_queue: bool) -> anyhow::Result<Arc<dyn Store>> {
    #[cfg(feature = "amqp")]
    if has_queue {
        use crate::store::open_in_background::OpenedLater;
        return Ok(OpenedLater::open(shared.store.clone(), shared.how_to_open())?);
    }
    let _ = has_queue;
    Ok(shared.how_to_open().open(&shared.store, true).await?)
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
    anyhow::bail!(crate::flags::missing_feature("--publish", "amqp"))
}
