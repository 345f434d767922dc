use super::faults::yield_now;
use super::logs::{import, job, log};
use super::*;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use spark_analytics_core::backend::FORGOTTEN_INPUT;
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{AttemptKey, Day, OtherRun, PruneScope, PrunedLogs, Refusal, Rejection};

use crate::difference::assert_eq;
use crate::{Dump, Reference};

const DAY: i64 = 86_400;

/// A log of one job whose application ended on a day, counted from that of `at(0)`.
fn log_until(app_id: &str, run: i64, day: i64) -> LogSnapshot {
    let mut log = log(app_id, run, 1, vec![job(1, 1, Some(day * DAY))]);
    // A dump reads the roll-ups of this user also if there is no job.
    log.jobs[0].user = "ada".to_owned();
    log.application.ended = true;
    log.application.end_time = Some(at(day * DAY));
    log
}

fn day(day: i64) -> Day {
    at(day * DAY).day()
}

async fn dump(store: &Arc<dyn Store>) -> Dump {
    Dump::of(store).await.expect("reads")
}

async fn prune(store: &Arc<dyn Store>, before: Day, scope: PruneScope) -> (u64, u64, Day) {
    let PrunedLogs { applications, jobs, before, .. } =
        store.prune_logs(before, scope).await.expect("prunes logs");
    (applications, jobs, before)
}

async fn forget(store: &Arc<dyn Store>, app: &str, attempt: Option<&str>) -> (u64, u64) {
    let forgotten = store.forget(app, attempt).await.expect("forgets");
    (forgotten.attempts, forgotten.jobs)
}

/// Stages, executors, environment and SQL are gone; the application, its jobs and all figures stay. The log is refused,
/// and a longer one that is not old brings all facts back.
pub fn old_applications_lose_their_facts_and_keep_their_figures<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        import(&store, log_until("old", 0, 0)).await;
        import(&store, log_until("young", 0, 1)).await;
        let before = dump(&store).await;
        assert_eq!(prune(&store, day(1), PruneScope::Facts).await, (1, 0, day(1)));
        let after = dump(&store).await;
        assert_eq!((&after.jobs, &after.rollups), (&before.jobs, &before.rollups));
        let key = |app: &str| (app.to_owned(), String::new());
        assert_eq!(after.logs[&key("young")], before.logs[&key("young")]);
        let mut expected = before.logs[&key("old")].clone();
        expected.application.facts_pruned = true;
        expected.stages.clear();
        expected.executors.clear();
        expected.environment = None;
        expected.sql.clear();
        assert_eq!(after.logs[&key("old")], expected);

        assert_eq!(prune(&store, day(1), PruneScope::Facts).await, (0, 0, day(1)), "again");
        let refused = import(&store, log_until("old", 0, 0)).await;
        assert_eq!(refused.refused, Some(Refusal::TooOld));
        assert!(refused.is_unchanged());
        let unknown = import(&store, log_until("unknown", 0, 0)).await;
        assert_eq!(unknown.refused, Some(Refusal::TooOld));
        assert_eq!(dump(&store).await, after);

        let mut longer = log_until("old", 0, 2);
        longer.application.events = 2;
        let taken = import(&store, longer.clone()).await;
        assert_eq!((taken.stages, taken.application, taken.refused), (1, true, None));
        assert_eq!(store.log(&AttemptKey::new("old", "")).await.expect("reads"), Some(longer));
        let mut reference = Reference::default();
        reference.ingest_log(log_until("young", 0, 1));
        reference.ingest_log(log_until("old", 0, 2));
        assert_eq!(dump(&store).await.rollups, reference.rollups());
    });
}

