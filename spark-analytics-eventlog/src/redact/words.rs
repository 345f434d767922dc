//! Spark's default patterns, found 64 bytes at a time: nearly no text has them, and all texts are searched.

use crate::fast::scan::Bytes64;

/// Whether `spark.redaction.regex`, `(?i)secret|password|token|access[.]?key|credential`, is found in a text.
pub(super) fn speaks_of_secret(text: &str) -> bool {
    let text = text.as_bytes();
    let letters = |bytes: &Bytes64| {
        let (k, w) = (bytes.letter(b'k'), bytes.letter(b'w'));
        k | w | pairs(bytes.letter(b'c'), bytes.letter(b'r'))
    };
    any(text, letters, |at| {
        let has = |word: &[u8], before: usize| {
            let start = at.checked_sub(before);
            let found = start.and_then(|start| text.get(start..start + word.len()));
            found.is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        match text[at] {
            b'k' | b'K' => has(b"token", 2) || has(b"accesskey", 6) || has(b"access.key", 7),
            b'w' | b'W' => has(b"password", 4),
            _ => has(b"secret", 2) || has(b"credential", 0),
        }
    })
}

/// Whether `spark.sql.redaction.options.regex`, `(?i)url`, is found in a text.
pub(super) fn speaks_of_url(text: &str) -> bool {
    let text = text.as_bytes();
    let letters = |bytes: &Bytes64| pairs(bytes.letter(b'u'), bytes.letter(b'r'));
    any(text, letters, |at| {
        text.get(at..at + 3).is_some_and(|found| found.eq_ignore_ascii_case(b"url"))
    })
}

/// The first of two letters that follow one another, and one at the end, as what follows is unknown.
const fn pairs(first: u64, second: u64) -> u64 {
    first & (second >> 1 | 1 << 63)
}

/// Whether a test holds for any position of these letters.
fn any(text: &[u8], letters: impl Fn(&Bytes64) -> u64, test: impl Fn(usize) -> bool) -> bool {
    for (n, bytes) in Bytes64::of(text).enumerate() {
        let mut letters = letters(&bytes);
        while letters != 0 {
            if test(n * 64 + letters.trailing_zeros() as usize) {
                return true;
            }
            letters &= letters - 1;
        }
    }
    false
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
