//! How often a caller may ask.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may be asked at once after a pause: as much as in this time.
const BURST: Duration = Duration::from_secs(1);

/// How often, in the long run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) per_second: NonZeroU32,
}

/// What a caller has used of its rate: until when, if it had asked no faster.
#[derive(Debug)]
pub(crate) struct Used(Mutex<Instant>);

impl Used {
    pub(crate) const fn nothing(now: Instant) -> Self {
        Self(Mutex::new(now))
    }

    /// Counts one more, or tells how long to wait before it.
    pub(crate) fn one_more(&self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let of_one = BURST / rate.per_second.get();
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*until).max(now) + of_one;
        match (next - now).checked_sub(BURST) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *until = next;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_requests_passes_at_once_and_then_one_at_a_time() {
        for per_second in [1, 3, 1_000] {
            let start = Instant::now();
            let rate = Rate { per_second: NonZeroU32::new(per_second).unwrap() };
            let used = Used::nothing(start);
            for _ in 0..per_second {
                assert_eq!(used.one_more(rate, start), Ok(()));
            }
            let wait = used.one_more(rate, start).unwrap_err();
            assert!(wait <= BURST / per_second);
            // What is refused does not count.
            assert_eq!(used.one_more(rate, start), Err(wait));
            let later = start + wait;
            assert_eq!(used.one_more(rate, later), Ok(()));
            assert!(used.one_more(rate, later).is_err());
            let much_later = start + Duration::from_secs(100);
            let passed = (0..2 * per_second).filter(|_| used.one_more(rate, much_later).is_ok());
            assert_eq!(passed.count() as u32, per_second);
        }
    }
}
