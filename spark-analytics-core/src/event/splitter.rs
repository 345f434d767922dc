//! Splits a stream of bytes into the texts of events, with memory for one event only.

use std::fmt;

use memchr::{memchr, memchr_iter};

use crate::event::Event;
use crate::event::invalid::InvalidEvent;
use crate::event::limits::MAX_EVENT_BYTES;

/// The text of what should be one event, without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventText<'a> {
    /// The text, or, if it is longer than [`MAX_EVENT_BYTES`], only its first bytes.
    pub text: &'a [u8],
    /// The length of the whole text, in bytes.
    pub bytes: usize,
    /// Where it is in the stream.
    pub place: EventPlace,
}

impl EventText<'_> {
    /// Parses the event.
    ///
    /// # Errors
    /// [`InvalidEvent::TooLarge`] or [`InvalidEvent::OfEventLog`] if only the first bytes are kept, else as [`Event::from_bytes`].
    pub fn event(&self) -> Result<Event, InvalidEvent> {
        if self.bytes > MAX_EVENT_BYTES {
            return Err(InvalidEvent::TooLarge { bytes: self.bytes }.or_of_event_log(self.text));
        }
        Event::from_bytes(self.text)
    }
}

/// The position of an event in its stream; displayed as `index 0` or `line 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventPlace {
    /// In a JSON array, from 0.
    Index(u64),
    /// On a line, from 1; blank lines count.
    Line(u64),
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "index {index}"),
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

/// Why a stream as a whole cannot be split; the text completes "cannot read …: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// An array is expected, but the stream starts with something else or is blank.
    #[error("it is not a JSON array")]
    NotAnArray,
    /// The stream continues after the end of the array.
    #[error("something follows the end of its JSON array")]
    AfterArray,
    /// The stream ends before its array does.
    #[error("its JSON array is not closed")]
    Unfinished,
}

