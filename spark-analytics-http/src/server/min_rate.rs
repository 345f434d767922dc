//! The minimum rate at which a client must send or read.

use std::time::Duration;

use tokio::time::Instant;

/// The average rate below which a client that stalls is given up.
const BYTES_PER_SECOND: u32 = 4 * 1024;

/// How much longer a client may keep the server waiting.
///
/// A single wait may take up to the timeout. Time spent waiting is credited back only for bytes that moved, so that
/// a client that sends a byte now and then cannot continue indefinitely. Time that the server itself takes is not
/// counted.
#[derive(Debug)]
pub(crate) struct MinRate {
    timeout: Duration,
    left: Duration,
    waiting_since: Option<Instant>,
}

impl MinRate {
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self { timeout, left: timeout, waiting_since: None }
    }

    /// The server waits, from now on if it did not before; returns when to give up.
    pub(crate) fn wait(&mut self) -> Instant {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        since.checked_add(self.left).unwrap_or_else(|| since + FAR)
    }

    /// Bytes have moved, so the server no longer waits.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.left < self.timeout {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let earned = Duration::from_secs(1) * bytes / BYTES_PER_SECOND;
            self.left = self.left.saturating_add(earned).min(self.timeout);
        }
    }

    /// Whether fewer bytes have moved than the time that the server waited demands.
    pub(crate) fn is_behind(&self) -> bool {
        self.left < self.timeout
    }
}

/// A year, in place of durations that overflow a clock.
pub(crate) const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn time_waited_is_credited_back_only_for_bytes() {
        let mut rate = MinRate::new(30 * SECOND);
        assert_eq!(rate.wait() - Instant::now(), 30 * SECOND);
        advance(29 * SECOND).await;
        assert_eq!(rate.wait() - Instant::now(), SECOND);
        rate.moved(1);
        let left = rate.wait() - Instant::now();
        assert!(left > SECOND && left < SECOND + SECOND / 1000, "{left:?}");
        assert!(rate.is_behind());
        rate.moved(8 * 1024);
        assert!(rate.wait() - Instant::now() > 2 * SECOND);
        rate.moved(1 << 30);
        assert!(!rate.is_behind());
        assert_eq!(rate.wait() - Instant::now(), 30 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_server_takes_is_not_the_clients() {
        let mut rate = MinRate::new(30 * SECOND);
        rate.moved(1);
        advance(100 * SECOND).await;
        assert_eq!(rate.wait() - Instant::now(), 30 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unlimited_time_does_not_overflow() {
        let mut rate = MinRate::new(Duration::MAX);
        assert!(rate.wait() > Instant::now());
        rate.moved(usize::MAX);
        assert!(rate.wait() > Instant::now());
    }
}
