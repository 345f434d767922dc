//! The input of processes: batches of events and snapshots of logs, reproducible by seed.

use spark_analytics_conformance::{Dump, Reference};
use spark_analytics_core::log::{Application, Executor, LogJob, LogSnapshot, Stage, fact};
use spark_analytics_core::{Day, Event, JobKey, PruneScope, TaskOutcome, TaskTotals, Timestamp};

use crate::support::contested::{events, shuffled};

/// One call of a store.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Events(Vec<Event>),
    Log(Box<LogSnapshot>),
}

const BATCH: usize = 20;
/// One in this many inputs is a log.
const LOG_EVERY: usize = 6;
const START_MS: i64 = 1_711_792_363_000;
const DAY_MS: i64 = 86_400_000;
/// The application of the events, whose jobs are also in a log, and two applications that are only in logs.
const APPS: [&str; 3] = ["application_1711792363000_0042", "logged-1", "logged-2"];
const MARKED_JOBS: i64 = 4;

/// Inputs of jobs that end on 30 days: repeated and conflicting events, and growing logs.
pub(crate) fn stream(count: usize, seed: u64) -> Vec<Input> {
    let events = shuffled(&events(60, count * BATCH), seed);
    let mut batches = events.chunks(BATCH);
    let mut inputs = Vec::new();
    for number in 0..count {
        inputs.push(if number % LOG_EVERY == 0 {
            Input::Log(Box::new(log(number)))
        } else {
            let first = [marker(number, "first")].into_iter();
            let batch = batches.next().into_iter().flatten().cloned();
            Input::Events(first.chain(batch).chain([marker(number, "last")]).collect())
        });
    }
    inputs
}

/// The day before which raw events are removed at the end: half of them.
pub(crate) fn pruned_before() -> Day {
    Timestamp::from_millis(START_MS + 15 * DAY_MS).day()
}

/// An event that is older than that.
pub(crate) fn old_event() -> Event {
    Event::job_start(JobKey::new(0), Timestamp::from_millis(START_MS), "ada").unwrap()
}

/// The jobs whose events are [`marker`]s.
pub(crate) fn marked_jobs() -> impl Iterator<Item = JobKey> {
    (0..MARKED_JOBS).map(marked_job)
}

fn marked_job(number: i64) -> JobKey {
    JobKey::in_app("markers", "", number)
}

/// An event that no other batch contains and no prune removes.
pub(crate) fn marker(number: usize, place: &str) -> Event {
    let at = Timestamp::from_millis(START_MS + 29 * DAY_MS);
    let job = marked_job(number as i64 % MARKED_JOBS);
    Event::task_end(job, at, "ada", marker_id(number, place), 1, true).unwrap()
}

pub(crate) fn marker_id(number: usize, place: &str) -> String {
    format!("{place} of {number}")
}

/// The source of a log's snapshot, and the executor that no other snapshot has.
pub(crate) fn log_marker(number: usize) -> ((String, String), String) {
    let app = APPS[number / LOG_EVERY % APPS.len()].to_owned();
    ((app, String::new()), format!("of log {number}"))
}

fn log(number: usize) -> LogSnapshot {
    let ((app_id, attempt_id), executor) = log_marker(number);
    let events = number as u64;
    let at = |ms: i64| Some(Timestamp::from_millis(START_MS + ms));
    let mut tasks = TaskTotals::default();
    (0..number as i64 % 9).for_each(|task| tasks.record(TaskOutcome::Succeeded, 100 * task));
    let job = |job_id: i64| {
        fact!(LogJob {
            job_id,
            ended: true,
            events,
            job_result: "JobSucceeded".to_owned(),
            user: format!("data_engineer_{}@example.com", number % 5),
            submission_time: at(job_id * DAY_MS),
            completion_time: at(job_id * DAY_MS + events as i64 * 1_000),
            tasks: tasks.clone(),
        })
    };
    fact!(LogSnapshot {
        application: fact!(Application {
            app_id,
            attempt_id,
            start_time: at(0),
            events,
            tasks: tasks.clone(),
        }),
        jobs: (0..=number as i64 % 7).map(job).collect(),
        stages: vec![fact!(Stage { stage_id: number as i64 % 4, events })],
        executors: vec![fact!(Executor { id: executor, events })],
    })
}

/// How many applications are stored at first and removed at the end.
const REMOVABLE: usize = 80;

/// The day before which every other of [`removable`] had ended.
pub(crate) fn logs_pruned_before() -> Day {
    Timestamp::from_millis(START_MS).day()
}

/// The user of the jobs of [`removable`], whose roll-ups a dump always has.
pub(crate) const REMOVABLE_USER: &str = "bob";

/// Logs of applications that are removed at the end: the even ones pruned with their jobs, the odd ones forgotten.
pub(crate) fn removable() -> impl Iterator<Item = LogSnapshot> {
    (0..REMOVABLE).map(|number| {
        let days = if number % 2 == 0 { -1 } else { 1 };
        let end = Some(Timestamp::from_millis(START_MS + days * DAY_MS));
        let job = |job_id: i64| {
            fact!(LogJob {
                job_id,
                ended: true,
                job_result: "JobSucceeded".to_owned(),
                user: REMOVABLE_USER.to_owned(),
                submission_time: Some(Timestamp::from_millis(START_MS - 9 * DAY_MS)),
                completion_time: end,
            })
        };
        fact!(LogSnapshot {
            application: fact!(Application {
                app_id: format!("removable-{number}"),
                start_time: Some(Timestamp::from_millis(START_MS - 9 * DAY_MS)),
                ended: true,
                end_time: end,
            }),
            jobs: (0..3).map(job).collect(),
            stages: vec![fact!(Stage { stage_id: 0 })],
        })
    })
}

/// Whether one of [`removable`] is removed by a prune.
pub(crate) fn is_pruned(log: &LogSnapshot) -> bool {
    log.application.is_before(logs_pruned_before())
}

/// What a store must answer that has some of the inputs, and those of [`removable`] for which `holds` is true. Pruned
/// ones count in its roll-ups all the same if all of them were stored.
pub(crate) fn expected<'i>(
    inputs: impl Iterator<Item = &'i Input>,
    are_removable_stored: bool,
    holds: impl Fn(&LogSnapshot) -> bool,
) -> Dump {
    let mut reference = Reference::default();
    let mut apps = APPS.map(|app| (app.to_owned(), String::new())).to_vec();
    for log in removable().filter(|log| are_removable_stored && is_pruned(log) && !holds(log)) {
        reference.ingest_log(log);
    }
    reference.prune_logs(logs_pruned_before(), PruneScope::Jobs);
    // From here on nothing that is held may be refused: the day is that of the model alone.
    let pruned = reference.rollups();
    let mut reference = Reference::default();
    for log in removable().filter(|log| are_removable_stored && holds(log)) {
        apps.push((log.application.app_id.clone(), String::new()));
        reference.ingest_log(log);
    }
    for input in inputs {
        match input {
            Input::Events(events) => events.iter().for_each(|event| reference.ingest(event)),
            Input::Log(log) => reference.ingest_log((**log).clone()),
        }
    }
    let mut dump = Dump::of_reference(&reference, &apps);
    for (key, rollup) in pruned {
        *dump.rollups.entry(key).or_default() += &rollup;
    }
    dump
}
