//! Rejected input, truncated to a bounded size.

use crate::time::Timestamp;

/// Maximum number of rejected inputs that a store keeps: the newest.
pub const MAX_REJECTED: usize = 10_000;
/// Maximum length of the text that is kept of a rejected input, in bytes.
pub const MAX_REJECTED_BYTES: usize = 8 * 1024;

/// Rejected input; built by [`new`](Self::new), which limits its size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rejection {
    /// When it was received.
    pub at: Timestamp,
    /// Why it was rejected.
    pub reason: String,
    /// Its text, or the first [`MAX_REJECTED_BYTES`] of it.
    pub raw: String,
}

impl Rejection {
    /// Input received at `at`. Text and reason are truncated to [`MAX_REJECTED_BYTES`], and U+0000 and
    /// bytes that are not UTF-8 become U+FFFD. Truncated values are left unchanged, so a store can
    /// also use this to read its rows.
    pub fn new(at: Timestamp, reason: impl Into<String>, raw: &[u8]) -> Self {
        let head = &raw[..raw.len().min(MAX_REJECTED_BYTES)];
        Self {
            at,
            reason: cut(reason.into()),
            raw: cut(String::from_utf8_lossy(head).into_owned()),
        }
    }
}

/// The reason of rejected input whose text a store has removed, because it named an application that was forgotten.
pub const FORGOTTEN_INPUT: &str = "it named an application that has been forgotten";

/// What the text of rejected input contains if it names an application: the id as a JSON text.
pub fn mention_of(app_id: &str) -> String {
    serde_json::Value::from(app_id).to_string()
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

/// Rejected input, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    /// Its id, from 1, counting up.
    pub id: i64,
    /// The input and the reason.
    pub rejection: Rejection,
}
