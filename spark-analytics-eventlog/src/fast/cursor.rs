//! Steps through JSON in Spark's own layout. Each step either consumes exactly what it names or fails, and then
//! the line is parsed as any JSON.

/// A position in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    rest: &'a [u8],
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, rest: text }
    }

    /// Number of bytes consumed.
    pub(crate) const fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// The rest, not yet consumed.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The bytes consumed since an earlier position.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.text[start..self.at()]
    }

    /// Consumes these bytes if they come next. Returns whether they do.
    #[inline]
    pub(crate) fn skips<const N: usize>(&mut self, bytes: &[u8; N]) -> bool {
        match self.rest.split_first_chunk::<N>() {
            Some((here, rest)) if here == bytes => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// As [`skips`](Self::skips), for bytes known only at run time.
    #[inline]
    pub(crate) fn skips_all(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Consumes these bytes, or fails.
    #[inline]
    pub(crate) fn take<const N: usize>(&mut self, bytes: &[u8; N]) -> Option<()> {
        self.skips(bytes).then_some(())
    }

    /// Consumes `bytes` bytes of any value.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Consumes a number of 1 to 18 digits.
    #[inline(always)]
    pub(crate) fn number(&mut self) -> Option<i64> {
        // Most numbers of a log are 0.
        if let [digit @ b'0'..=b'9', b',' | b'}', ..] = self.rest {
            self.advance(1);
            return Some(i64::from(digit - b'0'));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Option<i64> {
        let (value, digits) = self.digits()?;
        let leads_with_zero = self.rest[0] == b'0' && digits > 1;
        if leads_with_zero || digits == 0 {
            return None;
        }
        self.advance(digits);
        if digits < 8 {
            return Some(value);
        }
        self.more_digits(value)
    }

    /// The rest of a number after its first eight digits.
    fn more_digits(&mut self, mut value: i64) -> Option<i64> {
        let (more, digits) = self.digits()?;
        value = value * POWERS_OF_TEN[digits] + more;
        self.advance(digits);
        if digits == 8 {
            let (more, digits) = self.digits()?;
            if digits > 2 {
                return None;
            }
            value = value * POWERS_OF_TEN[digits] + more;
            self.advance(digits);
        }
        Some(value)
    }

    /// The value and number of the digits that come next, up to eight; `None` close to the end of the text.
    #[inline]
    fn digits(&self) -> Option<(i64, usize)> {
        let word = u64::from_le_bytes(*self.rest.first_chunk()?);
        let values = word ^ (LOW_BITS * 0x30);
        // A value above 9 sets the high bit. A carry affects only bytes after such a value.
        let others = (values.wrapping_add(LOW_BITS * 0x76) | values) & HIGH_BITS;
        let digits = others.trailing_zeros() as usize / 8;
        if digits == 0 {
            return Some((0, 0));
        }
        // Leading zeros extend fewer digits to eight; then neighbours are combined three times.
        let eight = values << (64 - 8 * digits);
        let pairs = (eight.wrapping_mul(10) + (eight >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        let value = (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff;
        Some((value as i64, digits))
    }

    /// Consumes the rest of a text after its opening quote: printable ASCII without escapes.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let start = self.rest;
        self.skip_text()?;
        let length = start.len() - self.rest.len() - 1;
        std::str::from_utf8(&start[..length]).ok()
    }

    /// As [`text`](Self::text), without returning it.
    #[inline]
    pub(crate) fn skip_text(&mut self) -> Option<()> {
        loop {
            let word = u64::from_le_bytes(*self.rest.first_chunk()?);
            let quotes = word ^ (LOW_BITS * b'"' as u64);
            let backslashes = word ^ (LOW_BITS * b'\\' as u64);
            // Only the lowest set bit of each is reliable, and only that is used.
            let stops = (quotes.wrapping_sub(LOW_BITS) & !quotes)
                | (backslashes.wrapping_sub(LOW_BITS) & !backslashes)
                | (word.wrapping_sub(LOW_BITS * 0x20) & !word)
                | word;
            let stops = stops & HIGH_BITS;
            if stops != 0 {
                self.advance(stops.trailing_zeros() as usize / 8);
                return self.take(b"\"");
            }
            self.advance(8);
        }
    }

    /// Consumes `true` or `false`.
    #[inline]
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        if self.skips(b"false") {
            return Some(false);
        }
        self.take(b"true").map(|()| true)
    }
}

const POWERS_OF_TEN: [i64; 9] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_parsed_as_by_the_standard_library(
            value in prop_oneof![0..1000i64, 0..1_000_000_000_000_000_000i64, any::<i64>()],
            digits in 1..19u32,
        ) {
            let value = if value >= 0 && digits < 18 { value % 10i64.pow(digits) } else { value };
            let text = format!("{value},\"more\":1");
            let mut cursor = Cursor::new(text.as_bytes());
            if (0..1_000_000_000_000_000_000).contains(&value) {
                prop_assert_eq!(cursor.number(), Some(value));
                prop_assert_eq!(cursor.rest(), b",\"more\":1");
            } else {
                prop_assert_eq!(cursor.number(), None);
            }
        }

        #[test]
        fn bytes_that_are_not_digits_end_a_number(bytes in prop::collection::vec(any::<u8>(), 8..30)) {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let mut cursor = Cursor::new(&bytes);
            let want = std::str::from_utf8(&bytes[..digits]).unwrap().parse::<i64>().ok();
            if let Some(number) = cursor.number() {
                prop_assert_eq!(Some(number), want);
                prop_assert_eq!(cursor.at(), digits);
            }
        }

        #[test]
        fn a_text_ends_at_its_quote(text in "[ -~é\\x00-\\x1f]{0,40}") {
            let line = format!("{text}\",\"more\":1");
            let mut cursor = Cursor::new(line.as_bytes());
            let end = line.bytes().position(|b| b == b'"' || b == b'\\' || !(b' '..0x80).contains(&b)).unwrap();
            if line.as_bytes()[end] == b'"' {
                prop_assert_eq!(cursor.text(), Some(&line[..end]));
                prop_assert_eq!(cursor.at(), end + 1);
            } else {
                prop_assert_eq!(cursor.text(), None);
            }
        }
    }

    #[test]
    fn numbers_that_are_not_plain_are_not_parsed() {
        for text in [
            "00,       ",
            "01,       ",
            "-1,       ",
            "\"1\"       ",
            "1234567890123456789,   ",
            "1",
        ] {
            assert_eq!(Cursor::new(text.as_bytes()).number(), None, "{text}");
        }
        assert_eq!(Cursor::new(b"0,        ").number(), Some(0));
    }
}
