//! A store that stands still and callers that keep coming: the memory of waiting calls is bounded.

use futures::FutureExt;
use spark_analytics_conformance::Gate;
use spark_analytics_core::{Analytics, CommitLimits, Error, Event, Timestamp};

use crate::support::again;

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// An event of about 32 KB.
fn event(job_id: i64) -> Event {
    let start = Event::job_start(job_id, Timestamp::from_millis(job_id), "ada").unwrap();
    let pad = format!(r#"{{"pad":"{}","#, "x".repeat(32_000));
    Event::from_json(&start.raw().replacen('{', &pad, 1)).unwrap()
}

const IN_A_PROCESS: &str = "bounded::callers_of_a_stalled_store_in_a_separate_process";

#[test]
fn callers_of_a_stalled_store_are_refused_and_memory_stays_bounded() {
    let ran = again::command(IN_A_PROCESS).output().unwrap();
    let output = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "run by the test above: it measures the memory of its process"]
fn callers_of_a_stalled_store_in_a_separate_process() {
    let gate = Gate::new();
    let store = gate.store();
    let limits = CommitLimits::DEFAULT.batch(100).waiting(10_000);
    let analytics = Analytics::with_limits(store.clone(), limits);
    let before = resident();
    let mut waiting = Vec::new();
    let mut refused = 0;
    for caller in 0..1_500 {
        let mut call = Box::pin(analytics.ingest((0..4).map(|n| event(4 * caller + n)).collect()));
        match call.as_mut().now_or_never() {
            None => waiting.push(call),
            Some(Err(Error::Busy { limit: 10_000, .. })) => refused += 1,
            Some(other) => panic!("{other:?}"),
        }
    }
    // All of them would be 192 MB; at most 10,000 KiB of JSON may wait.
    let held = resident().saturating_sub(before);
    assert!(held < 40 << 20, "{held} bytes held by {} callers", waiting.len());
    assert_eq!((waiting.len(), refused), (78, 1_422));
    gate.let_through(usize::MAX);
    for call in waiting {
        assert_eq!(futures::executor::block_on(call).unwrap().len(), 4);
    }
    assert!(futures::executor::block_on(analytics.ingest(vec![event(1_000_000)])).is_ok());
}
