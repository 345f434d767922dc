//! The memory of the process, and how it is shared out. Each part has its own limit; together they do not exceed the
//! whole. What the program's code, threads and allocator take comes on top.

mod available;

use spark_analytics_core::CommitLimits;
use spark_analytics_http::{ApiOptions, ServeOptions};

/// Below it, a zstd body and a piece of raw events no longer have room.
const LEAST: u64 = 64 << 20;
/// The most that is used without being told.
const MOST_BY_DEFAULT: u64 = 1 << 30;
/// The most that facts of event logs take without being told: those of about 300,000 jobs.
const MOST_LOGS_BY_DEFAULT: u64 = 2 << 30;
/// What a read under way takes at most: a piece of raw events, as rows, as events and as JSON.
const READ_BYTES: usize = 8 << 20;
/// More cheap reads at a time than this do not make them faster.
const MOST_CHEAP_READS: usize = 8;
/// What a connection takes while it is idle.
const CONNECTION_BYTES: usize = 16 << 10;

/// The memory that the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    total: usize,
    logs: usize,
}

impl Memory {
    /// What a flag says, or else half of what the machine, the cgroup or a resource limit leave the process, at most
    /// 1 GiB.
    pub(crate) fn new(flag: Option<u64>) -> Self {
        let in_usize = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        if let Some(total) = flag {
            return Self { total: in_usize(total), logs: in_usize(total / 4) };
        }
        let available = available::bytes();
        let total = (available / 2).clamp(LEAST, MOST_BY_DEFAULT);
        let logs = (available / 8).clamp(total / 4, MOST_LOGS_BY_DEFAULT);
        Self { total: in_usize(total), logs: in_usize(logs) }
    }

    /// All of it, in MiB.
    pub(crate) const fn mib(self) -> usize {
        self.total >> 20
    }

    /// Bodies being received and answers not yet sent: a quarter.
    const fn clients(self) -> usize {
        self.total / 4
    }

    /// The page caches of a store in a file: a quarter.
    pub(crate) const fn store(self) -> usize {
        self.total / 4
    }

    /// The cache of figures: a sixteenth.
    pub(crate) const fn cache(self) -> usize {
        self.total / 16
    }

    /// Events that wait for a commit: a sixteenth.
    pub(crate) fn commits(self) -> CommitLimits {
        // They are counted in KiB.
        let waiting = (self.total / 16 / 1024).min(CommitLimits::DEFAULT.waiting);
        CommitLimits::DEFAULT.waiting(waiting)
    }

    /// The facts of the log that is read, or of all logs that are followed: a quarter, or as much of the machine as
    /// an eighth of it.
    pub(crate) const fn logs(self) -> usize {
        self.logs
    }

    /// Reads under way: an eighth. If the store has few connections, two of them are left to writes.
    pub(crate) fn reads(self, options: ApiOptions, connections: Option<u32>) -> ApiOptions {
        let connections = connections.map_or(usize::MAX, |connections| connections as usize);
        let reads = (self.total / 8 / READ_BYTES).min(connections.saturating_sub(2)).max(2);
        let options = options.cheap_reads((reads - 1).min(MOST_CHEAP_READS));
        if reads < MOST_CHEAP_READS { options.expensive_reads(1) } else { options }
    }

    /// The limits of a server that may have this many connections.
    pub(crate) fn serving(self, connections: usize) -> ServeOptions {
        let connections = connections.min(self.clients() / CONNECTION_BYTES);
        ServeOptions::default().connections(connections).held_bytes(self.clients())
    }
}

/// A size in bytes, such as `512M` or `1G`.
///
/// # Errors
/// If it is not a size, or less than the process needs.
pub(crate) fn size(text: &str) -> Result<u64, &'static str> {
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|_| NOT_A_SIZE)?;
    let bytes = number.saturating_mul(1 << shift);
    if bytes < LEAST { Err(TOO_SMALL) } else { Ok(bytes) }
}

const NOT_A_SIZE: &str = "expected a number of bytes, or one followed by K, M or G, such as 512M";
const TOO_SMALL: &str = "the least is 64M";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        assert_eq!(size("64M"), Ok(64 << 20));
        assert_eq!(size("67108864"), Ok(64 << 20));
        assert_eq!(size("65536k"), Ok(64 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        assert_eq!(size("99999999999999999G"), Ok(u64::MAX));
        assert_eq!(size("63M"), Err(TOO_SMALL));
        for text in ["", "M", "1T", "1.5G", "-1G", "64 M", "64MiB", "é"] {
            assert_eq!(size(text), Err(NOT_A_SIZE), "{text}");
        }
    }

    #[test]
    fn the_parts_do_not_exceed_the_whole() {
        for total in [LEAST, 100 << 20, 256 << 20, 1 << 30, 64 << 30] {
            let memory = Memory::new(Some(total));
            let waiting = memory.commits().waiting * 1024;
            let parts = memory.clients() + memory.store() + memory.cache() + waiting;
            let rest = memory.total - parts;
            // What is left is for reads and for event logs.
            assert!(rest >= memory.total / 8 * 3, "{total}: {parts}");
        }
    }
}
