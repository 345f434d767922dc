//! What the command line takes.

use std::io;
use std::process::exit;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use spark_analytics_core::{Day, Dedup};

use crate::WrongUsage;
use crate::output::Format;
use crate::{
    apps, generate, import, ingest, inspect, jobs, progress, raw, send, stages, summary, token,
};

/// Figures of Apache Spark jobs, from listener events and event logs
#[derive(Debug, Parser)]
#[command(name = "cli", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Where facts are kept: sqlite:PATH, redb:PATH, postgres://… or memory:
    #[arg(long, global = true, value_name = "URL", default_value = "sqlite:spark-analytics.db")]
    pub(crate) store: String,
    /// When two events are the same: task (job, type, time, task) or time (job, type, time); a
    /// store keeps the rule it was made with
    #[arg(long, global = true, value_name = "RULE", default_value_t)]
    pub(crate) dedup: Dedup,
    /// How results are written: aligned columns, JSON, or CSV with a line of names first
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Generate(generate::Generate),
    Send(send::Send),
    Ingest(ingest::Ingest),
    Import(import::Import),
    Inspect(inspect::Inspect),
    Job(jobs::OneJob),
    Jobs(jobs::Jobs),
    Summary(summary::Summary),
    Apps(apps::Apps),
    Stages(stages::Stages),
    Events(raw::Events),
    Rejected(raw::RejectedInput),
    Prune(raw::Prune),
    Token(token::Token),
}

/// Which job of which application.
#[derive(Debug, Args)]
pub(crate) struct WhichJob {
    /// The job's number
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
    /// The application's id; without it, the job of events that name no application
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) app: String,
    /// The application's attempt, where Spark has one
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) attempt: String,
}

/// Checks that a range of days has any.
pub(crate) fn check_range(from: Option<Day>, to: Option<Day>) -> Result<(), WrongUsage> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(WrongUsage("--to lies before --from")),
        _ => Ok(()),
    }
}

const EXIT_CODES: &str = "\
Every flag can be given as an environment variable: SPARK_ANALYTICS_ and its name, such as
SPARK_ANALYTICS_STORE.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Errors go to standard error as one
line. Input that was refused or skipped is reported and does not change the exit code.";

/// The arguments; prints help, or what is wrong with them, and ends the process where they ask for it.
pub(crate) fn parse() -> Cli {
    try_parse().unwrap_or_else(|error| {
        if !error.use_stderr() {
            let Err(unwritten) = error.print() else { exit(0) };
            // A closed pipe is no error.
            if unwritten.kind() == io::ErrorKind::BrokenPipe {
                exit(0);
            }
            progress::say(&format!("error: cannot write to standard output: {unwritten}"));
            exit(1);
        }
        let message = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                "error: a command is missing".to_owned()
            }
            _ => one_line(&error.render().to_string()),
        };
        progress::say(&format!("{message} (`--help` tells what there is)"));
        exit(2)
    })
}

fn try_parse() -> clap::error::Result<Cli> {
    let matches = command().try_get_matches()?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Command::Summary(args), Some((_, matches))) = (&mut cli.command, matches.subcommand()) {
        args.prefer_command_line(matches);
    }
    Ok(cli)
}

/// The commands with an environment variable for each flag and all examples on the first page.
fn command() -> clap::Command {
    let command = with_variables(Cli::command());
    let mut help = String::from("Examples:\n");
    for example in command.get_subcommands().filter_map(clap::Command::get_after_help) {
        let example = example.to_string();
        help += &format!("  {}\n", example.trim_start_matches("Example: "));
    }
    help += &format!("\n{EXIT_CODES}");
    command.after_help(help)
}

fn with_variables(command: clap::Command) -> clap::Command {
    command.mut_args(with_variable).mut_subcommands(with_variables)
}

fn with_variable(arg: clap::Arg) -> clap::Arg {
    let Some(flag) = arg.get_long() else { return arg };
    let name = format!("SPARK_ANALYTICS_{}", flag.replace('-', "_").to_uppercase());
    // clap keeps names for the life of the process.
    let name: &'static str = name.leak();
    arg.env(name).hide_env(true)
}

/// What is wrong, without the usage that clap puts under it.
fn one_line(message: &str) -> String {
    let about_usage = |line: &&str| !(line.starts_with("Usage:") || line.starts_with("For more"));
    let words = message.lines().take_while(about_usage).flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}
