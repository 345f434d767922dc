//! lz4: the block stream of lz4-java, which Spark writes, and the standard frames.

use std::collections::VecDeque;
use std::io::Read;

use lz4_flex::block::{decompress_into, get_maximum_output_size};
use lz4_flex::frame::FrameDecoder;
use twox_hash::XxHash32;

use super::framing::{Framing, array};

pub(super) const MAGIC: &[u8] = b"LZ4Block";
pub(super) const FRAME_MAGIC: &[u8] = b"\x04\x22\x4d\x18";

/// Magic number, token, compressed and decompressed length, checksum.
const HEADER_BYTES: usize = 8 + 1 + 4 + 4 + 4;
const METHOD: u8 = 0xf0;
const STORED: u8 = 0x10;
const COMPRESSED: u8 = 0x20;
/// The low bits of a token plus this are the logarithm of the maximum block size: up to 32 MiB.
const BASE_LOG: u8 = 10;

const CHECKSUM_SEED: u32 = 0x9747_b28c;
/// lz4-java drops the upper bits.
const CHECKSUM_BITS: u32 = 0x0fff_ffff;

/// The blocks of lz4-java. Each stream ends with an empty block.
pub(super) struct Lz4Blocks {
    has_end_mark: bool,
}

struct Header {
    is_compressed: bool,
    length: usize,
    content: usize,
    checksum: u32,
}

impl Lz4Blocks {
    pub(super) const fn new() -> Self {
        Self { has_end_mark: false }
    }
}

impl Framing for Lz4Blocks {
    fn length(&self, input: &[u8]) -> Result<Option<usize>, String> {
        let Some(header) = input.get(..HEADER_BYTES) else { return Ok(None) };
        Header::read(header).map(|header| Some(HEADER_BYTES + header.length))
    }

    fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let (header, data) = block.split_at(HEADER_BYTES);
        let header = Header::read(header)?;
        self.has_end_mark = header.content == 0;
        if header.is_compressed {
            out.resize(header.content, 0);
            let length = decompress_into(data, out).map_err(|error| format!("lz4: {error}"))?;
            if length != header.content {
                return Err("an lz4 block is shorter than its header states".to_owned());
            }
        } else {
            out.extend(data);
        }
        let checksum = XxHash32::oneshot(CHECKSUM_SEED, out) & CHECKSUM_BITS;
        if self.has_end_mark || checksum == header.checksum {
            Ok(())
        } else {
            Err("the checksum of an lz4 block is wrong".to_owned())
        }
    }

    fn is_at_end(&self) -> bool {
        self.has_end_mark
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let wrong = || "an lz4 block has an invalid header".to_owned();
        let number = |at| array(bytes, at).map(u32::from_le_bytes).ok_or_else(wrong);
        if !bytes.starts_with(MAGIC) {
            return Err("not an lz4 block".to_owned());
        }
        let token = bytes[MAGIC.len()];
        let (length, content, checksum) = (number(9)? as usize, number(13)? as usize, number(17)?);
        if content > 1 << ((token & !METHOD) + BASE_LOG) {
            return Err(wrong());
        }
        let is_compressed = token & METHOD == COMPRESSED;
        let is_possible = match token & METHOD {
            _ if content == 0 => length == 0 && checksum == 0,
            STORED => length == content,
            COMPRESSED => length > 0 && length <= get_maximum_output_size(content),
            _ => false,
        };
        let is_compressed = is_compressed && content > 0;
        is_possible.then_some(Self { is_compressed, length, content, checksum }).ok_or_else(wrong)
    }
}

/// Standard lz4 frames, which the `lz4` tool writes, but not Spark.
pub(super) struct Lz4Frames {
    /// Receives only whole blocks, since it cannot resume within one.
    decoder: FrameDecoder<VecDeque<u8>>,
    frame: Option<Flags>,
}

/// The flags of a frame header.
#[derive(Clone, Copy)]
struct Flags(u8);

/// Maximum size of a block in a frame.
const MAX_FRAME_BLOCK_BYTES: u32 = 4 * 1024 * 1024;

impl Lz4Frames {
    pub(super) fn new() -> Self {
        Self { decoder: FrameDecoder::new(VecDeque::new()), frame: None }
    }
}

impl Flags {
    const fn has(self, bit: u8) -> usize {
        (self.0 >> bit & 1) as usize
    }

    /// Magic number, flags, block size, optional content size and dictionary, checksum.
    const fn header(self) -> usize {
        4 + 1 + 1 + 8 * self.has(3) + 4 * self.has(0) + 1
    }

    fn block(self, size: u32) -> Result<usize, String> {
        /// The flag of a block that is stored uncompressed.
        const STORED: u32 = 1 << 31;
        match size & !STORED {
            _ if size == 0 => Ok(4 + 4 * self.has(2)),
            size if size <= MAX_FRAME_BLOCK_BYTES => Ok(4 + size as usize + 4 * self.has(4)),
            _ => Err("an lz4 block is longer than 4 MiB".to_owned()),
        }
    }
}

impl Framing for Lz4Frames {
    fn length(&self, input: &[u8]) -> Result<Option<usize>, String> {
        let Some(start) = array::<4>(input, 0) else { return Ok(None) };
        match self.frame {
            Some(flags) => flags.block(u32::from_le_bytes(start)).map(Some),
            None if start == *FRAME_MAGIC => Ok(input.get(4).map(|flags| Flags(*flags).header())),
            None => Err("not an lz4 frame".to_owned()),
        }
    }

    fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.decoder.get_mut().extend(block);
        self.decoder.read_to_end(out).map_err(|error| error.to_string())?;
        self.frame = match self.frame {
            None => Some(Flags(block[4])),
            Some(_) if block.starts_with(&[0; 4]) => None,
            flags => flags,
        };
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        self.frame.is_none()
    }
}
