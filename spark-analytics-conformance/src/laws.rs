//! The laws of figures as properties of a store, over generated histories.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestError, TestRunner};
use spark_analytics_core::{Day, Dedup, Event, Store};

use crate::difference::{assert_eq, cut};
use crate::history::{Input, Operation, applications, inputs, operations};
use crate::pages::assert_pages_are_parts;
use crate::{Dump, Fixture, Reference};

/// Order, batching, repetition and restarts do not matter, and the store equals the reference model. Pages of facts are
/// together the facts of whole attempts.
///
/// Seeds of failures are saved beside `source_file`.
///
/// # Panics
/// If the law does not hold for the store.
pub fn figures_do_not_depend_on_arrival<F: Fixture>(source_file: &'static str) {
    let history =
        inputs(40).prop_flat_map(|inputs| (Just(inputs.clone()), Just(inputs).prop_shuffle()));
    let case = (history, vec(1..9usize, 1..6), any::<bool>());
    let law = "order, batching, repetition and restarts do not matter, and the store equals the reference model";
    run(law, source_file, &case, |((history, shuffled), cuts, by_time)| {
        let dedup = rule(by_time);
        let mut reference = Reference::new(dedup);
        history.iter().for_each(|input| take(&mut reference, input));
        let expected = Dump::of_reference(&reference, &applications());

        F::block_on(async {
            let fixture = F::new(dedup);
            let mut store = fixture.open().await.expect("opens");
            apply(&store, &history, &[history.len().max(1)]).await;
            assert_eq!(Dump::of(&store).await.expect("reads"), expected, "in one batch");
            apply(&store, &shuffled, &cuts).await;
            assert_eq!(Dump::of(&store).await.expect("reads"), expected, "sent again");
            store.close().await.expect("closes");

            let fixture = F::new(dedup);
            store = fixture.open().await.expect("opens");
            let half = shuffled.len() / 2;
            apply(&store, &shuffled[..half], &cuts).await;
            store = fixture.reopen(store).await;
            apply(&store, &shuffled[half..], &cuts).await;
            assert_eq!(Dump::of(&store).await.expect("reads"), expected, "shuffled and restarted");
            assert_pages_are_parts(&store, &expected).await.expect("reads");
            store.close().await.expect("closes");
        });
    });
}

/// After a prune, new events before the day do not count, events counted before still do, and sending
/// them again changes nothing.
///
/// # Panics
/// If the law does not hold for the store.
pub fn pruning_changes_no_figure<F: Fixture>(source_file: &'static str) {
    let case = (inputs(30), inputs(20), 19_812..19_816i32, any::<bool>());
    let law = "a prune changes no figure, and older events do not count from then on";
    run(law, source_file, &case, |(before, after, day, by_time)| {
        let (dedup, day) = (rule(by_time), Day::from_number(day));
        let mut reference = Reference::new(dedup);
        before.iter().for_each(|input| take(&mut reference, input));
        reference.prune(day);
        after.iter().for_each(|input| take(&mut reference, input));
        // Events rejected after the prune are not part of the history; pruned events are known by their day only.
        let again: Vec<Input> = before.iter().chain(&after).cloned().collect();

        F::block_on(async {
            let fixture = F::new(dedup);
            let store = fixture.open().await.expect("opens");
            apply(&store, &before, &[5]).await;
            let figures = Dump::of(&store).await.expect("reads");
            store.prune(day).await.expect("prunes");
            assert_eq!(Dump::of(&store).await.expect("reads"), figures, "pruned");
            apply(&store, &after, &[5]).await;
            apply(&store, &again, &[7]).await;
            let expected = Dump::of_reference(&reference, &applications());
            assert_eq!(Dump::of(&store).await.expect("reads"), expected, "sent again");
            store.close().await.expect("closes");
        });
    });
}

