//! `ingest`: stores events from files or standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use spark_analytics_core::backend::{IngestedPart, ingest_apart};
use spark_analytics_core::{Error, InvalidEvent, Receipt, Rejection, Store};

use crate::commands::texts::{Text, Texts};
use crate::flags::Shared;
use crate::output::progress;
use crate::output::{Columns, Out};
use crate::store::open;

/// Store events from files or standard input: a JSON array, or one event per line
///
/// An invalid event is reported, and kept with the reason (see `rejected`); the others are stored.
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics ingest sample_logs.json")]
pub(crate) struct Ingest {
    /// The files, - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

const BATCH_EVENTS: usize = 10_000;
const BATCH_BYTES: usize = 8 << 20;
const SHOWN_REJECTIONS: u64 = 10;

/// The number of events by outcome.
#[derive(Debug, Default, Serialize)]
struct Counts {
    recorded: u64,
    duplicate: u64,
    replaced: u64,
    rejected: u64,
}

const COUNTS: Columns = {
    const ALL: &[&str] = &["recorded", "duplicate", "replaced", "rejected"];
    Columns { all: ALL, table: ALL }
};

pub(crate) async fn run(args: &Ingest, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::open_or_create(shared).await?;
    let mut ingestion = Ingestion { store: &*store, counts: Counts::default() };
    let mut done = Ok(());
    for file in &args.files {
        done = ingestion.file(file).await;
        if done.is_err() {
            break;
        }
    }
    let rejected = ingestion.counts.rejected;
    if rejected > SHOWN_REJECTIONS {
        let more = rejected - SHOWN_REJECTIONS;
        progress::say(&format!(
            "rejected: {more} more; `spark-analytics rejected` lists the newest"
        ));
    }
    out.record(COUNTS, &ingestion.counts)?;
    store.close().await?;
    done
}

struct Ingestion<'a> {
    store: &'a dyn Store,
    counts: Counts,
}

impl Ingestion<'_> {
    async fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        if path.as_os_str() == "-" {
            let bar = progress::bytes(None);
            let input = BufReader::new(bar.wrap_read(stdin()));
            return self.input("standard input", input, &bar).await;
        }
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let bar = progress::bytes(file.metadata().ok().map(|metadata| metadata.len()));
        let input = BufReader::with_capacity(64 << 10, bar.wrap_read(file));
        self.input(&name, input, &bar).await
    }

    async fn input(
        &mut self,
        name: &str,
        input: impl BufRead + Send,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut texts = Texts::new(input);
        loop {
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut failed = None;
            while batch.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
                match texts.next() {
                    Some(Ok(text)) => {
                        bytes += text.head.len();
                        batch.push(text);
                    }
                    Some(Err(error)) => {
                        failed = Some(error);
                        break;
                    }
                    None => break,
                }
            }
            let is_end = batch.is_empty();
            self.batch(name, batch, bar).await?;
            if let Some(error) = failed {
                return Err(error).with_context(|| format!("cannot read {name}"));
            }
            if is_end {
                bar.finish_and_clear();
                return Ok(());
            }
        }
    }

    async fn batch(
        &mut self,
        name: &str,
        batch: Vec<Text>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut rejections = Vec::new();
        let (mut events, mut texts) = (Vec::new(), Vec::new());
        for text in batch {
            match text.event() {
                Ok(event) => {
                    events.push(event);
                    texts.push(text);
                }
                Err(error) => rejections.push(self.reject(name, &text, error.to_string(), bar)),
            }
        }
        let parts = ingest_apart(self.store, events).await;
        for (outcome, text) in parts.iter().flat_map(IngestedPart::outcomes).zip(&texts) {
            match outcome {
                Err(error @ Error::Refused { .. }) => {
                    rejections.push(self.reject(name, text, error.to_string(), bar));
                }
                Err(error) => return Err(error.into()),
                Ok(Receipt::Recorded(_)) => self.counts.recorded += 1,
                Ok(Receipt::Duplicate(_)) => self.counts.duplicate += 1,
                Ok(Receipt::Replaced(_)) => self.counts.replaced += 1,
                Ok(Receipt::TooOld) => {
                    let reason = InvalidEvent::TooOld.to_string();
                    rejections.push(self.reject(name, text, reason, bar));
                }
            }
        }
        if !rejections.is_empty() {
            self.store.reject(rejections).await?;
        }
        Ok(())
    }

    fn reject(&mut self, name: &str, text: &Text, reason: String, bar: &ProgressBar) -> Rejection {
        self.counts.rejected += 1;
        if self.counts.rejected <= SHOWN_REJECTIONS {
            progress::say_above(bar, &format!("rejected: {name}, {}: {reason}", text.place));
        }
        Rejection::new(
            SystemTime::now().into(),
            format!("{name}, {}: {reason}", text.place),
            &text.head,
        )
    }
}
