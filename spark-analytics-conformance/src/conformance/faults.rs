use super::*;
use futures::FutureExt;
use futures::future::join_all;
use spark_analytics_core::{Analytics, Rejection};

use crate::difference::assert_eq;
use crate::dump::contents;
use crate::{Dump, Reference, Workload, history, laws};

/// Closing and reopening loses nothing, not even the prune day.
pub fn a_reopened_store_holds_what_it_held<F: Fixture>() {
    F::block_on(async {
        let fixture = F::new(Dedup::WithTask);
        let store = fixture.open().await.expect("opens");
        for input in history::sample(200) {
            laws::apply(&store, &[input], &[1]).await;
        }
        store.reject(vec![Rejection::new(at(0), "no event", b"{")]).await.expect("keeps");
        store.prune(at(0).day()).await.expect("prunes");
        let key = JobKey::in_app("app-1", "1", 0);
        let events = contents(&store, &key).await.expect("reads");
        assert!(!events.is_empty(), "there is something to lose");
        let (figures, rejected) = (Dump::of(&store).await, store.rejected(None, 10).await);
        let store = fixture.reopen(store).await;
        assert_eq!(Dump::of(&store).await.expect("reads"), figures.expect("reads"));
        assert_eq!(store.rejected(None, 10).await.expect("reads"), rejected.expect("reads"));
        assert_eq!(contents(&store, &key).await.expect("reads"), events);
        let old = start(&key, -86_400 * 2, "ada");
        assert_eq!(send(&store, vec![old]).await, [Receipt::TooOld]);
        store.close().await.expect("closes");
    });
}

/// Many callers with overlapping events, each with its own handle and through group commit.
pub fn concurrent_callers_lose_nothing<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let events = Workload::new(20, 3).batch(600);
        let analytics = Analytics::new(Arc::clone(&store));
        let mut reference = Reference::default();
        events.iter().for_each(|event| reference.ingest(event));
        let direct = events.chunks(17).map(|part| {
            let store = Arc::clone(&store);
            async move { store.ingest(part.to_vec()).await }.left_future()
        });
        let grouped = events.chunks(23).map(|part| {
            let analytics = analytics.clone();
            async move { analytics.ingest(part.to_vec()).await }.right_future()
        });
        let receipts = join_all(direct.chain(grouped)).await;
        let recorded =
            receipts.iter().flat_map(|receipts| receipts.as_ref().expect("takes a batch"));
        let recorded = recorded.filter(|receipt| matches!(receipt, Receipt::Recorded(_)));
        assert_eq!(recorded.count(), events.len(), "each event is recorded once");
        assert_eq!(Dump::of(&store).await.expect("reads"), Dump::of_reference(&reference, &[]));
    });
}

/// A batch whose call was dropped after any number of polls is stored whole or not at all, and the next call works.
pub fn a_dropped_call_is_stored_whole_or_not_at_all<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        for polls in 0..12 {
            let key = JobKey::new(polls);
            let events = whole_job(&key, 0, 60, "ada", "JobSucceeded");
            let mut call = Box::pin(store.ingest(events.clone()));
            for _ in 0..polls {
                if (&mut call).now_or_never().is_some() {
                    break;
                }
                yield_now().await;
            }
            drop(call);
            let receipts = send(&store, events.clone()).await;
            let recorded = receipts.iter().filter(|r| matches!(r, Receipt::Recorded(_))).count();
            assert!(recorded == 0 || recorded == events.len(), "whole or absent: {receipts:?}");
            assert_eq!(figures(&store, &key).await.expect("complete").tasks.task_count(), 1);
        }
        let mut reference = Reference::default();
        for polls in 0..12 {
            let events = whole_job(&JobKey::new(polls), 0, 60, "ada", "JobSucceeded");
            events.iter().for_each(|event| reference.ingest(event));
        }
        assert_eq!(Dump::of(&store).await.expect("reads"), Dump::of_reference(&reference, &[]));
    });
}

/// Lets other tasks and threads run for a moment.
pub(super) async fn yield_now() {
    let mut yielded = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        std::thread::yield_now();
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
