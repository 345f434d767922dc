//! `token new`, `token list` and `token revoke`: access tokens, and their lines in a server's file of tokens.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::Serialize;
use spark_analytics_http::{Role, Tokens};

use crate::output::{Columns, List, Out, progress};
use edit::Edit;

mod edit;

/// Create, list and revoke the access tokens in the file that a server reads with --tokens
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics token new --name ci --role write --file tokens")]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    List(ListTokens),
    Revoke(Revoke),
}

/// Create a token: it is printed once, to standard error
///
/// Its line goes into the file, or to standard output. It contains only a hash, so that the file does not reveal the
/// token. A server reads the file when it starts and on SIGHUP.
#[derive(Debug, Args)]
struct New {
    /// The name of its holder, as logs show it: 1 to 64 letters, digits, `-`, `_`, `.` or `@`
    #[arg(long)]
    name: String,
    /// Its role: read (figures), write (events too) or admin (rejected input too)
    #[arg(long, value_name = "read|write|admin")]
    role: Role,
    /// The file to add its line to, which is created if it does not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// List the names and roles in a file of tokens, which contains no tokens but only their hashes
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics token list --file tokens")]
struct ListTokens {
    /// The file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// Remove a token's line from a file of tokens
///
/// A server accepts the token until it reads the file again: send it SIGHUP.
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics token revoke ci --file tokens")]
struct Revoke {
    /// The name of its holder
    name: String,
    /// The file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// By which secret scanners recognise a token.
const PREFIX: &str = "sat_";

#[derive(Debug, Serialize)]
struct Holder<'a> {
    name: &'a str,
    role: &'static str,
}

const HOLDERS: Columns = {
    const ALL: &[&str] = &["name", "role"];
    Columns { all: ALL, table: ALL }
};

pub(crate) fn run(args: &Token, out: &mut Out) -> anyhow::Result<()> {
    match &args.command {
        Command::New(args) => new(args, out),
        Command::List(args) => list(&args.file, out),
        Command::Revoke(args) => revoke(args),
    }
}

fn new(New { name, role, file }: &New, out: &mut Out) -> anyhow::Result<()> {
    let mut random = [0; 32];
    OsRng.try_fill_bytes(&mut random).context("cannot get random numbers from the system")?;
    let mut token = PREFIX.to_owned();
    for byte in random {
        token += &format!("{byte:02x}");
    }
    let line = Tokens::to_line(name, *role, &token).map_err(|error| anyhow!("--name: {error}"))?;
    // A token is useless if its line is lost, so it is shown afterwards.
    match file {
        Some(path) => add(path, name, &line)?,
        None => {
            writeln!(out, "{line}")?;
            out.finish()?;
        }
    }
    progress::say(&token);
    Ok(())
}

fn add(path: &Path, name: &str, line: &str) -> anyhow::Result<()> {
    let edit = Edit::begin(path)?;
    let mut text = edit.text()?.unwrap_or_default();
    if text.lines().any(|line| name_of(line) == Some(name)) {
        bail!(
            "{} has a token of {name} already: choose another name, or revoke it first",
            path.display()
        );
    }
    if !(text.is_empty() || text.ends_with('\n')) {
        text.push('\n');
    }
    text += line;
    text.push('\n');
    parse(path, &text)?;
    edit.end(&text)
}

fn list(path: &Path, out: &mut Out) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let tokens = parse(path, &text)?;
    let holders: Vec<Holder<'_>> =
        tokens.holders().map(|(name, role)| Holder { name, role: role.name() }).collect();
    let mut list = List::new(out, HOLDERS);
    list.page(&holders)?;
    list.end()
}

fn revoke(Revoke { name, file: path }: &Revoke) -> anyhow::Result<()> {
    let edit = Edit::begin(path)?;
    let Some(text) = edit.text()? else { bail!("there is no file {}", path.display()) };
    let tokens = parse(path, &text)?;
    if !tokens.holders().any(|(holder, _)| holder == name) {
        bail!(
            "{} has no token of {name}: `spark-analytics token list` lists the names",
            path.display()
        );
    }
    if tokens.holders().count() == 1 {
        bail!(
            "it is the only token in {}, and a server goes on accepting it if the file has none: create another \
             token first, or stop the server and delete the file",
            path.display()
        );
    }
    let kept = text.split_inclusive('\n').filter(|line| name_of(line) != Some(name));
    edit.end(&kept.collect::<String>())?;
    progress::say(&format!(
        "revoked {name}; a server accepts it until it reads the file again: send it SIGHUP"
    ));
    Ok(())
}

fn parse(path: &Path, text: &str) -> anyhow::Result<Tokens> {
    Tokens::parse(text).with_context(|| format!("the tokens in {} are invalid", path.display()))
}

/// Whose token a line has, if it has one.
fn name_of(line: &str) -> Option<&str> {
    line.split('#').next()?.split_whitespace().next()
}
