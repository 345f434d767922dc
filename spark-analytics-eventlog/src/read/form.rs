//! Recognises events of Spark in a form that is not that of a log.

use memchr::memmem;

/// Number of bytes at the start of a file that are looked at.
const HEAD_BYTES: usize = 1024 * 1024;

/// What the start of a file is, if it is a log in another form, and how to make a log of it.
pub(crate) fn other_form(start: &[u8]) -> Option<&'static str> {
    let head = &start[..start.len().min(HEAD_BYTES)];
    let form = if is_event(&utf_16(head, u16::from_le_bytes)) {
        "it is in UTF-16; convert it to UTF-8: iconv -f UTF-16LE -t UTF-8"
    } else if is_event(&utf_16(head, u16::from_be_bytes)) {
        "it is in UTF-16; convert it to UTF-8: iconv -f UTF-16BE -t UTF-8"
    } else if let Some(rest) = head.trim_ascii_start().strip_prefix(b"[")
        && is_event(rest.trim_ascii_start())
    {
        "it is a JSON array; write one event per line: jq -c '.[]'"
    } else if !is_event(head.trim_ascii_start()) {
        return None;
    } else if has(head, b"}\r{") {
        "it has carriage returns as ends of its lines; replace them by line feeds: tr '\\r' '\\n'"
    } else if has(head, b"}{\"Event\":") {
        "it has several events on a line; write one event per line: jq -c ."
    } else if head.trim_ascii_start().get(1).is_some_and(u8::is_ascii_whitespace)
        && has(head, b"\n")
    {
        "it is formatted JSON; write one event per line: jq -c ."
    } else {
        return None;
    };
    Some(form)
}

/// Whether a text begins with an event, with blanks wherever JSON allows them.
fn is_event(text: &[u8]) -> bool {
    let fields = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    fields.is_some_and(|fields| fields.starts_with(b"\"Event\""))
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memmem::find(text, part).is_some()
}

/// The first characters of UTF-16 without its mark; those that are not ASCII do not matter.
fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    const CHARACTERS: usize = 64;
    let units = bytes.as_chunks::<2>().0.iter().take(CHARACTERS).map(|pair| unit(*pair));
    let text = units.skip_while(|unit| *unit == 0xfeff);
    text.map(|unit| u8::try_from(unit).unwrap_or(b'?'))
        .collect::<Vec<_>>()
        .trim_ascii_start()
        .to_vec()
}
