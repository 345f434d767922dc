use super::*;
use crate::difference::assert_eq;
use spark_analytics_core::log::{LogJob, LogSnapshot, fact};
use spark_analytics_core::{FigureSource, JobCursor, JobFilter, JobOrder, JobResult};

/// A job with a start and tasks has no figures yet; it is listed once it has an end, too.
pub fn a_job_has_figures_once_start_and_end_are_known<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(5);
        send(&store, vec![end(&key, 60, "JobFailed"), task(&key, 4, "t1", 3_000, true)]).await;
        assert_eq!(figures(&store, &key).await, None);
        assert!(store.jobs(&JobFilter::default(), None, 10).await.expect("reads").is_empty());
        send(&store, vec![task(&key, 5, "t2", 1_000, false), start(&key, 0, "bob")]).await;
        let job = figures(&store, &key).await.expect("complete");
        assert_eq!((job.user.as_str(), job.start, job.end), ("bob", at(0), at(60)));
        assert_eq!((job.result.clone(), job.source), (JobResult::Failed, FigureSource::Events));
        assert_eq!((job.tasks.task_count(), job.tasks.failed), (2, 1));
        assert_eq!((job.duration_seconds(), job.success_rate()), (60.0, 50.0));
        assert_eq!(store.jobs(&JobFilter::default(), None, 10).await.expect("reads"), [job]);
    });
}

/// Figures are never final: late events count.
pub fn a_late_task_changes_a_finished_job<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(5);
        send(&store, whole_job(&key, 0, 9, "ada", "JobSucceeded")).await;
        send(&store, vec![task(&key, 30, "late", 500, false)]).await;
        let job = figures(&store, &key).await.expect("complete");
        assert_eq!((job.tasks.succeeded, job.tasks.failed, job.end), (1, 1, at(9)));
        let rollups = store.rollups(at(0).day(), at(0).day(), None).await.expect("reads");
        assert_eq!((rollups[0].1.tasks.failed, rollups[0].1.avg_success_rate()), (1, 50.0));
    });
}

/// Several starts and ends of one job may be reported.
pub fn a_job_lasts_from_its_earliest_start_to_its_latest_end<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let key = JobKey::new(5);
        send(&store, vec![start(&key, 5, "ada"), end(&key, 6, "JobFailed")]).await;
        send(&store, vec![start(&key, 2, "bob"), start(&key, 8, "eve")]).await;
        send(&store, vec![end(&key, 9, "JobSucceeded"), end(&key, 7, "JobFailed")]).await;
        let job = figures(&store, &key).await.expect("complete");
        assert_eq!((job.user.as_str(), job.start, job.end), ("bob", at(2), at(9)));
        assert_eq!(job.result, JobResult::Succeeded);
        let early = JobKey::new(6);
        send(&store, vec![start(&early, 9, "ada"), end(&early, 4, "JobSucceeded")]).await;
        assert_eq!(figures(&store, &early).await.expect("complete").duration_seconds(), -5.0);
    });
}

/// A job's key is its application, attempt and number together.
pub fn equal_job_ids_in_different_applications_are_different_jobs<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let keys = [("", ""), ("a", ""), ("a", "1"), ("a1", ""), ("b", "")];
        let keys = keys.map(|(app, attempt)| JobKey::in_app(app, attempt, 1));
        for (n, key) in keys.iter().enumerate() {
            send(&store, whole_job(key, 0, 10 + n as i64, "ada", "JobSucceeded")).await;
        }
        for (n, key) in keys.iter().enumerate() {
            let job = figures(&store, key).await.expect("complete");
            assert_eq!((&job.key, job.end), (key, at(10 + n as i64)));
            assert_eq!(store.events(key, None, 10).await.expect("reads").len(), 3);
        }
    });
}

/// The same order for all, whatever the page.
pub fn jobs_are_listed_in_each_order<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let mut keys = Vec::new();
        for app in ["", "B", "a", "é"] {
            for attempt in ["", "1", "10", "2"] {
                keys.extend([0, 2, 10].map(|id| JobKey::in_app(app, attempt, id)));
            }
        }
        let jobs = keys.iter().rev().enumerate();
        // Many have equal ends, many equal durations, and some a negative one.
        let events = jobs.flat_map(|(n, key)| {
            let n = n as i64;
            whole_job(key, 98 + n % 5, 100 + n % 3, "ada", "JobSucceeded")
        });
        send(&store, events.collect()).await;
        let all = store.jobs(&JobFilter::default(), None, 1_000).await.expect("reads");
        for order in JobOrder::ALL {
            let filter = JobFilter::default().order(order);
            let listed = store.jobs(&filter, None, 1_000).await.expect("reads");
            let mut sorted = all.clone();
            sorted.sort_by(|one, other| order.compare(&one.into(), &other.into()));
            assert_eq!((listed.len(), &listed), (keys.len(), &sorted), "{order:?}");
            for size in [1, 5, keys.len()] {
                let mut paged = Vec::new();
                let mut after = None;
                loop {
                    let page = store.jobs(&filter, after.as_ref(), size).await.expect("reads");
                    assert!(page.len() <= size);
                    let Some(last) = page.last() else { break };
                    after = Some(JobCursor::from(last));
                    paged.extend(page);
                }
                assert_eq!(paged, listed, "{order:?}, {size} a page");
            }
            assert!(store.jobs(&filter, None, 0).await.expect("reads").is_empty());
        }
    });
}

