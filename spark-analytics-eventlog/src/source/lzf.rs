//! lzf: compress-lzf's chunks, as Spark writes them.

use super::framing::{Framing, array};

pub(super) const MAGIC: &[u8] = b"ZV";

/// Magic number, type, length.
const HEADER_BYTES: usize = 2 + 1 + 2;
/// With the length of the content.
const COMPRESSED_HEADER_BYTES: usize = HEADER_BYTES + 2;
const STORED: u8 = 0;
const COMPRESSED: u8 = 1;

/// Chunks of up to 64 KiB, without checksums.
pub(super) struct Lzf;

impl Framing for Lzf {
    fn length(&self, input: &[u8]) -> Result<Option<usize>, String> {
        let Some(header) = array::<HEADER_BYTES>(input, 0) else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        match header[2] {
            STORED if header.starts_with(MAGIC) => Ok(Some(HEADER_BYTES + length)),
            COMPRESSED if header.starts_with(MAGIC) => Ok(Some(COMPRESSED_HEADER_BYTES + length)),
            _ => Err("no lzf chunk starts so".to_owned()),
        }
    }

    fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        if block[2] == STORED {
            out.extend(&block[HEADER_BYTES..]);
            return Ok(());
        }
        let content = array(block, HEADER_BYTES).map_or(0, u16::from_be_bytes);
        out.reserve(content.into());
        match expand(&block[COMPRESSED_HEADER_BYTES..], out, content.into()) {
            Some(()) if out.len() == usize::from(content) => Ok(()),
            _ => Err("an lzf chunk does not hold what it says".to_owned()),
        }
    }
}

/// Appends up to `most` bytes; `None` where the data makes no sense.
fn expand(mut data: &[u8], out: &mut Vec<u8>, most: usize) -> Option<()> {
    while let Some((&control, rest)) = data.split_first() {
        data = rest;
        if control < 32 {
            let (literal, rest) = data.split_at_checked(usize::from(control) + 1)?;
            out.extend(literal);
            data = rest;
        } else {
            let mut length = usize::from(control >> 5) + 2;
            if length == 9 {
                let (&more, rest) = data.split_first()?;
                length += usize::from(more);
                data = rest;
            }
            let (&low, rest) = data.split_first()?;
            let back = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
            let from = out.len().checked_sub(back)?;
            // What is copied may reach into itself.
            for at in from..from + length {
                out.push(out[at]);
            }
            data = rest;
        }
        if out.len() > most {
            return None;
        }
    }
    Some(())
}
