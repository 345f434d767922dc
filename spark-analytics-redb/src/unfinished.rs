//! Files whose making was ended half-way: by a kill, or a full disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::Path;

/// The length of redb's magic number, which it writes last, and of the page that begins with it.
const MAGIC: usize = 9;
const HEADER: usize = 4096;
/// More than redb makes at first.
const MOST_MADE: u64 = 16 << 20;

/// Empties a file in which there is nothing yet but redb's header without its magic number, unless another has it
/// open; tells whether it did.
pub(crate) fn empty(path: &Path) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let is_ours = file.try_lock().is_ok() && is_unfinished(&mut file)?;
    if is_ours {
        file.set_len(0)?;
    }
    Ok(is_ours)
}

fn is_unfinished(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() > MOST_MADE {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MOST_MADE).read_to_end(&mut bytes)?;
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    Ok(bytes.len() > HEADER && is_zero(&bytes[..MAGIC]) && is_zero(&bytes[HEADER..]))
}
