//! The flags that say what a program logs.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What a program logs to stderr, and how.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// What to log: a level, or targets with levels; `warn` leaves the access log out.
    #[arg(long, default_value = "info", value_parser = filter)]
    log: EnvFilter,
    /// How to log.
    #[arg(long, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// `EnvFilter`'s own conversion skips what it cannot read.
fn filter(text: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text)
}

impl LogArgs {
    /// Starts logging; once in a process.
    pub(crate) fn start(self) {
        let log = tracing_subscriber::fmt()
            .with_env_filter(self.log)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            // It would tell of a closed stderr on stderr, and panic.
            .log_internal_errors(false);
        match self.log_format {
            LogFormat::Text => log.finish().with(FilterFn::new(is_harmless)).init(),
            LogFormat::Json => log.json().finish().with(FilterFn::new(is_harmless)).init(),
        }
    }
}

/// At its lowest level the client of RabbitMQ tells each frame, the one with the password too.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !metadata.target().starts_with("lapin")
}
