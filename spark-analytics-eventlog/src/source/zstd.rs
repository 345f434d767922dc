//! zstd: a sequence of frames, including skippable ones.

use std::io;

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::framing::array;
use super::{Decode, Progress};

/// The largest window that zstd uses in Spark, at level 22: 2^27 bytes.
const MAX_WINDOW_LOG: u32 = 27;

/// Number of bytes that determine the length of a frame header.
const FIRST_BYTES: usize = 5;

/// The header of the next block, which zstd requests together with a block.
const BLOCK_HEADER_BYTES: usize = 3;

pub(super) struct Zstd {
    decoder: Decoder<'static>,
    /// Number of bytes that complete the next block and the header after it.
    wanted: usize,
    is_within_frame: bool,
    may_hold_output: bool,
    /// The window of the latest frame, for which zstd keeps its buffer.
    window: usize,
}

/// What a decoder takes beside its window.
const DECODER_BYTES: usize = 256 * 1024;

/// The window that the header of a frame declares; `None` if there is no frame, or too little of it.
fn window(frame: &[u8]) -> Option<usize> {
    let descriptor = *frame.strip_prefix(b"\x28\xb5\x2f\xfd")?.first()?;
    let is_one_segment = descriptor & 0x20 != 0;
    if !is_one_segment {
        let byte = *frame.get(5)?;
        let base = 1_usize << (10 + (byte >> 3)).min(62);
        return Some(base + base / 8 * usize::from(byte & 7));
    }
    // The content is the window: its size follows the dictionary's id.
    let at = 5 + [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = match descriptor >> 6 {
        0 => u64::from(*frame.get(at)?),
        1 => u64::from(u16::from_le_bytes(array(frame, at)?)) + 256,
        2 => u64::from(u32::from_le_bytes(array(frame, at)?)),
        _ => u64::from_le_bytes(array(frame, at)?),
    };
    usize::try_from(size).ok()
}

impl Zstd {
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        let wanted = FIRST_BYTES;
        Ok(Self { decoder, wanted, is_within_frame: false, may_hold_output: false, window: 0 })
    }

    fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String> {
        let status = self.decoder.run_on_buffers(input, out).map_err(|error| reason(&error))?;
        self.wanted = status.remaining;
        self.is_within_frame = status.remaining != 0;
        self.may_hold_output = self.is_within_frame && status.bytes_written == out.len();
        if !self.is_within_frame {
            self.decoder.reinit().map_err(|error| reason(&error))?;
            self.wanted = FIRST_BYTES;
        }
        Ok(Progress { taken: status.bytes_read, given: status.bytes_written })
    }
}

impl Decode for Zstd {
    fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String> {
        if self.may_hold_output {
            let progress = self.run(&[], out)?;
            if progress != Progress::NONE {
                return Ok(progress);
            }
        }
        if input.is_empty() {
            return Ok(Progress::NONE);
        }
        if !self.is_within_frame {
            self.window = window(input).unwrap_or(self.window).min(1 << MAX_WINDOW_LOG);
        }
        // A call that finds damage discards what it decoded before it, so no call spans more than one block.
        let most = match self.wanted {
            header @ ..=BLOCK_HEADER_BYTES => header,
            block => block - BLOCK_HEADER_BYTES,
        };
        self.run(&input[..input.len().min(most)], out)
    }

    fn is_at_end(&self) -> bool {
        !self.is_within_frame
    }

    fn held_bytes(&self) -> usize {
        self.window + DECODER_BYTES
    }
}

fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains("too much memory") {
        return format!("its zstd window is larger than 2^{MAX_WINDOW_LOG} bytes");
    }
    text
}
