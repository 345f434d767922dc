//! Values that a text assigns to names: `password=…`, `"password": "…"`, `--password …`, `PASSWORD '…'`.

use std::borrow::Cow;
use std::ops::Range;

use super::HIDDEN;

/// The text without the values that it assigns to secret names.
pub(super) fn hidden<'a>(text: &'a str, is_secret: impl Fn(&str) -> bool) -> Cow<'a, str> {
    let (mut kept, mut end, mut at) = (String::new(), 0, 0);
    while let Some(word) = next_word(text, at) {
        at = word.end;
        let name = &text[word];
        // Catalyst's names of columns have a number: `token#3`.
        if name.contains('#') {
            continue;
        }
        let Some(value) = value(name, text, at) else { continue };
        if !is_secret(name) {
            continue;
        }
        if !text[value.clone()].starts_with(HIDDEN) {
            kept.push_str(&text[end..value.start]);
            kept.push_str(HIDDEN);
            end = value.end;
        }
        at = value.end;
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[end..]);
    Cow::Owned(kept)
}

/// The next word at or after a position, as a range.
fn next_word(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = at + bytes[at..].iter().position(|byte| is_of_word(*byte))?;
    let length = bytes[start..].iter().position(|byte| !is_of_word(*byte));
    Some(start..length.map_or(bytes.len(), |length| start + length))
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'#' | b'$' | 0x80..)
}

/// The value that follows a name which ends at a position, without its quotes. A value without quotes extends to
/// the next blank: passwords contain all other characters.
fn value(name: &str, text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let after_name = quote(bytes, at).map_or(at, |quote| quote.end);
    let next = skip_blanks(bytes, after_name);
    let is_apart = next > after_name;
    let (start, is_colon) = match bytes.get(next)? {
        b'=' => (next + 1 + usize::from(matches!(bytes.get(next + 1), Some(b'=' | b'>'))), false),
        b':' if !is_of_code(name) => (next + 1, true),
        // As an option of SQL and as one of a command.
        _ if is_apart && quote(bytes, next).is_some() => (next, false),
        byte if is_apart && name.starts_with('-') && *byte != b'-' => (next, false),
        _ => return None,
    };
    let start = skip_blanks(bytes, start);
    if let Some(quote) = quote(bytes, start) {
        return Some(quote.end..quote.closing(bytes));
    }
    let rest = &bytes[start..];
    let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let value = &rest[..length];
    let is_none = value.is_empty()
        || is_colon && (value.starts_with(b":") || value.starts_with(b"//") || is_type(value));
    (!is_none).then_some(start..start + length)
}

/// A quotation mark, which is escaped in a quoted text within another.
struct Quote {
    mark: u8,
    backslashes: usize,
    end: usize,
}

fn quote(bytes: &[u8], at: usize) -> Option<Quote> {
    let backslashes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
    let mark = *bytes.get(at + backslashes)?;
    matches!(mark, b'"' | b'\'').then_some(Quote { mark, backslashes, end: at + backslashes + 1 })
}

impl Quote {
    /// Where the quoted text ends: at the next such mark that is not escaped within it.
    fn closing(&self, bytes: &[u8]) -> usize {
        for at in memchr::memchr_iter(self.mark, &bytes[self.end..]) {
            let before = bytes[self.end..self.end + at].iter().rev();
            let backslashes = before.take_while(|byte| **byte == b'\\').count();
            if backslashes <= self.backslashes {
                return self.end + at - backslashes;
            }
        }
        bytes.len()
    }
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    let blanks = bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    at + blanks
}

/// Whether a colon after a word does not assign a value to it: the word is a class or a file of a program.
fn is_of_code(word: &str) -> bool {
    const ENDINGS: [&str; 6] = ["Exception", "Error", ".java", ".scala", ".py", ".kt"];
    let of_class = |(_, name): (&str, &str)| name.starts_with(|first: char| first.is_uppercase());
    ENDINGS.iter().any(|ending| word.ends_with(ending))
        || word.rsplit_once(['.', '$']).is_some_and(of_class)
}

/// Whether a value is the type of a column in a schema.
fn is_type(value: &[u8]) -> bool {
    const TYPES: [&str; 24] = [
        "array",
        "bigint",
        "binary",
        "boolean",
        "byte",
        "char",
        "date",
        "decimal",
        "double",
        "float",
        "int",
        "integer",
        "interval",
        "long",
        "map",
        "short",
        "smallint",
        "string",
        "struct",
        "timestamp",
        "timestamp_ntz",
        "tinyint",
        "varchar",
        "variant",
    ];
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = value.iter().position(|byte| !is_of_name(byte)).unwrap_or(value.len());
    TYPES.iter().any(|name| name.as_bytes() == &value[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Cow<'_, str> {
        hidden(text, |name| {
            ["password", "token", "SecretKey"].iter().any(|word| name.contains(word))
        })
    }

    #[test]
    fn a_value_assigned_to_a_secret_name_is_hidden() {
        let cases = [
            ("password=hunter2", "password=[]"),
            ("-Dmy.password=hunter2 -Xmx1g", "-Dmy.password=[] -Xmx1g"),
            ("a --conf spark.password=hunt;er'2 b", "a --conf spark.password=[] b"),
            ("a --password hunter2 b", "a --password [] b"),
            ("jdbc:x?user=u&password=hunter2&a=b", "jdbc:x?user=u&password=[]"),
            ("password = 'hun ter2', x", "password = '[]', x"),
            ("password: hunter2", "password: []"),
            (r#"{"password": "hun\"ter2","a":1}"#, r#"{"password": "[]","a":1}"#),
            (r#"{\"password\":\"hun\\\"ter2\",\"a\":1}"#, r#"{\"password\":\"[]\",\"a\":1}"#),
            ("{'token': 'hunter2'}", "{'token': '[]'}"),
            ("OPTIONS (url 'a', password 'hunter2')", "OPTIONS (url 'a', password '[]')"),
            ("OPTIONS ('password' \"hunter2\")", "OPTIONS ('password' \"[]\")"),
            ("password -> x, password => hunter2", "password -> x, password => []"),
            ("SecretKey: hunter2", "SecretKey: []"),
            ("password='hunter2", "password='[]"),
            ("é password=é token=é", "é password=[] token=[]"),
        ];
        for (text, want) in cases {
            assert_eq!(shown(text), want.replace("[]", HIDDEN), "{text}");
            assert_eq!(shown(&shown(text)), shown(text), "{text}");
        }
    }

    #[test]
    fn what_only_speaks_of_secrets_is_shown() {
        for text in [
            "refresh the token table",
            "collect at tokenJob.scala:12",
            "com.acme.tokenException: it expired",
            "security.token.SecretManager$Invalidtoken: token 7 is unknown",
            "Join [token#3 = token#17]",
            "struct<token:string,password:struct<a:int>>",
            " |-- token: string (nullable = true)",
            "token://x, token::text",
            "password",
            "password=",
            "password --other",
            "\\",
        ] {
            assert_eq!(shown(text), text);
        }
    }
}
