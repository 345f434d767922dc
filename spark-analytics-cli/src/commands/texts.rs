//! The texts of events in a JSON array or in lines, read as a stream.

use std::collections::VecDeque;
use std::io::BufRead;

use spark_analytics_core::{
    Event, EventPlace, EventSplitter, EventText, InvalidEvent, MAX_EVENT_BYTES,
};

/// The text of what should be one event.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its place in the input.
    pub(crate) place: EventPlace,
    /// The text, or only its beginning if it is too long for an event.
    pub(crate) head: Vec<u8>,
    /// The length of the whole text, in bytes.
    bytes: usize,
}

impl Text {
    /// Parses the event.
    ///
    /// # Errors
    /// Why the text is not a valid event.
    pub(crate) fn event(&self) -> Result<Event, InvalidEvent> {
        if let Some(error) = self.too_large() {
            return Err(error);
        }
        Event::from_bytes(&self.head)
    }

    /// The bytes of input that it takes, with one for the separator after it.
    pub(crate) const fn extent(&self) -> u64 {
        self.bytes as u64 + 1
    }

    /// The error of a text that is too long for an event, of which only the beginning is kept.
    pub(crate) fn too_large(&self) -> Option<InvalidEvent> {
        let bytes = self.bytes;
        (bytes > MAX_EVENT_BYTES).then_some(InvalidEvent::TooLarge { bytes })
    }
}

impl From<EventText<'_>> for Text {
    fn from(text: EventText<'_>) -> Self {
        Self { place: text.place, head: text.text.to_vec(), bytes: text.bytes }
    }
}

/// Iterates over the texts of events, and ends after an error.
#[derive(Debug)]
pub(crate) struct Texts<R> {
    input: R,
    splitter: EventSplitter,
    /// Texts that were split from the last piece of the input, and the error after them.
    ready: VecDeque<Text>,
    error: Option<anyhow::Error>,
    is_end: bool,
}

impl<R: BufRead> Texts<R> {
    /// Reads an array if the first character is `[`, else lines.
    pub(crate) const fn new(input: R) -> Self {
        Self {
            input,
            splitter: EventSplitter::detect(),
            ready: VecDeque::new(),
            error: None,
            is_end: false,
        }
    }

    /// Splits one more piece of the input.
    fn read(&mut self) -> anyhow::Result<()> {
        let piece = self.input.fill_buf()?;
        let each = |text: EventText<'_>| self.ready.push_back(text.into());
        if piece.is_empty() {
            self.is_end = true;
            self.splitter.finish(each)?;
        } else {
            self.splitter.feed(piece, each)?;
        }
        let read = piece.len();
        self.input.consume(read);
        Ok(())
    }
}

impl<R: BufRead> Iterator for Texts<R> {
    type Item = anyhow::Result<Text>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.is_end {
            if let Err(error) = self.read() {
                (self.error, self.is_end) = (Some(error), true);
            }
        }
        self.ready.pop_front().map(Ok).or_else(|| self.error.take().map(Err))
    }
}
