//! The texts of events in a JSON array or in lines, read as a stream.

use std::collections::VecDeque;
use std::io::BufRead;

use anyhow::bail;
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

/// The beginnings of compressed files.
const MAGIC: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"LZ4Block", "lz4"),
];

/// Iterates over the texts of events, and ends after an error.
#[derive(Debug)]
pub(crate) struct Texts<R> {
    input: R,
    is_start: bool,
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
            is_start: true,
            splitter: EventSplitter::detect(),
            ready: VecDeque::new(),
            error: None,
            is_end: false,
        }
    }

    /// Splits one more piece of the input.
    fn read(&mut self) -> anyhow::Result<()> {
        let piece = self.input.fill_buf()?;
        if self.is_start
            && let Some((_, codec)) = MAGIC.iter().find(|(magic, _)| piece.starts_with(magic))
        {
            bail!(
                "it is compressed ({codec}): decompress it, or, if it is an event log that Spark wrote, use \
                 `spark-analytics import`"
            );
        }
        let mut is_event_log = false;
        let each = |text: EventText<'_>| {
            is_event_log |= self.is_start && text.event() == Err(InvalidEvent::OfEventLog);
            self.is_start = false;
            if !is_event_log {
                self.ready.push_back(text.into());
            }
        };
        if piece.is_empty() {
            self.is_end = true;
            self.splitter.finish(each)?;
        } else {
            self.splitter.feed(piece, each)?;
        }
        if is_event_log {
            bail!("it is an event log that Spark wrote: use `spark-analytics import`");
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
