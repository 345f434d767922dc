//! Texts of a log as they are stored: bounded, and without U+0000.

use std::borrow::Cow;

use spark_analytics_core::MAX_STRING_BYTES;

/// Maximum length of a stored name, description or reason in bytes: 64 KiB. Longer texts are truncated.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A text that stores use as a key or part of a key.
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    clean(text, MAX_STRING_BYTES)
}

/// Any other text.
pub(crate) fn text(text: &str) -> String {
    clean(text, MAX_TEXT_BYTES).into_owned()
}

/// Replaces U+0000, which PostgreSQL cannot store, by U+FFFD, and truncates longer texts.
fn clean(text: &str, max: usize) -> Cow<'_, str> {
    let has_nul = memchr::memchr(0, text.as_bytes()).is_some();
    if !has_nul && text.len() <= max {
        return Cow::Borrowed(text);
    }
    let mut kept = text.replace('\0', "\u{fffd}");
    let end = (0..=max.min(kept.len())).rev().find(|at| kept.is_char_boundary(*at));
    kept.truncate(end.unwrap_or(0));
    Cow::Owned(kept)
}
