//! Storing what a store can take of a batch that it refuses as a whole.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::event::Event;
use crate::store::{Receipt, Store};

/// How often a batch is tried in parts. One event of 10,000 is found within 28 attempts.
const MOST_ATTEMPTS: usize = 64;

/// Events of a batch that were stored together, or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IngestedPart {
    /// How many events of the batch it has.
    pub events: usize,
    /// Their receipts, or why they are not stored.
    pub receipts: Result<Vec<Receipt>>,
}

impl IngestedPart {
    /// The outcome of each event.
    pub fn outcomes(&self) -> impl Iterator<Item = Result<Receipt>> + '_ {
        self.outcomes_of(0..self.events)
    }

    fn outcomes_of(&self, events: Range<usize>) -> impl Iterator<Item = Result<Receipt>> + '_ {
        events.map(|at| match &self.receipts {
            Ok(receipts) => receipts.get(at).copied().ok_or_else(no_receipt),
            Err(error) => Err(error.clone()),
        })
    }
}

/// The outcomes of some of the events of a batch, at the cost of these alone.
pub(crate) fn outcomes_in(
    parts: &[IngestedPart],
    events: Range<usize>,
) -> impl Iterator<Item = Result<Receipt>> + '_ {
    let mut end = 0;
    parts.iter().flat_map(move |part| {
        let begin = end;
        end += part.events;
        let within = |at: usize| at.clamp(begin, end) - begin;
        part.outcomes_of(within(events.start)..within(events.end))
    })
}

fn no_receipt() -> Error {
    Error::engine("given", "ingest a batch", "it returned fewer receipts than there were events")
}

/// Stores events as [`Store::ingest`] does, but an event that the store can never take fails alone.
///
/// A batch that fails [by one of its parts](Error::is_of_one_part) is tried in halves, in their order, until the event that
/// is refused fails by itself. If too many are refused, the rest is [`Error::Unavailable`] and can be sent again. The parts
/// are in the order of the events and together have all of them; without a refusal there is one.
pub async fn ingest_apart(store: &dyn Store, events: Vec<Event>) -> Vec<IngestedPart> {
    let mut parts = Vec::with_capacity(1);
    let mut left = vec![events];
    let mut attempts = 0;
    while let Some(events) = left.pop() {
        let count = events.len();
        attempts += 1;
        if attempts > MOST_ATTEMPTS {
            let error = Error::unavailable(
                "given",
                "it refuses too many events of this batch, and the others were not tried: send them again",
            );
            parts.push(IngestedPart { events: count, receipts: Err(error) });
            continue;
        }
        let mut kept = if count > 1 { events.clone() } else { Vec::new() };
        match store.ingest(events).await {
            Err(error) if error.is_of_one_part() && count > 1 => {
                let second = kept.split_off(count / 2);
                left.extend([second, kept]);
            }
            receipts => parts.push(IngestedPart { events: count, receipts }),
        }
    }
    parts
}
