//! Quotes, braces and brackets of JSON, 64 bytes at a time, without reading what stands between.

use wide::u8x16;

/// Where the array ends whose `[` stands just before `bytes`: the index of its `]`.
///
/// `None` if that takes a closer look: an escape, a control character, an array within, braces that do not
/// match, or no end.
pub(crate) fn flat_array_end(bytes: &[u8]) -> Option<usize> {
    let (mut in_string, mut depth) = (0, 0);
    for (n, marks) in Marks::of(bytes).enumerate() {
        let strings = inside(marks.quotes, &mut in_string);
        let ends = marks.closing_brackets & !strings;
        // All bits below the first end, or all.
        let before = (ends & ends.wrapping_neg()).wrapping_sub(1);
        let odd = marks.backslashes | marks.controls | (marks.opening_brackets & !strings);
        if odd & before != 0 {
            return None;
        }
        depth += count(marks.opening_braces & !strings & before);
        depth -= count(marks.closing_braces & !strings & before);
        if ends != 0 {
            return (depth == 0).then(|| n * 64 + ends.trailing_zeros() as usize);
        }
    }
    None
}

/// What is wrong with the quotes, braces and brackets of a line that is to hold one object.
pub(crate) fn imbalance(line: &[u8]) -> Option<&'static str> {
    let (mut in_string, mut is_escaped) = (0, false);
    let (mut braces, mut brackets) = (0, 0);
    for marks in Marks::of(line) {
        let escaped = escaped(marks.backslashes, &mut is_escaped);
        let strings = inside(marks.quotes & !escaped, &mut in_string);
        braces += count(marks.opening_braces & !strings) - count(marks.closing_braces & !strings);
        brackets +=
            count(marks.opening_brackets & !strings) - count(marks.closing_brackets & !strings);
        if marks.controls & !marks.blanks != 0 || marks.controls & strings != 0 {
            return Some("a control character stands in it");
        }
    }
    match (in_string, braces, brackets) {
        (0, 0, 0) => None,
        (0, ..) => Some("its braces or brackets do not match"),
        _ => Some("a text in it does not end"),
    }
}

const fn count(mask: u64) -> i64 {
    mask.count_ones() as i64
}

/// Which bytes stand within strings, their opening quotes included.
const fn inside(quotes: u64, in_string: &mut u64) -> u64 {
    let mut mask = quotes;
    let mut shift = 1;
    while shift < 64 {
        mask ^= mask << shift;
        shift *= 2;
    }
    mask ^= *in_string;
    *in_string = (mask as i64 >> 63) as u64;
    mask
}

/// Which bytes a backslash stands before that is not escaped itself.
const fn escaped(mut backslashes: u64, is_escaped: &mut bool) -> u64 {
    let mut escaped = *is_escaped as u64;
    *is_escaped = false;
    backslashes &= !escaped;
    while backslashes != 0 {
        let at = backslashes.trailing_zeros();
        backslashes &= backslashes - 1;
        if at == 63 {
            *is_escaped = true;
        } else {
            escaped |= 2 << at;
            backslashes &= !(2 << at);
        }
    }
    escaped
}

/// Which of 64 bytes are what, a bit each.
struct Marks {
    quotes: u64,
    backslashes: u64,
    /// Bytes below a space.
    controls: u64,
    /// Tabulators and line ends, which may stand between tokens.
    blanks: u64,
    opening_braces: u64,
    closing_braces: u64,
    opening_brackets: u64,
    closing_brackets: u64,
}

