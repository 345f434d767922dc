//! A pattern that a log names, compiled so that it can neither take much memory nor much time.

use std::ops::Range;

use regex_automata::dfa::{dense, regex};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

/// Maximum length of a pattern in bytes.
const MAX_PATTERN_BYTES: usize = 4 * 1024;

/// Maximum size of each automaton, and of what is needed while it is built.
const MAX_AUTOMATON_BYTES: usize = 1024 * 1024;

/// Maximum number of parts of one text that are hidden; with more of them the whole text is.
const MAX_PARTS: usize = 200;

/// A pattern as an automaton that is complete when it is built, so that each byte of a text takes one step.
///
/// It works on bytes: classes such as `\w` are those of ASCII, as in Java.
#[derive(Clone, Debug)]
pub(super) struct Pattern(regex::Regex);

impl Pattern {
    /// Compiles a pattern; an error says why it cannot be used.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(format!("it is longer than {MAX_PATTERN_BYTES} bytes"));
        }
        let size = Some(MAX_AUTOMATON_BYTES);
        let dense = dense::Config::new().dfa_size_limit(size).determinize_size_limit(size);
        regex::Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false).nest_limit(50))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(size))
            .dense(dense)
            .build(pattern)
            .map(Self)
            .map_err(|_| {
                "it is too complex, or not a regular expression of this library".to_owned()
            })
    }

    /// Whether it is found in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }

    /// Where it is found in a text, in whole characters and in order; `None` if that is in too many places, or
    /// anywhere.
    pub(super) fn parts(&self, text: &str) -> Option<Vec<Range<usize>>> {
        if self.is_in("") {
            return None;
        }
        let mut parts = Vec::new();
        for (found, n) in self.0.find_iter(text.as_bytes()).zip(0..) {
            if n == MAX_PARTS {
                return None;
            }
            if !found.is_empty() {
                parts.push(
                    text.floor_char_boundary(found.start())..text.ceil_char_boundary(found.end()),
                );
            }
        }
        Some(parts)
    }
}
