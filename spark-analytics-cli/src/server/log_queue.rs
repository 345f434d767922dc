//! The queue of log lines: a thread writes them to standard error, so that a reader of it that stands still does not stop
//! the program. Lines that find the queue full are dropped and counted.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use metrics::counter;

use crate::metrics::names::LOG_LINES_DROPPED;

/// How many lines wait at most. The longest have about 16 KiB, that of the head of a request.
const MOST_LINES: usize = 2_048;
/// How long the end of the program waits for lines that wait.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Lines that are not written yet, and lines that were dropped and not reported yet.
static WAITING: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static QUEUE: OnceLock<SyncSender<Vec<u8>>> = OnceLock::new();

/// A line of the log, which joins the queue when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.0);
        if line.is_empty() {
            return;
        }
        WAITING.fetch_add(1, Ordering::AcqRel);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue().try_send(line) {
            WAITING.fetch_sub(1, Ordering::AcqRel);
            DROPPED.fetch_add(1, Ordering::Relaxed);
            counter!(LOG_LINES_DROPPED).increment(1);
        }
    }
}

/// Waits for a moment until the lines so far are written, before the program ends.
pub(crate) fn flush() {
    let until = Instant::now() + LAST_WAIT;
    while WAITING.load(Ordering::Acquire) > 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(1));
    }
}

fn queue() -> &'static SyncSender<Vec<u8>> {
    QUEUE.get_or_init(|| {
        let (queue, lines) = sync_channel(MOST_LINES);
        // Without the thread, its end of the queue is gone, and all lines are dropped and counted.
        let _ = thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&lines));
        queue
    })
}

fn write_all(lines: &Receiver<Vec<u8>>) {
    for line in lines {
        // There is nowhere to report that standard error is closed.
        let _ = io::stderr().write_all(&line);
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let _ = writeln!(
                io::stderr(),
                "{dropped} lines of the log were dropped, because standard error was not read"
            );
        }
        WAITING.fetch_sub(1, Ordering::AcqRel);
    }
}
