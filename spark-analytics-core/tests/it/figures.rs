//! Figures that the History Server does not have.

use spark_analytics_core::figures::{StageFigures, TaskFigures};
use spark_analytics_core::log::{Application, Stage, fact};
use spark_analytics_core::{TaskOutcome, TaskTotals, Timestamp};

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(seconds * 1_000))
}

#[test]
fn skew_is_the_ratio_of_slow_tasks_to_the_median() {
    let mut tasks = TaskTotals::default();
    assert_eq!(tasks.skew(), None);
    tasks.record(TaskOutcome::Succeeded, 0);
    assert_eq!(tasks.skew(), None, "the median is 0");
    (0..3).for_each(|_| tasks.record(TaskOutcome::Succeeded, 10));
    tasks.record(TaskOutcome::Failed, 40);
    assert_eq!(tasks.skew(), Some(4.0));
}

#[test]
fn the_share_of_garbage_collection_is_of_run_time() {
    let mut tasks = TaskTotals { gc_time_ms: 30, ..TaskTotals::default() };
    assert_eq!(tasks.gc_share(), None);
    tasks.run_time_ms = 120;
    assert_eq!(tasks.gc_share(), Some(25.0));
}

#[test]
fn cores_without_a_task_are_idle() {
    let mut application = fact!(Application { core_time_ms: Some(8_000) });
    application.tasks.record(TaskOutcome::Succeeded, 1_500);
    application.tasks.record(TaskOutcome::Failed, 500);
    assert_eq!((application.idle_core_ms(), application.idle_share()), (Some(6_000), Some(75.0)));
    application.tasks.duration_ms = 9_000;
    assert_eq!(
        application.idle_share(),
        Some(0.0),
        "tasks may outlast what the log knows of executors"
    );
    for unknown in [None, Some(0)] {
        application.core_time_ms = unknown;
        assert_eq!((application.idle_core_ms(), application.idle_share()), (None, None));
    }
}

#[test]
fn a_run_lasts_until_its_end_or_its_latest_event() {
    let mut application = fact!(Application { last_event_time: at(9) });
    assert_eq!(application.duration_us(), None);
    application.start_time = at(2);
    assert_eq!(application.duration_us(), Some(7_000_000));
    application.end_time = at(5);
    assert_eq!(application.duration_us(), Some(3_000_000));
    let mut stage = fact!(Stage { submission_time: at(1) });
    assert_eq!(stage.duration_us(), None);
    stage.completion_time = at(4);
    assert_eq!(stage.duration_us(), Some(3_000_000));
}

#[test]
fn the_greatest_duration_is_exact_if_it_is_known_and_no_quantile_exceeds_it() {
    let mut tasks = TaskTotals::default();
    [16_329, 1_926].iter().for_each(|ms| tasks.record(TaskOutcome::Succeeded, *ms));
    let max = |longest| TaskFigures::of(&tasks, longest).task_duration_ms.map(|d| (d.p50, d.max));
    assert_eq!(max(Some(16_329)), Some((1_928, 16_329)));
    assert_eq!(max(None), Some((1_928, 16_320)), "the middle of its bucket");
    let mut one = TaskTotals::default();
    one.record(TaskOutcome::Succeeded, 1_926);
    let quantiles = TaskFigures::of(&one, Some(1_926)).task_duration_ms.unwrap();
    assert_eq!((quantiles.p50, quantiles.p99, quantiles.max), (1_926, 1_926, 1_926));
    let stage = fact!(Stage { num_tasks: 5, longest_task_ms: Some(16_329), tasks });
    let figures = StageFigures::from(&stage);
    assert_eq!((figures.num_tasks, figures.tasks.task_count), (5, 2));
    assert_eq!(figures.tasks.task_duration_ms.unwrap().max, 16_329);
    assert_eq!(TaskFigures::from(&TaskTotals::default()).task_duration_ms, None);
}
