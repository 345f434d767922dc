//! Makes a line readable whose texts are damaged, so that a damaged text costs nothing but itself.
//!
//! Only a line that cannot be parsed gets here. Within its strings, bytes that are not UTF-8, halves of surrogate
//! pairs and control characters become U+FFFD: Spark's own reader accepts some of them, and old versions of Spark
//! wrote logs in the charset of the driver. Ids, results and names of fields decide what an event means; a line with
//! damage in one of these remains unreadable.

/// A line that was repaired.
#[derive(Debug)]
pub(crate) struct Repaired {
    pub(crate) line: Vec<u8>,
    /// What was replaced.
    pub(crate) note: String,
}

/// Objects whose fields are named by users.
const FREE_NAMES: [&[u8]; 17] = [
    b"JVM Information",
    b"Spark Properties",
    b"Hadoop Properties",
    b"System Properties",
    b"Metrics Properties",
    b"Classpath Entries",
    b"Properties",
    b"Log Urls",
    b"logUrlInfo",
    b"Attributes",
    b"Resources",
    b"Driver Logs",
    b"Driver Attributes",
    b"Executor Resource Requests",
    b"Task Resource Requests",
    b"modifiedConfigs",
    b"metadata",
];

/// Texts that decide what an event means.
const STRICT: [&[u8]; 9] = [
    b"Event",
    b"App ID",
    b"App Attempt ID",
    b"Executor ID",
    b"executorId",
    b"hostId",
    b"processId",
    b"Reason",
    b"Result",
];

/// Deeper nested JSON is not parsed either.
const MAX_DEPTH: usize = 128;

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Repairs a line: `None` if none of its texts is damaged, or it is not whole. An error says which damage cannot
/// be repaired.
pub(crate) fn repair(line: &[u8]) -> Option<Result<Repaired, String>> {
    let mut out = Vec::with_capacity(line.len() + 64);
    let mut open: Vec<Level> = Vec::new();
    // The latest name of a field.
    let mut name = Vec::new();
    let mut first: Option<(Damage, Vec<u8>)> = None;
    let mut more = 0;
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        let level = open.last_mut();
        match byte {
            b'"' => {
                let start = out.len();
                let (length, damage) = string(&line[at..], &mut out)?;
                let is_name = level.as_ref().is_some_and(|level| level.expects_name);
                let is_free = level.is_some_and(|level| level.is_free);
                if let Some(damage) = damage {
                    if !is_free && (is_name || STRICT.contains(&name.as_slice())) {
                        let of = if is_name { b"the name of a field" } else { name.as_slice() };
                        let of = String::from_utf8_lossy(of);
                        return Some(Err(format!("{} in {of}, at byte {}", damage.what(), at + 1)));
                    }
                    match &first {
                        None if is_name => first = Some((damage, Vec::new())),
                        None => first = Some((damage, name.clone())),
                        Some(_) => more += 1,
                    }
                }
                if is_name {
                    name.clear();
                    name.extend_from_slice(&out[start + 1..out.len() - 1]);
                }
                at += length;
                continue;
            }
            b'{' | b'[' => {
                if open.len() == MAX_DEPTH {
                    return None;
                }
                let is_object = *byte == b'{';
                let is_free = is_object && FREE_NAMES.contains(&name.as_slice());
                open.push(Level { is_object, is_free, expects_name: is_object });
            }
            b'}' | b']' => {
                open.pop()?;
            }
            b',' | b':' => {
                if let Some(level) = level {
                    level.expects_name = level.is_object && *byte == b',';
                }
            }
            _ => {}
        }
        out.push(*byte);
        at += 1;
    }
    let (damage, name) = first.filter(|_| open.is_empty())?;
    let of = match name.as_slice() {
        [] => "the name of a property".to_owned(),
        name => format!("`{}`", String::from_utf8_lossy(name)),
    };
    let and = if more > 0 { format!(" and {more} more texts") } else { String::new() };
    Some(Ok(Repaired { line: out, note: format!("{} in {of}{and} became U+FFFD", damage.what()) }))
}

/// An object or array that is open.
struct Level {
    is_object: bool,
    /// Whether users name its fields.
    is_free: bool,
    expects_name: bool,
}

#[derive(Clone, Copy)]
enum Damage {
    NotUtf8,
    HalfPair,
    Control,
}

impl Damage {
    const fn what(self) -> &'static str {
        match self {
            Self::NotUtf8 => "bytes that are not UTF-8",
            Self::HalfPair => "half a surrogate pair",
            Self::Control => "a control character",
        }
    }
}

/// Copies a string with its quotes, repaired. Returns its length and its first damage; `None` if it does not end.
fn string(bytes: &[u8], out: &mut Vec<u8>) -> Option<(usize, Option<Damage>)> {
    let mut damage = None;
    let mut replace = |out: &mut Vec<u8>, what| {
        damage.get_or_insert(what);
        out.extend_from_slice(REPLACEMENT);
    };
    out.push(b'"');
    let mut at = 1;
    loop {
        let rest = &bytes[at..];
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
        let mut is_after_damage = false;
        for chunk in rest[..plain].utf8_chunks() {
            out.extend_from_slice(chunk.valid().as_bytes());
            is_after_damage = !chunk.invalid().is_empty();
            if is_after_damage {
                replace(out, Damage::NotUtf8);
            }
        }
        let rest = &rest[plain..];
        let taken = match rest {
            [b'"', ..] => {
                out.push(b'"');
                return Some((at + plain + 1, damage));
            }
            [b'\\', b'u', ..] => match surrogates(rest) {
                Surrogates::Half => {
                    replace(out, Damage::HalfPair);
                    6
                }
                Surrogates::Pair => {
                    out.extend_from_slice(&rest[..12]);
                    12
                }
                Surrogates::None => {
                    out.extend_from_slice(&rest[..2]);
                    2
                }
            },
            // The second byte of a character of Shift JIS, GBK or Big5.
            [b'\\', next, ..] if is_after_damage && !b"\"\\/bfnrt".contains(next) => 1,
            // The same, where the first byte looks like the end of a character: nothing is escaped.
            [b'\\', 0x80..=0xff, ..] => {
                replace(out, Damage::NotUtf8);
                1
            }
            [b'\\', ..] => {
                out.extend_from_slice(rest.get(..2)?);
                2
            }
            _ => {
                replace(out, Damage::Control);
                1
            }
        };
        at += plain + taken;
    }
}

enum Surrogates {
    None,
    Half,
    Pair,
}

/// What an escape such as `\ud83d`, with what follows it, is of a surrogate pair.
fn surrogates(escape: &[u8]) -> Surrogates {
    match (code(escape), escape.get(6..).and_then(code)) {
        (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => Surrogates::Pair,
        (Some(0xd800..0xe000), _) => Surrogates::Half,
        _ => Surrogates::None,
    }
}

/// The number in an escape `\uXXXX`.
fn code(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
