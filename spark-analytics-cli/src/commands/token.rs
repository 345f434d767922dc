//! `token new`: an access token, and its line in a server's token file.

use std::io::Write;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use rand::TryRngCore;
use rand::rngs::OsRng;
use spark_analytics_http::{Role, Tokens};

use crate::output::Out;
use crate::output::progress;

/// Create access tokens for the file that a server reads with --tokens
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics token new --name ci --role write >>tokens")]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
}

/// Create a token: it is printed once, to standard error, and its line for the file to standard output
///
/// The line contains only a hash, so that the file does not reveal the token. A server reads the file when it starts
/// and on SIGHUP.
#[derive(Debug, Args)]
struct New {
    /// The name of its holder, as logs show it: 1 to 64 letters, digits, `-`, `_`, `.` or `@`
    #[arg(long)]
    name: String,
    /// Its role: read (figures), write (events too) or admin (rejected input too)
    #[arg(long, value_name = "read|write|admin")]
    role: Role,
}

/// By which secret scanners recognise a token.
const PREFIX: &str = "sat_";

pub(crate) fn run(args: &Token, out: &mut Out) -> anyhow::Result<()> {
    let Command::New(New { name, role }) = &args.command;
    let mut random = [0; 32];
    OsRng.try_fill_bytes(&mut random).context("cannot get random numbers from the system")?;
    let mut token = PREFIX.to_owned();
    for byte in random {
        token += &format!("{byte:02x}");
    }
    let line = Tokens::to_line(name, *role, &token).map_err(|error| anyhow!("--name: {error}"))?;
    writeln!(out, "{line}")?;
    // A token is useless if its line is lost.
    out.finish()?;
    progress::say(&token);
    Ok(())
}
