//! Logs whose facts take or cost far more than their content.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use spark_analytics_eventlog::{Follower, LogError, LogReader, Polled, find_logs, read_from};

const HEAD: &str = "{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"3.5.1\"}\n\
    {\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"a\",\"App ID\":\"app-1\",\"Timestamp\":1,\"User\":\"ada\"}\n";

fn stage(id: usize, time: usize) -> String {
    format!(
        "{{\"Stage ID\":{id},\"Stage Attempt ID\":0,\"Stage Name\":\"s\",\"Number of Tasks\":9,\"RDD Info\":[],\
         \"Submission Time\":{time}}}"
    )
}

fn job_start(job: usize, stage_id: usize) -> String {
    format!(
        "{{\"Event\":\"SparkListenerJobStart\",\"Job ID\":{job},\"Submission Time\":5,\"Stage Infos\":[{}],\
         \"Stage IDs\":[{stage_id}]}}\n",
        stage(stage_id, 5)
    )
}

fn job_end(job: usize) -> String {
    format!(
        "{{\"Event\":\"SparkListenerJobEnd\",\"Job ID\":{job},\"Completion Time\":9,\
         \"Job Result\":{{\"Result\":\"JobSucceeded\"}}}}\n"
    )
}

fn submitted(id: usize) -> String {
    format!("{{\"Event\":\"SparkListenerStageSubmitted\",\"Stage Info\":{}}}\n", stage(id, 5))
}

fn completed(id: usize) -> String {
    format!("{{\"Event\":\"SparkListenerStageCompleted\",\"Stage Info\":{}}}\n", stage(id, 5))
}

fn task_end(stage_id: usize, task: usize, reason: &str) -> String {
    format!(
        "{{\"Event\":\"SparkListenerTaskEnd\",\"Stage ID\":{stage_id},\"Stage Attempt ID\":0,\
         \"Task Type\":\"ResultTask\",\"Task End Reason\":{reason},\"Task Info\":{{\"Task ID\":{task},\
         \"Index\":{},\"Attempt\":0,\"Launch Time\":5,\"Executor ID\":\"1\",\"Host\":\"h\",\
         \"Locality\":\"ANY\",\"Speculative\":false,\"Getting Result Time\":0,\"Finish Time\":8,\
         \"Failed\":false,\"Killed\":false}}}}\n",
        task * 997
    )
}

const SUCCESS: &str = "{\"Reason\":\"Success\"}";

fn log(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().fold(HEAD.to_owned(), |text, part| text + &part)
}

/// Reads a log with a limit of the memory of its facts.
fn read(text: &str, memory: usize) -> Result<usize, LogError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-1"), text).unwrap();
    let mut reader = LogReader::default().memory(memory);
    reader.read(&find_logs(folder.path()).logs[0])?;
    reader.into_log_file().map(|file| file.snapshot.jobs.len())
}

