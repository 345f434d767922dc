//! The algebra of folds and roll-ups, without a store.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use spark_analytics_core::backend::JobFold;
use spark_analytics_core::{
    Event, JobKey, JobRecord, MAX_DURATION_MS, Rollup, TaskOutcome, TaskTotals, Timestamp,
};

fn event() -> impl Strategy<Value = Event> {
    let at = (0..4i64).prop_map(Timestamp::from_millis);
    let user = select(vec!["ada", "bob"]);
    (0..3u8, at.clone(), user, at, 0..=MAX_DURATION_MS, any::<bool>()).prop_map(
        |(kind, at, user, completion_time, duration_ms, ok)| {
            match kind {
                0 => Event::job_start(1, at, user),
                1 => Event::task_end(1, at, user, "t", duration_ms, ok),
                _ => {
                    let result = if ok { "JobSucceeded" } else { "JobFailed" };
                    Event::job_end(1, at, user, completion_time, result)
                }
            }
            .unwrap()
        },
    )
}

fn fold(events: &[Event]) -> JobFold {
    let mut fold = JobFold::default();
    events.iter().for_each(|event| fold.add(event));
    fold
}

fn totals() -> impl Strategy<Value = TaskTotals> {
    let outcome = select(vec![TaskOutcome::Succeeded, TaskOutcome::Failed, TaskOutcome::Killed]);
    (vec((outcome, 0..=MAX_DURATION_MS), 0..20), any::<i64>()).prop_map(|(tasks, bytes)| {
        let mut totals = TaskTotals { output_bytes: bytes.into(), ..TaskTotals::default() };
        tasks.iter().for_each(|(outcome, ms)| totals.record(*outcome, *ms));
        totals
    })
}

proptest! {
    #[test]
    fn folding_parts_and_merging_equals_folding_all(
        (events, shuffled) in vec(event(), 0..20).prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle())),
        cut in 0..20usize,
    ) {
        let (left, right) = shuffled.split_at(cut.min(shuffled.len()));
        let mut merged = fold(left);
        merged.merge(&fold(right));
        prop_assert_eq!(&merged, &fold(&events));
        let mut other = fold(right);
        other.merge(&fold(left));
        prop_assert_eq!(other, merged);
    }

    #[test]
    fn a_correction_leaves_no_trace_of_the_corrected_event(a in totals(), b in totals()) {
        let mut sum = a.clone();
        sum += &b;
        let mut other = b.clone();
        other += &a;
        prop_assert_eq!(&sum, &other);
        sum -= &b;
        prop_assert_eq!(sum, a);
    }

    #[test]
    fn replacing_an_event_equals_never_having_stored_it(
        events in vec(event(), 0..12), ms in 0..1000i64, ok in any::<bool>(), new_ms in 0..1000i64,
    ) {
        let at = Timestamp::from_millis(9);
        let task = |ms, ok| Event::task_end(1, at, "ada", "t9", ms, ok).unwrap();
        let (old, new) = (task(ms, ok), task(new_ms, !ok));
        let mut replaced = fold(&events);
        replaced.add(&old);
        replaced.replace(&old, &new);
        let mut direct = fold(&events);
        direct.add(&new);
        prop_assert_eq!(replaced, direct);
    }

    #[test]
    fn a_rollup_has_no_trace_of_a_removed_job(one in vec(event(), 0..20), two in vec(event(), 0..20)) {
        let figures = |events: &[Event]| {
            let record = JobRecord { events: fold(events), log: None };
            record.figures(&JobKey::new(1))
        };
        if let (Some(one), Some(two)) = (figures(&one), figures(&two)) {
            let mut rollup = Rollup::default();
            rollup.add(&one);
            let alone = rollup.clone();
            rollup.add(&two);
            rollup.subtract(&two);
            prop_assert_eq!(&rollup, &alone);
            rollup.subtract(&one);
            prop_assert!(rollup.is_empty());
        }
    }
}

#[test]
fn rates_are_rounded_to_the_nearest_billionth() {
    let mut totals = TaskTotals::default();
    assert_eq!(totals.success_rate_ppb(), 0);
    for (outcome, rate) in [
        (TaskOutcome::Succeeded, 1_000_000_000),
        (TaskOutcome::Failed, 500_000_000),
        (TaskOutcome::Succeeded, 666_666_667),
        (TaskOutcome::Killed, 666_666_667),
    ] {
        totals.record(outcome, 1);
        assert_eq!(totals.success_rate_ppb(), rate);
    }
}

#[test]
fn figures_of_a_job_are_derived_from_its_tasks() {
    let at = |s: i64| Timestamp::from_micros(s * 1_000_000);
    let mut record = JobRecord::default();
    record.events.add(&Event::job_start(1, at(0), "ada").unwrap());
    record.events.add(&Event::job_end(1, at(2), "ada", at(2), "JobFailed").unwrap());
    for n in 1..=100 {
        let task = Event::task_end(1, at(1), "ada", n.to_string(), n, n % 4 != 0).unwrap();
        record.events.add(&task);
    }
    let job = record.figures(&JobKey::new(1)).unwrap();
    assert_eq!((job.duration_seconds(), job.success_rate()), (2.0, 75.0));
    assert_eq!(job.parallelism(), Some(5_050.0 / 2_000.0));
    assert_eq!(job.skew(), Some(99.0 / 50.0));
    assert_eq!(job.tasks.lost_ms, (1..=25).map(|n| n * 4).sum::<i128>());
    let empty = JobRecord {
        events: fold(&[
            Event::job_start(1, at(0), "a").unwrap(),
            Event::job_end(1, at(0), "a", at(0), "x").unwrap(),
        ]),
        log: None,
    };
    let job = empty.figures(&JobKey::new(1)).unwrap();
    assert_eq!((job.parallelism(), job.skew(), job.success_rate()), (None, None, 0.0));
}
