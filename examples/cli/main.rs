//! The command line: sample events, importing, sending and figures. `cli --help` tells how.
#![forbid(unsafe_code)]

mod apps;
mod args;
mod generate;
mod import;
mod ingest;
mod inspect;
mod jobs;
mod logs;
mod output;
mod progress;
mod raw;
mod send;
mod stages;
mod store;
mod summary;
mod texts;
mod token;
mod view;

use std::fmt;
use std::process::exit;

use args::{Cli, Command};
use output::Out;
use tokio::runtime::Handle;

#[tokio::main]
async fn main() {
    let cli = args::parse();
    // It ends with its counts, also when it is interrupted.
    let minds_interrupts = matches!(cli.command, Command::Send(_));
    // It reads and writes files without yielding, so it has a thread of its own: the runtime's may be
    // one alone, and that one hears of interrupts.
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let mut out = Out::new(cli.shared.format);
        let done = runtime.block_on(run(cli, &mut out));
        let written = out.finish();
        if out.is_closed() { Ok(()) } else { done.and(written) }
    });
    let done = tokio::select! {
        done = work => done.unwrap_or_else(|panic| Err(panic.into())),
        Ok(()) = tokio::signal::ctrl_c(), if !minds_interrupts => Err(Interrupted.into()),
    };
    let Err(error) = done else { exit(0) };
    progress::say(&format!("error: {error:#}"));
    exit(match error {
        error if error.is::<Interrupted>() => 130,
        error if error.is::<WrongUsage>() => 2,
        _ => 1,
    });
}

/// The user asked the command to stop.
#[derive(Debug)]
struct Interrupted;

impl std::error::Error for Interrupted {}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; what was stored before stays")
    }
}

/// Arguments that do not go together.
#[derive(Debug)]
struct WrongUsage(&'static str);

impl std::error::Error for WrongUsage {}

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

async fn run(cli: Cli, out: &mut Out) -> anyhow::Result<()> {
    let shared = cli.shared;
    match cli.command {
        Command::Generate(args) => generate::run(&args, out),
        Command::Send(args) => send::run(args, out).await,
        Command::Ingest(args) => ingest::run(&args, &shared, out).await,
        Command::Import(args) => import::run(&args, &shared, out).await,
        Command::Inspect(args) => inspect::run(&args, out),
        Command::Job(args) => jobs::one(&args, &shared, out).await,
        Command::Jobs(args) => jobs::list(&args, &shared, out).await,
        Command::Summary(args) => summary::run(&args, &shared, out).await,
        Command::Apps(args) => apps::run(&args, &shared, out).await,
        Command::Stages(args) => stages::run(&args, &shared, out).await,
        Command::Events(args) => raw::events(&args, &shared, out).await,
        Command::Rejected(args) => raw::rejected(&args, &shared, out).await,
        Command::Prune(args) => raw::prune(&args, &shared, out).await,
        Command::Token(args) => token::run(&args, out),
    }
}
