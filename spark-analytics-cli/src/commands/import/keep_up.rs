//! `import --follow`: a folder, until interrupted.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use spark_analytics_eventlog::is_url;
use spark_analytics_import::{FollowOptions, Report, Update, follow};

use crate::flags::Shared;
use crate::output::{Columns, Format, Out, progress, text};
use crate::store::by_url::without_password;
use crate::store::open;

const UPDATES: Columns = {
    const ALL: &[&str] = &[
        "log",
        "app_id",
        "attempt_id",
        "state",
        "jobs",
        "detail",
        "failed_jobs",
        "name",
        "user",
        "replaces_run",
    ];
    Columns { all: ALL, table: ALL }
};

/// Follows a folder and prints a line for each log whose state changed, until it is interrupted.
pub(super) async fn keep_up(
    folder: &Path,
    interval: Duration,
    shared: &Shared,
    out: &mut Out,
) -> anyhow::Result<()> {
    check_folder(folder).with_context(|| format!("cannot follow {}", shown(folder)))?;
    let store = open::open_or_create(shared).await?;
    if out.format() == Format::Csv {
        out.csv_heading(UPDATES)?;
    }
    let report = |report: &Report<'_>| -> anyhow::Result<()> {
        match report {
            Report::Started(started) => {
                let every = humantime::format_duration(interval);
                progress::say(&format!("{started}; looking every {every}"));
            }
            Report::Log(update) => print(update, out)?,
            _ => {}
        }
        Ok(())
    };
    let options = FollowOptions::default().interval(interval).memory(shared.memory().logs());
    tokio::select! {
        error = follow(store, folder.to_owned(), options, report) => Err(error),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

fn print(update: &Update, out: &mut Out) -> anyhow::Result<()> {
    match out.format() {
        Format::Table => writeln!(out, "{}", text(&update.to_string().into()))?,
        Format::Json => {
            serde_json::to_writer(&mut *out, update)?;
            writeln!(out)?;
        }
        Format::Csv => out.csv_rows(UPDATES, std::slice::from_ref(update))?,
    }
    Ok(out.flush()?)
}

/// Checks that a folder can be followed.
///
/// # Errors
/// Why it cannot: it is a URL, not there, not a folder, or not readable.
pub(crate) fn check_folder(folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(!is_url(folder), "only folders can be followed");
    anyhow::ensure!(std::fs::metadata(folder)?.is_dir(), "it is not a folder");
    std::fs::read_dir(folder)?;
    Ok(())
}

/// A folder for messages.
pub(crate) fn shown(folder: &Path) -> String {
    match is_url(folder) {
        true => without_password(&folder.to_string_lossy()),
        false => folder.display().to_string(),
    }
}
