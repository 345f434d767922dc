//! Lines on standard error, and a progress bar if it is a terminal.

use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::terminal::one_line;

const TICK: Duration = Duration::from_millis(100);

/// Writes one line; a closed standard error is ignored.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", one_line(line));
}

/// Writes one line above a bar.
pub(crate) fn say_above(bar: &ProgressBar, line: &str) {
    bar.suspend(|| say(line));
}

/// A bar over bytes, of a total if it is known.
pub(crate) fn bytes(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}",
        None => "{spinner} {bytes} {bytes_per_sec}",
    };
    bar(total, template)
}

/// A bar over events, of a total if it is known.
pub(crate) fn events(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:30} {human_pos}/{human_len} events {per_sec} ETA {eta}",
        None => "{spinner} {human_pos} events {per_sec}",
    };
    bar(total, template)
}

/// A spinner, for as long as it is held, where it is unknown how much is left.
pub(crate) fn waiting(doing: &'static str) -> ProgressBar {
    let bar = bar(None, "{spinner} {msg} {elapsed}").with_message(doing);
    bar.enable_steady_tick(TICK);
    bar
}

fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    // It stays hidden unless standard error is a terminal.
    ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()).with_style(style)
}
