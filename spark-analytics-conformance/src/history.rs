//! Generated inputs for a store, from ranges so small that inputs often collide.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use spark_analytics_core::log::{
    Application, Environment, Executor, LogJob, LogSnapshot, Process, ResourceProfile, Speculation,
    SqlExecution, Stage, StageStatus, fact,
};
use spark_analytics_core::{Day, Event, JobKey, PruneScope, TaskOutcome, TaskTotals, Timestamp};

/// One input to a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A single event.
    Event(Event),
    /// The snapshot of a log.
    Log(Box<LogSnapshot>),
}

/// One change of a store's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Something to ingest.
    Ingest(Input),
    /// A prune of logs.
    PruneLogs(Day, PruneScope),
    /// An application to forget, and perhaps which attempt.
    Forget(&'static str, Option<&'static str>),
}

/// Applications of inputs: none, two attempts with one id, and another application.
const APPS: [(&str, &str); 4] = [("", ""), ("app-1", "1"), ("app-1", "2"), ("app-2", "")];

/// Users of inputs.
pub const USERS: [&str; 3] = ["ada", "bob", ""];

/// All applications that [`inputs`] name, as `(app_id, attempt_id)`.
pub fn applications() -> Vec<(String, String)> {
    APPS.iter().map(|(app, attempt)| ((*app).to_owned(), (*attempt).to_owned())).collect()
}

/// Up to `count` inputs of a few jobs with equal ids in several applications: duplicates, conflicts,
/// late and early ends, ends around midnight, and several runs under one id.
pub fn inputs(count: usize) -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![
        12 => event().prop_map(Input::Event),
        1 => log().prop_map(|log| Input::Log(Box::new(log))),
    ];
    vec(input, 0..count)
}

/// Up to `count` operations, most of which ingest such inputs; logs have a latest event.
pub fn operations(count: usize) -> impl Strategy<Value = Vec<Operation>> {
    let log = (log(), option::weighted(0.9, time())).prop_map(|(mut log, last)| {
        log.application.last_event_time = last;
        Input::Log(Box::new(log))
    });
    let day = (19_812..19_816i32).prop_map(Day::from_number);
    let scope = select(vec![PruneScope::Facts, PruneScope::Jobs]);
    let operation = prop_oneof![
        8 => event().prop_map(|event| Operation::Ingest(Input::Event(event))),
        4 => log.prop_map(Operation::Ingest),
        1 => (day, scope).prop_map(|(day, scope)| Operation::PruneLogs(day, scope)),
        1 => (select(APPS.to_vec()), any::<bool>())
            .prop_map(|((app, attempt), one)| Operation::Forget(app, one.then_some(attempt))),
    ];
    vec(operation, 0..count)
}

/// One event of those jobs.
pub fn event() -> impl Strategy<Value = Event> {
    let task = (select(vec!["t1", "t2", "é"]), duration(), any::<bool>());
    let detail = prop_oneof![
        2 => Just(None),
        3 => (time(), result()).prop_map(|end| Some(Err(end))),
        6 => task.prop_map(|task| Some(Ok(task))),
    ];
    (job_key(), time(), user(), detail).prop_map(|(key, at, user, detail)| {
        match detail {
            None => Event::job_start(key, at, user),
            Some(Ok((task, duration_ms, ok))) => {
                Event::task_end(key, at, user, task, duration_ms, ok)
            }
            Some(Err((completion_time, result))) => {
                Event::job_end(key, at, user, completion_time, result)
            }
        }
        .expect("generated events are valid")
    })
}

/// A log of one of the applications.
pub fn log() -> impl Strategy<Value = LogSnapshot> {
    let application = (
        select(APPS[1..].to_vec()),
        option::of(0..2i64),
        any::<bool>(),
        0..3u64,
        any::<i64>(),
        longest(),
        option::of(processes()),
    )
        .prop_map(
            |(
                (app_id, attempt_id),
                start,
                ended,
                events,
                core_time,
                longest_task_ms,
                processes,
            )| {
                fact!(Application {
                    app_id: app_id.to_owned(),
                    attempt_id: attempt_id.to_owned(),
                    start_time: start.map(Timestamp::from_millis),
                    ended,
                    events,
                    name: "etl".to_owned(),
                    core_time_ms: Some(core_time).filter(|time| *time >= 0),
                    longest_task_ms,
                    processes,
                })
            },
        );
    let facts = (vec(log_job(), 0..4), vec(stage(), 0..3), vec(executor(), 0..3));
    (application, facts, option::of(environment()), vec(sql_execution(), 0..3)).prop_map(
        |(application, (jobs, stages, executors), environment, sql)| {
            fact!(LogSnapshot {
                application,
                jobs: unique(jobs, |job| job.job_id),
                stages: unique(stages, |stage| (stage.stage_id, stage.stage_attempt_id)),
                executors: unique(executors, |executor| executor.id.clone()),
                environment,
                sql: unique(sql, |execution| execution.execution_id),
            })
        },
    )
}

fn job_key() -> impl Strategy<Value = JobKey> {
    (select(APPS.to_vec()), 0..2i64)
        .prop_map(|((app, attempt), id)| JobKey::in_app(app, attempt, id))
}

/// Instants around the ends of two days.
fn time() -> impl Strategy<Value = Timestamp> {
    let midnight = 19_813 * 86_400_000_000i64;
    (0..2i64, select(vec![-1_000_000i64, -1, 0, 1, 3_600_000_000]))
        .prop_map(move |(day, us)| Timestamp::from_micros(midnight + day * 86_400_000_000 + us))
}

