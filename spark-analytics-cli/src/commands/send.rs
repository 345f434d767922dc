//! `send`: events of a file to a server, one request each.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use indicatif::ProgressBar;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::commands::send::post::{Answer, Server};
use crate::commands::texts::{Text, Texts};
use crate::exit::{Interrupted, WrongUsage};
#[cfg(not(feature = "tls"))]
use crate::flags::missing_feature;
use crate::output::progress;
use crate::output::{Columns, Out};
use crate::store::by_url::without_password;

mod post;

/// Send the events of a file to a server, one request each, in random order
///
/// If the server is busy (503, 429) or does not answer, the request is repeated after growing pauses; sending
/// ends when an event was not accepted in --tries requests. Sending events again is safe: the server
/// recognises them.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example: spark-analytics send --file sample_logs.json --delay 0 --concurrency 8"
)]
pub(crate) struct Send {
    /// A JSON array of events, or one event a line
    #[arg(long)]
    file: PathBuf,
    /// The URL to which events are posted
    #[arg(long, default_value = "http://localhost:8000/api/v1/logs/ingest")]
    url: String,
    /// An access token of the server. Prefer the variable SPARK_ANALYTICS_TOKEN or --token-file: other users of this
    /// machine can see the arguments of a command
    #[arg(long, value_name = "TOKEN")]
    token: Option<Secret>,
    /// A file whose first line is that token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust besides those of the system, for HTTPS. The variable
    /// SSL_CERT_FILE names a file to trust in place of the system's
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// Seconds between two requests
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds)]
    delay: Duration,
    /// The maximum number of concurrent requests
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// The maximum number of requests for one event
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    tries: u32,
    /// Keep the order of the file, which is then streamed
    #[arg(long, value_parser = clap::builder::FalseyValueParser::new())]
    no_shuffle: bool,
}

/// An argument that is never printed.
#[derive(Clone)]
struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
const SHOWN_PROBLEMS: u64 = 10;
/// The maximum size of the events that are held to be shuffled, in bytes of text.
const MOST_SHUFFLED: usize = 1 << 30;

/// The number of events by outcome.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    sent: u64,
    recorded: u64,
    duplicate: u64,
    replaced: u64,
    queued: u64,
    rejected: u64,
    failed: u64,
}

const COUNTS: Columns = {
    const ALL: &[&str] =
        &["sent", "recorded", "duplicate", "replaced", "queued", "rejected", "failed"];
    Columns { all: ALL, table: ALL }
};

pub(crate) async fn run(args: Send, out: &mut Out) -> anyhow::Result<()> {
    let stop = Arc::new(Stop::default());
    let sending = Sending::new(args, Arc::clone(&stop))?;
    let mut work = tokio::task::spawn_blocking(move || sending.run());
    let (counts, failure) = tokio::select! {
        done = &mut work => done?,
        Ok(()) = tokio::signal::ctrl_c() => {
            stop.now();
            tokio::select! {
                done = work => {
                    let (counts, _) = done?;
                    out.record(COUNTS, &counts)?;
                    bail!(Interrupted);
                }
                Ok(()) = tokio::signal::ctrl_c() => bail!(Interrupted),
            }
        }
    };
    out.record(COUNTS, &counts)?;
    match failure {
        Some(failure) => Err(failure),
        None if counts.failed > 0 => bail!("{} events could not be sent", counts.failed),
        None => Ok(()),
    }
}

struct Sending {
    server: Server,
    concurrency: u16,
    delay: Duration,
    tries: u32,
    name: String,
    /// Counts bytes if the file is streamed, else events.
    bar: ProgressBar,
    is_streamed: bool,
    stop: Arc<Stop>,
    texts: Mutex<Left>,
    tally: Mutex<Tally>,
}

struct Left {
    texts: Box<dyn Iterator<Item = anyhow::Result<Text>> + std::marker::Send>,
    is_first: bool,
}

#[derive(Default)]
struct Tally {
    counts: Counts,
    /// Why sending ended early.
    failure: Option<anyhow::Error>,
}

impl Sending {
    fn new(args: Send, stop: Arc<Stop>) -> anyhow::Result<Self> {
        // Not while the arguments are parsed: the error would show a password in the URL.
        if !post::is_url(&args.url) {
            bail!(WrongUsage(
                "--url must be a whole URL such as http://localhost:8000/api/v1/logs/ingest"
            ));
        }
        #[cfg(not(feature = "tls"))]
        if args.url.starts_with("https:") {
            bail!(missing_feature("sending to https://", "tls"));
        }
        let token = match &args.token_file {
            Some(path) => Some(post::Token::of_file(path)?),
            None => args.token.map(|token| post::Token::new(&token.0)).transpose()?,
        };
        let name = args.file.display().to_string();
        let file = File::open(&args.file).with_context(|| format!("cannot open {name}"))?;
        let size = file.metadata().ok().filter(Metadata::is_file).map(|metadata| metadata.len());
        let texts = Texts::new(BufReader::with_capacity(64 << 10, file));
        let (left, bar): (Box<dyn Iterator<Item = _> + std::marker::Send>, _) = if args.no_shuffle {
            (Box::new(texts), progress::bytes(size))
        } else {
            let mut all = hold(texts, &name)?;
            all.shuffle(&mut rand::rng());
            let bar = progress::events(Some(all.len() as u64));
            (Box::new(all.into_iter().map(Ok)), bar)
        };
        Ok(Self {
            server: Server::new(args.url, token, args.ca_cert.as_deref())?,
            concurrency: args.concurrency,
            delay: args.delay,
            tries: args.tries,
            name,
            bar,
            is_streamed: args.no_shuffle,
            stop,
            texts: Mutex::new(Left { texts: left, is_first: true }),
            tally: Mutex::default(),
        })
    }