fn too_large(read: Result<usize, LogError>) -> String {
    match read {
        Err(error @ LogError::TooLarge { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_of_more_facts_than_may_be_held_is_refused_with_what_it_has() {
    let text = log((0..5_000).map(submitted));
    assert_eq!(read(&text, 64 << 20).unwrap(), 0);
    let error = too_large(read(&text, 4 << 20));
    assert!(error.contains("app-1 is not read, because its facts take more than 4 MiB"), "{error}");
    assert!(error.contains(" stages, 0 executors"), "{error}");
}

#[test]
fn texts_and_reasons_count_towards_the_memory_of_a_log() {
    let long = "x".repeat(60_000);
    let jobs = (0..50).map(|job| job_start(job, 0));
    let kills = (0..100).map(|task| {
        task_end(
            0,
            task,
            &format!("{{\"Reason\":\"TaskKilled\",\"Kill Reason\":\"{task} {long}\"}}"),
        )
    });
    let text = log(jobs.chain([submitted(0)]).chain(kills));
    too_large(read(&text, 64 << 20));
    assert_eq!(read(&text, 1 << 30).unwrap(), 50);
}

#[test]
fn a_log_whose_tasks_count_towards_far_too_many_jobs_is_refused() {
    let jobs = (0..3_000).map(|job| job_start(job, 0));
    let tasks = (0..5_000).map(|task| task_end(0, task, SUCCESS));
    let error = too_large(read(&log(jobs.chain([submitted(0)]).chain(tasks)), 1 << 30));
    assert!(error.contains("far too many jobs or executors each"), "{error}");
    assert!(error.contains("3000 jobs, 1 stages"), "{error}");
}

/// Some dozen jobs at a time share the stages of a cached table.
#[test]
fn all_jobs_that_share_a_stage_count_its_tasks() {
    let jobs = (0..40).map(|job| job_start(job, 0));
    let tasks = |from| (from..from + 50).map(|task| task_end(0, task, SUCCESS));
    let ends = (0..40).map(job_end);
    let text = log(jobs
        .chain([submitted(0)])
        .chain(tasks(0))
        .chain([job_start(40, 0)])
        .chain(tasks(50))
        .chain([job_end(39)])
        .chain(tasks(100))
        .chain([completed(0)])
        .chain(ends.take(39))
        .chain([job_end(40)]));
    let jobs = read_from(text.as_bytes(), "app-1").unwrap().snapshot.jobs;
    let counted: Vec<(i64, i64)> =
        jobs.iter().map(|job| (job.tasks.succeeded, job.completed_indices)).collect();
    assert_eq!(counted[0], (150, 150));
    assert_eq!((counted[38], counted[39], counted[40]), ((150, 150), (100, 100), (100, 100)));
}

/// The kinds of events that concern what other events left: with four times of both, reading must not take much more
/// than four times as long. The shortest of some runs counts, because other tests run at the same time.
#[test]
fn the_cost_of_a_log_grows_with_its_length() {
    type Kind = (&'static str, fn(usize) -> String);
    fn removed(id: usize) -> String {
        format!(
            "{{\"Event\":\"SparkListenerExecutorRemoved\",\"Timestamp\":6,\"Executor ID\":\"{id}\",\
             \"Removed Reason\":\"gone\"}}\n"
        )
    }
    fn added(id: usize) -> String {
        format!(
            "{{\"Event\":\"SparkListenerExecutorAdded\",\"Timestamp\":4,\"Executor ID\":\"{id}\",\
             \"Executor Info\":{{\"Host\":\"h\",\"Total Cores\":1,\"Log Urls\":{{}}}}}}\n"
        )
    }
    let kinds: [Kind; 6] = [
        ("executors removed under a live stage", |n| {
            log((0..n)
                .map(added)
                .chain([submitted(0)])
                .chain((0..n).map(removed))
                .chain((1..n).map(completed)))
        }),
        ("executors removed under live stages", |n| {
            log((0..n)
                .map(submitted)
                .chain((0..n).map(added))
                .chain((0..n).map(removed))
                .chain((0..n).map(completed)))
        }),
        ("jobs of one stage", |n| {
            log((0..n).map(|job| job_start(job, 0)).chain((0..n).map(job_end)))
        }),
        ("jobs of one stage that is live", |n| {
            log([submitted(0)]
                .into_iter()
                .chain(
                    (0..n).flat_map(|job| {
                        [job_start(job, 0), task_end(0, job, SUCCESS), job_end(job)]
                    }),
                )
                .take(n))
        }),
        ("submissions of one stage", |n| {
            log((0..20)
                .map(|job| job_start(job, 0))
                .chain((0..n).flat_map(|_| [submitted(0), completed(0)])))
        }),
        ("accumulables", |n| {
            let mut all = String::new();
            for id in 0..n {
                let _ = write!(all, "{{\"ID\":{id},\"Name\":\"a\",\"Value\":1}},");
            }
            let info = stage(0, 5).replace(
                "\"RDD Info\":[]",
                &format!("\"RDD Info\":[],\"Accumulables\":[{}]", all.trim_end_matches(',')),
            );
            log([format!("{{\"Event\":\"SparkListenerStageCompleted\",\"Stage Info\":{info}}}\n")])
        }),
    ];
    for (name, kind) in kinds {
        let taken = |n: usize| -> Duration {
            let text = kind(n);
            let runs = (0..4).map(|_| {
                let begun = Instant::now();
                // It may be refused, early enough.
                match read_from(text.as_bytes(), "app-1") {
                    Ok(_) | Err(LogError::TooLarge { .. }) => {}
                    Err(error) => panic!("{name}: {error}"),
                }
                begun.elapsed()
            });
            runs.min().unwrap()
        };
        let (less, more) = (taken(1_500), taken(6_000));
        assert!(more < less * 9 + Duration::from_millis(20), "{name}: {less:?}, {more:?}");
    }
}

/// What was replaced is not counted.
#[test]
fn a_text_that_is_replaced_many_times_counts_once() {
    let long = "x".repeat(60_000);
    let name = format!("\"Stage Name\":\"{long}\"");
    let submissions = (0..200).map(|_| submitted(0).replace("\"Stage Name\":\"s\"", &name));
    let jobs = (0..200).flat_map(|job| [job_start(job, 1), job_end(job)]);
    assert_eq!(read(&log(submissions.chain(jobs)), 4 << 20).unwrap(), 200);
}

#[test]
fn a_follower_keeps_the_readers_that_fit_and_reads_the_others_again() {
    let folder = tempfile::tempdir().unwrap();
    let text = |id: usize, jobs: usize| {
        let lines = (0..jobs).flat_map(|job| [job_start(job, job), job_end(job)]);
        log(lines).replace("app-1", &format!("app-{id}"))
    };
    let path = |id| folder.path().join(format!("app-{id}.inprogress"));
    let mut follower = Follower::new(folder.path()).memory(6 << 20);
    for jobs in [300, 400] {
        for id in 0..5 {
            std::fs::write(path(id), text(id, jobs)).unwrap();
        }
        for log in follower.poll().logs {
            let Polled::Read(file) = follower.read(&log).unwrap() else { panic!("{log:?}") };
            assert_eq!(file.snapshot.jobs.len(), jobs);
            follower.mark_ingested(&log);
        }
    }
    // One that is too large is reported once, and read again after it was replaced.
    std::fs::write(path(5), text(5, 5_000)).unwrap();
    let find = |follower: &mut Follower| {
        follower.poll().logs.into_iter().find(|log| log.name.contains("app-5"))
    };
    let log = find(&mut follower).unwrap();
    assert!(matches!(follower.read(&log), Err(LogError::TooLarge { .. })));
    assert!(matches!(follower.read(&log), Ok(Polled::NotALog)));
    std::fs::write(path(5), text(5, 10)).unwrap();
    let log = find(&mut follower).unwrap();
    assert!(matches!(follower.read(&log), Ok(Polled::Read(_))));
}
