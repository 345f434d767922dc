//! Rejected input, cut to a bounded size.

use crate::time::Timestamp;

/// How many rejected inputs a store keeps: the newest.
pub const MAX_REJECTED: usize = 10_000;
/// How much of a rejected input's text is kept, in bytes.
pub const MAX_REJECTED_BYTES: usize = 8 * 1024;

/// Input that could not be taken; made by [`new`](Self::new), which bounds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rejection {
    /// When it came.
    pub at: Timestamp,
    /// Why it was not taken.
    pub reason: String,
    /// Its text, or the first [`MAX_REJECTED_BYTES`] of it.
    pub raw: String,
}

impl Rejection {
    /// Input that came at `at`, its text and the reason cut to [`MAX_REJECTED_BYTES`]; bytes that
    /// are no UTF-8 and U+0000 become U+FFFD. What was cut already stays as it is, so a store makes
    /// its rows into rejections again with this.
    pub fn new(at: Timestamp, reason: impl Into<String>, raw: &[u8]) -> Self {
        let head = &raw[..raw.len().min(MAX_REJECTED_BYTES)];
        Self {
            at,
            reason: cut(reason.into()),
            raw: cut(String::from_utf8_lossy(head).into_owned()),
        }
    }
}

fn cut(text: String) -> String {
    let mut text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    let mut end = text.len().min(MAX_REJECTED_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Input that could not be taken, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    /// Its id, from 1, counting up.
    pub id: i64,
    /// What and why.
    pub rejection: Rejection,
}