fn user() -> impl Strategy<Value = &'static str> {
    select(USERS.to_vec())
}

fn result() -> impl Strategy<Value = &'static str> {
    select(vec!["JobSucceeded", "JobFailed", "lost"])
}

fn duration() -> impl Strategy<Value = i64> {
    prop_oneof![0..200i64, 0..=spark_analytics_core::MAX_DURATION_MS]
}

fn tasks() -> impl Strategy<Value = TaskTotals> {
    let outcome = select(vec![TaskOutcome::Succeeded, TaskOutcome::Failed, TaskOutcome::Killed]);
    (vec((outcome, duration()), 0..4), any::<i64>()).prop_map(|(tasks, bytes)| {
        let mut totals = TaskTotals { input_bytes: bytes.into(), ..TaskTotals::default() };
        tasks.iter().for_each(|(outcome, duration_ms)| totals.record(*outcome, *duration_ms));
        totals
    })
}

/// Unknown, as in facts of earlier versions, or some.
fn longest() -> impl Strategy<Value = Option<i64>> {
    option::of(duration())
}

fn processes() -> impl Strategy<Value = BTreeMap<String, Process>> {
    let process = |total_cores| fact!(Process { total_cores, host_port: "h:1".to_owned() });
    btree_map("[ab]", any::<i64>().prop_map(process), 0..2)
}

fn speculation() -> impl Strategy<Value = Option<Speculation>> {
    option::of(
        (0..2i64, any::<i64>())
            .prop_map(|(num_tasks, killed_tasks)| fact!(Speculation { num_tasks, killed_tasks })),
    )
}

fn log_job() -> impl Strategy<Value = LogJob> {
    let long_ago = Just(Timestamp::from_micros(1));
    let times = (option::weighted(0.9, prop_oneof![9 => time(), 1 => long_ago]), time());
    let counts = (0..9i64, longest());
    let texts = (any::<String>(), option::of(any::<String>()), option::of("a|Job 1 cancelled"));
    let labels = (texts, option::of(any::<i64>()));
    let told = (counts, labels);
    (0..2i64, any::<bool>(), 0..3u64, times, user(), result(), tasks(), told).prop_map(
        |(job_id, ended, events, (submission_time, end), user, result, tasks, (counts, labels))| {
            let ((name, description, failure_message), sql_execution_id) = labels;
            fact!(LogJob {
                name: name.replace('\0', ""),
                app_name: description.as_ref().map(|_| "etl".to_owned()),
                description: description.map(|text| text.replace('\0', "")),
                failure_message,
                sql_execution_id,
                job_id,
                ended,
                events,
                submission_time,
                completion_time: ended.then_some(end),
                user: user.to_owned(),
                job_result: if ended { result.to_owned() } else { String::new() },
                num_tasks: counts.0,
                tasks,
                longest_task_ms: counts.1,
            })
        },
    )
}

fn stage() -> impl Strategy<Value = Stage> {
    let ids = (0..2i64, 0..2i64);
    (ids, any::<bool>(), 0..3u64, any::<i64>(), tasks(), longest(), speculation()).prop_map(
        |(
            (stage_id, stage_attempt_id),
            ended,
            events,
            run_time,
            tasks,
            longest_task_ms,
            speculation,
        )| {
            fact!(Stage {
                stage_id,
                stage_attempt_id,
                ended,
                events,
                status: if ended { StageStatus::Complete } else { StageStatus::Active },
                metrics: [("executorRunTime".to_owned(), run_time)].into(),
                tasks,
                longest_task_ms,
                speculation,
            })
        },
    )
}

fn executor() -> impl Strategy<Value = Executor> {
    (select(vec!["driver", "1"]), any::<bool>(), 0..3u64, any::<i64>()).prop_map(
        |(id, ended, events, max_memory)| {
            fact!(Executor { id: id.to_owned(), ended, events, max_memory })
        },
    )
}

fn environment() -> impl Strategy<Value = Environment> {
    (0..3u64, select(vec!["é", "x"])).prop_map(|(events, value)| {
        fact!(Environment {
            events,
            java_version: Some("17".to_owned()),
            spark_properties: [("spark.app.name".to_owned(), value.to_owned())].into(),
            resource_profiles: vec![fact!(ResourceProfile {
                task_resources: [("cpus".to_owned(), "1.0".to_owned())].into(),
            })],
        })
    })
}

fn sql_execution() -> impl Strategy<Value = SqlExecution> {
    let ids = select(vec![i64::MIN, -1, 0, 1]);
    (ids, any::<bool>(), 0..3u64, option::of(time()), result()).prop_map(
        |(execution_id, ended, events, submission_time, plan)| {
            fact!(SqlExecution {
                execution_id,
                ended,
                events,
                submission_time,
                error_message: ended.then(String::new),
                plan_description: plan.to_owned(),
            })
        },
    )
}

fn unique<F, K: Ord>(facts: Vec<F>, key: impl Fn(&F) -> K) -> Vec<F> {
    let by_key = facts.into_iter().map(|fact| (key(&fact), fact));
    by_key.collect::<std::collections::BTreeMap<K, F>>().into_values().collect()
}

/// The same `count` inputs at every call.
pub fn sample(count: usize) -> Vec<Input> {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let one = inputs(2);
    let draw = |runner: &mut TestRunner| one.new_tree(runner).map(|tree| tree.current());
    (0..count).flat_map(|_| draw(&mut runner).unwrap_or_default()).collect()
}
