//! How slow a client may be.

use std::time::Duration;

use tokio::time::Instant;

/// What a client that keeps the server waiting must send or take on average.
const BYTES_A_SECOND: u32 = 4 * 1024;

/// How long a client may still keep the server waiting.
///
/// At most a given time at once; and as what it has waited is given back only for bytes that move, a client that
/// sends one now and then cannot go on for ever. What the server itself takes is not counted.
#[derive(Debug)]
pub(crate) struct Pace {
    most: Duration,
    left: Duration,
    since: Option<Instant>,
}

impl Pace {
    pub(crate) const fn new(most: Duration) -> Self {
        Self { most, left: most, since: None }
    }

    /// The server waits, from now on if it did not before: until when it does.
    pub(crate) fn waits(&mut self) -> Instant {
        let since = *self.since.get_or_insert_with(Instant::now);
        since.checked_add(self.left).unwrap_or_else(|| since + FAR)
    }

    /// Bytes have moved, so the server does not wait now.
    pub(crate) fn moves(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.left < self.most {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let earned = Duration::from_secs(1) * bytes / BYTES_A_SECOND;
            self.left = self.left.saturating_add(earned).min(self.most);
        }
    }

    /// Whether less has moved than should have in the time that the server waited.
    pub(crate) fn is_behind(&self) -> bool {
        self.left < self.most
    }
}

/// In place of a time that no clock can tell.
pub(crate) const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_comes_back_only_with_bytes() {
        let mut pace = Pace::new(30 * SECOND);
        assert_eq!(pace.waits() - Instant::now(), 30 * SECOND);
        advance(29 * SECOND).await;
        assert_eq!(pace.waits() - Instant::now(), SECOND);
        pace.moves(1);
        let left = pace.waits() - Instant::now();
        assert!(left > SECOND && left < SECOND + SECOND / 1000, "{left:?}");
        assert!(pace.is_behind());
        pace.moves(8 * 1024);
        assert!(pace.waits() - Instant::now() > 2 * SECOND);
        pace.moves(1 << 30);
        assert!(!pace.is_behind());
        assert_eq!(pace.waits() - Instant::now(), 30 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_server_takes_is_not_the_clients() {
        let mut pace = Pace::new(30 * SECOND);
        pace.moves(1);
        advance(100 * SECOND).await;
        assert_eq!(pace.waits() - Instant::now(), 30 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_without_end_is_none_that_overflows() {
        let mut pace = Pace::new(Duration::MAX);
        assert!(pace.waits() > Instant::now());
        pace.moves(usize::MAX);
        assert!(pace.waits() > Instant::now());
    }
}
