use super::*;
use crate::difference::assert_eq;
use spark_analytics_core::{MAX_REJECTED, MAX_REJECTED_BYTES, Rejection};

/// Rejected input is kept with its reason and listed page by page.
pub fn rejected_input_is_listed_newest_first<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let long = vec![b'x'; MAX_REJECTED_BYTES * 2];
        let texts: [&[u8]; 5] = [b"{", b"\xff\x00'", "é☃".as_bytes(), b"", &long];
        let rejections = texts.map(|text| Rejection::new(at(1), "no event", text));
        store.reject(rejections[..2].to_vec()).await.expect("keeps");
        store.reject(rejections[2..].to_vec()).await.expect("keeps");
        store.reject(vec![]).await.expect("keeps");
        let listed = store.rejected(None, 10).await.expect("reads");
        assert_eq!(listed.iter().map(|r| r.id).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
        let mut kept: Vec<Rejection> = listed.into_iter().map(|r| r.rejection).collect();
        kept.reverse();
        assert_eq!(kept, rejections);
        assert_eq!(kept[4].raw.len(), MAX_REJECTED_BYTES);
        let page = store.rejected(Some(4), 2).await.expect("reads");
        assert_eq!(page.iter().map(|r| r.id).collect::<Vec<_>>(), [3, 2]);
    });
}

/// The number of kept rows is bounded.
pub fn only_the_newest_rejected_input_is_kept<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let total = MAX_REJECTED + 1_500;
        let all: Vec<Rejection> = (0..total)
            .map(|n| Rejection::new(at(0), "no event", n.to_string().as_bytes()))
            .collect();
        for part in all.chunks(4_000) {
            store.reject(part.to_vec()).await.expect("keeps");
        }
        let listed = store.rejected(None, total).await.expect("reads");
        assert_eq!(listed.len(), MAX_REJECTED);
        assert_eq!((listed[0].id, listed[0].rejection.raw.as_str()), (total as i64, "11499"));
    });
}
