//! The worker as its users run it: the real binary, a real broker, a store.

#![allow(clippy::unwrap_used)]

mod worker_support;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use spark_analytics_core::Event;
use spark_analytics_tests::Workload;
use worker_support::Place;

fn shuffled(count: usize, seed: u64) -> Vec<Event> {
    let mut events = Workload::new(20, seed).batch(count);
    events.shuffle(&mut StdRng::seed_from_u64(seed));
    events
}

#[tokio::test]
async fn single_events_and_arrays_are_stored_and_acknowledged() {
    let place = Place::new("arrays").await;
    let events = shuffled(1_500, 1);
    place.publish_events(&events[..500], 1).await;
    let mut worker = place.worker(&[]);
    place.publish_events(&events[400..], 100).await;
    place.has_figures_of(&events).await;
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    assert_eq!(place.waiting("spark.events").await, 0);
    assert_eq!(place.waiting("spark.dead").await, 0);
    assert!(place.rejected(0).await.is_empty());
}
