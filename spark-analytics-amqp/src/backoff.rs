//! Waiting between attempts at what may come back.

use std::time::Duration;

/// Waits that double from 50 ms to 5 s.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(5);

    /// The shortest wait is the first.
    pub const fn new() -> Self {
        Self { next: Self::SHORTEST }
    }

    /// Waits, the next time for twice as long.
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
