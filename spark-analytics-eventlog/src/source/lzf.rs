//! lzf: the chunks of compress-lzf, which Spark writes.

use super::framing::{Framing, array};

pub(super) const MAGIC: &[u8] = b"ZV";

/// Magic number, type, length.
const HEADER_BYTES: usize = 2 + 1 + 2;
/// The same with the length of the content.
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
            _ => Err("not an lzf chunk".to_owned()),
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
            _ => Err("the content of an lzf chunk differs from its header".to_owned()),
        }
    }
}

/// Appends up to `most` bytes; `None` if the data is invalid.
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
            // The copied range may overlap its own output.
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