impl Marks {
    /// Those of all bytes; the last ones are followed by spaces.
    fn of(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let (blocks, rest) = bytes.as_chunks::<64>();
        let mut last = [b' '; 64];
        last[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(last);
        blocks.iter().map(Self::new).chain(last.map(|last| Self::new(&last)))
    }

    #[inline]
    fn new(block: &[u8; 64]) -> Self {
        let (quarters, _) = block.as_chunks::<16>();
        let bytes: [u8x16; 4] = std::array::from_fn(|n| u8x16::new(quarters[n]));
        let equal = |byte: u8| {
            let byte = u8x16::splat(byte);
            mask(bytes.map(|bytes| bytes.simd_eq(byte)))
        };
        // The least of the byte and 0x1f is the byte itself just where it lies below a space.
        let highest = u8x16::splat(0x1f);
        let controls = mask(bytes.map(|bytes| bytes.min(highest).simd_eq(bytes)));
        let blanks = if controls == 0 { 0 } else { equal(b'\t') | equal(b'\r') | equal(b'\n') };
        Self {
            quotes: equal(b'"'),
            backslashes: equal(b'\\'),
            controls,
            blanks,
            opening_braces: equal(b'{'),
            closing_braces: equal(b'}'),
            opening_brackets: equal(b'['),
            closing_brackets: equal(b']'),
        }
    }
}

fn mask(bytes: [u8x16; 4]) -> u64 {
    let bits = bytes.map(|bytes| u64::from(bytes.to_bitmask()));
    bits[0] | bits[1] << 16 | bits[2] << 32 | bits[3] << 48
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Strings, braces and brackets byte by byte.
    fn imbalance_slowly(line: &[u8]) -> bool {
        let (mut in_string, mut escaped, mut braces, mut brackets) = (false, false, 0, 0);
        for byte in line {
            if *byte < b' ' && (in_string || !b"\t\r\n".contains(byte)) {
                return true;
            }
            if std::mem::take(&mut escaped) && b"\"\\".contains(byte) {
                continue;
            }
            match byte {
                b'\\' => escaped = true,
                b'"' => in_string = !in_string,
                b'{' if !in_string => braces += 1,
                b'}' if !in_string => braces -= 1,
                b'[' if !in_string => brackets += 1,
                b']' if !in_string => brackets -= 1,
                _ => {}
            }
        }
        in_string || braces != 0 || brackets != 0
    }

    fn json_like(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            4 => prop::sample::select(&b"\"\"{}[]\\a, :1"[..]),
            1 => Just(b'x'),
            1 => any::<u8>(),
        ];
        prop::collection::vec(byte, len)
    }

    proptest! {
        #[test]
        fn balance_is_that_found_byte_by_byte(line in json_like(0..300)) {
            prop_assert_eq!(imbalance(&line).is_some(), imbalance_slowly(&line));
        }

        #[test]
        fn balance_of_lines_that_mostly_are(
            texts in prop::collection::vec("[a-z{}\\[\\]\\\\\"]{0,40}", 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let line = serde_json::to_vec(&serde_json::json!({"a": texts, "b": {"c": texts}})).unwrap();
            prop_assert_eq!(imbalance(&line), None);
            let cut = &line[..cut.index(line.len() - 1) + 1];
            prop_assert_eq!(imbalance(cut).is_some(), imbalance_slowly(cut));
        }

        #[test]
        fn an_array_of_flat_objects_ends_where_it_ends(
            names in prop::collection::vec("[a-z{}\\[\\],: ]{0,40}", 0..20),
            rest in json_like(0..100),
        ) {
            let objects: Vec<_> = names.iter().map(|n| serde_json::json!({"ID": 1, "Name": n})).collect();
            let array = serde_json::to_vec(&objects).unwrap();
            let text = [&array[1..], &rest].concat();
            prop_assert_eq!(flat_array_end(&text), Some(array.len() - 2));
        }
    }

    #[test]
    fn what_is_no_flat_array_has_no_end() {
        let not_flat: [&[u8]; 8] = [
            b"", b"1,2", b"{\"a\":[]}]", b"{\"a\\n\":1}]", b"{]", b"\"]\"", b"{\"a\":1}\n]", b"}]",
        ];
        for text in not_flat {
            assert_eq!(flat_array_end(text), None, "{}", text.escape_ascii());
        }
        assert_eq!(flat_array_end(b"]}\\\n["), Some(0));
    }

    #[test]
    fn imbalance_says_what_is_wrong() {
        assert_eq!(imbalance(b"{\"a\":\"\\\\\"}\r"), None);
        assert_eq!(imbalance(b"{\"a\":\"\\\"}"), Some("a text in it does not end"));
        assert_eq!(imbalance(b"{\"a\":[1}"), Some("its braces or brackets do not match"));
        assert_eq!(imbalance(b"{\"a\":1}\0"), Some("a control character stands in it"));
    }
}
