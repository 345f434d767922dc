//! Splits the bytes of a reader into blocks of whole lines, in bounded memory.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use crate::source::Source;

/// Maximum length of a line in bytes: 64 MiB. Longer lines are left out.
pub const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;

/// Size of a block unless a line is longer, chosen to fit into the cache of a core. It is smaller in tests, so
/// that small logs have many blocks.
const BLOCK_BYTES: usize = if cfg!(test) { 4 * 1024 } else { 512 * 1024 };

/// Splits the bytes of a reader into blocks. After the end of the reader it may be called again, since a log may
/// grow.
#[derive(Debug)]
pub(crate) struct Blocks<R> {
    reader: R,
    /// The start of a line whose end has not been read.
    tail: Vec<u8>,
    /// The offset of the tail in the log.
    offset: u64,
    /// The offset of a line that is too long, until its end is found.
    long_line: Option<u64>,
}

/// One or more whole lines.
#[derive(Debug, Default)]
pub(crate) struct Block {
    buffer: Vec<u8>,
    filled: usize,
    /// The offset of its first line in the log.
    pub(crate) offset: u64,
    /// The offset of a line before this block that was left out because it is too long.
    pub(crate) long_line: Option<u64>,
}

impl Block {
    /// The lines, each with its line feed.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl<R: Read> Blocks<Source<R>> {
    /// What they take between two reads: the line that has not ended, and the state of the codec.
    pub(crate) fn held_bytes(&self) -> usize {
        self.tail.capacity() + self.reader.held_bytes()
    }
}

impl<R: Read> Blocks<R> {
    /// Blocks of a reader whose first byte is at an offset in the log.
    pub(crate) const fn starting_at(offset: u64, reader: R) -> Self {
        Self { reader, tail: Vec::new(), offset, long_line: None }
    }

    pub(crate) const fn reader(&self) -> &R {
        &self.reader
    }

    pub(crate) const fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Number of bytes of the log that were read.
    pub(crate) const fn bytes(&self) -> u64 {
        self.offset + self.tail.len() as u64
    }

    /// A last line without a line feed: the line, its offset, and whether it is too long.
    pub(crate) fn unended_line(&self) -> Option<(&[u8], u64, bool)> {
        if let Some(start) = self.long_line {
            return Some((&[], start, true));
        }
        (!self.tail.is_empty()).then_some((self.tail.as_slice(), self.offset, false))
    }

    /// Reads the next whole lines. Returns whether there are any before the current end.
    pub(crate) fn fill(&mut self, block: &mut Block) -> io::Result<bool> {
        block.long_line = None;
        block.filled = 0;
        let size = BLOCK_BYTES.max(self.tail.len() * 2);
        if block.buffer.len() != size {
            block.buffer = vec![0; size];
        }
        let mut filled = self.tail.len();
        block.buffer[..filled].copy_from_slice(&self.tail);
        self.tail.clear();
        loop {
            if filled == block.buffer.len() {
                block.buffer.resize(filled * 2, 0);
            }
            // After a long line, read at most one block.
            let end = block.buffer.len().min(filled + BLOCK_BYTES);
            let read = match self.read_some(&mut block.buffer[filled..end]) {
                Ok(0) => {
                    self.tail.extend_from_slice(&block.buffer[..filled]);
                    return Ok(block.long_line.is_some());
                }
                Ok(read) => read,
                Err(error) => {
                    self.tail.extend_from_slice(&block.buffer[..filled]);
                    return Err(error);
                }
            };
            let mut start = filled;
            filled += read;
            if let Some(line) = self.long_line {
                let Some(end) = memchr(b'\n', &block.buffer[..filled]) else {
                    self.offset += filled as u64;
                    filled = 0;
                    continue;
                };
                (self.long_line, block.long_line) = (None, Some(line));
                self.offset += end as u64 + 1;
                block.buffer.copy_within(end + 1..filled, 0);
                (start, filled) = (0, filled - end - 1);
            }
            if let Some(end) = memrchr(b'\n', &block.buffer[start..filled]) {
                let end = start + end + 1;
                self.tail.extend_from_slice(&block.buffer[end..filled]);
                (block.filled, block.offset) = (end, self.offset);
                self.offset += end as u64;
                return Ok(true);
            }
            if filled > MAX_LINE_BYTES {
                self.long_line = Some(self.offset);
                self.offset += filled as u64;
                filled = 0;
            }
        }
    }

    /// Fills the buffer, or reads up to the current end.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => break,
                Ok(read) => filled += read,
                // Return the bytes before the error first; the reader reports the error again.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
