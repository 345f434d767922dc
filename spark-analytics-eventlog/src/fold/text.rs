//! Texts of a log as they are stored: without secrets, bounded, and without U+0000.

use std::borrow::Cow;
use std::collections::BTreeMap;

use spark_analytics_core::MAX_STRING_BYTES;

use crate::redact::{HIDDEN, Redaction};
use crate::wire::lenient::Text;

/// Maximum length of a stored name, description or reason in bytes: 64 KiB. Longer texts are truncated.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What becomes of the texts of a log. Secrets are looked for in a whole text, before it is truncated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    pub(crate) redaction: Redaction,
    /// What was lost, and which patterns cannot be used, since the last [`Texts::take_notes`].
    notes: Vec<String>,
    /// About the bytes of all texts that are held, except plans, reasons of kills and the environment, which have limits
    /// or counts of their own.
    pub(crate) bytes: usize,
}

impl Texts {
    /// A name, description, reason or any other text that is not a property.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let text = self.redaction.text(text);
        self.note_nul(&text);
        let text = clean(&text, MAX_TEXT_BYTES).into_owned();
        self.bytes += text.len();
        text
    }

    /// Uncounts texts that are about to be replaced.
    pub(crate) fn release<'a>(&mut self, replaced: impl IntoIterator<Item = &'a String>) {
        let bytes: usize = replaced.into_iter().map(String::len).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Does something with texts that are counted elsewhere.
    pub(crate) fn uncounted<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let bytes = self.bytes;
        let done = work(self);
        self.bytes = bytes;
        done
    }

    /// A text that may be absent.
    pub(crate) fn optional(&mut self, text: Option<&Text<'_>>) -> Option<String> {
        text.map(|text| self.text(&text.0))
    }

    /// The physical plan of a query.
    pub(crate) fn plan(&mut self, plan: &str) -> String {
        let plan = self.redaction.plan(plan);
        self.note_nul(&plan);
        clean(&plan, MAX_TEXT_BYTES).into_owned()
    }

    /// A property's name and value.
    pub(crate) fn property(&mut self, name: &str, value: &str) -> (String, String) {
        let (name, value) = self.redaction.property(name, value);
        let mut kept = |text: Cow<'_, str>| {
            self.note_nul(&text);
            let text = clean(&text, MAX_TEXT_BYTES).into_owned();
            self.bytes += text.len();
            text
        };
        (kept(name), kept(value))
    }

    /// Texts by name, such as the places of logs. A secret name hides its text.
    pub(crate) fn named(&mut self, of: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| self.entry(name, value)).collect()
    }

    fn entry(&mut self, name: &str, value: &str) -> (String, String) {
        match self.redaction.is_secret(name) {
            true => (self.text(name), HIDDEN.to_owned()),
            false => (self.text(name), self.text(value)),
        }
    }

    /// A text that stores use as a key or part of a key.
    pub(crate) fn key(&mut self, text: &str) -> String {
        self.note_nul(text);
        key(text).into_owned()
    }

    /// Adds the patterns that Spark's properties name. Returns whether there are new ones.
    pub(crate) fn learn(&mut self, properties: &BTreeMap<String, String>) -> bool {
        let notes = &mut self.notes;
        self.redaction.learn(properties, |note| notes.push(note))
    }

    /// What there is to warn about.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn note_nul(&mut self, text: &str) {
        if has_nul(text) && !self.notes.iter().any(|note| note == NUL) {
            self.notes.push(NUL.to_owned());
        }
    }
}

const NUL: &str = "U+0000 in a text became U+FFFD";

/// A text that stores use as a key or part of a key.
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    clean(text, MAX_STRING_BYTES)
}

fn has_nul(text: &str) -> bool {
    memchr::memchr(0, text.as_bytes()).is_some()
}

/// Replaces U+0000, which PostgreSQL cannot store, by U+FFFD, and truncates longer texts.
fn clean(text: &str, max: usize) -> Cow<'_, str> {
    if !has_nul(text) && text.len() <= max {
        return Cow::Borrowed(text);
    }
    let mut kept = text.replace('\0', "\u{fffd}");
    kept.truncate(kept.floor_char_boundary(max));
    Cow::Owned(kept)
}
