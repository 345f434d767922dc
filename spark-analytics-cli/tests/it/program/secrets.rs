//! Secrets, which must not occur in the output of programs.

use std::fmt::Write as _;

/// A secret in each form in which a program might print it: as text, as numbers, in hexadecimal, and in base64 at each
/// possible alignment.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut hex = String::new();
    for byte in bytes {
        write!(hex, "{byte:02x}").unwrap();
    }
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut forms = vec![secret.to_owned(), hex, numbers.join(", ")];
    for before in 0..3 {
        let padded = [&vec![0; before][..], bytes].concat();
        let inside = &padded[..padded.len() / 3 * 3];
        // The first four characters depend on the preceding bytes.
        forms.push(base64(inside)[4..].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks_exact(3) {
        let number = three.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        text.extend([18, 12, 6, 0].map(|shift| char::from(DIGITS[number >> shift & 63])));
    }
    text
}

/// Asserts that the output of a program contains no secret.
#[track_caller]
pub(crate) fn assert_none(said: &str, secrets: &[&str]) {
    for secret in secrets {
        for form in forms(secret) {
            if let Some(at) = said.find(&form) {
                let before = said[..at].rfind('\n').map_or(0, |end| end + 1);
                let line = said[before..].lines().next().unwrap_or_default();
                panic!("`{secret}` as `{form}` is said: {line}");
            }
        }
    }
}

#[test]
fn a_secret_is_found_in_every_encoding() {
    let secret = "hunter2-and-more";
    for said in [
        "password hunter2-and-more!",
        "[0, 104, 117, 110, 116, 101, 114, 50, 45, 97, 110, 100, 45, 109, 111, 114, 101]",
        "68756e746572322d616e642d6d6f7265",
        // printf '\0ada\0hunter2-and-more' | base64
        "PLAIN AGFkYQBodW50ZXIyLWFuZC1tb3Jl",
        "Basic YWRhOmh1bnRlcjItYW5kLW1vcmU=",
    ] {
        assert!(std::panic::catch_unwind(|| assert_none(said, &[secret])).is_err(), "{said}");
    }
    assert_none("hunter", &[secret]);
}
