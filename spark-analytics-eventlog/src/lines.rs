//! The lines of a log, with where they stand, in bounded memory.

use std::io::{self, Read};

use memchr::memchr;

/// The longest line that is read, in bytes: 64 MiB. A longer one is left out.
pub const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;

const FIRST_BUFFER_BYTES: usize = 256 * 1024;

/// Splits what a reader gives into lines.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not taken: from `start` to `end`.
    start: usize,
    end: usize,
    /// How much of it has no line feed.
    scanned: usize,
    offset: u64,
    number: u64,
}

/// One line, without its line feed.
pub(crate) struct Line<'a> {
    pub(crate) bytes: &'a [u8],
    /// Bytes before it.
    pub(crate) offset: u64,
    /// From 1.
    pub(crate) number: u64,
    /// Whether a line feed ended it, rather than the end of the log.
    pub(crate) is_terminated: bool,
    /// Whether it is longer than [`MAX_LINE_BYTES`]; `bytes` is then only its last part.
    pub(crate) is_too_long: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        let buffer = vec![0; FIRST_BUFFER_BYTES];
        Self { reader, buffer, start: 0, end: 0, scanned: 0, offset: 0, number: 0 }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut dropped = 0;
        loop {
            let unscanned = &self.buffer[self.start + self.scanned..self.end];
            if let Some(at) = memchr(b'\n', unscanned) {
                return Ok(Some(self.take(self.scanned + at, dropped, true)));
            }
            self.scanned = self.end - self.start;
            if self.scanned > MAX_LINE_BYTES {
                dropped += self.scanned as u64;
                (self.start, self.end, self.scanned) = (0, 0, 0);
            }
            if self.fill()? == 0 {
                let is_last = self.scanned > 0 || dropped > 0;
                return Ok(is_last.then(|| self.take(self.scanned, dropped, false)));
            }
        }
    }

    /// Bytes of the lines taken so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.offset
    }

    /// The number of lines taken so far.
    pub(crate) const fn count(&self) -> u64 {
        self.number
    }

    pub(crate) const fn reader(&self) -> &R {
        &self.reader
    }

    fn take(&mut self, length: usize, dropped: u64, is_terminated: bool) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        self.start += length + usize::from(is_terminated);
        self.offset += dropped + length as u64 + u64::from(is_terminated);
        self.number += 1;
        self.scanned = 0;
        Line {
            bytes: &self.buffer[start..start + length],
            offset,
            number: self.number,
            is_terminated,
            is_too_long: dropped > 0 || length > MAX_LINE_BYTES,
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 && self.buffer.len() - self.end < self.buffer.len() / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => {
                    self.end += read;
                    return Ok(read);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
