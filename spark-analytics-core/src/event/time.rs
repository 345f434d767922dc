//! The times of events: RFC 3339, or a number since the epoch.

use std::borrow::Cow;

use crate::event::field::Scalar;
use crate::event::invalid::{FieldProblem, InvalidEvent};
use crate::event::{Origin, short};
use crate::time::Timestamp;

/// The greatest number of seconds, that of the year 2603. As in pydantic, a greater number is in ms.
const MAX_SECONDS: u64 = 20_000_000_000;
/// The greatest number of milliseconds, that of the year 9999. A greater number is in µs.
const MAX_MILLIS: u64 = 253_402_300_799_999;

/// The time in a field.
pub(crate) fn time(
    field: &'static str,
    value: &Scalar<'_>,
    origin: Origin,
) -> Result<Timestamp, InvalidEvent> {
    let text: Cow<'_, str> = match value {
        Scalar::Text(text) => text.as_ref().into(),
        Scalar::Integer(number) => number.to_string().into(),
        Scalar::Fraction(number) => number.to_string().into(),
        Scalar::TooBig => return Err(InvalidEvent::field(field, FieldProblem::OutsideTime)),
        _ => return Err(value.not_a(field, "an RFC 3339 time")),
    };
    since_epoch(&text)
        .or_else(|| Timestamp::parse(&text, origin == Origin::Stored).ok())
        .ok_or_else(|| InvalidEvent::field(field, FieldProblem::NotATime(short(&text))))
}

/// The instant that a decimal number stands for, in seconds, milliseconds or microseconds since 1970 as its size
/// says, rounded to microseconds. `None` if the text is not a decimal number.
fn since_epoch(text: &str) -> Option<Timestamp> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    // Numbers that do not fit are outside the accepted times anyway.
    let number = match whole {
        "" => 0,
        whole => whole.parse().unwrap_or(u64::MAX),
    };
    let is_above = |limit| number > limit || number == limit && fraction.bytes().any(|b| b != b'0');
    let decimals = if number > MAX_MILLIS {
        0
    } else if is_above(MAX_SECONDS) {
        3
    } else {
        6
    };
    let mut micros = i128::from(number);
    let mut rest = fraction.bytes().map(|digit| i128::from(digit - b'0'));
    for _ in 0..decimals {
        micros = micros * 10 + rest.next().unwrap_or(0);
    }
    micros += i128::from(rest.next().is_some_and(|digit| digit >= 5));
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    Some(Timestamp::from_micros(if is_negative { -micros } else { micros }))
}
