use super::*;
use crate::difference::assert_eq;
use spark_analytics_core::log::{Application, LogJob, LogSnapshot, fact};
use spark_analytics_core::{Day, MAX_DURATION_MS, Rollup, TaskTotals};

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
        for user in [None, Some("ada"), Some("eve"), Some("")] {
            for (from, to) in [(0, 3), (1, 2), (2, 1), (3, 3), (4, 9)] {
                let days = store.rollups(day(from), day(to), user).await.expect("reads");
                let mut sum = Rollup::default();
                days.iter().for_each(|(_, rollup)| sum += rollup);
                let total = store.total(day(from), day(to), user).await.expect("reads");
                assert_eq!(total, sum, "{user:?} from {from} to {to}");
            }
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

/// Two jobs that read 2^63 - 1 bytes read more than 64 bits can hold.
pub fn sums_beyond_64_bits_are_exact<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let log = |run: i64, user: &str| {
            let job = |job_id| {
                fact!(LogJob {
                    job_id,
                    ended: true,
                    user: if job_id == 0 { user.to_owned() } else { "ada".to_owned() },
                    submission_time: Some(at(0)),
                    completion_time: Some(at(1)),
                    job_result: "JobSucceeded".to_owned(),
                    tasks: TaskTotals {
                        succeeded: 1,
                        input_bytes: i64::MAX.into(),
                        ..TaskTotals::default()
                    },
                })
            };
            fact!(LogSnapshot {
                application: fact!(Application {
                    app_id: "app-1".to_owned(),
                    start_time: Some(at(run)),
                }),
                jobs: (0..3_000).map(job).collect(),
            })
        };
        store.ingest_logs(vec![log(0, "ada")], Vec::new()).await.expect("takes a log");
        let all = store.rollups(at(0).day(), at(0).day(), None).await.expect("reads");
        assert_eq!(all[0].1.tasks.input_bytes, i128::from(i64::MAX) * 3_000);
        // A job of the next run goes over to another user.
        store.ingest_logs(vec![log(1, "bob")], Vec::new()).await.expect("takes a log");
        let ada = store.rollups(at(0).day(), at(0).day(), Some("ada")).await.expect("reads");
        assert_eq!(ada[0].1.tasks.input_bytes, i128::from(i64::MAX) * 2_999);
        assert_eq!(ada[0].1.jobs_with_tasks, 2_999);
    });
}

/// Jobs whose duration is negative, or longer than a leap year, are counted, and left out of durations.
pub fn impossible_durations_are_left_out<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let longest = MAX_DURATION_MS / 1_000;
        let (back, year, whole) = (JobKey::new(1), JobKey::new(2), JobKey::new(3));
        send(&store, whole_job(&back, 3_600, 0, "ada", "JobSucceeded")).await;
        send(&store, whole_job(&year, -longest, 1, "ada", "JobSucceeded")).await;
        send(&store, whole_job(&whole, 0, 20, "ada", "JobSucceeded")).await;
        let day = at(0).day();
        let rollup =
            async || store.rollups(day, day, Some("ada")).await.expect("reads").remove(0).1;
        let of_day = rollup().await;
        assert_eq!((of_day.jobs(), of_day.impossible_durations), (3, 2));
        assert_eq!((of_day.duration_us, of_day.durations.count()), (20_000_000, 1));
        assert_eq!(of_day.avg_duration_seconds(), 20.0);
        assert_eq!(figures(&store, &back).await.map(|job| job.duration_us()), Some(-3_600_000_000));
        // Earlier and later ones correct it.
        send(&store, vec![start(&back, -10, "ada"), end(&year, 0, "JobSucceeded")]).await;
        send(&store, vec![start(&whole, -longest - 100, "ada")]).await;
        let corrected = rollup().await;
        assert_eq!((corrected.impossible_durations, corrected.duration_us), (2, 10_000_000));
        send(&store, vec![end(&back, 3_000, "JobSucceeded")]).await;
        assert_eq!(rollup().await.duration_us, 3_010_000_000);
    });
}

/// Jobs without tasks count, but not among those that say something about success.
pub fn jobs_with_tasks_are_counted<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (with, without) = (JobKey::new(1), JobKey::new(2));
        send(&store, whole_job(&with, 0, 10, "ada", "JobSucceeded")).await;
        send(&store, vec![start(&without, 0, "ada"), end(&without, 10, "JobSucceeded")]).await;
        let day = at(0).day();
        let rollup = async || store.rollups(day, day, None).await.expect("reads").remove(0).1;
        let of_day = rollup().await;
        assert_eq!((of_day.jobs(), of_day.jobs_with_tasks), (2, 1));
        assert_eq!(
            (of_day.avg_success_rate(), of_day.avg_success_rate_with_tasks()),
            (50.0, 100.0)
        );
        // A late task, and one that turns out to have failed.
        send(&store, vec![task(&without, 5, "t1", 7, false)]).await;
        assert_eq!(rollup().await.jobs_with_tasks, 2);
        assert_eq!(rollup().await.avg_success_rate_with_tasks(), 50.0);
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
        assert_eq!((rollup.jobs_with_tasks, rollup.impossible_durations), (2, 0));
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
