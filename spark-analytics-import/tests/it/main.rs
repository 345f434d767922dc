//! Importing logs in batches and following folders, with real files.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use spark_analytics_conformance::{Call, Probe, When};
use spark_analytics_core::{Error, JobFilter, MemoryStore, Store, Timestamp};
use spark_analytics_eventlog::{FoundLog, find_logs};
use spark_analytics_import::{
    FollowOptions, LogState, Look, Report, Update, follow, known_logs, read_batches,
    source_to_record,
};
use tempfile::TempDir;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/eventlogs");
const MEMORY: usize = 1 << 30;
const INTERVAL: Duration = Duration::from_millis(20);
const END: &str = "{\"Event\":\"SparkListenerApplicationEnd\",\"Timestamp\":1711793600000}\n";

/// A log of an application without jobs that is still running.
fn start(app: &str) -> String {
    format!(
        "{{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"3.5.1\"}}\n\
         {{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"a\",\"App ID\":\"{app}\",\
         \"Timestamp\":1711793500000,\"User\":\"ada\"}}\n"
    )
}

fn whole(app: &str) -> String {
    start(app) + END
}

/// A folder with the sample logs.
fn samples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(SAMPLES).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

async fn import(logs: Vec<FoundLog>, store: &dyn Store) {
    let mut batches = read_batches(logs, MEMORY, |_| false, |_| {});
    while let Some(batch) = batches.next().await.unwrap() {
        batch.store(store).await.unwrap();
    }
}

/// Follows a folder until the awaited update; returns all updates up to it.
async fn follow_until(
    store: Arc<dyn Store>,
    folder: &Path,
    mut is_last: impl FnMut(&Update) -> bool + Send,
) -> Vec<Update> {
    let updates = Mutex::new(Vec::new());
    follow_reports(store, folder, |report| {
        let Report::Log(update) = report else { return false };
        updates.lock().unwrap().push((*update).clone());
        is_last(update)
    })
    .await;
    updates.into_inner().unwrap()
}

/// Follows a folder until a report of it is the one awaited.
async fn follow_reports(
    store: Arc<dyn Store>,
    folder: &Path,
    mut is_last: impl FnMut(&Report<'_>) -> bool + Send,
) {
    let report = |report: &Report<'_>| if is_last(report) { Err(()) } else { Ok(()) };
    let options = FollowOptions::default().interval(INTERVAL).remind_after(INTERVAL);
    let following = follow(store, folder.to_owned(), options, report);
    tokio::time::timeout(Duration::from_secs(60), following).await.expect("the awaited report");
}

/// The applications, the jobs and the sources that a store holds for some logs.
async fn contents(store: &dyn Store, logs: &[FoundLog]) -> String {
    let applications = store.applications(None, 1_000).await.unwrap();
    let jobs = store.jobs(&JobFilter::default(), None, 1_000).await.unwrap();
    let mut sources = Vec::new();
    for log in logs {
        sources.push(store.log_source(&log.source().location).await.unwrap());
    }
    assert!(!applications.is_empty() && !jobs.is_empty());
    assert!(sources.iter().all(Option::is_some), "{sources:?}");
    format!("{applications:#?}\n{jobs:#?}\n{sources:#?}")
}

#[tokio::test]
async fn importing_and_following_give_the_same_figures_and_sources() {
    let folder = samples();
    let found = find_logs(folder.path()).logs;
    let imported: Arc<dyn Store> = Arc::new(MemoryStore::default());
    import(found.clone(), &*imported).await;

    let followed: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut left = found.len();
    let updates = follow_until(Arc::clone(&followed), folder.path(), |_| {
        left -= 1;
        left == 0
    })
    .await;
    assert!(updates.iter().all(|update| update.state == LogState::Ended), "{updates:?}");
    assert_eq!(contents(&*imported, &found).await, contents(&*followed, &found).await);
}

#[tokio::test]
async fn a_followed_log_is_reported_running_and_then_ended() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("app-1.inprogress");
    fs::write(&log, start("app-1")).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let updates = follow_until(Arc::clone(&store), folder.path(), |update| {
        if update.state == LogState::Running {
            let mut log = fs::OpenOptions::new().append(true).open(&log).unwrap();
            log.write_all(END.as_bytes()).unwrap();
        }
        update.state == LogState::Ended
    })
    .await;
    let lines: Vec<String> = updates.iter().map(Update::to_string).collect();
    assert_eq!(lines, ["app-1 (a of ada): 0 jobs, running", "app-1 (a of ada): 0 jobs, ended"]);
}

