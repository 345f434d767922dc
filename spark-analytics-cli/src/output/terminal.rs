//! Texts that others wrote, made harmless for terminals.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a character controls a terminal, ends a line, changes the direction of the text around
/// it, or cannot be seen. The joiners of Persian and of emoji are not among them.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A text on one line; harmful characters are replaced.
pub(crate) fn printable(text: &str) -> String {
    text.replace(is_harmful, "\u{fffd}")
}

/// A message on one line: line ends and tabs are spaces, other harmful characters are replaced.
pub(crate) fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\r', '\t'], " "))
}

/// A text in which harmful characters are escapes such as `\u202e`, as in JSON. Line ends and tabs
/// stay, and so does an escape character if colours may be meant.
fn escaped(text: &str, has_colours: bool) -> Cow<'_, str> {
    let is_kept =
        |c: char| matches!(c, '\n' | '\r' | '\t') || has_colours && c == '\u{1b}' || !is_harmful(c);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_kept(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing into a text cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

/// A writer that escapes harmful characters. Each write has to be of whole characters.
#[derive(Debug)]
pub(crate) struct Escaping<W> {
    pub(crate) to: W,
    /// Whether the texts may be coloured by the program itself.
    pub(crate) has_colours: bool,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.to.write_all(escaped(text, self.has_colours).as_bytes())?,
            Err(_) => self.to.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A text as a cell of CSV that a spreadsheet shows and does not run: one that begins as a formula
/// gets an apostrophe, and harmful characters are escaped. Numbers are not formulas.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let text = escaped(text, false);
    if text.starts_with(STARTS) && text.parse::<f64>().is_err() {
        return Cow::Owned(format!("'{text}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_begin_as_formulas_get_an_apostrophe() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("＝1", "'＝1"),
            ("-12.5", "-12.5"),
            ("-1e-3", "-1e-3"),
            ("", ""),
            ("a=b", "a=b"),
            ("'=1", "'=1"),
            ("two\nlines", "two\nlines"),
            ("\u{1b}]0;x\u{7}", "\\u001b]0;x\\u0007"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn harmful_characters_are_escaped_and_others_stay() {
        let kept = "表 é a\u{200d}b\u{200c}c \n\t";
        assert_eq!(escaped(kept, false), kept);
        let harmful = "a\u{9b}b\u{7f}\u{202e}\u{2028}\u{200b}\u{e0041}";
        assert_eq!(escaped(harmful, false), r"a\u009bb\u007f\u202e\u2028\u200b\udb40\udc41");
        assert_eq!(escaped("\u{1b}[1mb", true), "\u{1b}[1mb");
        assert_eq!(printable("a\u{1b}\nb\u{2066}"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(one_line("a\n\tb\u{202e}c"), "a  b\u{fffd}c");
    }
}
