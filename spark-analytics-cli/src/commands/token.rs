//! `token new`: a token for those who ask a server, and its line in the server's file.

use std::io::Write;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use rand::TryRng;
use rand::rngs::SysRng;
use spark_analytics_http::{Role, Tokens};

use crate::output::Out;
use crate::output::progress;

/// Make tokens for the file that a server reads with --tokens
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

/// Make a token: it is shown once, on standard error; its line for the file goes to standard output
///
/// The line has a hash alone: who reads the file does not know the token. A server reads the file when it starts
/// and at SIGHUP.
#[derive(Debug, Args)]
struct New {
    /// Whose it is, as logs show it: 1 to 64 letters, digits, `-`, `_`, `.` or `@`
    #[arg(long)]
    name: String,
    /// What it may do: read figures, write events too, or admin, to see rejected input too
    #[arg(long, value_name = "read|write|admin")]
    role: Role,
}

/// So that those who search for secrets find it.
const PREFIX: &str = "sat_";

pub(crate) fn run(args: &Token, out: &mut Out) -> anyhow::Result<()> {
    let Command::New(New { name, role }) = &args.command;
    let mut random = [0; 32];
    SysRng.try_fill_bytes(&mut random).context("the system gives no random numbers")?;
    let mut token = PREFIX.to_owned();
    for byte in random {
        token += &format!("{byte:02x}");
    }
    let line = Tokens::to_line(name, *role, &token).map_err(|error| anyhow!("--name: {error}"))?;
    writeln!(out, "{line}")?;
    // Nobody has use for a token whose line is lost.
    out.finish()?;
    progress::say(&token);
    Ok(())
}