/// Splits a stream, piece by piece, at line ends or at the commas of one JSON array.
///
/// It does not check whether a text is an event; the caller does, so that an invalid one does not
/// affect the others. Blank lines are skipped, and missing elements of an array are passed on as
/// empty texts. It buffers at most [`MAX_EVENT_BYTES`], however long a text is, and the result does
/// not depend on how the stream is divided into pieces.
///
/// ```
/// use spark_analytics_core::{EventPlace, EventSplitter};
///
/// let mut splitter = EventSplitter::detect();
/// let mut texts = Vec::new();
/// for piece in ["[{\"job_id\":1},", " {\"job_", "id\":2}]\n"] {
///     splitter.feed(piece.as_bytes(), |text| texts.push((text.place, text.text.to_vec())))?;
/// }
/// splitter.finish(|text| texts.push((text.place, text.text.to_vec())))?;
/// assert_eq!(texts, [
///     (EventPlace::Index(0), b"{\"job_id\":1}".to_vec()),
///     (EventPlace::Index(1), b"{\"job_id\":2}".to_vec()),
/// ]);
/// # Ok::<(), spark_analytics_core::SplitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventSplitter {
    state: State,
    /// The number of elements or lines before the current one.
    before: u64,
    /// The start of the current text, from earlier pieces.
    held: Vec<u8>,
    /// Length of the current text in earlier pieces, without and with trailing white space.
    text_bytes: usize,
    held_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// This many bytes of a byte order mark were read.
    Detect(usize),
    DetectAfterMark,
    Lines,
    BeforeArray,
    InArray {
        depth: usize,
        in_text: bool,
        escaped: bool,
        first: bool,
    },
    AfterArray,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl EventSplitter {
    /// Splits at line ends.
    pub const fn lines() -> Self {
        Self::new(State::Lines)
    }

    /// Splits the elements of a JSON array.
    pub const fn array() -> Self {
        Self::new(State::BeforeArray)
    }

    /// Splits the elements of an array if the first non-blank character is `[`, otherwise lines. A
    /// leading byte order mark is skipped.
    pub const fn detect() -> Self {
        Self::new(State::Detect(0))
    }

    const fn new(state: State) -> Self {
        Self { state, before: 0, held: Vec::new(), text_bytes: 0, held_bytes: 0 }
    }

    /// Reads the next piece of the stream and passes on each text that ends in it.
    ///
    /// # Errors
    /// [`SplitError::NotAnArray`] and [`SplitError::AfterArray`], after the texts before the fault were
    /// passed on. The splitter must not be used afterwards.
    pub fn feed(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(EventText<'_>),
    ) -> Result<(), SplitError> {
        while !piece.is_empty() {
            piece = match self.state {
                State::Lines => match memchr(b'\n', piece) {
                    Some(end) => {
                        self.end(&piece[..end], false, &mut each);
                        &piece[end + 1..]
                    }
                    None => self.hold(piece),
                },
                State::InArray { .. } => match self.element_end(piece) {
                    Some((end, closes)) => {
                        let first = matches!(self.state, State::InArray { first: true, .. });
                        self.end(&piece[..end], !(first && closes), &mut each);
                        self.state = if closes { State::AfterArray } else { in_array(false) };
                        &piece[end + 1..]
                    }
                    None => self.hold(piece),
                },
                State::BeforeArray => match piece.trim_ascii_start() {
                    [] => &[],
                    [b'[', rest @ ..] => {
                        self.state = in_array(true);
                        rest
                    }
                    _ => return Err(SplitError::NotAnArray),
                },
                State::AfterArray => match piece.trim_ascii_start() {
                    [] => &[],
                    _ => return Err(SplitError::AfterArray),
                },
                State::Detect(seen) => self.step_over_mark(seen, piece),
                State::DetectAfterMark => self.step_over_blanks(piece),
            }
        }
        Ok(())
    }

    /// Ends the stream and passes on the text that ends with it: the last line needs no line end, and
    /// an unclosed array may have a last element. Nothing may be fed afterwards.
    ///
    /// # Errors
    /// [`SplitError::NotAnArray`] and [`SplitError::Unfinished`].
    pub fn finish(&mut self, mut each: impl FnMut(EventText<'_>)) -> Result<(), SplitError> {
        if let State::Detect(seen) = self.state {
            self.no_mark(seen);
        }
        self.end(&[], false, &mut each);
        match self.state {
            State::BeforeArray => Err(SplitError::NotAnArray),
            State::InArray { .. } => Err(SplitError::Unfinished),
            _ => Ok(()),
        }
    }

    /// Reads one byte of a byte order mark, or none if there is no mark.
    fn step_over_mark<'a>(&mut self, seen: usize, piece: &'a [u8]) -> &'a [u8] {
        match piece {
            [byte, rest @ ..] if *byte == BYTE_ORDER_MARK[seen] => {
                let is_whole = seen + 1 == BYTE_ORDER_MARK.len();
                self.state =
                    if is_whole { State::DetectAfterMark } else { State::Detect(seen + 1) };
                rest
            }
            _ => {
                self.no_mark(seen);
                piece
            }
        }
    }

    /// The bytes that looked like a byte order mark are the start of a line.
    fn no_mark(&mut self, seen: usize) {
        self.hold(&BYTE_ORDER_MARK[..seen]);
        self.state = if seen == 0 { State::DetectAfterMark } else { State::Lines };
    }

    fn step_over_blanks<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let text = piece.trim_ascii_start();
        self.before += memchr_iter(b'\n', &piece[..piece.len() - text.len()]).count() as u64;
        match text {
            [] => {}
            [b'[', rest @ ..] => {
                self.before = 0;
                self.state = in_array(true);
                return rest;
            }
            _ => self.state = State::Lines,
        }
        text
    }

    /// Where in `piece` the current element of the array ends, and whether the array ends there.
    fn element_end(&mut self, piece: &[u8]) -> Option<(usize, bool)> {
        let State::InArray { depth, in_text, escaped, .. } = &mut self.state else { return None };
        for (at, byte) in piece.iter().enumerate() {
            if *in_text {
                match byte {
                    _ if *escaped => *escaped = false,
                    b'\\' => *escaped = true,
                    b'"' => *in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => *in_text = true,
                b'{' | b'[' => *depth += 1,
                b',' if *depth == 0 => return Some((at, false)),
                b']' if *depth == 0 => return Some((at, true)),
                b'}' | b']' => *depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }

    /// Buffers part of a text, up to the size limit of an event.
    fn hold<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        let part = if self.held_bytes == 0 { part.trim_ascii_start() } else { part };
        let room = MAX_EVENT_BYTES.saturating_sub(self.held.len());
        self.held.extend_from_slice(&part[..part.len().min(room)]);
        let text = part.trim_ascii_end();
        if !text.is_empty() {
            self.text_bytes = self.held_bytes + text.len();
        }
        self.held_bytes += part.len();
        &[]
    }

    /// Passes on the text that ends with `part`; an empty text only if `blank` texts count.
    fn end(&mut self, part: &[u8], blank: bool, each: &mut impl FnMut(EventText<'_>)) {
        let place = match self.state {
            State::Lines => EventPlace::Line(self.before + 1),
            _ => EventPlace::Index(self.before),
        };
        self.before += 1;
        if self.held_bytes == 0 {
            let text = part.trim_ascii();
            if blank || !text.is_empty() {
                let head = &text[..text.len().min(MAX_EVENT_BYTES)];
                each(EventText { text: head, bytes: text.len(), place });
            }
            return;
        }
        self.hold(part);
        let head = &self.held[..self.text_bytes.min(self.held.len())];
        each(EventText { text: head, bytes: self.text_bytes, place });
        self.held.clear();
        (self.text_bytes, self.held_bytes) = (0, 0);
    }
}

const fn in_array(first: bool) -> State {
    State::InArray { depth: 0, in_text: false, escaped: false, first }
}
