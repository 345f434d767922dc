//! `generate`: sample events to try things with.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::ProgressBar;
use rand::rngs::StdRng;
use rand::seq::{SliceRandom, index};
use rand::{Rng, SeedableRng};
use serde::Serialize;
use spark_analytics_core::{Day, Event, InvalidEvent, Timestamp};

use crate::commands::private::private;
use crate::flags::{day, today};
use crate::output::progress;
use crate::output::{Columns, Out};

/// Write sample events to a file, as a JSON array
///
/// Each job has 5 to 20 tasks of which up to 30 % failed; jobs are numbered from 100, belong to
/// several users and are spread over the days before --until. The events are shuffled.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics generate --jobs 10 --days 5 --output sample_logs.json --seed 7"
)]
pub(crate) struct Generate {
    /// The number of jobs
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    jobs: u32,
    /// The number of days over which they are spread
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// The file to write, - for standard output
    #[arg(long, value_name = "FILE", default_value = "sample_logs.json")]
    output: PathBuf,
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
    /// The seed: the same seed, --jobs, --days and --until give the same events
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The day before which all jobs end, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DAY", value_parser = until)]
    until: Option<Day>,
}

const FIRST_JOB: u32 = 100;
const USERS: [&str; 6] = [
    "data_engineer_1@example.com",
    "data_engineer_2@example.com",
    "data_scientist_1@example.com",
    "data_scientist_2@example.com",
    "analyst_1@example.com",
    "etl_service@example.com",
];
const LONGEST_JOB_MS: i64 = 900_000;
const DAY_MS: i64 = 86_400_000;

/// The result of the command.
#[derive(Debug, Serialize)]
struct Generated {
    jobs: u32,
    events: usize,
    seed: u64,
    until: String,
    output: String,
}

const GENERATED: Columns = {
    const ALL: &[&str] = &["jobs", "events", "seed", "until", "output"];
    Columns { all: ALL, table: ALL }
};

pub(crate) fn run(args: &Generate, out: &mut Out) -> anyhow::Result<()> {
    let seed = args.seed.unwrap_or_else(rand::random);
    let until = args.until.unwrap_or_else(today);
    let facts = facts(args.jobs, args.days, until, seed);
    if args.output.as_os_str() == "-" {
        return write(&facts, out, &ProgressBar::hidden());
    }
    let cannot_write = || format!("cannot write {}", args.output.display());
    let mut options = File::options();
    options.write(true).create(args.force).truncate(args.force).create_new(!args.force);
    let file = private(&mut options).open(&args.output);
    if file.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
        bail!("{} exists; --force overwrites it, --output names another", args.output.display());
    }
    let mut file = BufWriter::new(file.with_context(cannot_write)?);
    let bar = progress::events(Some(facts.len() as u64));
    write(&facts, &mut file, &bar).and_then(|()| Ok(file.flush()?)).with_context(cannot_write)?;
    bar.finish_and_clear();
    let generated = Generated {
        jobs: args.jobs,
        events: facts.len(),
        seed,
        until: until.to_string(),
        output: args.output.display().to_string(),
    };
    out.record(GENERATED, &generated)
}

/// A day that leaves ten years before it for events.
fn until(text: &str) -> Result<Day, String> {
    const FIRST: i32 = 3_652;
    let day = day(text).map_err(|error| error.to_string())?;
    if day.number() < FIRST { Err("must be 1980-01-01 or later".to_owned()) } else { Ok(day) }
}

/// An event in a few bytes: millions of them are shuffled.
struct Fact {
    job: u32,
    user: u8,
    at_ms: i64,
    what: What,
}

enum What {
    Start,
    Task { number: u8, duration_ms: i32, successful: bool },
    End { successful: bool },
}

fn facts(jobs: u32, days: u32, until: Day, seed: u64) -> Vec<Fact> {
    let mut random = StdRng::seed_from_u64(seed);
    let first_day = until.start().as_millis() - i64::from(days) * DAY_MS;
    let mut facts = Vec::new();
    for job in 0..jobs {
        let day = first_day + i64::from(job % days) * DAY_MS;
        let start = day + random.random_range(0..DAY_MS - LONGEST_JOB_MS);
        job_facts(FIRST_JOB + job, start, &mut random, &mut facts);
    }
    facts.shuffle(&mut random);
    facts
}

fn job_facts(job: u32, start: i64, random: &mut StdRng, facts: &mut Vec<Fact>) {
    let user = random.random_range(0..USERS.len()) as u8;
    let tasks: u8 = random.random_range(5..=20);
    let failed = random.random_range(0..=usize::from(tasks) * 3 / 10);
    let failed_tasks = index::sample(random, tasks.into(), failed);
    // Each task ends in its own turn, so no two tasks of a job end at the same time.
    let turn = random.random_range(2_000..LONGEST_JOB_MS / (i64::from(tasks) + 1));
    let mut add = |at_ms, what| facts.push(Fact { job, user, at_ms, what });
    add(start, What::Start);
    for number in 0..tasks {
        let passed = i64::from(number) * turn + random.random_range(1_000..turn);
        let duration_ms = random.random_range(500..=passed.min(60_000)) as i32;
        let successful = failed_tasks.iter().all(|failed| failed != usize::from(number));
        add(start + passed, What::Task { number, duration_ms, successful });
    }
    let successful = !random.random_bool(failed as f64 / f64::from(tasks));
    add(start + i64::from(tasks) * turn, What::End { successful });
}

fn write(facts: &[Fact], to: &mut impl Write, bar: &ProgressBar) -> anyhow::Result<()> {
    for (at, fact) in facts.iter().enumerate() {
        to.write_all(if at == 0 { b"[\n  " } else { b",\n  " })?;
        to.write_all(event(fact)?.raw().as_bytes())?;
        bar.inc(1);
    }
    Ok(to.write_all(b"\n]\n")?)
}

fn event(fact: &Fact) -> Result<Event, InvalidEvent> {
    let Fact { job, user, at_ms, what } = fact;
    let at = Timestamp::from_millis(*at_ms);
    let (key, user) = (i64::from(*job), USERS[usize::from(*user)]);
    match what {
        What::Start => Event::job_start(key, at, user),
        What::Task { number, duration_ms, successful } => {
            let task = format!("task_{job}_{:03}", number + 1);
            Event::task_end(key, at, user, task, i64::from(*duration_ms), *successful)
        }
        What::End { successful } => {
            let result = if *successful { "JobSucceeded" } else { "JobFailed" };
            Event::job_end(key, at, user, at, result)
        }
    }
}