/// With their jobs applications are gone from all lists; their part in roll-ups stays, and no later input about them
/// counts, whatever its time.
pub fn pruned_jobs_stay_in_rollups_and_never_count_again<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (of_log, of_events) = (JobKey::in_app("old", "", 1), JobKey::in_app("old", "", 2));
        import(&store, log_until("old", 0, 0)).await;
        send(&store, whole_job(&of_events, 0, 60, "ada", "JobFailed")).await;
        send(&store, vec![start(&JobKey::in_app("old", "", 3), 0, "ada")]).await;
        let before = dump(&store).await;
        assert_eq!(prune(&store, day(1), PruneScope::Jobs).await, (1, 3, day(1)));
        let after = dump(&store).await;
        assert_eq!(after, Dump { rollups: before.rollups, ..Dump::default() });
        for key in [&of_log, &of_events] {
            assert_eq!(store.job(key).await.expect("reads"), None);
            assert!(store.events(key, None, 9).await.expect("reads").is_empty());
        }

        let late = whole_job(&of_events, 3 * DAY, 3 * DAY + 60, "ada", "JobFailed");
        assert_eq!(send(&store, late).await, [Receipt::TooOld; 3]);
        for log in [log_until("old", 0, 0), log_until("old", 0, 3)] {
            assert_eq!(import(&store, log).await.refused, Some(Refusal::TooOld));
        }
        assert_eq!(dump(&store).await, after);

        let later = import(&store, log_until("old", DAY, 3)).await;
        assert_eq!((later.jobs, later.refused), (1, None), "another run is another thing");
        let jobs = dump(&store).await.jobs;
        assert_eq!(jobs.len(), 1);
        assert_eq!(prune(&store, day(0), PruneScope::Jobs).await, (0, 0, day(1)));
    });
}

/// An application without an end is as old as its latest event, and one without a time is never old. The day only
/// moves forward.
pub fn a_prune_of_logs_keeps_recent_applications<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let mut silent = log("silent", 0, 1, vec![job(1, 1, Some(9))]);
        silent.application.last_event_time = Some(at(DAY));
        let started = log("started", 0, 1, Vec::new());
        let mut timeless = log("timeless", 0, 1, Vec::new());
        timeless.application.start_time = None;
        for log in [silent.clone(), started, timeless, log_until("ended", 0, 2)] {
            import(&store, log).await;
        }
        send(&store, whole_job(&JobKey::new(1), 0, 9, "ada", "JobFailed")).await;
        assert_eq!(prune(&store, day(0), PruneScope::Jobs).await, (0, 0, day(0)));
        assert_eq!(prune(&store, day(1), PruneScope::Facts).await, (1, 0, day(1)), "started");
        assert_eq!(prune(&store, day(0), PruneScope::Jobs).await, (0, 0, day(1)));
        assert_eq!(prune(&store, day(2), PruneScope::Jobs).await, (2, 1, day(2)), "silent");
        assert_eq!(prune(&store, day(3), PruneScope::Jobs).await, (1, 1, day(3)), "ended");
        let left = dump(&store).await;
        let apps: Vec<&str> = left.logs.keys().map(|(app, _)| app.as_str()).collect();
        assert_eq!(apps, ["timeless"]);
        assert_eq!(left.jobs.len(), 1, "an event's job without an application is not a log's");
        assert_eq!(import(&store, silent).await.refused, Some(Refusal::TooOld));
    });
}

/// Facts, jobs, raw events and roll-ups are as if the application had never been seen.
pub fn a_forgotten_application_leaves_no_trace<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        import(&store, log_until("b", 0, 0)).await;
        send(&store, whole_job(&JobKey::in_app("c", "", 1), 0, 9, "bob", "JobFailed")).await;
        let without = dump(&store).await;
        let (both, of_events) = (JobKey::in_app("a", "", 1), JobKey::in_app("a", "", 7));
        let mut a = log_until("a", 0, 0);
        a.jobs.push(job(2, 3, Some(DAY)));
        import(&store, a).await;
        send(&store, whole_job(&both, 0, 9, "ada", "JobFailed")).await;
        send(&store, whole_job(&of_events, 0, DAY, "bob", "JobSucceeded")).await;
        let rejections = [r#"{"app_id":"a","job_id":-1}"#, r#"{"app_id":"aa"}"#, "a"];
        let rejections = rejections.map(|raw| Rejection::new(at(1), "no event", raw.as_bytes()));
        store.reject(rejections.to_vec()).await.expect("stores");
        assert_eq!(forget(&store, "a", Some("other")).await, (0, 0));
        let rejected = async || store.rejected(None, 9).await.expect("reads");
        assert_eq!(rejected().await[2].rejection, rejections[0], "it may be of any attempt");
        assert_eq!(forget(&store, "a", None).await, (1, 3));
        let left: Vec<Rejection> = rejected().await.into_iter().map(|r| r.rejection).collect();
        let removed = Rejection::new(at(1), FORGOTTEN_INPUT, b"");
        assert_eq!(left, [rejections[2].clone(), rejections[1].clone(), removed]);
        assert_eq!(dump(&store).await, without);
        assert_eq!(store.log(&AttemptKey::new("a", "")).await.expect("reads"), None);
        for key in [both, of_events] {
            assert_eq!(store.job(&key).await.expect("reads"), None);
            assert!(store.events(&key, None, 9).await.expect("reads").is_empty());
        }
        assert_eq!(forget(&store, "c", Some("")).await, (1, 1), "known from events alone");
        assert_eq!(forget(&store, "b", None).await, (1, 1));
        assert_eq!(dump(&store).await, Dump::default());
    });
}

