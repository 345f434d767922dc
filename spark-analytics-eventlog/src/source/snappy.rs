//! snappy: the stream of snappy-java, which Spark writes, and the standard framing format.

use std::collections::VecDeque;
use std::io::Read;

use snap::raw::{Decoder, decompress_len, max_compress_len};
use snap::read::FrameDecoder;

use super::MAX_BLOCK_BYTES;
use super::framing::{Framing, array};

pub(super) const MAGIC: &[u8] = b"\x82SNAPPY\0";
pub(super) const FRAME_MAGIC: &[u8] = b"\xff\x06\0\0sNaP";

/// Magic number, version, oldest compatible version.
const HEADER_BYTES: usize = 8 + 4 + 4;
const VERSION: u32 = 1;

/// The blocks of snappy-java, each after its length; each stream has a header. Blocks have no checksums.
pub(super) struct SnappyJava;

impl Framing for SnappyJava {
    fn length(&self, input: &[u8]) -> Result<Option<usize>, String> {
        let Some(start) = array::<4>(input, 0) else { return Ok(None) };
        if MAGIC.starts_with(&start) {
            return Ok(Some(HEADER_BYTES));
        }
        match u32::from_be_bytes(start) as usize {
            length if (1..=max_compress_len(MAX_BLOCK_BYTES)).contains(&length) => {
                Ok(Some(4 + length))
            }
            length => Err(format!("a snappy block cannot be {length} bytes long")),
        }
    }

    fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        if block.starts_with(&MAGIC[..4]) {
            let oldest = array(block, 12).map(u32::from_be_bytes);
            return match oldest {
                Some(oldest) if block.starts_with(MAGIC) && oldest <= VERSION => Ok(()),
                _ => Err("not a snappy stream".to_owned()),
            };
        }
        let data = &block[4..];
        let content = decompress_len(data).map_err(|error| error.to_string())?;
        if content > MAX_BLOCK_BYTES {
            return Err(format!("a snappy block holds {content} bytes, over {MAX_BLOCK_BYTES}"));
        }
        out.resize(content, 0);
        Decoder::new().decompress(data, out).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// The standard framing format, which other tools write, but not Spark.
pub(super) struct SnappyFrames {
    /// Receives only whole chunks, since it cannot resume within one.
    decoder: FrameDecoder<VecDeque<u8>>,
}

impl SnappyFrames {
    pub(super) fn new() -> Self {
        Self { decoder: FrameDecoder::new(VecDeque::new()) }
    }
}

impl Framing for SnappyFrames {
    fn length(&self, input: &[u8]) -> Result<Option<usize>, String> {
        let length = array(input, 1).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
        Ok(length.map(|length| 4 + length as usize))
    }

    fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.decoder.get_mut().extend(block);
        self.decoder.read_to_end(out).map(|_| ()).map_err(|error| error.to_string())
    }
}
