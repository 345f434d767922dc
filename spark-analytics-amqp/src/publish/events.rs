//! Publishing events to their queue.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use lapin::types::FieldTable;
use metrics::counter;
use spark_analytics_core::{Event, NotQueued, Queue};

use crate::broker::EVENTS;
use crate::publish::Publisher;

/// A message has at most this many events, and gets no further event once it has `MESSAGE_BYTES`.
const MESSAGE_EVENTS: usize = 1_000;
const MESSAGE_BYTES: usize = 256 * 1024;

#[async_trait]
impl Queue for Publisher {
    async fn publish(&self, events: Vec<Event>) -> Result<(), NotQueued> {
        let count = events.len() as u64;
        let sent =
            bodies(&events).into_iter().map(|body| self.send(EVENTS, body, FieldTable::default()));
        try_join_all(sent).await.map_err(|error| NotQueued::new(error.to_string()))?;
        counter!("spark_analytics_events_total", "outcome" => "queued").increment(count);
        Ok(())
    }

    async fn check(&self) -> Result<(), NotQueued> {
        self.connected().await.map_err(|error| NotQueued::new(error.to_string()))
    }
}

/// The bodies of the messages that hold these events: one, or an array of them.
fn bodies(events: &[Event]) -> Vec<Vec<u8>> {
    if let [event] = events {
        return vec![event.raw().into()];
    }
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut room = 0;
    for event in events {
        match bodies.last_mut().filter(|body| room > 0 && body.len() < MESSAGE_BYTES) {
            Some(body) => body.push(b','),
            None => {
                room = MESSAGE_EVENTS;
                bodies.push(vec![b'[']);
            }
        }
        if let Some(body) = bodies.last_mut() {
            body.extend_from_slice(event.raw().as_bytes());
        }
        room -= 1;
    }
    bodies.iter_mut().for_each(|body| body.push(b']'));
    bodies
}

#[cfg(test)]
mod tests {
    use spark_analytics_core::Timestamp;

    use super::*;

    fn events(count: i64, user: &str) -> Vec<Event> {
        let event = |job| Event::job_start(job, Timestamp::from_micros(0), user).unwrap();
        (0..count).map(event).collect()
    }

    #[test]
    fn messages_are_bounded_and_hold_all_events_in_order() {
        for (count, user) in [(2, "ada"), (999, "ada"), (2_500, "ada"), (2_500, &*"a".repeat(900))]
        {
            let events = events(count, user);
            let mut held: Vec<Event> = Vec::new();
            for body in bodies(&events) {
                assert!(body.len() < MESSAGE_BYTES + 2_000);
                let some: Vec<Event> = serde_json::from_slice(&body).unwrap();
                assert!(some.len() <= MESSAGE_EVENTS);
                held.extend(some);
            }
            assert_eq!(held, events);
        }
    }

    #[test]
    fn a_single_event_is_published_unchanged() {
        let events = events(1, "ada");
        assert_eq!(bodies(&events), [events[0].raw().as_bytes()]);
        assert!(bodies(&[]).is_empty());
    }
}
