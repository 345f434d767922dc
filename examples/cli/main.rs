//! The command line: sample events, importing, sending and figures. `cli --help` tells how.
#![forbid(unsafe_code)]

mod apps;
mod args;
mod event_texts;
mod generate;
mod ingest;
mod jobs;
mod output;
mod progress;
mod raw;
mod store;
mod summary;
mod view;

use std::process::exit;

use args::{Cli, Command};
use output::Out;

#[tokio::main]
async fn main() {
    let cli = args::parse();
    let work = tokio::spawn(async move {
        let mut out = Out::new(cli.shared.format);
        let done = run(cli, &mut out).await.and_then(|()| Ok(out.finish()?));
        if out.is_closed() { Ok(()) } else { done }
    });
    let interrupted = tokio::signal::ctrl_c();
    tokio::select! {
        done = work => match done {
            Ok(Ok(())) => exit(0),
            Ok(Err(error)) => fail(&format!("{error:#}"), 1),
            Err(panic) => fail(&panic.to_string(), 1),
        },
        Ok(()) = interrupted => fail("interrupted; what had been stored stays", 130),
    }
}

async fn run(cli: Cli, out: &mut Out) -> anyhow::Result<()> {
    let shared = cli.shared;
    match cli.command {
        Command::Generate(args) => generate::run(&args, out),
        Command::Ingest(args) => ingest::run(&args, &shared, out).await,
        Command::Job(args) => jobs::one(&args, &shared, out).await,
        Command::Jobs(args) => jobs::list(&args, &shared, out).await,
        Command::Summary(args) => summary::run(&args, &shared, out).await,
        Command::Apps(args) => apps::run(&args, &shared, out).await,
        Command::Events(args) => raw::events(&args, &shared, out).await,
        Command::Rejected(args) => raw::rejected(&args, &shared, out).await,
        Command::Prune(args) => raw::prune(&args, &shared, out).await,
    }
}

fn fail(message: &str, code: i32) -> ! {
    progress::say(&format!("error: {message}"));
    exit(code)
}
