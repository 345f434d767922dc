//! Spark's default patterns, found 16 bytes at a time: nearly no text has them, and all texts are searched.

use wide::u8x16;

/// Whether `spark.redaction.regex`, `(?i)secret|password|token|access[.]?key|credential`, is found in a text.
pub(super) fn speaks_of_secret(text: &str) -> bool {
    let text = text.as_bytes();
    any(text, [*b"cr", *b"ke", *b"wo"], |at| {
        let has = |word: &[u8], before: usize| {
            let start = at.checked_sub(before);
            let found = start.and_then(|start| text.get(start..start + word.len()));
            found.is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        match text[at] | 0x20 {
            b'c' => has(b"secret", 2) || has(b"credential", 0),
            b'k' => has(b"token", 2) || has(b"accesskey", 6) || has(b"access.key", 7),
            _ => has(b"password", 4),
        }
    })
}

/// Whether `spark.sql.redaction.options.regex`, `(?i)url`, is found in a text.
pub(super) fn speaks_of_url(text: &str) -> bool {
    let text = text.as_bytes();
    any(text, [*b"ur"], |at| {
        text.get(at..at + 3).is_some_and(|found| found.eq_ignore_ascii_case(b"url"))
    })
}

/// Number of bytes looked at together: pairs begin at all but the last.
const WINDOW: usize = 17;

/// Whether a test holds wherever two letters, in either case, follow one another.
#[inline(always)]
fn any<const N: usize>(text: &[u8], pairs: [[u8; 2]; N], test: impl Fn(usize) -> bool) -> bool {
    let mut short = [0; WINDOW];
    if let Some(short) = short.get_mut(..text.len()) {
        short.copy_from_slice(text);
    }
    let text = if text.len() < WINDOW { &short } else { text };
    let last = text.len() - WINDOW;
    let mut start = 0;
    while let Some(window) = text.get(start..).and_then(<[u8]>::first_chunk) {
        let mut found = pairs_in(window, pairs);
        while found != 0 {
            if test(start + found.trailing_zeros() as usize) {
                return true;
            }
            found &= found - 1;
        }
        // The last window overlaps the one before.
        start = if start == last { text.len() } else { last.min(start + WINDOW - 1) };
    }
    false
}

/// Where pairs begin, as bits.
#[inline(always)]
fn pairs_in<const N: usize>(window: &[u8; WINDOW], pairs: [[u8; 2]; N]) -> u32 {
    // The bit by which the cases of a letter differ.
    let lower = |bytes: &[u8; 16]| u8x16::new(*bytes) | u8x16::splat(0x20);
    let (Some(first), Some(second)) = (window.first_chunk(), window.last_chunk()) else { return 0 };
    let (first, second) = (lower(first), lower(second));
    let mut found = u8x16::ZERO;
    for [a, b] in pairs {
        found |= first.simd_eq(u8x16::splat(a)) & second.simd_eq(u8x16::splat(b));
    }
    found.to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_word_is_found_in_any_case() {
        for word in ["secret", "password", "token", "accesskey", "access.key", "credential"] {
            for word in
                [word.to_owned(), word.to_uppercase(), word[..3].to_uppercase() + &word[3..]]
            {
                for before in 0..140 {
                    let text = "x".repeat(before) + &word;
                    assert!(speaks_of_secret(&text), "{text}");
                    assert!(!speaks_of_secret(&text[..text.len() - 1]), "{text}");
                }
            }
        }
        assert!(!speaks_of_secret("access-key") && !speaks_of_secret(""));
        assert!(
            speaks_of_url("UrL")
                && speaks_of_url(&("u".repeat(63) + "url"))
                && !speaks_of_url("ur")
        );
    }

    proptest! {
        #[test]
        fn words_are_found_as_one_by_one(text in "[secrtpawodknyil.u SECRTPAWODKNYIL]{0,200}") {
            let lower = text.to_lowercase();
            let words = ["secret", "password", "token", "accesskey", "access.key", "credential"];
            prop_assert_eq!(speaks_of_secret(&text), words.iter().any(|word| lower.contains(word)));
            prop_assert_eq!(speaks_of_url(&text), lower.contains("url"));
        }
    }
}
