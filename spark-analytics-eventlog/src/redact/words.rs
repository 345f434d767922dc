//! Spark's default patterns and further names of secrets, found 16 bytes at a time: nearly no text has them, and all texts
//! are searched.

use wide::u8x16;

/// Whether `spark.redaction.regex`, `(?i)secret|password|token|access[.]?key|credential`, is found in a text.
pub(super) fn speaks_of_secret(text: &str) -> bool {
    let text = text.as_bytes();
    any(text, [*b"cr", *b"ke", *b"wo"], |at| {
        let has = |word: &[u8], before: usize| has(text, word, at, before);
        match text[at] | 0x20 {
            b'c' => has(b"secret", 2) || has(b"credential", 0),
            b'k' => has(b"token", 2) || has(b"accesskey", 6) || has(b"access.key", 7),
            _ => has(b"password", 4),
        }
    })
}

/// Whether a text has a name of a secret: one of Spark's default pattern, or a key of an API or an account, a private key, a
/// passphrase, or a name that ends in `pass` or `pwd`, such as `DB_PASS` and `keyStorePwd`.
pub(super) fn names_secret(text: &str) -> bool {
    let text = text.as_bytes();
    any(text, [*b"cr", *b"ke", *b"ss", *b"wd"], |at| {
        let has = |word: &[u8], before: usize| has(text, word, at, before);
        match text[at] | 0x20 {
            b'c' => has(b"secret", 2) || has(b"credential", 0),
            b'k' => has(b"token", 2) || has(b"key", 0) && is_key_of_owner(&text[..at]),
            b's' => {
                has(b"password", 2)
                    || has(b"passphrase", 2)
                    || has(b"passwd", 2)
                    || has(b"pass", 2) && begins_word(text, at - 2) && ends_name(text, at + 2)
            }
            _ => has(b"pwd", 1) && ends_name(text, at + 2),
        }
    })
}

/// Whether a text has a word, in any case, this many bytes before a position.
fn has(text: &[u8], word: &[u8], at: usize, before: usize) -> bool {
    let start = at.checked_sub(before);
    let found = start.and_then(|start| text.get(start..start + word.len()));
    found.is_some_and(|found| found.eq_ignore_ascii_case(word))
}

/// Whether what is before the word `key` makes it a secret: `api`, `access`, `account` or `private`.
fn is_key_of_owner(before: &[u8]) -> bool {
    const OWNERS: [&[u8]; 4] = [b"api", b"access", b"account", b"private"];
    let owner = match before {
        [owner @ .., b'.' | b'_' | b'-'] => owner,
        owner => owner,
    };
    OWNERS.iter().any(|word| {
        let start = owner.len().checked_sub(word.len());
        start.is_some_and(|start| owner[start..].eq_ignore_ascii_case(word))
    })
}

/// Whether a word begins at a position: after no letter, or with a capital letter after a small one.
fn begins_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map_or(b' ', |before| text[before]);
    !before.is_ascii_alphabetic() || before.is_ascii_lowercase() && text[at].is_ascii_uppercase()
}

/// Whether a name ends at a position.
fn ends_name(text: &[u8], at: usize) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.get(at).is_some_and(is_of_name)
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

    #[test]
    fn names_of_secrets_are_found() {
        for name in [
            "password",
            "PassPhrase",
            "spark.ssl.passphrase",
            "my.apikey",
            "api.key",
            "API_KEY",
            "api-key",
            "fs.azure.account.key.x.dfs.core.windows.net",
            "accountKey",
            "AWS_ACCESS_KEY_ID",
            "private-key",
            "DB_PASS",
            "db.pass",
            "dbPass",
            "pass",
            "PASS",
            "keyStorePwd",
            "pwd",
            "passwd",
            "mysql_passwd",
            "token",
            "clientSecret",
            "credentials",
        ] {
            for text in [name.to_owned(), format!("{} {name}=x", "y".repeat(40))] {
                assert!(names_secret(&text), "{text}");
            }
        }
        for name in [
            "bypass",
            "passes",
            "compass",
            "pass.count",
            "PASSENGERS",
            "class",
            "success",
            "keyboard",
            "monkey",
            "foreign.key",
            "partition.key",
            "pwd.file",
            "spwdx",
            "rapid.keystore",
            "",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_contain_what_spark_searches_for(text in "[secrtpawodknyil.u SECRTPAWODKNYIL]{0,200}") {
            prop_assert!(!speaks_of_secret(&text) || names_secret(&text));
        }

        #[test]
        fn words_are_found_as_one_by_one(text in "[secrtpawodknyil.u SECRTPAWODKNYIL]{0,200}") {
            let lower = text.to_lowercase();
            let words = ["secret", "password", "token", "accesskey", "access.key", "credential"];
            prop_assert_eq!(speaks_of_secret(&text), words.iter().any(|word| lower.contains(word)));
            prop_assert_eq!(speaks_of_url(&text), lower.contains("url"));
        }
    }
}
