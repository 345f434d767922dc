//! The events in a message of `spark.events`.

use spark_analytics_core::{
    Event, EventPlace, EventSplitter, EventText, InvalidEvent, MAX_REJECTED, Rejection, Timestamp,
};

/// Maximum size of a message, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Maximum number of reasons in the header of a dead letter.
const SHOWN_REASONS: usize = 10;

/// The parsed content of a message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// The events, each with its place in the array if the message is one.
    pub(crate) events: Vec<(Option<EventPlace>, Event)>,
    /// The rest, and why it is rejected.
    pub(crate) refused: Refused,
}

/// The rejected parts of a message.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// Entries for the store's list of rejected input, no more than it keeps.
    pub(crate) rejections: Vec<Rejection>,
    /// Number of rejected parts.
    count: usize,
    /// The reasons of the first few, with their places.
    reasons: Vec<String>,
}

impl Refused {
    /// Adds a rejected text.
    pub(crate) fn add(
        &mut self,
        now: Timestamp,
        place: Option<EventPlace>,
        reason: &str,
        raw: &[u8],
    ) {
        if self.rejections.len() < MAX_REJECTED {
            self.rejections.push(Rejection::new(now, reason, raw));
        }
        self.add_reason(place, reason);
    }

    /// Adds the reason of a text that is not kept.
    fn add_reason(&mut self, place: Option<EventPlace>, reason: &str) {
        self.count += 1;
        if self.reasons.len() < SHOWN_REASONS {
            self.reasons.push(match place {
                Some(place) => format!("{place}: {reason}"),
                None => reason.to_owned(),
            });
        }
    }

    /// Why the message is dead-lettered; `None` if all of it was accepted.
    pub(crate) fn reason(&self) -> Option<String> {
        let more = self.count - self.reasons.len();
        match (self.count, more) {
            (0, _) => None,
            (_, 0) => Some(self.reasons.join("; ")),
            _ => Some(format!("{}; and {more} more", self.reasons.join("; "))),
        }
    }
}

impl Message {
    /// Parses a body: a JSON array of events, or one event.
    pub(crate) fn read(body: &[u8], now: Timestamp) -> Self {
        let mut message = Self::default();
        if body.len() > MAX_MESSAGE_BYTES {
            let reason = format!(
                "the message has {} bytes, more than the limit of {MAX_MESSAGE_BYTES}; send its \
                 events in several",
                body.len()
            );
            message.refused.add(now, None, &reason, body);
        } else if body.trim_ascii_start().first() == Some(&b'[') {
            message.read_array(body, now);
        } else {
            message.add(Event::from_bytes(body), body, None, now);
        }
        message
    }

    fn read_array(&mut self, body: &[u8], now: Timestamp) {
        let mut splitter = EventSplitter::array();
        let mut each = |text: EventText<'_>| {
            self.add(text.event(), text.text, Some(text.place), now);
        };
        let split = splitter.feed(body, &mut each).and_then(|()| splitter.finish(&mut each));
        if let Err(error) = split {
            self.refused.add(now, None, &format!("the message cannot be read: {error}"), body);
        }
    }

    fn add(
        &mut self,
        event: Result<Event, InvalidEvent>,
        text: &[u8],
        place: Option<EventPlace>,
        now: Timestamp,
    ) {
        match event {
            Ok(event) => self.events.push((place, event)),
            Err(error @ InvalidEvent::OfEventLog) => {
                self.refused.add_reason(place, &error.to_string());
            }
            Err(error) => self.refused.add(now, place, &error.to_string(), text),
        }
    }
}

#[cfg(test)]
mod tests {
    use spark_analytics_core::MAX_EVENT_BYTES;

    use super::*;

    const START: &str = r#"{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-03-30T10:00:00Z","user":"ada"}"#;

    fn read(body: &[u8]) -> Message {
        Message::read(body, Timestamp::from_micros(0))
    }

    #[test]
    fn a_message_is_one_event_or_an_array_of_them() {
        assert_eq!(read(format!(" {START}\n").as_bytes()).events.len(), 1);
        let array = read(format!("\n[{START}, {START}]").as_bytes());
        assert_eq!((array.events.len(), array.refused.reason()), (2, None));
        assert_eq!(read(b"[]").refused.reason(), None);
    }

    #[test]
    fn the_valid_events_of_an_array_are_accepted_and_the_others_named() {
        let array = read(format!("[{START},{{}},7]").as_bytes());
        assert_eq!(array.events.len(), 1);
        let reason = array.refused.reason().unwrap();
        assert!(reason.starts_with("index 1: field `event` is missing; index 2: "), "{reason}");
        assert_eq!(array.refused.rejections[0].raw, "{}");
    }

    #[test]
    fn an_event_log_is_named_and_its_lines_are_not_kept() {
        let long = format!(r#"{{"Event":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES));
        for body in [r#"{"Event":"SparkListenerLogStart"}"#, &long, &format!("[{long}]")] {
            let Refused { rejections, count, reasons } = read(body.as_bytes()).refused;
            assert_eq!((rejections.len(), count), (0, 1));
            assert!(reasons[0].contains("`spark-analytics import`"), "{reasons:?}");
        }
    }

    #[test]
    fn a_cut_array_gives_its_whole_events_and_says_that_it_is_cut() {
        let array = read(format!("[{START},{{\"event\"").as_bytes());
        assert_eq!(array.events.len(), 1);
        assert!(array.refused.reason().unwrap().ends_with("its JSON array is not closed"));
    }

    #[test]
    fn the_list_of_problems_of_a_message_is_bounded() {
        let commas = read(&[&b"["[..], &vec![b','; 100_000], b"]"].concat());
        assert_eq!(commas.refused.rejections.len(), MAX_REJECTED);
        let reason = commas.refused.reason().unwrap();
        assert!(reason.ends_with("and 99991 more") && reason.len() < 2_000, "{reason}");
        let long = read(&vec![b' '; MAX_MESSAGE_BYTES + 1]);
        assert!(long.refused.reason().unwrap().contains("the limit of 4194304"));
    }

    #[test]
    fn a_body_that_is_not_an_event_is_rejected_with_the_reason() {
        for body in [&b""[..], b"{", b"\xff", b"null", b"\"[\""] {
            let message = read(body);
            assert!(message.events.is_empty() && message.refused.reason().is_some());
        }
    }
}
