use super::*;
use spark_analytics_core::log::{
    Application, Environment, Executor, LogJob, LogRun, LogSnapshot, LogSource, SqlExecution,
    Stage, fact,
};
use spark_analytics_core::{
    AttemptKey, Day, FigureSource, JobFilter, LogReceipt, MemoryStore, OtherRun, TaskOutcome,
};

use crate::Dump;
use crate::difference::assert_eq;

pub(super) fn job(job_id: i64, events: u64, end: Option<i64>) -> LogJob {
    let mut job = fact!(LogJob {
        job_id,
        ended: end.is_some(),
        events,
        user: "eve".to_owned(),
        name: "count at é.py:9".to_owned(),
        submission_time: Some(at(0)),
        completion_time: end.map(at),
        job_result: if end.is_some() { "JobSucceeded".to_owned() } else { String::new() },
        stage_ids: vec![2, 1],
    });
    for _ in 0..events {
        job.tasks.record(TaskOutcome::Killed, 100);
        job.tasks.record(TaskOutcome::Succeeded, 300);
    }
    job
}

pub(super) fn log(app_id: &str, run: i64, events: u64, jobs: Vec<LogJob>) -> LogSnapshot {
    fact!(LogSnapshot {
        application: fact!(Application {
            app_id: app_id.to_owned(),
            start_time: Some(at(run)),
            events,
            name: "etl".to_owned(),
        }),
        jobs,
        stages: vec![fact!(Stage { stage_id: 1, events })],
        executors: vec![fact!(Executor { id: "driver".to_owned(), events })],
        environment: Some(fact!(Environment { events })),
        sql: vec![fact!(SqlExecution { execution_id: 1, events })],
    })
}

pub(super) async fn import(store: &Arc<dyn Store>, log: LogSnapshot) -> LogReceipt {
    store.ingest_logs(vec![log], Vec::new()).await.expect("takes a log").remove(0)
}

/// Both are kept side by side; only the log's end decides which of them supplies the figures.
pub fn a_log_takes_precedence_over_events_once_it_has_the_end<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::in_app("app", "", 1);
        send(&store, whole_job(&key, 0, 9, "ada", "JobFailed")).await;
        let events_figures = figures(&store, &key).await.expect("complete");
        import(&store, log("app", 0, 1, vec![job(1, 1, None), job(2, 3, None)])).await;
        let with_names = figures(&store, &key).await.expect("complete");
        assert!(with_names.labels.is_some() && events_figures.labels.is_none());
        assert_eq!(Job { labels: None, ..with_names }, events_figures);
        assert_eq!(figures(&store, &JobKey::in_app("app", "", 2)).await, None);

        let receipt = import(&store, log("app", 0, 2, vec![job(1, 2, Some(20))])).await;
        let expected = LogReceipt {
            jobs: 1,
            stages: 1,
            executors: 1,
            sql: 1,
            environment: true,
            application: true,
            ..LogReceipt::default()
        };
        assert_eq!(receipt, expected);
        let by_log = figures(&store, &key).await.expect("complete");
        assert_eq!(
            (by_log.source, by_log.user.as_str(), by_log.end),
            (FigureSource::Log, "eve", at(20))
        );
        assert_eq!((by_log.tasks.task_count(), by_log.tasks.killed), (2, 2));
        let ada = store.rollups(Day::MIN, Day::MAX, Some("ada")).await.expect("reads");
        assert!(ada.is_empty(), "the events' figures are out of the roll-ups");
        send(&store, vec![task(&key, 3, "late", 1, true)]).await;
        assert_eq!(figures(&store, &key).await, Some(by_log.clone()));
        let listed = store.jobs(&JobFilter::default(), None, 10).await.expect("reads");
        assert_eq!(listed, [by_log]);
        assert_eq!(store.events(&key, None, 10).await.expect("reads").len(), 4);
        let record = store.job(&key).await.expect("reads").expect("held");
        assert_eq!(record.events.tasks.succeeded, 2, "events are kept beside the log");
        assert_eq!(record.log.expect("held").stage_ids, [2, 1]);
    });
}

/// The same log twice, or a shorter copy of it, changes nothing.
pub fn reading_a_log_again_changes_nothing<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let whole = log("app", 0, 9, vec![job(1, 3, Some(20)), job(2, 3, Some(30))]);
        assert!(!import(&store, whole.clone()).await.is_unchanged());
        let figures = Dump::of(&store).await.expect("reads");
        assert_eq!(figures.logs[&("app".to_owned(), String::new())], whole);
        assert!(import(&store, whole).await.is_unchanged());
        let shorter = log("app", 0, 5, vec![job(1, 3, Some(20)), job(2, 2, None)]);
        assert!(import(&store, shorter).await.is_unchanged());
        assert_eq!(Dump::of(&store).await.expect("reads"), figures);
    });
}

/// Each fact is replaced independently of the others.
pub fn the_greater_of_two_facts_wins<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        import(&store, log("app", 0, 5, vec![job(1, 3, None), job(2, 3, Some(30))])).await;
        let receipt = import(&store, log("app", 0, 4, vec![job(1, 1, Some(9)), job(2, 9, None)]));
        assert_eq!(receipt.await, LogReceipt { jobs: 1, ..LogReceipt::default() });
        let held = store.log(&AttemptKey::new("app", "")).await.expect("reads").expect("held");
        assert_eq!(held.jobs, [job(1, 1, Some(9)), job(2, 3, Some(30))]);
        assert_eq!((held.stages[0].events, held.executors[0].events), (5, 5));
        assert_eq!(held.environment.map(|environment| environment.events), Some(5));
        assert_eq!(held.sql[0].events, 5);
    });
}