/// Its events are refused whatever their time, and the logs of the run that was forgotten; of an application without a
/// known run all logs. Once several runs were removed, only a later one is accepted.
pub fn a_forgotten_application_is_refused_and_another_run_is_accepted<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::in_app("a", "", 1);
        import(&store, log_until("a", 5, 0)).await;
        forget(&store, "a", None).await;
        let events = whole_job(&key, 9 * DAY, 9 * DAY + 1, "ada", "JobFailed");
        assert_eq!(send(&store, events).await, [Receipt::TooOld; 3]);
        for log in [log_until("a", 5, 9), log("a", 5, 9, Vec::new())] {
            let receipt = import(&store, log).await;
            assert_eq!(receipt.refused, Some(Refusal::Forgotten));
            assert!(receipt.is_unchanged());
        }
        assert_eq!(dump(&store).await, Dump::default());
        assert_eq!(import(&store, log_until("a", 6, 0)).await.jobs, 1);
        assert_eq!(send(&store, vec![start(&key, 0, "ada")]).await, [Receipt::TooOld]);
        assert_eq!(forget(&store, "a", None).await, (1, 1), "the later run, too");
        for start in [6, 5, 4] {
            let refused = import(&store, log_until("a", start, 0)).await.refused;
            assert_eq!(refused, Some(Refusal::Forgotten), "{start}");
        }
        assert_eq!(import(&store, log_until("a", 7, 0)).await.jobs, 1);
        assert_eq!(forget(&store, "a", None).await, (1, 1));

        send(&store, vec![start(&JobKey::in_app("b", "", 1), 0, "ada")]).await;
        assert_eq!(forget(&store, "b", None).await, (1, 1));
        assert_eq!(import(&store, log_until("b", 99, 9)).await.refused, Some(Refusal::Forgotten));
        assert_eq!(dump(&store).await, Dump::default());

        // Of what was pruned nothing is left to forget but its part in roll-ups, which no longer says whose it is.
        import(&store, log_until("c", 0, 0)).await;
        prune(&store, day(1), PruneScope::Jobs).await;
        assert_eq!(forget(&store, "c", None).await, (0, 0));
        assert_eq!(import(&store, log_until("c", 0, 9)).await.refused, Some(Refusal::TooOld));
        import(&store, log_until("c", 5 * DAY, 9)).await;
        assert_eq!(forget(&store, "c", None).await, (1, 1));
        assert_eq!(import(&store, log_until("c", 0, 9)).await.refused, Some(Refusal::TooOld));
        assert_eq!(dump(&store).await.rollups.len(), 2);
    });
}

/// A run that replaced another one under the same id, by a false start perhaps, can be taken back: once it is forgotten,
/// the log of the other is stored as if there had been no other.
pub fn forgetting_a_run_lets_the_one_that_it_replaced_return<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        import(&store, log_until("a", 1, 0)).await;
        let before = dump(&store).await;
        let replaced = import(&store, log_until("a", 5, 0)).await.other_run;
        assert_eq!(replaced, Some(OtherRun::Removed { started: Some(at(1)), jobs: 1 }));
        let kept = import(&store, log_until("a", 1, 0)).await.other_run;
        assert_eq!(kept, Some(OtherRun::Kept { started: Some(at(5)) }));
        assert_eq!(forget(&store, "a", None).await, (1, 1));
        let back = import(&store, log_until("a", 1, 0)).await;
        assert_eq!((back.jobs, back.refused, back.other_run), (1, None, None));
        assert_eq!(dump(&store).await, before);
        assert_eq!(import(&store, log_until("a", 5, 0)).await.refused, Some(Refusal::Forgotten));
        assert_eq!(dump(&store).await, before);
    });
}

