//! Instants and days in UTC: integers in memory, RFC 3339 as text.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, SecondsFormat, Timelike};
use serde::{Deserialize, Serialize};

const MICROS_PER_DAY: i64 = 86_400_000_000;
const EPOCH_FROM_CE: i32 = 719_163;

/// An instant in UTC, in whole microseconds since 1970-01-01.
///
/// It is parsed from RFC 3339 with `Z` or any offset, also `+0200` and `+02`; a time without an offset is in UTC, one
/// without seconds is a full minute, and fractions of a microsecond are truncated. The second 60 is that of a leap second,
/// which only the last minute of a month in UTC can have, and counts as the next minute's first. It is displayed as RFC 3339 ending
/// in `Z`.
///
/// ```
/// use spark_analytics_core::Timestamp;
///
/// let t: Timestamp = "2024-03-30T12:12:50.120+02:00".parse()?;
/// assert_eq!(t.to_string(), "2024-03-30T10:12:50.120Z");
/// assert_eq!("2024-03-30T10:12:50.12".parse::<Timestamp>()?, t);
/// # Ok::<(), spark_analytics_core::ParseTimeError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant after those that events and logs may have: 2263-01-01T00:00:00Z.
    pub const END: Self = Self(9_246_182_400_000_000);

    /// The instant `micros` µs after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `millis` ms after the epoch, the unit of Spark's event logs; values out of
    /// range are clamped.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// µs since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole ms since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The UTC day of the instant.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// The instant as a `chrono` value; `None` outside chrono's range.
    pub const fn to_chrono(self) -> Option<DateTime<chrono::Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl From<DateTime<chrono::Utc>> for Timestamp {
    fn from(value: DateTime<chrono::Utc>) -> Self {
        Self(value.timestamp_micros())
    }
}

/// Times before 1970 become 1970.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_chrono() {
            Some(t) => f.write_str(&t.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an RFC 3339 time, or not a day in the form `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0}")]
pub struct ParseTimeError(&'static str);

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, false)
    }
}

impl Timestamp {
    /// Parses a text; earlier versions accepted the second 60 of any minute, and stored it.
    pub(crate) fn parse(text: &str, is_stored: bool) -> Result<Self, ParseTimeError> {
        const WRONG: ParseTimeError =
            ParseTimeError("is not an RFC 3339 time such as 2024-03-30T10:12:45Z");
        let date = text.get(..10).ok_or(WRONG)?;
        let time = text.get(10..).and_then(|rest| rest.strip_prefix(['T', 't', ' ']));
        let time = time.ok_or(WRONG)?;
        // Years beyond 9999 and leading signs are not RFC 3339, although chrono accepts them.
        if !date.as_bytes().iter().all(|b| b.is_ascii_digit() || *b == b'-') {
            return Err(WRONG);
        }
        DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_rfc3339(&with_all_parts(date, time)))
            .map_err(|_| WRONG)
            .and_then(|t| match has_impossible_leap_second(&t) && !is_stored {
                true => Err(WRONG),
                false => Ok(t),
            })
            .map(|t| Self(t.timestamp_micros()))
    }
}

/// Whether a time has the second 60 elsewhere than at the end of a month in UTC, the only place of leap seconds.
fn has_impossible_leap_second(time: &DateTime<FixedOffset>) -> bool {
    let is_leap_second = time.nanosecond() >= 1_000_000_000;
    is_leap_second && {
        let next = Timestamp(time.timestamp_micros()).day();
        let is_midnight = time.timestamp().rem_euclid(86_400) == 86_399;
        !is_midnight || !next.is_first_of_month()
    }
}

/// The RFC 3339 form of a time that may lack its seconds, its offset or the minutes of it, as ISO 8601 allows.
fn with_all_parts(date: &str, time: &str) -> String {
    let (clock, offset) = time.split_at(time.find(['Z', 'z', '+', '-']).unwrap_or(time.len()));
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    let clock = clock.replacen(',', ".", 1);
    let (offset, minutes) = match (offset.len(), offset.is_ascii()) {
        (0, _) => ("Z", ""),
        (3, true) => (offset, ":00"),
        (5, true) => offset.split_at(3),
        _ => (offset, ""),
    };
    let colon = if offset.len() == 3 && minutes.len() == 2 { ":" } else { "" };
    format!("{date}T{clock}{seconds}{offset}{colon}{minutes}")
}

/// A day of the UTC calendar, counted from 1970-01-01.
///
/// ```
/// use spark_analytics_core::Day;
///
/// let day: Day = "2024-03-30".parse()?;
/// assert_eq!(day.to_string(), "2024-03-30");
/// assert!("2024-3-30".parse::<Day>().is_err());
/// # Ok::<(), spark_analytics_core::ParseTimeError>(())
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Day(i32);

impl Day {
    /// The earliest representable day; no instant is earlier.
    pub const MIN: Self = Self(i32::MIN);
    /// The latest representable day; no instant is later.
    pub const MAX: Self = Self(i32::MAX);

    /// The day `number` days after 1970-01-01.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The first instant of the day, clamped to the range of [`Timestamp`].
    pub const fn start(self) -> Timestamp {
        Timestamp((self.0 as i64).saturating_mul(MICROS_PER_DAY))
    }

    /// The last instant of the day, clamped to the range of [`Timestamp`].
    pub fn end(self) -> Timestamp {
        let next = (i128::from(self.0) + 1) * i128::from(MICROS_PER_DAY);
        Timestamp((next - 1).clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// The day that a person means: `today`, `yesterday`, `7d` for seven days before today, or a date
    /// in the form `YYYY-MM-DD`.
    ///
    /// ```
    /// use spark_analytics_core::Day;
    ///
    /// let today: Day = "2024-03-30".parse()?;
    /// assert_eq!(Day::parse_as_of(today, "7d")?.to_string(), "2024-03-23");
    /// assert_eq!(Day::parse_as_of(today, "2024-01-01")?.to_string(), "2024-01-01");
    /// # Ok::<(), spark_analytics_core::ParseTimeError>(())
    /// ```
    ///
    /// # Errors
    /// If the text is none of these.
    pub fn parse_as_of(today: Self, text: &str) -> Result<Self, ParseTimeError> {
        const WRONG: ParseTimeError = ParseTimeError(
            "is not a day of the calendar in the form YYYY-MM-DD, nor `today`, `yesterday` or a number of days \
             ago such as `7d`",
        );
        let days_ago = match text.to_ascii_lowercase().as_str() {
            "today" => Some(0),
            "yesterday" => Some(1),
            other => other
                .strip_suffix('d')
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok()),
        };
        match days_ago {
            Some(days) => Ok(Self(today.0.saturating_sub(days))),
            None => text.parse().map_err(|_| WRONG),
        }
    }

    fn is_first_of_month(self) -> bool {
        let date = self.0.checked_add(EPOCH_FROM_CE).and_then(NaiveDate::from_num_days_from_ce_opt);
        date.is_some_and(|date| date.day() == 1)
    }

    /// The day after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.0.checked_add(EPOCH_FROM_CE).and_then(NaiveDate::from_num_days_from_ce_opt);
        match date {
            Some(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            None => write!(f, "day {}", self.0),
        }
    }
}

impl FromStr for Day {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: ParseTimeError =
            ParseTimeError("is not a day of the calendar in the form YYYY-MM-DD");
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| match i {
                4 | 7 => *b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shaped {
            return Err(WRONG);
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(|date| Self(date.num_days_from_ce() - EPOCH_FROM_CE))
            .map_err(|_| WRONG)
    }
}
