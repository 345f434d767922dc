//! Damage in lines of events that are not read: whether it may have cost other events.

use memchr::memmem;

use crate::fast::scan::imbalance;
use crate::wire::decode::event_class;

/// What to warn of in the line of an event whose class is not read; `None` if nothing is lost.
pub(super) fn loss(line: &[u8]) -> Option<String> {
    let class = event_class(line).filter(|class| is_class(class));
    let damage = imbalance(line);
    // Between events there is a line break, or else it was lost.
    let next = if damage.is_some() { &b"{\"Event\":\""[..] } else { b"}{\"Event\":\"" };
    let is_followed = line.get(1..).is_some_and(|rest| memmem::find(rest, next).is_some());
    match (damage, class) {
        _ if is_followed => {
            let what = class.unwrap_or("an event");
            Some(format!("{what} is followed by another event in its line, which is left out"))
        }
        (Some(damage), None) => Some(format!("the line is not JSON: {damage}")),
        (Some(damage), Some(class)) if !is_within_texts(line) => Some(format!(
            "the line is not JSON: {damage}; {class} is not read, but other events may be missing with the part that \
             is lost"
        )),
        _ => None,
    }
}

/// Whether a name can be that of a class, whose texts are then of no interest.
fn is_class(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._$".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part)
}

/// Whether a damaged line has its beginning and its end, and only its texts are damaged. Many zeros are what file
/// systems have in place of lost blocks.
fn is_within_texts(line: &[u8]) -> bool {
    const MANY: usize = 16;
    if memmem::find(line, &[0; MANY]).is_some() {
        return false;
    }
    let visible: Vec<u8> = line.iter().map(|byte| (*byte).max(b' ')).collect();
    imbalance(&visible).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_that_costs_nothing_is_not_reported() {
        for line in [
            &b"{\"Event\":\"SparkListenerUnpersistRDD\",\"RDD ID\":7}"[..],
            b"{\"Event\":\"SparkListenerUnpersistRDD\",\"a\":\"\0\x1f\"}",
            b"{\"Event\":\"com.example.A$B\",\"a\":\"\xff\",\"b\":{\"Event\":\"x\"}}",
            b"{\"Event\":\"com.example.A\",\"a\":\"}{\\\"Event\\\":\\\"\"}",
        ] {
            assert_eq!(loss(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn what_may_be_lost_is_reported() {
        let followed = "com.example.A is followed by another event in its line, which is left out";
        for (line, reason) in [
            (&b"{\"Event\":\"com.example.A\"}{\"Event\":\"SparkListenerJobEnd\"}"[..], followed),
            (
                b"{\"Event\":\"com.example.A\",\"a\":\"b{\"Event\":\"SparkListenerJobEnd\"}",
                followed,
            ),
            (
                b"{\"Event\":\"com.example.A\",\"a\":[1",
                "the line is not JSON: its braces or brackets do not match; com.example.A is not read, but other \
                 events may be missing with the part that is lost",
            ),
            (
                b"{\"Event\":\"com.example.A\",\"a\":\"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\"}",
                "the line is not JSON: it contains a control character; com.example.A is not read, but other \
                 events may be missing with the part that is lost",
            ),
            (
                b"{\"Event\":\"SparkListener\x01JobEnd\"}",
                "the line is not JSON: it contains a control character",
            ),
        ] {
            assert_eq!(loss(line).as_deref(), Some(reason), "{}", line.escape_ascii());
        }
    }
}
