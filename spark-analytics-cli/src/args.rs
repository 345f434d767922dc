//! The arguments of the command line.

use std::ffi::OsString;
use std::io;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    apps, events, forget, generate, import, ingest, inspect, jobs, prune, rejected, send, serve,
    stages, summary, token, work,
};
use crate::exit::Ended;
use crate::flags::Shared;
use crate::output::progress;

/// The name of the program, under which its own texts refer to it.
pub(crate) const PROGRAM: &str = "spark-analytics";

/// Figures of Apache Spark jobs, from listener events and event logs
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Serve),
    Work(work::Work),
    Generate(generate::Generate),
    Send(send::Send),
    Ingest(ingest::Ingest),
    Import(import::Import),
    Inspect(inspect::Inspect),
    Job(jobs::OneJob),
    Jobs(jobs::Jobs),
    Failures(jobs::Failures),
    Summary(summary::Summary),
    Apps(apps::Apps),
    Stages(stages::Stages),
    Events(events::Events),
    Rejected(rejected::RejectedInput),
    Prune(prune::Prune),
    Forget(forget::Forget),
    Token(token::Token),
}

const EXIT_CODES: &str = "\
Every flag can also be set by an environment variable: SPARK_ANALYTICS_ and its name, such as
SPARK_ANALYTICS_STORE.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Errors go to standard error as one
line. Input that was refused or skipped is reported and does not change the exit code.";

impl Command {
    /// Whether the command listens for SIGINT itself.
    pub(crate) const fn handles_interrupts(&self) -> bool {
        match self {
            Self::Send(_) | Self::Serve(_) | Self::Work(_) => true,
            Self::Import(import) => import.follow.is_some(),
            _ => false,
        }
    }
}

/// Reads the arguments.
///
/// # Errors
/// The exit code, after help or an error was printed.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Ended> {
    try_parse(args).map_err(|error| {
        if !error.use_stderr() {
            let Err(unwritten) = error.print() else { return Ended(0) };
            // A closed pipe is not an error.
            if unwritten.kind() == io::ErrorKind::BrokenPipe {
                return Ended(0);
            }
            progress::say(&format!("error: cannot write to standard output: {unwritten}"));
            return Ended(1);
        }
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            // A closed standard error is ignored.
            let _ = error.print();
            return Ended(2);
        }
        let message = one_line(&error.render().to_string());
        progress::say(&format!("{message} (`--help` lists the options)"));
        Ended(2)
    })
}

fn try_parse(args: impl IntoIterator<Item = OsString>) -> clap::error::Result<Cli> {
    let matches = command().try_get_matches_from(args)?;
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

/// Adds the variables. Only the help of `serve` and `work` shows them: the other commands are typed by hand.
fn with_variables(command: clap::Command) -> clap::Command {
    let is_server = matches!(command.get_name(), "serve" | "work");
    command.mut_args(|arg| with_variable(arg, is_server)).mut_subcommands(with_variables)
}

fn with_variable(arg: clap::Arg, is_shown: bool) -> clap::Arg {
    let Some(flag) = arg.get_long() else { return arg };
    let name = format!("SPARK_ANALYTICS_{}", flag.replace('-', "_").to_uppercase());
    // clap keeps names for the life of the process.
    let name: &'static str = name.leak();
    // A value may hold a password.
    arg.env(name).hide_env(!is_shown).hide_env_values(true)
}

/// The error alone, without the usage that clap appends.
fn one_line(message: &str) -> String {
    let about_usage = |line: &&str| !(line.starts_with("Usage:") || line.starts_with("For more"));
    let words = message.lines().take_while(about_usage).flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}
