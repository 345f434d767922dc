//! What a killed process has left: whole inputs, including all acknowledged ones, and the figures of exactly those.

use std::collections::BTreeSet;
use std::sync::Arc;

use spark_analytics_conformance::Dump;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{Dedup, EventCursor, Receipt, Store, StoredEvent};

use super::Storage;
use super::life::Said;
use super::stream::{
    Input, REMOVABLE_USER, expected, log_marker, marked_jobs, marker_id, old_event, pruned_before,
    removable,
};

/// Inputs that are known to be durable.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) inputs: BTreeSet<usize>,
    pub(crate) is_pruned: bool,
    /// Applications that were removed.
    pub(crate) removed: BTreeSet<String>,
}

/// Checks the store after a process has reported `said`, and updates what must be kept from then on.
pub(crate) async fn check<S: Storage>(
    store: Arc<dyn Store>,
    inputs: &[Input],
    said: &[Said],
    kept: &mut Kept,
) {
    let dump = Dump::of(&store).await.unwrap();
    let found = found(&store, inputs, &dump).await;
    let acknowledged: BTreeSet<usize> = said
        .iter()
        .filter_map(|said| if let Said::Acknowledged(n) = said { Some(*n) } else { None })
        .collect();
    if S::IS_DURABLE {
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }
    let lost: Vec<_> = kept.inputs.difference(&found).collect();
    assert!(lost.is_empty(), "there before, and lost: {lost:?}");
    in_order(said, &found, &kept.inputs);

    let app_of = |log: &LogSnapshot| (log.application.app_id.clone(), String::new());
    let holds = |log: &LogSnapshot| dump.logs.contains_key(&app_of(log));
    // Of those that were pruned only roll-ups are left.
    let are_stored = dump.rollups.keys().any(|key| key.user.as_deref() == Some(REMOVABLE_USER));
    for log in removable() {
        let is_gone = kept.removed.contains(&log.application.app_id);
        assert!(!is_gone || !holds(&log), "{} is back", log.application.app_id);
        if are_stored && !holds(&log) {
            kept.removed.insert(log.application.app_id);
        }
    }
    let is_all_removed =
        S::IS_DURABLE && said.contains(&Said::Removed) || said.contains(&Said::Done);
    assert!(!is_all_removed || !removable().any(|log| holds(&log)), "all are removed");

    let expected = expected(found.iter().map(|number| &inputs[*number]), are_stored, holds);
    assert!(dump.jobs == expected.jobs, "jobs' figures: {:#?}\n{:#?}", dump.jobs, expected.jobs);
    assert!(dump.rollups == expected.rollups, "roll-ups");
    assert!(dump.logs == expected.logs, "facts of logs");

    kept.is_pruned |= S::IS_DURABLE && said.contains(&Said::Pruned) || said.contains(&Said::Done);
    if kept.is_pruned {
        assert_eq!(store.ingest(vec![old_event()]).await.unwrap(), [Receipt::TooOld]);
        for job in &dump.jobs {
            let oldest = store.events(&job.key, None, 1).await.unwrap();
            let day = oldest.first().map(|stored| stored.event.timestamp().day());
            assert!(day.is_none_or(|day| day >= pruned_before()), "{:?} of {day:?}", job.key);
        }
    }
    kept.inputs = found;
}

/// The inputs that are stored. The first and last events show that each is whole; the figures show that everything between
/// them is.
async fn found(store: &Arc<dyn Store>, inputs: &[Input], dump: &Dump) -> BTreeSet<usize> {
    let mut markers: BTreeSet<String> = BTreeSet::new();
    for job in marked_jobs() {
        let mut after: Option<EventCursor> = None;
        loop {
            let page = store.events(&job, after.as_ref(), 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(EventCursor::from(&last.event));
            let task = |stored: &StoredEvent| stored.event.id(Dedup::WithTask).task.to_owned();
            markers.extend(page.iter().map(task));
        }
    }
    let is_found = |(number, input): (usize, &Input)| match input {
        Input::Events(_) => {
            let [first, last] =
                ["first", "last"].map(|place| markers.contains(&marker_id(number, place)));
            assert_eq!(first, last, "batch {number} is torn");
            first.then_some(number)
        }
        Input::Log(_) => {
            let (app, executor) = log_marker(number);
            let log = dump.logs.get(&app)?;
            log.executors.iter().any(|e| e.id == executor).then_some(number)
        }
    };
    inputs.iter().enumerate().filter_map(is_found).collect()
}

/// Asserts that everything acknowledged before a new input was sent is there.
fn in_order(said: &[Said], found: &BTreeSet<usize>, before: &BTreeSet<usize>) {
    let is_new =
        |said: &Said| matches!(said, Said::Send(n) if found.contains(n) && !before.contains(n));
    let Some(last) = said.iter().rposition(is_new) else { return };
    for said in &said[..last] {
        if let Said::Acknowledged(number) = said {
            assert!(found.contains(number), "{number} is lost, and one sent later is there");
        }
    }
}
