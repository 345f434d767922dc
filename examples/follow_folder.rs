//! A store that follows a folder of event logs: `cargo run --example follow_folder -- examples/eventlogs`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spark_analytics_core::{MemoryStore, Store};
use spark_analytics_import::{FollowOptions, Report, follow};

#[tokio::main]
async fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| io::Error::other("which folder?"))?;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let report = |report: &Report<'_>| {
        if let Report::Log(update) = report {
            println!("{update}");
        }
        Ok(())
    };
    let options = FollowOptions::default().interval(Duration::from_secs(1));
    // Runs until `report` fails. In a service, spawn it beside what reads the store.
    Err(follow(store, folder.into(), options, report).await)
}
