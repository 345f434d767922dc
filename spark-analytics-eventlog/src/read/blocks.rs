//! What a reader gives, in blocks of whole lines and bounded memory.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

/// The longest line that is read, in bytes: 64 MiB. A longer one is left out.
pub const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;

/// How much a block holds, unless a line is longer: it stays in a core's own cache. In tests a small log is
/// of many blocks.
const BLOCK_BYTES: usize = if cfg!(test) { 4 * 1024 } else { 512 * 1024 };

/// Cuts what a reader gives into blocks. At its end it may be asked again: a log may grow.
#[derive(Debug)]
pub(crate) struct Blocks<R> {
    reader: R,
    /// The beginning of a line whose end was not read yet.
    tail: Vec<u8>,
    /// Where the tail stands in the log.
    offset: u64,
    /// Where a line began that is too long, while its end is looked for.
    long_line: Option<u64>,
}

/// Some whole lines.
#[derive(Debug, Default)]
pub(crate) struct Block {
    buffer: Vec<u8>,
    filled: usize,
    /// Where its first line stands in the log.
    pub(crate) offset: u64,
    /// Where a line began that is too long and so was left out just before this block.
    pub(crate) long_line: Option<u64>,
}

impl Block {
    /// Its lines, each with its line feed.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl<R: Read> Blocks<R> {
    /// Those of a reader whose first byte stands at an offset in the log.
    pub(crate) const fn starting_at(offset: u64, reader: R) -> Self {
        Self { reader, tail: Vec::new(), offset, long_line: None }
    }

    pub(crate) const fn reader(&self) -> &R {
        &self.reader
    }

    pub(crate) const fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Bytes of the log that were read.
    pub(crate) const fn bytes(&self) -> u64 {
        self.offset + self.tail.len() as u64
    }

    /// A last line without an end, where it stands, and whether it is too long; `None` if there is none.
    pub(crate) fn unended_line(&self) -> Option<(&[u8], u64, bool)> {
        if let Some(start) = self.long_line {
            return Some((&[], start, true));
        }
        (!self.tail.is_empty()).then_some((self.tail.as_slice(), self.offset, false))
    }

    /// Reads the next whole lines; whether there are any before the present end.
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
            // Behind a long line no more is read than a block holds.
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

    /// Fills the buffer, or reads up to the present end.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => break,
                Ok(read) => filled += read,
                // What was read before it counts first; the reader says it again.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
