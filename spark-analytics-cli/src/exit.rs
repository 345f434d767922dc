//! How the program ends: errors that have their own exit codes.

use std::fmt;

/// The user asked the command to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::error::Error for Interrupted {}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; everything stored so far is kept")
    }
}

/// Arguments that contradict each other.
#[derive(Debug)]
pub(crate) struct WrongUsage(pub(crate) &'static str);

impl std::error::Error for WrongUsage {}

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The program has printed everything and ends with this code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended(pub(crate) u8);

/// The exit code of an error.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    if error.is::<Interrupted>() {
        130
    } else if error.is::<WrongUsage>() {
        2
    } else {
        1
    }
}
