//! Formats that are a sequence of whole blocks.

use super::{Decode, Progress};

/// How a format divides its data into blocks. Stream headers and end marks are blocks without content.
pub(super) trait Framing {
    /// The length of the first block of the input with its header; `None` if more input is needed. It is
    /// bounded.
    fn length(&self, input: &[u8]) -> Result<Option<usize>, String>;

    /// Appends the content of a block.
    fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), String>;

    /// Whether the data may end after the last block.
    fn is_at_end(&self) -> bool {
        true
    }
}

/// Decodes block by block. A truncated block produces nothing.
pub(super) struct Framed<F> {
    framing: F,
    content: Vec<u8>,
    given: usize,
}

impl<F: Framing> Framed<F> {
    pub(super) fn new(framing: F) -> Self {
        Self { framing, content: Vec::new(), given: 0 }
    }
}

impl<F: Framing> Decode for Framed<F> {
    fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String> {
        let mut taken = 0;
        if self.given == self.content.len() {
            let block = self.framing.length(input)?.and_then(|length| input.get(..length));
            let Some(block) = block else { return Ok(Progress::NONE) };
            self.content.clear();
            self.given = 0;
            self.framing.decode(block, &mut self.content)?;
            taken = block.len();
        }
        let left = &self.content[self.given..];
        let given = left.len().min(out.len());
        out[..given].copy_from_slice(&left[..given]);
        self.given += given;
        Ok(Progress { taken, given })
    }

    fn is_at_end(&self) -> bool {
        self.framing.is_at_end()
    }

    fn held_bytes(&self) -> usize {
        self.content.capacity()
    }
}

/// The bytes at `at`, if present.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
