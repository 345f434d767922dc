use super::*;
use spark_analytics_core::Pruned;

use crate::Dump;
use crate::difference::assert_eq;

const DAY: i64 = 86_400;

/// Raw events before the day are removed and refused from then on; no figure changes.
pub fn pruned_events_are_removed_and_figures_stay<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (old, new) = (JobKey::new(1), JobKey::new(2));
        send(&store, whole_job(&old, 0, 60, "ada", "JobSucceeded")).await;
        send(&store, whole_job(&new, DAY, DAY + 60, "ada", "JobSucceeded")).await;
        send(&store, vec![task(&old, DAY, "t9", 5, true)]).await;
        let figures = Dump::of(&store).await.expect("reads");
        let day = at(DAY).day();
        assert_eq!(store.prune(day).await.expect("prunes"), Pruned { events: 3, before: day });
        assert_eq!(Dump::of(&store).await.expect("reads"), figures);
        assert_eq!(store.events(&old, None, 10).await.expect("reads").len(), 1);
        assert_eq!(store.events(&new, None, 10).await.expect("reads").len(), 3);

        let mut again = whole_job(&old, 0, 60, "ada", "JobSucceeded");
        again.extend(whole_job(&new, DAY, DAY + 60, "ada", "JobSucceeded"));
        let receipts = send(&store, again).await;
        assert_eq!(receipts[..3], [Receipt::TooOld; 3]);
        assert!(receipts[3..].iter().all(|r| matches!(r, Receipt::Duplicate(_))));
        assert_eq!(Dump::of(&store).await.expect("reads"), figures);
    });
}

/// A day earlier than the previous one removes nothing, and older events stay refused.
pub fn the_prune_day_only_moves_forward<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (first, second) = (at(0).day(), at(DAY).day());
        store.prune(second).await.expect("prunes");
        let again = store.prune(first).await.expect("prunes");
        assert_eq!(again, Pruned { events: 0, before: second });
        let old = start(&JobKey::new(1), 0, "ada");
        assert_eq!(send(&store, vec![old]).await, [Receipt::TooOld]);
    });
}

/// Ids are not reused even if the newest events were removed.
pub fn ids_are_never_reused<F: Fixture>() {
    F::block_on(async {
        let fixture = F::new(Dedup::WithTask);
        let store = fixture.open().await.expect("opens");
        send(&store, whole_job(&JobKey::new(1), 0, 60, "ada", "JobSucceeded")).await;
        store.prune(at(DAY).day()).await.expect("prunes");
        let store = fixture.reopen(store).await;
        let receipts = send(&store, vec![start(&JobKey::new(1), DAY, "ada")]).await;
        assert_eq!(receipts, [Receipt::Recorded(4)]);
        let refused = send(&store, vec![start(&JobKey::new(1), 0, "ada")]).await;
        assert_eq!(refused, [Receipt::TooOld]);
        store.close().await.expect("closes");
    });
}
