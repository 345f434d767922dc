//! Flags for logging.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::output::terminal::Escaping;
use crate::server::log_queue::Line;

/// Logging to standard error.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// What to log: a level, or targets with levels; `warn` omits the access log
    #[arg(long, default_value = "info", value_parser = filter)]
    log: EnvFilter,
    /// The format of the log
    #[arg(long, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// `EnvFilter`'s own conversion ignores directives that it cannot parse.
fn filter(text: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text)
}

impl LogArgs {
    /// Starts logging; once in a process.
    pub(crate) fn start(self) {
        let has_colours = std::io::stderr().is_terminal();
        let log = tracing_subscriber::fmt()
            .with_env_filter(self.log)
            .with_ansi(has_colours)
            .with_writer(move || Escaping { to: Line::default(), has_colours })
            // It would report a closed stderr on stderr, and panic.
            .log_internal_errors(false);
        match self.log_format {
            LogFormat::Text => log.finish().with(FilterFn::new(is_harmless)).init(),
            LogFormat::Json => log.json().finish().with(FilterFn::new(is_harmless)).init(),
        }
    }
}

/// At TRACE, the RabbitMQ client logs each frame, including the one with the password.
/// The pool of connections reports each lost one at INFO, and the store reports what comes of it.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    if *metadata.level() == Level::INFO && metadata.target().starts_with("sqlx_core::pool") {
        return false;
    }
    *metadata.level() != Level::TRACE || !metadata.target().starts_with("lapin")
}