/// Attempts are forgotten one by one or all together.
pub fn one_attempt_is_forgotten_and_the_others_stay<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let attempt = |id: &str| {
            let mut log = log_until("a", 0, 0);
            log.application.attempt_id = id.to_owned();
            log
        };
        for log in [attempt("1"), attempt("2"), attempt("3"), log_until("a1", 0, 0)] {
            import(&store, log).await;
        }
        assert_eq!(forget(&store, "a", Some("2")).await, (1, 1));
        let left = dump(&store).await;
        let mut reference = Reference::default();
        for log in [attempt("1"), attempt("3"), log_until("a1", 0, 0)] {
            reference.ingest_log(log);
        }
        let keys: Vec<_> = left.logs.keys().cloned().collect();
        assert_eq!(left, Dump::of_reference(&reference, &keys));
        assert_eq!(keys.len(), 3);
        assert_eq!(forget(&store, "a", None).await, (2, 2), "all that are left");
        let logs = dump(&store).await.logs;
        assert_eq!(logs.keys().map(|key| key.0.as_str()).collect::<Vec<_>>(), ["a1"]);
    });
}

/// Nothing is stored for an unknown application, and events without an application cannot be forgotten.
pub fn an_unknown_application_cannot_be_forgotten<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        send(&store, whole_job(&JobKey::new(1), 0, 9, "ada", "JobFailed")).await;
        import(&store, log_until("a", 0, 0)).await;
        let before = dump(&store).await;
        for (app, attempt) in [("b", None), ("a", Some("1")), ("", None), ("", Some(""))] {
            assert_eq!(forget(&store, app, attempt).await, (0, 0));
        }
        assert_eq!(dump(&store).await, before);
        assert_eq!(import(&store, log_until("b", 0, 0)).await.jobs, 1);
        assert_eq!(forget(&store, "b", None).await, (1, 1));
        assert_eq!(forget(&store, "b", None).await, (0, 0), "nothing is left of it");
        let source = LogSource::new("/logs/b", 1, at(0));
        store.ingest_logs(vec![log_until("b", 0, 0)], vec![source.clone()]).await.expect("notes");
        let noted = store.log_source("/logs/b").await.expect("reads");
        assert_eq!(noted, Some(source), "it need not be read again");
        assert_eq!(dump(&store).await, before);
    });
}

/// The day, and what was removed, outlast the store's end.
pub fn removed_data_stays_removed_in_a_reopened_store<F: Fixture>() {
    F::block_on(async {
        let fixture = F::new(Dedup::WithTask);
        let store = fixture.open().await.expect("opens");
        for log in [log_until("a", 0, 3), log_until("b", 0, 0)] {
            import(&store, log).await;
        }
        forget(&store, "a", None).await;
        prune(&store, day(1), PruneScope::Jobs).await;
        let before = dump(&store).await;
        let store = fixture.reopen(store).await;
        assert_eq!(dump(&store).await, before);
        let refused = async |log| import(&store, log).await.refused;
        assert_eq!(refused(log_until("a", 0, 3)).await, Some(Refusal::Forgotten));
        assert_eq!(refused(log_until("b", 0, 3)).await, Some(Refusal::TooOld));
        assert_eq!(refused(log_until("c", 0, 0)).await, Some(Refusal::TooOld));
        assert_eq!(refused(log_until("c", 0, 1)).await, None);
        let event = start(&JobKey::in_app("b", "", 1), 9 * DAY, "ada");
        assert_eq!(send(&store, vec![event]).await, [Receipt::TooOld]);
        store.close().await.expect("closes");
    });
}

