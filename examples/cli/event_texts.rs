//! The texts of events in a JSON array or in lines, read as a stream: one event at a time, and of a
//! text that is too long for an event only its head.

use std::fmt;
use std::io::{self, BufRead, ErrorKind};

use spark_analytics_core::{Event, InvalidEvent, MAX_EVENT_BYTES};

/// The text of what should be one event.
#[derive(Debug)]
pub(crate) struct EventText {
    /// Where it stands.
    pub(crate) place: Place,
    /// The text, or its first bytes.
    pub(crate) bytes: Vec<u8>,
    /// The length of the whole text, in bytes.
    pub(crate) len: usize,
}

/// Where an event stands in its file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In an array, from 0.
    Index(u64),
    /// On a line, from 1.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "index {index}"),
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

impl EventText {
    /// The event that it says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn event(&self) -> Result<Event, InvalidEvent> {
        if let Some(error) = self.too_large() {
            return Err(error);
        }
        let not_utf8 = |e| InvalidEvent::NotJson { message: format!("it is no UTF-8: {e}") };
        Event::from_json(std::str::from_utf8(&self.bytes).map_err(not_utf8)?)
    }

    /// That it is too long for an event and only its head is held, if so.
    pub(crate) fn too_large(&self) -> Option<InvalidEvent> {
        let is_cut = self.len > self.bytes.len();
        is_cut.then_some(InvalidEvent::TooLarge { bytes: self.len })
    }

    fn new(place: Place) -> Self {
        Self { place, bytes: Vec::new(), len: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = (MAX_EVENT_BYTES + 1).saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        self.len += bytes.len();
    }

    fn trim_end(&mut self) {
        while self.len == self.bytes.len() && self.bytes.last().is_some_and(is_space) {
            self.bytes.pop();
            self.len -= 1;
        }
    }
}

/// Reads the texts of events; after an error it is at its end.
#[derive(Debug)]
pub(crate) struct EventTexts<R> {
    input: R,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    /// Before the event of an index.
    Array(u64),
    /// After the `]`, with the number of events before.
    AfterArray(u64),
    /// Before a line.
    Lines(u64),
    End,
}

impl<R: BufRead> EventTexts<R> {
    /// Reads an array if the first character is `[`, else lines.
    pub(crate) const fn new(input: R) -> Self {
        Self { input, state: State::Begin }
    }

    fn read(&mut self) -> io::Result<Option<EventText>> {
        loop {
            match self.state {
                State::Begin => self.state = self.begin()?,
                State::Array(index) => return self.element(index),
                State::AfterArray(index) => {
                    self.state = State::End;
                    return Ok(match self.skip_space()?.1 {
                        Some(_) => Some(self.rest(Place::Index(index))?),
                        None => None,
                    });
                }
                State::Lines(number) => match self.line(number)? {
                    Some(line) if line.bytes.is_empty() => {}
                    line => return Ok(line),
                },
                State::End => return Ok(None),
            }
        }
    }

    fn begin(&mut self) -> io::Result<State> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        if self.input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            self.input.consume(BYTE_ORDER_MARK.len());
        }
        let (lines, first) = self.skip_space()?;
        if first != Some(b'[') {
            return Ok(State::Lines(1 + lines));
        }
        self.input.consume(1);
        if self.skip_space()?.1 == Some(b']') {
            self.input.consume(1);
            return Ok(State::AfterArray(0));
        }
        Ok(State::Array(0))
    }

    /// Reads up to the `,` or `]` after an element. Brackets are matched and strings are stepped over,
    /// so that an element that is no JSON spoils none but itself.
    fn element(&mut self, index: u64) -> io::Result<Option<EventText>> {
        let mut text = EventText::new(Place::Index(index));
        let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
        self.skip_space()?;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return self.unclosed(text);
            }
            let end = buffer.iter().position(|byte| {
                if in_string {
                    in_string = *byte != b'"' || escaped;
                    escaped = *byte == b'\\' && !escaped;
                    return false;
                }
                match byte {
                    b',' | b']' if depth == 0 => return true,
                    b'"' => in_string = true,
                    b'{' | b'[' => depth = depth.saturating_add(1),
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                false
            });
            let len = end.unwrap_or(buffer.len());
            text.push(&buffer[..len]);
            if end.is_some() {
                let is_last = buffer[len] == b']';
                self.input.consume(len + 1);
                let next = index + 1;
                self.state = if is_last { State::AfterArray(next) } else { State::Array(next) };
                text.trim_end();
                return Ok(Some(text));
            }
            self.input.consume(len);
        }
    }

    /// The input ended within the array: what there is of an element is given first.
    fn unclosed(&mut self, mut text: EventText) -> io::Result<Option<EventText>> {
        text.trim_end();
        if text.bytes.is_empty() {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "its JSON array is not closed"));
        }
        let Place::Index(index) = text.place else { return Ok(Some(text)) };
        self.state = State::Array(index + 1);
        Ok(Some(text))
    }

    fn line(&mut self, number: u64) -> io::Result<Option<EventText>> {
        let mut text = EventText::new(Place::Line(number));
        self.state = State::Lines(number + 1);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.state = State::End;
                text.trim_end();
                return Ok((text.len > 0).then_some(text));
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let len = end.unwrap_or(buffer.len());
            text.push(&buffer[..len]);
            self.input.consume(len + usize::from(end.is_some()));
            if end.is_some() {
                text.trim_end();
                return Ok(Some(text));
            }
        }
    }

    /// All that is left, as one text.
    fn rest(&mut self, place: Place) -> io::Result<EventText> {
        let mut text = EventText::new(place);
        loop {
            let buffer = self.input.fill_buf()?;
            let len = buffer.len();
            if len == 0 {
                return Ok(text);
            }
            text.push(buffer);
            self.input.consume(len);
        }
    }

    /// Steps over white space; tells the line ends in it and the byte after it.
    fn skip_space(&mut self) -> io::Result<(u64, Option<u8>)> {
        let mut lines = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            let space = buffer.iter().position(|byte| !is_space(byte)).unwrap_or(buffer.len());
            lines += buffer[..space].iter().filter(|byte| **byte == b'\n').count() as u64;
            let next = buffer.get(space).copied();
            let is_end = buffer.is_empty();
            self.input.consume(space);
            if is_end || next.is_some() {
                return Ok((lines, next));
            }
        }
    }
}

impl<R: BufRead> Iterator for EventTexts<R> {
    type Item = io::Result<EventText>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.state = State::End;
        }
        read.transpose()
    }
}

const fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