/// Durations beyond 64 bits are clamped, so that the longest comes first.
pub fn durations_of_any_length_are_ordered<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let (least, most) = (i64::MIN, i64::MAX);
        let mut log = LogSnapshot::default();
        log.application.app_id = "a".to_owned();
        let times = [(0, 9), (least, most), (most, least), (5, 2), (least, 0), (0, 0), (1, least)];
        for (job_id, (start, end)) in (0..).zip(times) {
            log.jobs.push(fact!(LogJob {
                job_id,
                ended: true,
                job_result: "JobSucceeded".to_owned(),
                submission_time: Some(Timestamp::from_micros(start)),
                completion_time: Some(Timestamp::from_micros(end)),
            }));
        }
        store.ingest_logs(vec![log], Vec::new()).await.expect("stores");
        for filter in [JobFilter::default(), JobFilter::default().app("a")] {
            let longest = filter.order(JobOrder::Longest);
            let jobs = store.jobs(&longest, None, 10).await.expect("reads");
            let ids: Vec<i64> = jobs.iter().map(|job| job.key.job_id).collect();
            assert_eq!(ids, [4, 1, 0, 5, 3, 6, 2]);
            let after = JobCursor::from(&jobs[2]);
            assert_eq!(store.jobs(&longest, Some(&after), 2).await.expect("reads"), jobs[3..5]);
        }
    });
}

/// The place of a job follows its figures, in every order.
pub fn a_job_moves_in_each_order_when_its_figures_change<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let keys = [1, 2, 3].map(JobKey::new);
        for (n, key) in (0..).zip(&keys) {
            send(&store, whole_job(key, 10 * n, 10 * n + 5 + n, "ada", "JobFailed")).await;
        }
        let check = async |longest: [i64; 3], newest: [i64; 3]| {
            for (order, ids) in [(JobOrder::Longest, longest), (JobOrder::Newest, newest)] {
                let all = JobFilter::default().order(order);
                for filter in [all.clone(), all.clone().user("ada"), all.result(JobResult::Failed)]
                {
                    let jobs = store.jobs(&filter, None, 10).await.expect("reads");
                    let listed: Vec<i64> = jobs.iter().map(|job| job.key.job_id).collect();
                    assert_eq!(listed, ids, "{filter:?}");
                }
            }
        };
        check([3, 2, 1], [3, 2, 1]).await;
        send(&store, vec![start(&keys[1], -50, "ada")]).await;
        check([2, 3, 1], [3, 2, 1]).await;
        send(&store, vec![end(&keys[0], 90, "JobFailed"), task(&keys[2], 21, "t", 5, true)]).await;
        check([1, 2, 3], [1, 3, 2]).await;
    });
}

/// Each filter alone and all together, also with a cursor.
pub fn jobs_are_filtered<F: Fixture>() {
    const DAY: i64 = 86_400;
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let users = ["ada", "bob"];
        let results = ["JobSucceeded", "JobFailed", "odd"];
        for n in 0..48 {
            let attempt = if n % 8 < 3 { "2" } else { "" };
            let key = JobKey::in_app(if n % 4 == 0 { "x" } else { "y" }, attempt, n);
            let (user, result) = (users[n as usize % 2], results[n as usize % 3]);
            let day = n % 5 * DAY;
            send(&store, whole_job(&key, day, day + 60 + n % 7, user, result)).await;
        }
        let all = store.jobs(&JobFilter::default(), None, 100).await.expect("reads");
        assert_eq!(all.len(), 48);
        let day = |n: i64| at(n * DAY).day();
        let any = JobFilter::default();
        let unknown = JobResult::from_name("odd");
        let (mut since, mut until) = (any.clone(), any.clone());
        (since.from, until.to) = (Some(day(3)), Some(day(0)));
        let filters = [
            any.clone().user("bob"),
            any.clone().user("nobody"),
            any.clone().app("x"),
            any.clone().app(""),
            any.clone().app("y").attempt("2"),
            any.clone().app("x").attempt("").result(JobResult::Failed),
            any.clone().attempt("2"),
            any.clone().app("x").attempt("3"),
            any.clone().result(JobResult::Failed),
            any.clone().result_word("UNKNOWN").expect("is a word"),
            any.result(unknown.clone()),
            JobFilter::days(day(1), day(3)),
            since,
            until,
            JobFilter::days(day(3), day(1)),
            JobFilter::days(day(0), day(4)).user("ada").app("y").result(unknown),
        ];
        for (filter, order) in filters.iter().flat_map(|f| JobOrder::ALL.map(|order| (f, order))) {
            let filter = &filter.clone().order(order);
            let place = |job: &Job| JobCursor::from(job);
            let mut expected: Vec<Job> =
                all.iter().filter(|job| filter.matches(job)).cloned().collect();
            expected.sort_by(|one, other| order.compare(&place(one), &place(other)));
            let listed = store.jobs(filter, None, 100).await.expect("reads");
            assert_eq!(listed, expected, "{filter:?}");
            for after in all.iter().step_by(7).map(place) {
                let rest: Vec<Job> = expected
                    .iter()
                    .filter(|job| order.compare(&after, &place(job)).is_lt())
                    .take(3)
                    .cloned()
                    .collect();
                let listed = store.jobs(filter, Some(&after), 3).await.expect("reads");
                assert_eq!(listed, rest, "{filter:?} after {after:?}");
            }
        }
    });
}