/// What a prune of logs or a forgotten application leaves is exact, whatever came before and comes after, and sending
/// everything again counts nothing twice.
///
/// # Panics
/// If the law does not hold for the store.
pub fn nothing_removed_counts_again<F: Fixture>(source_file: &'static str) {
    let case = (operations(40), 0..40usize, any::<bool>());
    let law = "what a removal leaves is exact, and nothing that was removed counts again";
    run(law, source_file, &case, |(operations, cut, by_time)| {
        let dedup = rule(by_time);
        let mut reference = Reference::new(dedup);
        operations.iter().for_each(|operation| take_operation(&mut reference, operation));
        let expected = Dump::of_reference(&reference, &applications());
        let again: Vec<Operation> =
            operations.iter().filter(|o| matches!(o, Operation::Ingest(_))).cloned().collect();
        again.iter().for_each(|operation| take_operation(&mut reference, operation));
        let expected_again = Dump::of_reference(&reference, &applications());

        F::block_on(async {
            let fixture = F::new(dedup);
            let mut store = fixture.open().await.expect("opens");
            let (before, after) = operations.split_at(cut.min(operations.len()));
            perform(&store, before).await;
            store = fixture.reopen(store).await;
            perform(&store, after).await;
            assert_eq!(Dump::of(&store).await.expect("reads"), expected);
            perform(&store, &again).await;
            assert_eq!(Dump::of(&store).await.expect("reads"), expected_again, "sent again");
            store.close().await.expect("closes");
        });
    });
}

fn take_operation(reference: &mut Reference, operation: &Operation) {
    match operation {
        Operation::Ingest(input) => take(reference, input),
        Operation::PruneLogs(before, scope) => reference.prune_logs(*before, *scope),
        Operation::Forget(app, attempt) => reference.forget(app, *attempt),
    }
}

async fn perform(store: &Arc<dyn Store>, operations: &[Operation]) {
    let mut inputs = Vec::new();
    for operation in operations {
        if let Operation::Ingest(input) = operation {
            inputs.push(input.clone());
            continue;
        }
        apply(store, &std::mem::take(&mut inputs), &[3]).await;
        match operation {
            Operation::Ingest(_) => {}
            Operation::PruneLogs(before, scope) => {
                store.prune_logs(*before, *scope).await.expect("prunes logs");
            }
            Operation::Forget(app, attempt) => {
                store.forget(app, *attempt).await.expect("forgets");
            }
        }
    }
    apply(store, &inputs, &[3]).await;
}

/// Failures are shrunk silently; the smallest is shown, and saved.
fn run<S: Strategy>(law: &str, source_file: &'static str, case: &S, test: impl Fn(S::Value)) {
    let config = Config {
        cases: 48,
        source_file: Some(source_file),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(case, |value| {
        test(value);
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("the test of the law cannot be run: {reason}"),
        Err(TestError::Fail(reason, input)) => panic!(
            "the store breaks the law: {law}\n{reason}\n  smallest input that breaks it (saved beside \
             {source_file}): {}",
            cut(&format!("{input:?}"))
        ),
    }
}

const fn rule(by_time: bool) -> Dedup {
    if by_time { Dedup::JobTypeTimestamp } else { Dedup::WithTask }
}

fn take(reference: &mut Reference, input: &Input) {
    match input {
        Input::Event(event) => reference.ingest(event),
        Input::Log(log) => reference.ingest_log((**log).clone()),
    }
}

/// Sends the inputs to a store in order, grouping consecutive events in batches of the given sizes in turn.
pub(crate) async fn apply(store: &Arc<dyn Store>, inputs: &[Input], cuts: &[usize]) {
    let mut cuts = cuts.iter().cycle();
    let mut batch: Vec<Event> = Vec::new();
    let mut size = *cuts.next().unwrap_or(&1);
    for input in inputs {
        match input {
            Input::Event(event) => batch.push(event.clone()),
            Input::Log(log) => {
                send(store, &mut batch).await;
                store.ingest_logs(vec![(**log).clone()], Vec::new()).await.expect("takes a log");
            }
        }
        if batch.len() >= size {
            send(store, &mut batch).await;
            size = *cuts.next().unwrap_or(&1);
        }
    }
    send(store, &mut batch).await;
}

async fn send(store: &Arc<dyn Store>, batch: &mut Vec<Event>) {
    let events = std::mem::take(batch);
    let count = events.len();
    let receipts = store.ingest(events).await.expect("takes a batch");
    assert_eq!(receipts.len(), count, "a receipt for each event");
}