#[tokio::test]
async fn a_recorded_log_is_not_reported_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app-1"), whole("app-1")).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    follow_until(Arc::clone(&store), folder.path(), |_| true).await;
    fs::write(folder.path().join("app-2"), whole("app-2")).unwrap();
    let updates = follow_until(store, folder.path(), |_| true).await;
    assert_eq!(updates[0].app_id, "app-2");
}

#[tokio::test]
async fn a_batch_has_at_most_64_logs_and_keeps_their_order() {
    let folder = tempfile::tempdir().unwrap();
    for app in 0..130 {
        let app = format!("app-{app:03}");
        fs::write(folder.path().join(&app), whole(&app)).unwrap();
    }
    let found = find_logs(folder.path()).logs;
    let names: Vec<String> = found.iter().map(|log| log.name.clone()).collect();
    let (bytes, read) = (found.iter().map(FoundLog::size).sum::<u64>(), Arc::default());
    let counted: Arc<AtomicU64> = Arc::clone(&read);
    let mut batches = read_batches(
        found,
        MEMORY,
        |_| false,
        move |bytes| {
            counted.fetch_add(bytes, Ordering::Relaxed);
        },
    );
    let (mut sizes, mut order) = (Vec::new(), Vec::new());
    while let Some(batch) = batches.next().await.unwrap() {
        sizes.push(batch.logs().len());
        order.extend(batch.logs().iter().map(|read| read.log.name.clone()));
    }
    assert_eq!(sizes, [64, 64, 2]);
    assert_eq!(order, names);
    assert_eq!(read.load(Ordering::Relaxed), bytes);
}

#[tokio::test]
async fn a_known_log_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    for app in ["app-1", "app-2"] {
        fs::write(folder.path().join(app), whole(app)).unwrap();
    }
    let found = find_logs(folder.path()).logs;
    let is_known = |log: &FoundLog| log.name.ends_with("app-1");
    let mut batches = read_batches(found, MEMORY, is_known, |_| {});
    let batch = batches.next().await.unwrap().unwrap();
    let [log] = batch.logs() else { panic!("{batch:?}") };
    assert!(log.log.name.ends_with("app-2"));
    assert!(batches.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_log_that_cannot_be_read_does_not_keep_others_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    for app in ["app-1", "app-2"] {
        fs::write(folder.path().join(app), whole(app)).unwrap();
    }
    let found = find_logs(folder.path()).logs;
    fs::remove_file(folder.path().join("app-1")).unwrap();
    let store = MemoryStore::default();
    let batch = read_batches(found, MEMORY, |_| false, |_| {}).next().await.unwrap().unwrap();
    let failed: Vec<bool> = batch.logs().iter().map(|read| read.result.is_err()).collect();
    assert_eq!(failed, [true, false]);
    assert_eq!(batch.store(&store).await.unwrap().len(), 1);
    assert_eq!(store.applications(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_source_of_a_log_that_may_grow_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, is_recorded) in [
        ("app-1", start("app-1"), true),
        ("app-2.inprogress", start("app-2"), false),
        ("app-3.inprogress", whole("app-3"), true),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let found = find_logs(&path).logs;
        let batch = read_batches(found, MEMORY, |_| false, |_| {}).next().await.unwrap().unwrap();
        let [read] = batch.logs() else { panic!("{batch:?}") };
        let snapshot = &read.result.as_ref().unwrap().snapshot;
        let source = || read.log.source().with_run(snapshot.application.run());
        assert_eq!(source_to_record(&read.log, snapshot), is_recorded.then(source));
        assert_eq!(batch.into_facts().1.len(), usize::from(is_recorded), "{name}");
    }
}

#[tokio::test]
async fn a_followed_log_of_a_forgotten_application_is_skipped_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    fs::write(folder.path().join("app-1"), whole("app-1")).unwrap();
    import(find_logs(folder.path()).logs, &*store).await;
    store.forget("app-1", None).await.unwrap();
    // At another place it is read again.
    fs::rename(folder.path().join("app-1"), folder.path().join("app-2")).unwrap();
    let updates = follow_until(Arc::clone(&store), folder.path(), |_| true).await;
    let said = updates[0].to_string();
    assert!(said.starts_with("skipped: ") && said.ends_with(": the application was forgotten"));
    assert!(store.applications(None, 9).await.unwrap().is_empty());
}

