//! Consuming `spark.events`: batches, each committed before it is acknowledged.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::{Channel, Consumer};
use metrics::histogram;
use spark_analytics_core::{Error, Event, EventPlace, InvalidEvent, Receipt, Rejection};
use tokio::time::{Instant, sleep_until};

use crate::broker::{EVENTS, age};
use crate::consume::message::{Message, Refused};
use crate::consume::sink::{Left, Sink};

/// Maximum number of unacknowledged messages per consumer: two batches of single events.
pub(crate) const PREFETCH: u16 = 2_000;
/// A batch is committed when it has this many events or this many messages, or when its first message
/// has waited for `BATCH_AGE`.
const BATCH_EVENTS: usize = 1_000;
const BATCH_AGE: Duration = Duration::from_millis(20);

/// Stores events until the worker stops or the connection is lost.
pub(crate) async fn run(sink: Sink, channel: Channel, mut consumer: Consumer) -> Result<(), Left> {
    while let Some(first) = next(&sink, &mut consumer).await? {
        let mut batch = Batch::default();
        batch.add(first);
        let due = Instant::now() + BATCH_AGE;
        while !batch.is_full() {
            let delivery = tokio::select! {
                biased;
                delivery = next(&sink, &mut consumer) => delivery?,
                () = sleep_until(due) => None,
            };
            match delivery {
                Some(delivery) => batch.add(delivery),
                None => break,
            }
        }
        batch.commit(&sink, &channel).await?;
    }
    Ok(())
}

/// The next delivery; `None` when the worker stops.
pub(crate) async fn next(sink: &Sink, consumer: &mut Consumer) -> Result<Option<Delivery>, Left> {
    tokio::select! {
        biased;
        () = sink.stop.cancelled() => Ok(None),
        delivery = consumer.next() => match delivery {
            Some(delivery) => Ok(Some(delivery?)),
            None => Err(Left::Ended),
        },
    }
}

/// Messages that are committed together.
#[derive(Debug, Default)]
struct Batch {
    events: Vec<Event>,
    /// The place in its message of each of `events`.
    places: Vec<Option<EventPlace>>,
    messages: Vec<Part>,
}

/// A message of a batch.
#[derive(Debug)]
struct Part {
    delivery: Delivery,
    /// Its events.
    events: Range<usize>,
    refused: Refused,
}

impl Batch {
    fn add(&mut self, delivery: Delivery) {
        let message = Message::read(&delivery.data, SystemTime::now().into());
        let start = self.events.len();
        for (place, event) in message.events {
            self.events.push(event);
            self.places.push(place);
        }
        let events = start..self.events.len();
        self.messages.push(Part { delivery, events, refused: message.refused });
    }

    fn is_full(&self) -> bool {
        self.events.len().max(self.messages.len()) >= BATCH_EVENTS
    }

    /// Stores the events, records and dead-letters what is rejected, and then acknowledges all messages.
    async fn commit(mut self, sink: &Sink, channel: &Channel) -> Result<(), Left> {
        let outcomes = sink.ingest(channel, &self.events).await?;
        self.refuse(&outcomes);
        let rejections: Vec<Rejection> = self
            .messages
            .iter_mut()
            .flat_map(|part| std::mem::take(&mut part.refused.rejections))
            .collect();
        sink.reject(channel, &rejections).await?;
        for part in &self.messages {
            if let Some(reason) = part.refused.reason() {
                sink.dead_letter(channel, EVENTS, &part.delivery.data, &reason).await?;
            }
        }
        let Some(last) = self.messages.last() else { return Ok(()) };
        sink.acknowledge(channel, EVENTS, last.delivery.delivery_tag, self.messages.len()).await?;
        for part in &self.messages {
            if let Some(age) = age(&part.delivery.properties) {
                histogram!("spark_analytics_lag_seconds").record(age.as_secs_f64());
            }
        }
        Ok(())
    }

    /// Adds the events that the store did not accept to those that are rejected.
    fn refuse(&mut self, outcomes: &[Result<Receipt, Error>]) {
        for part in &mut self.messages {
            for at in part.events.clone() {
                let reason = match outcomes.get(at) {
                    Some(Ok(Receipt::TooOld)) => InvalidEvent::TooOld.to_string(),
                    Some(Err(error)) => error.to_string(),
                    _ => continue,
                };
                let raw = self.events[at].raw().as_bytes();
                part.refused.add(SystemTime::now().into(), self.places[at], &reason, raw);
            }
        }
    }
}
