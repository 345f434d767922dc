//! Following a folder of event logs within a server: its log, its metrics and `/ready`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};
use spark_analytics_core::Store;
use spark_analytics_http::Degradation;
use spark_analytics_import::{FollowOptions, LogState, Look, Report, Update, follow};

use crate::metrics::names::{IMPORT_BYTES, IMPORT_FAILING, IMPORT_LAG_SECONDS, IMPORT_LAST_LOOK};

/// Keeps the store up to date with a folder until the server stops.
pub(super) async fn follow_folder(
    store: Arc<dyn Store>,
    folder: PathBuf,
    interval: Duration,
    memory: usize,
    degradation: Degradation,
) {
    let options = FollowOptions::default().interval(interval).memory(memory);
    // Until a look has been completed, its age is that of the server.
    set_last_look();
    let report = |report: &Report<'_>| -> Result<(), Infallible> {
        match report {
            Report::Started(started) => tracing::info!("{started}"),
            Report::Log(update) => log(update),
            Report::Look(look) => {
                measure(look);
                degradation.set(look.unreadable.clone());
            }
            _ => {}
        }
        Ok(())
    };
    match follow(store, folder, options, report).await {}
}

fn log(update: &Update) {
    match update.state {
        LogState::Failed | LogState::Replaced => tracing::warn!(log = update.log, "{update}"),
        _ if update.replaces_run => tracing::warn!(log = update.log, "{update}"),
        _ => tracing::info!(log = update.log, "{update}"),
    }
}

fn measure(look: &Look) {
    gauge!(IMPORT_FAILING).set(look.failing as f64);
    counter!(IMPORT_BYTES).increment(look.bytes);
    if look.is_complete {
        set_last_look();
    }
    if let Some(lag) = look.lag {
        histogram!(IMPORT_LAG_SECONDS).record(lag.as_secs_f64());
    }
}

fn set_last_look() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    gauge!(IMPORT_LAST_LOOK).set(now.unwrap_or_default().as_secs_f64());
}
