#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod flags;
mod memory;
mod metrics;
mod output;
mod server;
mod store;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Cli, Command};
use commands::{
    apps, events, forget, generate, import, ingest, inspect, jobs, prune, rejected, send, serve,
    stages, summary, token, work,
};
use exit::{Ended, Interrupted};
use output::{Out, progress};
use tokio::runtime::{Handle, Runtime};

pub use metrics::names::{METRICS, Metric};
pub use store::by_url::open_store;

/// Runs the program with its arguments, the first of which is its own name, and returns its exit code:
/// 0 for success, 1 for failure, 2 for wrong usage, 130 when it was interrupted.
///
/// It starts its own tokio runtime, so it must not be called on one.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::parse(args) {
        Ok(cli) => cli,
        Err(Ended(code)) => return code.into(),
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            progress::say(&format!("error: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(start(cli));
    // Dropping it would wait for threads that are reading.
    runtime.shutdown_background();
    server::log_queue::flush();
    let Err(error) = ended else { return ExitCode::SUCCESS };
    progress::say(&format!("error: {error:#}"));
    exit::code(&error).into()
}

/// Runs `serve` with its arguments: [`run`] with that sub-command put after the program's name.
pub fn serve(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_as("serve", args)
}

/// Runs `work` with its arguments: [`run`] with that sub-command put after the program's name.
pub fn work(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_as("work", args)
}

fn run_as(command: &str, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let program = args.next().unwrap_or_else(|| args::PROGRAM.into());
    run([program, command.into()].into_iter().chain(args))
}

async fn start(cli: Cli) -> anyhow::Result<()> {
    // These handle interrupts themselves.
    let handles_interrupts = cli.command.handles_interrupts();
    // A command reads and writes files without yielding, so it has its own thread: the runtime may have
    // only one, which has to receive interrupts.
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let mut out = Out::new(&cli.shared);
        let done = runtime.block_on(command(cli, &mut out));
        let written = out.finish();
        if out.is_closed() { Ok(()) } else { done.and(written) }
    });
    tokio::select! {
        done = work => done.unwrap_or_else(|panic| Err(panic.into())),
        Ok(()) = tokio::signal::ctrl_c(), if !handles_interrupts => Err(Interrupted.into()),
    }
}

async fn command(cli: Cli, out: &mut Out) -> anyhow::Result<()> {
    let shared = cli.shared;
    match cli.command {
        Command::Serve(args) => serve::run(args, &shared).await,
        Command::Work(args) => work::run(args, &shared).await,
        Command::Generate(args) => generate::run(&args, out),
        Command::Send(args) => send::run(args, out).await,
        Command::Ingest(args) => ingest::run(&args, &shared, out).await,
        Command::Import(args) => import::run(&args, &shared, out).await,
        Command::Inspect(args) => inspect::run(&args, &shared, out),
        Command::Job(args) => jobs::one(&args, &shared, out).await,
        Command::Jobs(args) => jobs::list(&args, &shared, out).await,
        Command::Failures(args) => jobs::failures(&args, &shared, out).await,
        Command::Summary(args) => summary::run(&args, &shared, out).await,
        Command::Apps(args) => apps::run(&args, &shared, out).await,
        Command::Stages(args) => stages::run(&args, &shared, out).await,
        Command::Events(args) => events::run(&args, &shared, out).await,
        Command::Rejected(args) => rejected::run(&args, &shared, out).await,
        Command::Prune(args) => prune::run(&args, &shared, out).await,
        Command::Forget(args) => forget::run(&args, &shared, out).await,
        Command::Token(args) => token::run(&args, out),
    }
}