    /// Sends all events, or until it is stopped.
    fn run(self) -> (Counts, Option<anyhow::Error>) {
        thread::scope(|scope| {
            for _ in 0..self.concurrency {
                scope.spawn(|| {
                    while let Some(text) = self.next() {
                        self.send(&text);
                    }
                });
            }
        });
        self.bar.finish_and_clear();
        let tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let problems = tally.counts.rejected + tally.counts.failed;
        if problems > SHOWN_PROBLEMS {
            progress::say(&format!("not accepted: {} more", problems - SHOWN_PROBLEMS));
        }
        (tally.counts, tally.failure)
    }

    /// The next text, after the delay, during which the lock is held: all threads share one delay.
    fn next(&self) -> Option<Text> {
        let mut left = lock(&self.texts);
        let pause = if left.is_first { Duration::ZERO } else { self.delay };
        left.is_first = false;
        if self.stop.within(pause) {
            return None;
        }
        match left.texts.next()? {
            Ok(text) => Some(text),
            Err(error) => {
                let failure = error.context(format!("cannot read {}", self.name));
                lock(&self.tally).failure.get_or_insert(failure);
                None
            }
        }
    }

    fn send(&self, text: &Text) {
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match self.server.post(text) {
                Answer::Again { after, .. } if tries < self.tries => {
                    let wanted = after.map(|after| after.min(LONGEST_RETRY_AFTER));
                    if self.stop.within(wanted.unwrap_or(pause)) {
                        return;
                    }
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                answer => break answer,
            }
        };
        self.count(text, answer);
        self.bar.inc(if self.is_streamed { text.extent() } else { 1 });
    }

    fn count(&self, text: &Text, answer: Answer) {
        let mut tally = lock(&self.tally);
        let counts = &mut tally.counts;
        counts.sent += 1;
        let reason = match answer {
            Answer::Recorded => return counts.recorded += 1,
            Answer::Duplicate => return counts.duplicate += 1,
            Answer::Replaced => return counts.replaced += 1,
            Answer::Queued => return counts.queued += 1,
            Answer::Rejected(reason) => {
                counts.rejected += 1;
                reason
            }
            Answer::Failed(reason) => {
                counts.failed += 1;
                reason
            }
            Answer::Hopeless(reason) => {
                counts.failed += 1;
                let url = without_password(self.server.url());
                tally.failure.get_or_insert(anyhow!("cannot send to {url}: {reason}"));
                return self.stop.now();
            }
            Answer::Again { reason, .. } => {
                counts.failed += 1;
                let url = without_password(self.server.url());
                let failure =
                    anyhow!("{url} did not accept an event in {} tries: {reason}", self.tries);
                tally.failure.get_or_insert(failure);
                return self.stop.now();
            }
        };
        if counts.rejected + counts.failed <= SHOWN_PROBLEMS {
            let line = format!("not accepted: {}, {}: {reason}", self.name, text.place);
            progress::say_above(&self.bar, &line);
        }
    }
}

/// Stops all threads, including those that wait.
#[derive(Default)]
struct Stop {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn now(&self) {
        *lock(&self.is_stopped) = true;
        self.changed.notify_all();
    }

    /// Waits for the pause. Returns whether it was stopped before or meanwhile.
    fn within(&self, pause: Duration) -> bool {
        let is_stopped = lock(&self.is_stopped);
        let waited = self.changed.wait_timeout_while(is_stopped, pause, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn hold(
    texts: impl Iterator<Item = anyhow::Result<Text>>,
    name: &str,
) -> anyhow::Result<Vec<Text>> {
    let mut all = Vec::new();
    let mut bytes = 0;
    for text in texts {
        let text = text.with_context(|| format!("cannot read {name}"))?;
        bytes += text.head.len();
        if bytes > MOST_SHUFFLED {
            bail!(
                "{name} is larger than 1 GiB, the most that can be shuffled: send it with --no-shuffle"
            );
        }
        all.push(text);
    }
    Ok(all)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "must be a number of seconds".to_owned())?;
    if !(0.0..=3_600.0).contains(&seconds) {
        return Err("must be between 0 and 3600".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A thread that panicked has reported it; the others continue.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
