//! How many requests a token may make.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A burst after a pause may have as many requests as this time allows.
const BURST: Duration = Duration::from_secs(1);

/// The average number of requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) per_second: NonZeroU32,
}

/// How much of its rate a token has used, as the time at which an evenly paced caller would have made its requests.
#[derive(Debug)]
pub(crate) struct Used(Mutex<Instant>);

impl Used {
    pub(crate) const fn new(now: Instant) -> Self {
        Self(Mutex::new(now))
    }

    /// Counts a request, or returns how long to wait before the next one is allowed.
    pub(crate) fn count(&self, rate: Rate, now: Instant) -> Result<(), Duration> {
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
            let used = Used::new(start);
            for _ in 0..per_second {
                assert_eq!(used.count(rate, start), Ok(()));
            }
            let wait = used.count(rate, start).unwrap_err();
            assert!(wait <= BURST / per_second);
            // Refused requests are not counted.
            assert_eq!(used.count(rate, start), Err(wait));
            let later = start + wait;
            assert_eq!(used.count(rate, later), Ok(()));
            assert!(used.count(rate, later).is_err());
            let much_later = start + Duration::from_secs(100);
            let passed = (0..2 * per_second).filter(|_| used.count(rate, much_later).is_ok());
            assert_eq!(passed.count() as u32, per_second);
        }
    }
}
