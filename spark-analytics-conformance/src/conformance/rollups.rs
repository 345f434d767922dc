use super::*;
use spark_analytics_core::{Day, MAX_DURATION_MS};

const DAY: i64 = 86_400;

/// Roll-ups of one user and of all users, in the order of days, including both bounds.
pub fn a_rollup_is_kept_for_each_day_and_user<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        for n in 0..12 {
            let (user, day) = (["ada", "bob", "all"][n as usize % 3], n % 4 * DAY);
            let result = if n % 2 == 0 { "JobSucceeded" } else { "odd" };
            send(&store, whole_job(&JobKey::new(n), day, day + 60, user, result)).await;
        }
        let day = |n: i64| at(n * DAY).day();
        let all = store.rollups(Day::MIN, Day::MAX, None).await.expect("reads");
        let days: Vec<Day> = all.iter().map(|(day, _)| *day).collect();
        assert_eq!(days, [day(0), day(1), day(2), day(3)]);
        assert!(all.iter().all(|(_, rollup)| rollup.jobs() == 3));
        assert_eq!((all[0].1.jobs_succeeded, all[1].1.jobs_unknown), (3, 3));
        assert_eq!(all[2].1.avg_duration_seconds(), 60.0);
        assert_eq!(all[2].1.tasks.duration_ms, 3_000);
        let some = store.rollups(day(1), day(2), None).await.expect("reads");
        assert_eq!(some, all[1..3]);
        for user in ["ada", "bob", "all"] {
            let of_user = store.rollups(day(0), day(3), Some(user)).await.expect("reads");
            assert_eq!(of_user.iter().map(|(_, rollup)| rollup.jobs()).sum::<i64>(), 4);
        }
        assert!(store.rollups(day(0), day(3), Some("eve")).await.expect("reads").is_empty());
        assert!(store.rollups(day(0), day(3), Some("")).await.expect("reads").is_empty());
    });
}

/// The job leaves no trace on the day of its earlier end.
pub fn a_late_end_moves_a_job_to_its_new_day<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(5);
        send(&store, whole_job(&key, 0, 60, "ada", "JobSucceeded")).await;
        send(&store, vec![end(&key, 2 * DAY, "JobFailed"), start(&key, -5, "bob")]).await;
        let all = store.rollups(Day::MIN, Day::MAX, None).await.expect("reads");
        assert_eq!(all.len(), 1, "an empty roll-up is dropped");
        assert_eq!((all[0].0, all[0].1.jobs_failed), (at(2 * DAY).day(), 1));
        assert!(store.rollups(Day::MIN, Day::MAX, Some("ada")).await.expect("reads").is_empty());
        let bob = store.rollups(Day::MIN, Day::MAX, Some("bob")).await.expect("reads");
        assert_eq!(bob, all);
    });
}

/// The years 1970 to 2262 nearly exhaust 64 bits of microseconds: the sum of two such jobs exceeds them.
pub fn sums_beyond_64_bits_are_exact<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let first = Timestamp::from_micros(0);
        let last: Timestamp = "2262-12-31T23:59:59Z".parse().expect("a time");
        for part in [0..1_500, 1_500..3_000] {
            let jobs = part.flat_map(|n| {
                [
                    Event::job_start(n, first, "ada").expect("valid"),
                    Event::task_end(n, first, "ada", "t1", MAX_DURATION_MS, false).expect("valid"),
                    Event::job_end(n, last, "ada", last, "JobSucceeded").expect("valid"),
                ]
            });
            send(&store, jobs.collect()).await;
        }
        let all = store.rollups(last.day(), last.day(), None).await.expect("reads");
        let expected = i128::from(last.as_micros()) * 3_000;
        assert!(expected > i128::from(i64::MAX));
        assert_eq!(all[0].1.duration_us, expected);
        assert_eq!(all[0].1.tasks.lost_ms, i128::from(MAX_DURATION_MS) * 3_000);
        // Twenty jobs move to another user.
        let later = (0..20).map(|n| Event::job_start(n, first, "bob").expect("valid"));
        send(&store, later.collect()).await;
        let ada = store.rollups(last.day(), last.day(), Some("ada")).await.expect("reads");
        assert_eq!(ada[0].1.duration_us, i128::from(last.as_micros()) * 2_980);
    });
}

/// One roll-up, with each number calculated by hand.
pub fn every_number_of_a_rollup_equals_a_count_by_hand<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (one, two) = (JobKey::new(1), JobKey::new(2));
        let mut events = vec![start(&one, 0, "ada"), end(&one, 10, "JobSucceeded")];
        events.extend(
            [(1, true), (2, false), (3, true)]
                .map(|(n, ok)| task(&one, n, &format!("t{n}"), 100 * n, ok)),
        );
        events.extend([start(&two, 0, "ada"), end(&two, 4, "odd"), task(&two, 1, "t1", 50, true)]);
        send(&store, events).await;
        let (_, rollup) =
            store.rollups(at(0).day(), at(0).day(), None).await.expect("reads").remove(0);
        assert_eq!((rollup.jobs_succeeded, rollup.jobs_failed, rollup.jobs_unknown), (1, 0, 1));
        assert_eq!(rollup.duration_us, 14_000_000);
        assert_eq!(rollup.success_rate_ppb, 1_666_666_667);
        assert_eq!((rollup.tasks.succeeded, rollup.tasks.failed, rollup.tasks.killed), (3, 1, 0));
        assert_eq!((rollup.tasks.duration_ms, rollup.tasks.lost_ms), (650, 200));
        assert_eq!(rollup.avg_duration_seconds(), 7.0);
        let of_jobs: Vec<(i64, i64)> = rollup.durations.buckets().collect();
        // 4 s and 10 s are in buckets with widths of 2^15 and 2^17 µs.
        assert_eq!(of_jobs, [(4_014_080, 1), (10_027_008, 1)]);
        let of_tasks: Vec<(i64, i64)> = rollup.tasks.durations.buckets().collect();
        assert_eq!(of_tasks, [(50, 1), (100, 1), (201, 1), (302, 1)]);
        let analytics = spark_analytics_core::Analytics::new(Arc::clone(&store));
        let summary = analytics.summary(Day::MIN, Day::MAX, Some("ada")).await.expect("reads");
        assert_eq!(summary, rollup);
    });
}
