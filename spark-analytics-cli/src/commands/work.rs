//! `work`: stores events and event logs from RabbitMQ.

use std::net::SocketAddr;

use clap::Args;

use crate::flags::Shared;
use crate::server::access_flags::AccessArgs;
use crate::server::logging::LogArgs;

/// Store the events and event logs that wait in RabbitMQ's queues
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics work --amqp amqp://ada:secret@localhost:5672/%2f")]
pub(crate) struct Work {
    /// The broker: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps: for TLS
    #[arg(long, value_name = "URL", hide_env_values = true)]
    amqp: String,
    /// The Redis that servers on the same store share as a cache, redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]: its
    /// entries become stale as soon as the worker writes. Without it, servers see its writes up to 60 s later
    #[arg(long, value_name = "URL", hide_env_values = true)]
    redis: Option<String>,
    /// How many batches of events, and how many logs, are processed at a time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    concurrency: u16,
    /// The address at which to serve /metrics, for Prometheus, and /health, such as 127.0.0.1:9100; port 0 picks a
    /// free port
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[cfg(not(feature = "amqp"))]
pub(crate) async fn run(_args: Work, _shared: &Shared) -> anyhow::Result<()> {
    anyhow::bail!(crate::flags::missing_feature("`work`", "amqp"))
}

#[cfg(feature = "amqp")]
pub(crate) async fn run(args: Work, shared: &Shared) -> anyhow::Result<()> {
    use anyhow::anyhow;
    use spark_analytics_amqp::{AmqpUrl, consume};
    use tokio_util::sync::CancellationToken;

    use crate::metrics::metered::Metered;
    use crate::metrics::prometheus;
    use crate::server::monitor;
    use crate::server::signals::{Signals, at_hangup};
    use crate::store::by_url::without_password;
    use crate::store::open_in_background::open_when_there;
    use crate::store::shared_cache::SharedCache;

    args.log.start();
    let url: AmqpUrl = args.amqp.parse().map_err(|error| anyhow!("--amqp: {error}"))?;
    let signals = Signals::new()?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        signals.stop().await;
        stopping.cancel();
    });
    let metrics = prometheus::start()?;
    let redis = SharedCache::default();
    if let Some(address) = args.metrics {
        let tokens = args.access.open(address, None)?;
        let access = tokens.as_ref().map(|tokens| &tokens.access);
        monitor::serve(address, access, metrics, redis.clone(), stop.clone()).await?;
        if let Some(tokens) = tokens {
            at_hangup(move || tokens.reload())?;
        }
    }
    let store = tokio::select! {
        store = open_when_there(&shared.store, shared.how_to_open()) => store?,
        () = stop.cancelled() => return Ok(()),
    };
    let store = redis.around(Metered::new(store), args.redis.as_deref()).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        store = without_password(&shared.store),
        broker = %url,
        concurrency = args.concurrency,
        memory_mib = shared.memory().mib(),
        metrics = args.metrics.map(tracing::field::display),
        "started"
    );
    consume(&url, &store, args.concurrency, shared.memory().logs(), stop).await;
    store.close().await?;
    Ok(())
}
