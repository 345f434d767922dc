//! Dates in parameters, by the rules of Spark's `SimpleDateParam`: an instant such as `2026-11-23T20:29:32.315GMT`, or
//! else a day such as `2026-11-23`.
//!
//! Spark uses Java's `SimpleDateFormat`, which is lenient: numbers may have any number of digits, values out of range
//! overflow into the next field, and trailing text is ignored. An instant without a zone, or with a zone that Java does
//! not know, is therefore reduced to its day.

/// Milliseconds since the epoch.
pub(super) fn millis(text: &str) -> Option<i64> {
    let millis = instant(text).or_else(|| Some(day(&mut Reader(text))? * DAY))?;
    Some(i64::try_from(millis).unwrap_or(i64::MAX))
}

const DAY: i128 = 86_400_000;
const HOUR: i128 = 3_600_000;
const MINUTE: i128 = 60_000;

fn instant(text: &str) -> Option<i128> {
    let mut reader = Reader(text);
    let day = day(&mut reader)?;
    reader.literal("T")?;
    let hours = reader.number()?;
    reader.literal(":")?;
    let minutes = reader.number()?;
    reader.literal(":")?;
    let seconds = reader.number()?;
    reader.literal(".")?;
    let millis = reader.number()?;
    let offset = reader.zone()?;
    Some(day * DAY + hours * HOUR + minutes * MINUTE + seconds * 1_000 + millis - offset)
}

/// Days since the epoch.
fn day(reader: &mut Reader<'_>) -> Option<i128> {
    let year = reader.number()?;
    reader.literal("-")?;
    let month = reader.number()? - 1;
    reader.literal("-")?;
    let day = reader.number()?;
    let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12));
    // Counting years from March puts the leap day last.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    const EPOCH: i128 = 719_469;
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - EPOCH)
}

struct Reader<'t>(&'t str);

impl Reader<'_> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// Java skips blanks before each field.
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// A number of up to nine digits, which may be negative.
    fn number(&mut self) -> Option<i128> {
        self.skip_blanks();
        let sign = if self.literal("-").is_some() { -1 } else { 1 };
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        let number: i128 = number.parse().ok().filter(|_| digits <= 9)?;
        Some(sign * number)
    }

    /// The offset of a zone in milliseconds: `+hhmm`, `GMT`, `GMT+hh:mm`, or a name.
    fn zone(&mut self) -> Option<i128> {
        self.skip_blanks();
        const NAMES: [(&str, i128); 18] = [
            ("UTC", 0),
            ("WET", 0),
            ("WEST", 1),
            ("CET", 1),
            ("CEST", 2),
            ("EET", 2),
            ("EEST", 3),
            ("MSK", 3),
            ("JST", 9),
            ("HST", -10),
            ("EST", -5),
            ("EDT", -4),
            ("CST", -6),
            ("CDT", -5),
            ("MST", -7),
            ("MDT", -6),
            ("PST", -8),
            ("PDT", -7),
        ];
        let is =
            |name: &str| self.0.get(..name.len()).is_some_and(|at| at.eq_ignore_ascii_case(name));
        if is("GMT") {
            self.0 = &self.0[3..];
            return self.sign().map_or(Some(0), |sign| {
                let (hours, minutes) = self.0.split_once(':')?;
                offset(sign, hours, minutes.get(..2)?)
            });
        }
        if let Some(sign) = self.sign() {
            let number = self.0.get(..4).filter(|number| number.is_ascii())?;
            return offset(sign, &number[..2], &number[2..]);
        }
        NAMES.iter().find(|(name, _)| is(name)).map(|(_, hours)| hours * HOUR)
    }

    fn sign(&mut self) -> Option<i128> {
        let sign = match self.0.bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        Some(sign)
    }
}

/// The offset of a zone in milliseconds, of up to 23 hours and 59 minutes.
fn offset(sign: i128, hours: &str, minutes: &str) -> Option<i128> {
    let number = |digits: &str| -> Option<i128> {
        let is_number = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn dates_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("2026-11-23T20:29:32.315GMT", Some(1_795_465_772_315)),
            ("2026-11-23T20:29:32.315gmt", Some(1_795_465_772_315)),
            ("2026-11-23T20:29:32.315UTC", Some(1_795_465_772_315)),
            ("2026-11-23T21:29:32.315GMT+1:00", Some(1_795_465_772_315)),
            ("2026-11-23T20:29:32.315+0000", Some(1_795_465_772_315)),
            ("2026-11-23T14:59:32.315-0530", Some(1_795_465_772_315)),
            ("2026-11-23T12:29:32.315PST and more", Some(1_795_465_772_315)),
            ("2026-11-23T21:29:32.315CET", Some(1_795_465_772_315)),
            (" 2026-11-23T 20:29:32.315 GMT", Some(1_795_465_772_315)),
            ("2026-11-23T20:29:32.315GMT+1", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32.315GMT+25:00", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32.315+0160", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32.315+é00", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32.315UT", Some(1_795_392_000_000)),
            ("2026-11-23", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32.315", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32.315Z", Some(1_795_392_000_000)),
            ("2026-11-23T20:29:32GMT", Some(1_795_392_000_000)),
            ("2026-10-54", Some(1_795_392_000_000)),
            ("2025-23-23", Some(1_795_392_000_000)),
            ("2024-02-29", Some(1_709_164_800_000)),
            ("1970-1-1", Some(0)),
            ("2027--1-23", Some(1_795_392_000_000)),
            ("2026-11--7", Some(1_792_800_000_000)),
            ("2010-01-01", Some(1_262_304_000_000)),
            ("3000-01-01", Some(32_503_680_000_000)),
            ("0000-03-01", Some(-62_162_035_200_000)),
            ("2026-11", None),
            ("yesterday", None),
            ("", None),
            ("99999999999-01-01", None),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
        assert_eq!(millis("999999999-999999999-999999999T9:9:9.9GMT"), Some(i64::MAX));
    }
}