/// A log of an ended application with so many jobs of a user, of which the first has failed.
fn with_jobs(user: &str, start: i64, jobs: i64) -> String {
    let mut log = format!(
        "{{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"3.5.1\"}}\n\
         {{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"etl\",\"App ID\":\"app-1\",\
         \"Timestamp\":{start},\"User\":\"{user}\"}}\n"
    );
    for job in 0..jobs {
        let result = if job == 0 { "JobFailed" } else { "JobSucceeded" };
        log += &format!(
            "{{\"Event\":\"SparkListenerJobStart\",\"Job ID\":{job},\"Submission Time\":{start},\
             \"Stage Infos\":[]}}\n\
             {{\"Event\":\"SparkListenerJobEnd\",\"Job ID\":{job},\"Completion Time\":{start},\
             \"Job Result\":{{\"Result\":\"{result}\"}}}}\n"
        );
    }
    log + END
}

const T0: i64 = 1_700_000_000_000;

#[tokio::test]
async fn logs_in_folders_below_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("0614-abc/eventlog/0614-abc_10_0_0_1/4113768911260536703");
    fs::create_dir_all(&log).unwrap();
    fs::write(log.join("eventlog"), start("app-1")).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let updates = follow_until(store, folder.path(), |_| true).await;
    assert_eq!(updates[0].to_string(), "app-1 (a of ada): 0 jobs, running");
}

#[tokio::test]
async fn a_log_that_was_closed_without_an_end_has_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let cut = with_jobs("ada", T0, 2).replace(END, "");
    fs::write(folder.path().join("app-cut"), cut).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let updates = follow_until(store, folder.path(), |_| true).await;
    assert_eq!(updates[0].to_string(), "app-1 (etl of ada): 2 jobs, 1 failed, no end");
    assert_eq!(updates[0].state, LogState::NoEnd);
}

#[tokio::test]
async fn a_replaced_run_is_reported_when_it_is_replaced_and_after_each_restart() {
    let folder = tempfile::tempdir().unwrap();
    for (run, user, start, jobs) in [("run1", "ann", T0, 3), ("run2", "bob", T0 + 500, 1)] {
        fs::create_dir(folder.path().join(run)).unwrap();
        fs::write(folder.path().join(run).join("app-1"), with_jobs(user, start, jobs)).unwrap();
    }
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let is_replaced = |update: &Update| update.state == LogState::Replaced;
    let updates = follow_until(Arc::clone(&store), folder.path(), is_replaced).await;
    let lines: Vec<String> = updates.iter().map(Update::to_string).collect();
    let replaced = "app-1 (etl of ann): 3 jobs, 1 failed, replaced by another run of this id, started \
                    2023-11-14T22:13:20.500Z, and its 3 jobs are in no figure";
    let expected = [
        "app-1 (etl of ann): 3 jobs, 1 failed, ended",
        "app-1 (etl of bob): 1 job, 1 failed, ended, replaces another run of this id, started \
         2023-11-14T22:13:20Z, whose 3 jobs left the figures",
        replaced,
    ];
    assert_eq!(lines, expected);
    let updates = follow_until(Arc::clone(&store), folder.path(), is_replaced).await;
    assert_eq!(updates.iter().map(Update::to_string).collect::<Vec<_>>(), [replaced]);
    // The store has the log of the later run only.
    let logs = find_logs(folder.path()).logs;
    let known = known_logs(&*store, &logs).await.unwrap();
    assert_eq!(known.into_keys().collect::<Vec<_>>(), [logs[1].id()]);
}

