//! Roll-ups: what averages leave out, and how those of earlier versions are brought up to date.

use proptest::prelude::*;
use spark_analytics_core::backend::{RollupKey, RollupUpgrade};
use spark_analytics_core::figures::TotalFigures;
use spark_analytics_core::{
    FigureSource, Job, JobKey, JobResult, MAX_DURATION_MS, Rollup, TaskOutcome, TaskTotals,
    Timestamp,
};

const LONGEST_US: i64 = MAX_DURATION_MS * 1_000;

fn job(duration_us: i64, tasks: &[TaskOutcome]) -> Job {
    let mut totals = TaskTotals::default();
    tasks.iter().for_each(|outcome| totals.record(*outcome, 5));
    Job {
        key: JobKey::new(1),
        user: "ada".to_owned(),
        start: Timestamp::from_micros(-duration_us),
        end: Timestamp::from_micros(0),
        result: JobResult::Succeeded,
        tasks: totals,
        source: FigureSource::Events,
        num_tasks: None,
        longest_task_ms: None,
        labels: None,
    }
}

fn rollup(jobs: &[Job]) -> Rollup {
    let mut rollup = Rollup::default();
    jobs.iter().for_each(|job| rollup.add(job));
    rollup
}

#[test]
fn durations_from_nothing_to_a_leap_year_are_possible() {
    let possible = |us| job(us, &[]).possible_duration_us();
    assert_eq!((possible(0), possible(LONGEST_US)), (Some(0), Some(LONGEST_US)));
    assert_eq!((possible(-1), possible(LONGEST_US + 1)), (None, None));
}

#[test]
fn averages_leave_out_impossible_durations_and_jobs_that_say_nothing() {
    let jobs = [
        job(200_000, &[TaskOutcome::Succeeded]),
        job(-3_600_000_000, &[]),
        job(LONGEST_US * 50, &[TaskOutcome::Killed]),
    ];
    let rollup = rollup(&jobs);
    let figures = TotalFigures::from(&rollup);
    assert_eq!((figures.total_jobs, figures.impossible_durations), (3, 2));
    assert_eq!((figures.avg_duration_seconds, rollup.avg_duration_seconds()), (0.2, 0.2));
    assert_eq!(figures.job_duration_seconds.unwrap().p50, 0.2);
    assert_eq!((figures.jobs_with_tasks, figures.avg_success_rate), (1, 100.0));
    assert_eq!(figures.avg_success_rate_of_all, 33.33);
}

#[test]
fn without_jobs_averages_are_0() {
    let figures = TotalFigures::from(&rollup(&[job(-1, &[])]));
    assert_eq!((figures.avg_duration_seconds, figures.avg_success_rate), (0.0, 0.0));
    assert_eq!(figures.job_duration_seconds, None);
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    use TaskOutcome::{Failed, Killed, Succeeded};
    let durations = prop::sample::select(vec![-LONGEST_US, -1, 0, 7, LONGEST_US, LONGEST_US + 1]);
    let tasks = prop::sample::select(vec![vec![], vec![Succeeded], vec![Killed], vec![Failed]]);
    let one = (durations, tasks, prop::sample::select(vec!["ada", "bob"]));
    prop::collection::vec(one, 0..12).prop_map(|jobs| {
        let job = |(us, tasks, user): (i64, Vec<TaskOutcome>, &str)| Job {
            user: user.to_owned(),
            ..job(us, &tasks)
        };
        jobs.into_iter().map(job).collect()
    })
}

proptest! {
    #[test]
    fn subtracting_jobs_takes_back_what_was_added(a in jobs(), b in jobs()) {
        let mut sum = rollup(&[a.clone(), b.clone()].concat());
        let mut merged = rollup(&a);
        merged += &rollup(&b);
        prop_assert_eq!(&sum, &merged);
        b.iter().for_each(|job| sum.subtract(job));
        prop_assert_eq!(&sum, &rollup(&a));
        merged -= &rollup(&b);
        prop_assert_eq!(merged, sum);
    }

    #[test]
    fn an_upgraded_rollup_equals_a_recount(jobs in jobs()) {
        let mut upgrade = RollupUpgrade::default();
        jobs.iter().for_each(|job| upgrade.add(job));
        let mut changes = upgrade.into_changes();
        for user in [None, Some("ada"), Some("bob")] {
            let counted = jobs.iter().filter(|job| user.is_none_or(|user| user == job.user));
            let counted: Vec<Job> = counted.cloned().collect();
            let expected = rollup(&counted);
            // As versions before schema 4 wrote it.
            let mut old = Rollup { jobs_with_tasks: 0, impossible_durations: 0, ..expected.clone() };
            old.duration_us = counted.iter().map(|job| i128::from(job.duration_us())).sum();
            old.durations = counted.iter().map(Job::duration_us).collect();
            let key = RollupKey { day: Timestamp::from_micros(0).day(), user: user.map(str::to_owned) };
            old += &changes.remove(&key).unwrap_or_default();
            prop_assert_eq!(old, expected);
        }
        prop_assert!(changes.is_empty());
    }
}
