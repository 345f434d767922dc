//! Finds quotes, braces and brackets of JSON, 64 bytes at a time, without parsing what is between them.

use wide::u8x16;

/// The index of the `]` of an array of flat objects whose `[` is just before `bytes`.
///
/// `None` if that needs a parser: an escape, a control character, a nested array or object, or a missing end.
pub(crate) fn flat_array_end(bytes: &[u8]) -> Option<usize> {
    let (mut in_string, mut in_object) = (0, 0);
    for (n, bytes) in Bytes64::of(bytes).enumerate() {
        let strings = inside(bytes.equal(b'"'), &mut in_string);
        let ends = bytes.equal(b']') & !strings;
        // All bits below the first end, or all.
        let before = (ends & ends.wrapping_neg()).wrapping_sub(1);
        let counted = !strings & before;
        let opening = bytes.equal_but_for_bit_5(b'{') & counted;
        let closing = bytes.equal_but_for_bit_5(b'}') & counted;
        let objects = inside(opening | closing, &mut in_object);
        // If they alternate, each opening one is inside and each closing one is not.
        let odd = (opening & !objects) | (closing & objects);
        if odd | (bytes.escapes_or_controls() & before) != 0 {
            return None;
        }
        if ends != 0 {
            return (in_object == 0).then(|| n * 64 + ends.trailing_zeros() as usize);
        }
    }
    None
}

/// What is wrong with the quotes, braces and brackets of a line that should contain one object.
pub(crate) fn imbalance(line: &[u8]) -> Option<&'static str> {
    let (mut in_string, mut is_escaped) = (0, false);
    let (mut braces, mut brackets) = (0, 0);
    for bytes in Bytes64::of(line) {
        let escaped = escaped(bytes.equal(b'\\'), &mut is_escaped);
        let strings = inside(bytes.equal(b'"') & !escaped, &mut in_string);
        braces += count(bytes.equal(b'{') & !strings) - count(bytes.equal(b'}') & !strings);
        brackets += count(bytes.equal(b'[') & !strings) - count(bytes.equal(b']') & !strings);
        let controls = bytes.controls();
        if controls != 0 {
            let blanks = bytes.equal(b'\t') | bytes.equal(b'\r') | bytes.equal(b'\n');
            if controls & (strings | !blanks) != 0 {
                return Some("it contains a control character");
            }
        }
    }
    match (in_string, braces, brackets) {
        (0, 0, 0) => None,
        (0, ..) => Some("its braces or brackets do not match"),
        _ => Some("it contains an unterminated string"),
    }
}

const fn count(mask: u64) -> i64 {
    mask.count_ones() as i64
}

/// Which bytes are between a first and a second mark, including the first.
#[inline]
const fn inside(marks: u64, is_inside: &mut u64) -> u64 {
    let mut mask = marks;
    let mut shift = 1;
    while shift < 64 {
        mask ^= mask << shift;
        shift *= 2;
    }
    mask ^= *is_inside;
    *is_inside = (mask as i64 >> 63) as u64;
    mask
}

/// Which bytes follow a backslash that is not escaped itself.
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

/// 64 bytes; each test yields one bit per byte.
struct Bytes64([u8x16; 4]);

impl Bytes64 {
    /// All bytes; the last ones are followed by spaces.
    #[inline]
    fn of(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let (blocks, rest) = bytes.as_chunks::<64>();
        let mut last = [b' '; 64];
        last[..rest.len().min(64)].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(last);
        blocks.iter().map(Self::new).chain(last.map(|last| Self::new(&last)))
    }

    #[inline]
    fn new(block: &[u8; 64]) -> Self {
        let (quarters, _) = block.as_chunks::<16>();
        Self([quarters[0], quarters[1], quarters[2], quarters[3]].map(u8x16::new))
    }

    #[inline]
    fn equal(&self, byte: u8) -> u64 {
        let byte = u8x16::splat(byte);
        self.mask(|bytes| bytes.simd_eq(byte))
    }

    /// Brackets are braces without bit 5.
    #[inline]
    fn equal_but_for_bit_5(&self, byte: u8) -> u64 {
        let (byte, bit) = (u8x16::splat(byte), u8x16::splat(0x20));
        self.mask(|bytes| (bytes | bit).simd_eq(byte))
    }

    #[inline]
    fn escapes_or_controls(&self) -> u64 {
        let backslash = u8x16::splat(b'\\');
        self.mask(|bytes| bytes.simd_eq(backslash) | is_control(bytes))
    }

    #[inline]
    fn controls(&self) -> u64 {
        self.mask(is_control)
    }

    #[inline]
    fn mask(&self, test: impl Fn(u8x16) -> u8x16) -> u64 {
        let bits = self.0.map(|bytes| u64::from(test(bytes).to_bitmask()));
        bits[0] | bits[1] << 16 | bits[2] << 32 | bits[3] << 48
    }
}

/// The minimum of a byte and 0x1f is the byte itself exactly if it is less than a space.
#[inline]
fn is_control(bytes: u8x16) -> u8x16 {
    bytes.min(u8x16::splat(0x1f)).simd_eq(bytes)
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
        fn balance_equals_that_found_byte_by_byte(line in json_like(0..300)) {
            prop_assert_eq!(imbalance(&line).is_some(), imbalance_slowly(&line));
        }

        #[test]
        fn balance_of_mostly_balanced_lines(
            texts in prop::collection::vec("[a-z{}\\[\\]\\\\\"]{0,40}", 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let line = serde_json::to_vec(&serde_json::json!({"a": texts, "b": {"c": texts}})).unwrap();
            prop_assert_eq!(imbalance(&line), None);
            let cut = &line[..cut.index(line.len() - 1) + 1];
            prop_assert_eq!(imbalance(cut).is_some(), imbalance_slowly(cut));
        }

        #[test]
        fn the_end_of_an_array_of_flat_objects_is_found(
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
    fn other_arrays_have_no_end() {
        let not_flat: [&[u8]; 8] = [
            b"",
            b"1,2",
            b"{\"a\":[]}]",
            b"{\"a\\n\":1}]",
            b"{]",
            b"\"]\"",
            b"{\"a\":1}\n]",
            b"}]",
        ];
        for text in not_flat {
            assert_eq!(flat_array_end(text), None, "{}", text.escape_ascii());
        }
        assert_eq!(flat_array_end(b"]}\\\n["), Some(0));
    }

    #[test]
    fn imbalance_is_reported_with_the_reason() {
        assert_eq!(imbalance(b"{\"a\":\"\\\\\"}\r"), None);
        assert_eq!(imbalance(b"{\"a\":\"\\\"}"), Some("it contains an unterminated string"));
        assert_eq!(imbalance(b"{\"a\":[1}"), Some("its braces or brackets do not match"));
        assert_eq!(imbalance(b"{\"a\":1}\0"), Some("it contains a control character"));
    }
}
