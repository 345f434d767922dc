use super::*;
use spark_analytics_core::{AttemptKey, Day, JobFilter, MAX_DURATION_MS};

use crate::difference::assert_eq;
use crate::{Dump, Workload, dump::contents};

/// A new store returns empty results without an error.
pub fn an_empty_store_knows_nothing<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(1);
        assert_eq!(store.dedup(), Dedup::WithTask);
        store.check().await.expect("answers");
        assert_eq!(store.job(&key).await.expect("reads"), None);
        assert!(store.jobs(&JobFilter::default(), None, 10).await.expect("reads").is_empty());
        assert!(store.rollups(Day::MIN, Day::MAX, None).await.expect("reads").is_empty());
        assert!(store.rollups(Day::MAX, Day::MIN, None).await.expect("reads").is_empty());
        assert!(store.events(&key, None, 10).await.expect("reads").is_empty());
        assert!(store.applications(None, 10).await.expect("reads").is_empty());
        assert_eq!(store.log(&AttemptKey::new("app", "")).await.expect("reads"), None);
        assert!(store.rejected(None, 10).await.expect("reads").is_empty());
    });
}

/// Without events there are no receipts and no changes.
pub fn an_empty_batch_does_nothing<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        assert!(send(&store, vec![]).await.is_empty());
        assert_eq!(Dump::of(&store).await.expect("reads"), Dump::default());
    });
}

/// Ids count up from 1; the raw text is returned unchanged.
pub fn a_recorded_event_is_listed_under_its_id<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let raw = r#"{"event":"SparkListenerJobStart","job_id":7,"timestamp":"2024-03-30T10:00:00Z","user":"ada","extra":[1,{"é":null}]}"#;
        let event = Event::from_json(raw).expect("valid");
        assert_eq!(send(&store, vec![event.clone()]).await, [Receipt::Recorded(1)]);
        let other = task(&JobKey::new(8), 0, "t1", 5, false);
        assert_eq!(send(&store, vec![other.clone()]).await, [Receipt::Recorded(2)]);
        let listed = store.events(&JobKey::new(7), None, 10).await.expect("reads");
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].id, listed[0].event.raw()), (1, raw));
        let listed = store.events(&JobKey::new(8), None, 10).await.expect("reads");
        assert_eq!((listed[0].id, &listed[0].event), (2, &other));
    });
}

/// The order is by time, type and task; pages neither repeat nor omit events.
pub fn events_are_listed_by_time_page_by_page<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::in_app("app", "1", 3);
        let mut events = vec![end(&key, 9, "JobSucceeded"), start(&key, 9, "ada")];
        events.extend((0..8).map(|n| task(&key, 9 - n % 3, &format!("t{n}"), n, true)));
        send(&store, events.clone()).await;
        send(&store, vec![task(&JobKey::in_app("app", "1", 4), 9, "t1", 1, true)]).await;
        let mut expected: Vec<_> = events
            .iter()
            .map(|e| (spark_analytics_core::EventCursor::from(e), e.content().clone()))
            .collect();
        expected.sort();
        assert_eq!(contents(&store, &key).await.expect("reads"), expected);
    });
}

/// The receipt of a duplicate names the id of the stored event.
pub fn sending_again_returns_the_first_id<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let events = whole_job(&JobKey::new(5), 0, 9, "ada", "JobSucceeded");
        let first = send(&store, events.clone()).await;
        assert_eq!(first, [Receipt::Recorded(1), Receipt::Recorded(2), Receipt::Recorded(3)]);
        let figures = Dump::of(&store).await.expect("reads");
        let again = send(&store, events.iter().rev().cloned().collect()).await;
        assert_eq!(again, [Receipt::Duplicate(3), Receipt::Duplicate(2), Receipt::Duplicate(1)]);
        assert_eq!(Dump::of(&store).await.expect("reads"), figures);
        let new = send(&store, vec![task(&JobKey::new(5), 2, "t2", 1, true)]).await;
        assert!(matches!(new[..], [Receipt::Recorded(4..)]), "{new:?}");
    });
}

/// Of two events with the same identity the one with the greater content is kept, and figures follow it.
pub fn greater_content_wins_in_either_order<F: Fixture>() {
    let key = JobKey::new(5);
    let (less, greater) = (task(&key, 1, "t1", 10, true), task(&key, 1, "t1", 20, false));
    for greater_first in [false, true] {
        with_store::<F, _>(async |store: Arc<dyn Store>| {
            send(&store, vec![start(&key, 0, "ada"), end(&key, 9, "JobSucceeded")]).await;
            let (first, second) = if greater_first { (&greater, &less) } else { (&less, &greater) };
            assert_eq!(send(&store, vec![first.clone()]).await, [Receipt::Recorded(3)]);
            let expected = if greater_first { Receipt::Duplicate(3) } else { Receipt::Replaced(3) };
            assert_eq!(send(&store, vec![second.clone()]).await, [expected]);
            let job = figures(&store, &key).await.expect("complete");
            assert_eq!((job.tasks.succeeded, job.tasks.failed), (0, 1));
            assert_eq!(job.tasks.duration_ms, 20);
            assert_eq!(job.tasks.durations.count(), 1);
            let events = store.events(&key, None, 10).await.expect("reads");
            let held = events.iter().find(|stored| stored.id == 3).expect("held");
            assert_eq!(held.event, greater);
        });
    }
}