/// Two start times under one id are two runs, and the later one counts, in whichever order they arrive.
pub fn a_later_run_replaces_an_earlier_one<F: Fixture>() {
    let mut early = log("app", 0, 9, vec![job(1, 3, Some(20)), job(2, 3, Some(30))]);
    early.stages.push(fact!(Stage { stage_id: 7 }));
    early.executors.push(fact!(Executor { id: "7".to_owned() }));
    early.sql.push(fact!(SqlExecution { execution_id: -7 }));
    let mut late = log("app", 5, 1, vec![job(1, 1, Some(40)), job(3, 1, None)]);
    late.environment = None;
    for late_first in [false, true] {
        with_store::<F, _>(async |store: Arc<dyn Store>| {
            let key = JobKey::in_app("app", "", 2);
            send(&store, vec![task(&key, 1, "t1", 1, true)]).await;
            let (first, second) = if late_first { (&late, &early) } else { (&early, &late) };
            import(&store, first.clone()).await;
            let receipt = import(&store, second.clone()).await;
            assert_eq!(receipt.is_unchanged(), late_first);
            let other = match late_first {
                true => OtherRun::Kept { started: Some(at(5)) },
                false => OtherRun::Removed { started: Some(at(0)), jobs: 2 },
            };
            assert_eq!(receipt.other_run, Some(other));
            let held = store.log(&AttemptKey::new("app", "")).await.expect("reads").expect("held");
            assert_eq!(held, late);
            let jobs = store.jobs(&JobFilter::default(), None, 10).await.expect("reads");
            assert_eq!(jobs.iter().map(|j| j.key.job_id).collect::<Vec<_>>(), [1]);
            let days = store.rollups(Day::MIN, Day::MAX, None).await.expect("reads");
            assert_eq!((days.len(), days[0].1.jobs()), (1, 1));
            assert_eq!(store.events(&key, None, 10).await.expect("reads").len(), 1);
            let record = store.job(&key).await.expect("reads").expect("its event is held");
            assert_eq!((record.log, record.events.tasks.succeeded), (None, 1));
        });
    }
}

/// Two runs that start at the same time are told apart by their users: their jobs are never mixed.
pub fn runs_of_two_users_are_not_mixed<F: Fixture>() {
    let of = |user: &str, jobs| {
        let mut log = log("app", 0, 9, jobs);
        log.application.user = user.to_owned();
        log
    };
    let ann = of("ann", vec![job(1, 3, Some(20)), job(2, 3, Some(30))]);
    let mut bob = of("bob", vec![job(1, 1, Some(40))]);
    bob.application.events = 1;
    for bob_first in [false, true] {
        with_store::<F, _>(async |store: Arc<dyn Store>| {
            let (first, second) = if bob_first { (&bob, &ann) } else { (&ann, &bob) };
            import(&store, first.clone()).await;
            let other = import(&store, second.clone()).await.other_run;
            let started = Some(at(0));
            let expected = match bob_first {
                true => OtherRun::Kept { started },
                false => OtherRun::Removed { started, jobs: 2 },
            };
            assert_eq!(other, Some(expected));
            let held = store.log(&AttemptKey::new("app", "")).await.expect("reads").expect("held");
            assert_eq!(held, bob);
            assert_eq!(import(&store, bob.clone()).await, LogReceipt::default());
        });
    }
}

/// This includes the same application twice in a batch.
pub fn a_batch_of_logs_equals_one_by_one<F: Fixture>() {
    with_store::<F, _>(async |many: Arc<dyn Store>| {
        let one: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let logs = vec![
            log("a", 0, 3, vec![job(1, 1, Some(20)), job(2, 1, None)]),
            log("b", 0, 1, vec![job(1, 2, Some(30))]),
            log("a", 0, 5, vec![job(1, 3, Some(20)), job(2, 2, Some(40))]),
            log("a", 0, 2, vec![job(1, 1, Some(20))]),
        ];
        let mut receipts = Vec::new();
        for log in logs.clone() {
            receipts.push(import(&one, log).await);
        }
        assert_eq!(many.ingest_logs(logs, Vec::new()).await.expect("takes logs"), receipts);
        let (one, many) = (Dump::of(&*one).await, Dump::of(&*many).await);
        assert_eq!(many.expect("reads"), one.expect("reads"));
    });
}

/// The last source of a location counts, and no figure depends on sources.
pub fn the_sources_of_logs_are_recorded<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let source = |location: &str, size: u64| {
            let run = fact!(LogRun { app_id: "é".to_owned(), user: format!("{size}") });
            LogSource::new(location, size, at(7)).with_run((size > 1).then_some(run))
        };
        let note = async |sources: Vec<LogSource>| {
            store.ingest_logs(Vec::new(), sources).await.expect("notes");
        };
        let recorded = async |location: &str| store.log_source(location).await.expect("reads");
        assert_eq!(recorded("/logs/é").await, None);
        let empty = Dump::of(&*store).await.expect("reads");
        note(vec![source("/logs/é", 1), source("b", u64::MAX), source("/logs/é", 2)]).await;
        assert_eq!(recorded("/logs/é").await, Some(source("/logs/é", 2)));
        assert_eq!(recorded("b").await, Some(source("b", u64::MAX)));
        note(vec![source("b", 0), source(&"x".repeat(5_000), 1), source("a\0", 1)]).await;
        assert_eq!(recorded("b").await, Some(source("b", 0)));
        assert_eq!(recorded(&"x".repeat(5_000)).await, None);
        assert_eq!(recorded("a\0").await, None);
        assert_eq!(Dump::of(&*store).await.expect("reads"), empty);
    });
}