/// Else the log would keep all real runs of its id out of the store.
#[tokio::test]
async fn a_log_that_starts_in_the_future_is_refused_and_others_are_stored() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let in_hours = |hours: i64| now.as_millis() as i64 + hours * 3_600_000;
    let folder = tempfile::tempdir().unwrap();
    let logs = [("a", T0, 3), ("b", in_hours(25), 1), ("c", i64::MAX, 1)];
    for (name, start, jobs) in logs {
        fs::write(folder.path().join(name), with_jobs("ann", start, jobs)).unwrap();
    }
    let refused = |why: &str, name: &str| match name {
        "b" => why.contains("/b starts in the future, at "),
        _ => why.contains("the time 9223372036854775807 is outside the years 1970 to 2262"),
    };
    let has_real_run = async |store: &dyn Store| {
        let applications = store.applications(None, 9).await.unwrap();
        assert_eq!(applications.len(), 1);
        assert_eq!(applications[0].start_time, Some(Timestamp::from_millis(T0)));
        assert_eq!(store.jobs(&JobFilter::default(), None, 9).await.unwrap().len(), 3);
    };

    let store = MemoryStore::default();
    let mut batches = read_batches(find_logs(folder.path()).logs, MEMORY, |_| false, |_| {});
    let batch = batches.next().await.unwrap().unwrap();
    for read in &batch.logs()[1..] {
        let error = read.result.as_ref().unwrap_err();
        let name = read.log.name.rsplit('/').next().unwrap();
        assert!(error.is_failure() && refused(&error.to_string(), name), "{error}");
    }
    batch.store(&store).await.unwrap();
    has_real_run(&store).await;

    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut looks = 0;
    let mut failed = Vec::new();
    follow_reports(Arc::clone(&store), folder.path(), |report| {
        match report {
            Report::Log(update) if update.state == LogState::Failed => {
                failed.push(update.detail.clone().unwrap());
            }
            Report::Look(_) => looks += 1,
            _ => {}
        }
        looks == 3
    })
    .await;
    assert_eq!(failed.len(), 2, "each once: {failed:?}");
    assert!(refused(&failed[0], "b") && refused(&failed[1], "c"), "{failed:?}");
    has_real_run(&*store).await;

    // A clock may be a little ahead.
    let log = folder.path().join("d");
    fs::write(&log, with_jobs("ann", in_hours(23), 1)).unwrap();
    let mut batches = read_batches(find_logs(&log).logs, MEMORY, |_| false, |_| {});
    assert!(batches.next().await.unwrap().unwrap().logs()[0].result.is_ok());
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_is_reported_again_and_in_each_look() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, away) = (folder.path().join("logs"), folder.path().join("away"));
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("app-1"), whole("app-1")).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (mut said, mut looks) = (Vec::new(), Vec::new());
    follow_reports(store, &logs, |report| {
        match report {
            Report::Started(started) => {
                assert_eq!(
                    started.to_string(),
                    format!("following {}: 1 log, 0 known", logs.display())
                );
            }
            Report::Log(update) => said.push(update.to_string()),
            Report::Look(look) => {
                looks.push((*look).clone());
                if looks.len() == 1 {
                    fs::rename(&logs, &away).unwrap();
                }
                if said.len() == 4 {
                    fs::rename(&away, &logs).unwrap();
                    said.push("back".to_owned());
                }
                return said.len() > 4 && look.is_complete;
            }
            _ => {}
        }
        false
    })
    .await;
    let missing = format!("failed: cannot read {}: No such file or directory", logs.display());
    assert!(said[0].ends_with(": 0 jobs, ended"), "{said:?}");
    assert!(said[1..4].iter().all(|line| line.starts_with(&missing)), "{said:?}");
    let unreadable = |look: &Look| look.unreadable.is_some();
    assert!(looks[0].is_complete && looks[0].bytes > 0 && looks[0].lag.is_none(), "{looks:?}");
    let failing: Vec<&Look> = looks.iter().filter(|look| unreadable(look)).collect();
    assert!(failing.len() >= 3, "{looks:?}");
    assert!(failing.iter().all(|look| !look.is_complete && look.failing == 1), "{looks:?}");
    assert!(looks.last().is_some_and(|look| look.is_complete && !unreadable(look)));
}

/// A store that refuses the application `b`.
fn without_b() -> Probe<MemoryStore> {
    Probe::new(MemoryStore::default(), |when, call| {
        let is_refused = matches!((when, call), (When::Before, Call::IngestLogs(logs, _))
            if logs.iter().any(|log| log.application.app_id == "b"));
        let error = || Error::refused("probe", "a character that it lacks");
        std::future::ready(if is_refused { Err(error()) } else { Ok(()) }).boxed()
    })
}

#[tokio::test]
async fn a_log_that_the_store_refuses_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    for app in ["a", "b", "c"] {
        fs::write(folder.path().join(app), whole(app)).unwrap();
    }
    let store = without_b();
    let mut batches = read_batches(find_logs(folder.path()).logs, MEMORY, |_| false, |_| {});
    let batch = batches.next().await.unwrap().unwrap();
    let outcomes = batch.store_each(&store).await.unwrap();
    let are_stored: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(are_stored, [true, false, true]);

    let store = without_b();
    let seen = Mutex::new(BTreeMap::new());
    let updates = follow_until(Arc::new(store.clone()), folder.path(), |update| {
        let mut seen = seen.lock().unwrap();
        let name = Path::new(&update.log).file_name().unwrap().to_str().unwrap().to_owned();
        seen.insert(name, update.state);
        let states: Vec<_> = seen.values().copied().collect();
        states == [LogState::Ended, LogState::Failed, LogState::Ended]
    })
    .await;
    let last = updates.iter().rev().find(|update| update.state == LogState::Failed).unwrap();
    let detail = format!("{last:?}");
    assert!(detail.contains("the probe store refuses the content"), "{detail}");
    assert_eq!(store.applications(None, 9).await.unwrap().len(), 2);
}
