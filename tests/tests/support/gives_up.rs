//! A caller of `Analytics::ingest` that gives up, and others that do not.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use spark_analytics_conformance::{Dump, Reference, Workload};
use spark_analytics_core::{Analytics, Event, Receipt, Store};

/// Far more polls than a call needs.
const MOST_POLLS: usize = 1_000;

/// Polls a call as often as it is woken, and drops it after `polls` polls.
async fn give_up_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        if polled < polls {
            polled += 1;
            if let Poll::Ready(done) = call.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
        }
        // At the point where it waits now, not when it is woken next.
        if polled == polls { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// Four callers; the one at `place` gives up, after every possible number of polls.
pub(crate) async fn one_gives_up_anywhere<S: Store + Clone>(store: S, place: usize) {
    let analytics = Analytics::new(store.clone());
    let mut workload = Workload::new(9 + place as u64, 6);
    let mut sent: Vec<Event> = Vec::new();
    for polls in 0..MOST_POLLS {
        let batches: Vec<Vec<Event>> = (0..4).map(|_| workload.batch(5)).collect();
        let calls = batches.iter().enumerate().map(|(caller, batch)| {
            let call = analytics.ingest(batch.clone());
            let polls = if caller == place { polls } else { usize::MAX };
            give_up_after(polls, call)
        });
        let all = futures::future::join_all(calls);
        let answers = tokio::time::timeout(Duration::from_secs(60), all).await;
        let answers = answers.unwrap_or_else(|_| panic!("callers hang after {polls} polls"));
        let given_up = answers[place].is_none();
        for (caller, answer) in answers.into_iter().enumerate() {
            assert!(answer.is_some() || caller == place);
            answer.transpose().unwrap();
        }
        // Its batch is whole or absent; the others' are stored.
        for (caller, batch) in batches.iter().enumerate() {
            let receipts = analytics.ingest(batch.clone()).await.unwrap();
            let is_known = |receipt: &Receipt| matches!(receipt, Receipt::Duplicate(_));
            let known = receipts.iter().filter(|receipt| is_known(receipt)).count();
            let whole = known == batch.len();
            assert!(whole || (caller == place && known == 0), "{polls} polls: {receipts:?}");
        }
        sent.extend(batches.concat());
        if !given_up {
            let mut reference = Reference::default();
            sent.iter().for_each(|event| reference.ingest(event));
            assert_eq!(Dump::of(&store).await.unwrap(), Dump::of_reference(&reference, &[]));
            return;
        }
    }
    panic!("a call was not over after {MOST_POLLS} polls");
}