/// Whatever of an application arrives before, while and after it is forgotten: at the end nothing is there, and the
/// roll-ups are those of all others.
pub fn nothing_reappears_while_it_is_forgotten<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (mut reference, mut apps) = (Reference::default(), Vec::new());
        for round in 0..6 {
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            import(&store, log_until(&a, 0, 0)).await;
            let calls = (0..24).map(|call| {
                let (store, a, b) = (Arc::clone(&store), a.clone(), b.clone());
                async move {
                    if call == 12 {
                        store.forget(&a, None).await.map(drop)
                    } else if call % 3 == 0 {
                        let logs = vec![log_until(&b, 0, call), log_until(&a, 0, call)];
                        store.ingest_logs(logs, Vec::new()).await.map(drop)
                    } else {
                        let job = |app: &str| JobKey::in_app(app, "", call);
                        let mut events = whole_job(&job(&a), call, 60, "ada", "JobFailed");
                        events.extend(whole_job(&job(&b), call, 60, "ada", "JobFailed"));
                        store.ingest(events).await.map(drop)
                    }
                }
            });
            for done in join_all(calls).await {
                done.expect("is done");
            }
            for call in 0..24 {
                if call % 3 == 0 && call != 12 {
                    reference.ingest_log(log_until(&b, 0, call));
                } else if call != 12 {
                    let key = JobKey::in_app(&*b, "", call);
                    let events = whole_job(&key, call, 60, "ada", "JobFailed");
                    events.iter().for_each(|event| reference.ingest(event));
                }
            }
            apps.push((b, String::new()));
        }
        assert_eq!(dump(&store).await, Dump::of_reference(&reference, &apps));
    });
}

/// Polls a call a few times and drops it; what it has begun to write is over when this returns.
async fn drop_after(store: &Arc<dyn Store>, polls: i64, mut call: BoxFuture<'_, ()>) {
    for _ in 0..polls {
        if (&mut call).now_or_never().is_some() {
            break;
        }
        yield_now().await;
    }
    drop(call);
    send(store, vec![start(&JobKey::new(polls), 99 * DAY, "ada")]).await;
}

/// A prune, or an application being forgotten, whose call was dropped after any number of polls has removed whole
/// applications or nothing of them, and calling again removes the rest.
pub fn a_dropped_removal_leaves_applications_whole<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let jobs = async || {
            let days = store.rollups(Day::MIN, Day::MAX, None).await.expect("reads");
            days.iter().map(|(_, rollup)| rollup.jobs()).sum::<i64>()
        };
        let is_whole = async |app: &str, attempt: &str| {
            let log = store.log(&AttemptKey::new(app, attempt)).await.expect("reads");
            let job = store.job(&JobKey::in_app(app, attempt, 1)).await.expect("reads");
            assert_eq!(log.is_some(), job.is_some(), "{app} {attempt}");
            log.is_some()
        };
        for polls in 0..10 {
            let apps: Vec<String> = (0..40).map(|number| format!("{polls}-{number}")).collect();
            let logs = apps.iter().map(|app| log_until(app, 0, polls)).collect();
            store.ingest_logs(logs, Vec::new()).await.expect("takes logs");
            let call = store.prune_logs(day(polls + 1), PruneScope::Jobs).map(drop);
            drop_after(&store, polls * 3, call.boxed()).await;
            for app in &apps {
                is_whole(app, "").await;
            }
            assert_eq!(jobs().await, 40 * (polls + 1));
            prune(&store, day(polls + 1), PruneScope::Jobs).await;
            for app in &apps {
                assert!(!is_whole(app, "").await, "{app}");
            }
            assert_eq!(jobs().await, 40 * (polls + 1));
        }
        for polls in 0..10 {
            let app = format!("forgotten-{polls}");
            for attempt in ["1", "2"] {
                let mut log = log_until(&app, 0, 20);
                log.application.attempt_id = attempt.to_owned();
                import(&store, log).await;
            }
            let forget = store.forget(&app, None).map(drop);
            drop_after(&store, polls * 3, forget.boxed()).await;
            let first = is_whole(&app, "1").await;
            assert_eq!(is_whole(&app, "2").await, first, "both or neither");
            assert_eq!(jobs().await, 400 + if first { 2 } else { 0 });
            store.forget(&app, None).await.expect("forgets");
            assert!(!is_whole(&app, "1").await && !is_whole(&app, "2").await);
            assert_eq!(jobs().await, 400);
        }
    });
}