/// A batch has the same effect as its events one after the other.
pub fn one_identity_twice_in_a_batch_is_handled_in_sequence<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(5);
        let of = |duration_ms| task(&key, 1, "t1", duration_ms, true);
        let receipts = send(&store, vec![of(10), of(30), of(20), of(30)]).await;
        let expected = [
            Receipt::Recorded(1),
            Receipt::Replaced(1),
            Receipt::Duplicate(1),
            Receipt::Duplicate(1),
        ];
        assert_eq!(receipts, expected);
        send(&store, vec![start(&key, 0, "ada"), end(&key, 9, "JobSucceeded")]).await;
        assert_eq!(figures(&store, &key).await.expect("complete").tasks.duration_ms, 30);
        let receipts = send(&store, vec![of(40), of(35), of(50)]).await;
        assert_eq!(receipts, [Receipt::Replaced(1), Receipt::Duplicate(1), Receipt::Replaced(1)]);
        let job = figures(&store, &key).await.expect("complete");
        assert_eq!((job.tasks.duration_ms, job.tasks.task_count()), (50, 1));
    });
}

/// With the default rule, the task's id is part of the identity.
pub fn tasks_ending_in_one_millisecond_count_apart<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(5);
        send(&store, vec![task(&key, 1, "t1", 10, true), task(&key, 1, "t2", 10, true)]).await;
        send(&store, vec![start(&key, 0, "ada"), end(&key, 9, "JobSucceeded")]).await;
        assert_eq!(figures(&store, &key).await.expect("complete").tasks.task_count(), 2);
    });
}

/// With the rule by time it is not, and the greater task id wins.
pub fn tasks_ending_in_one_millisecond_count_once_by_time<F: Fixture>() {
    with_rule::<F, _>(Dedup::JobTypeTimestamp, async |store: Arc<dyn Store>| {
        assert_eq!(store.dedup(), Dedup::JobTypeTimestamp);
        let key = JobKey::new(5);
        send(&store, vec![task(&key, 1, "t2", 10, true)]).await;
        assert_eq!(
            send(&store, vec![task(&key, 1, "t1", 99, true)]).await,
            [Receipt::Duplicate(1)]
        );
        assert_eq!(send(&store, vec![task(&key, 1, "t3", 7, true)]).await, [Receipt::Replaced(1)]);
        send(&store, vec![start(&key, 0, "ada"), end(&key, 9, "JobSucceeded")]).await;
        let tasks = figures(&store, &key).await.expect("complete").tasks;
        assert_eq!((tasks.task_count(), tasks.duration_ms), (1, 7));
        assert_eq!(contents(&store, &key).await.expect("reads").len(), 3);
    });
}

/// Quotes, wildcards, line ends, long texts, and the limits of every range.
pub fn unusual_texts_and_numbers_are_read_back_unchanged<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let long = "é".repeat(512);
        let texts = [
            "'; DROP TABLE jobs; --",
            "%_\\\"",
            "a\nb\tc",
            "\u{1}\u{7f}",
            "☃ 東京 \u{10ffff}",
            &long,
        ];
        let (first, last) =
            (Timestamp::from_micros(0), "2262-12-31T23:59:59.999999Z".parse().expect("a time"));
        for (n, text) in texts.iter().enumerate() {
            let key = JobKey::in_app(*text, *text, i64::MAX - n as i64);
            let events = vec![
                Event::job_start(key.clone(), first, *text).expect("valid"),
                Event::task_end(key.clone(), first, *text, *text, MAX_DURATION_MS, true)
                    .expect("valid"),
                Event::job_end(key.clone(), last, *text, last, *text).expect("valid"),
            ];
            send(&store, events.clone()).await;
            let job = figures(&store, &key).await.expect("complete");
            assert_eq!((job.user.as_str(), job.result.name()), (*text, *text));
            assert_eq!((job.start, job.end), (first, last));
            assert_eq!(job.tasks.duration_ms, i128::from(MAX_DURATION_MS));
            assert_eq!(contents(&store, &key).await.expect("reads").len(), 3);
            let receipts = send(&store, events).await;
            assert!(receipts.iter().all(|r| matches!(r, Receipt::Duplicate(_))), "{text:?}");
            let filter = JobFilter::default().user(*text);
            assert_eq!(store.jobs(&filter, None, 10).await.expect("reads"), [job]);
        }
        Dump::of(&store).await.expect("reads");
    });
}

/// The batch has more rows than one statement of any database accepts.
pub fn a_batch_of_many_jobs_and_tasks_is_accepted<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let mut workload = Workload::new(2_000, 1);
        let events = workload.batch(9_000);
        let receipts = send(&store, events.clone()).await;
        assert!(receipts.iter().enumerate().all(|(n, r)| *r == Receipt::Recorded(n as i64 + 1)));
        let receipts = send(&store, events.clone()).await;
        assert!(receipts.iter().enumerate().all(|(n, r)| *r == Receipt::Duplicate(n as i64 + 1)));
        let mut reference = crate::Reference::default();
        events.iter().for_each(|event| reference.ingest(event));
        assert_eq!(Dump::of(&store).await.expect("reads"), Dump::of_reference(&reference, &[]));
    });
}
