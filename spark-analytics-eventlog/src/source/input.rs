//! Buffers the bytes of a reader until the codec can use them.

use std::io::{self, Read};

const FIRST_BUFFER_BYTES: usize = 128 * 1024;

/// Holds bytes that were read but not consumed. No end of the reader is final.
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, end: 0 }
    }

    pub(super) const fn reader(&self) -> &R {
        &self.reader
    }

    pub(super) const fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn take(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads more. Returns `false` if there is nothing more for now. The buffer grows to at most twice the bytes
    /// not consumed.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((self.end * 2).max(FIRST_BUFFER_BYTES), 0);
        }
        let read = retry(|| self.reader.read(&mut self.buffer[self.end..]))?;
        self.end += read;
        Ok(read > 0)
    }

    /// Copies the bytes unchanged.
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            self.buffer = Vec::new();
            (self.start, self.end) = (0, 0);
            return retry(|| self.reader.read(out));
        }
        let read = self.bytes().read(out)?;
        self.take(read);
        Ok(read)
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
