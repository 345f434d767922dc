//! zstd: a sequence of frames, including skippable ones.

use std::io;

use zstd::stream::raw::{DParameter, Decoder, Operation};

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
}

impl Zstd {
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        let wanted = FIRST_BYTES;
        Ok(Self { decoder, wanted, is_within_frame: false, may_hold_output: false })
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
}

fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains("too much memory") {
        return format!("its zstd window is larger than 2^{MAX_WINDOW_LOG} bytes");
    }
    text
}
