//! Waiting between attempts to reach a broker or a store that is unavailable.

use std::time::Duration;

/// Waits between attempts: 50 ms at first, then twice as long each time, up to 5 s.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(5);

    /// Starts with the shortest wait.
    pub const fn new() -> Self {
        Self { next: Self::SHORTEST }
    }

    /// Waits, and doubles the next wait.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(Self::LONGEST);
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}
