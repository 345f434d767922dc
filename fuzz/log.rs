//! Event logs, read whole and in pieces.

use std::io::{self, Read};

use spark_analytics_eventlog::{LogError, LogFile, read_from};

/// The facts of a log or its error, to be compared.
fn text_of(read: Result<LogFile, LogError>) -> String {
    match read {
        Ok(log) => format!("{:?} {:?} {} {}", log.snapshot, log.warnings, log.bytes, log.lines),
        Err(error) => error.to_string(),
    }
}

/// Returns bytes in small pieces of varying size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}

/// Reads a log whole and in pieces; both must give the same result.
pub fn whole_and_in_pieces(log: &[u8]) {
    for name in ["local-1", "local-1.inprogress"] {
        assert_eq!(text_of(read_from(log, name)), text_of(read_from(Pieces(log, 0), name)));
    }
}

/// Reads data after the magic number of a codec, which is added if it is missing.
pub fn behind(magic: &[u8], data: &[u8]) {
    match data.starts_with(magic) {
        true => whole_and_in_pieces(data),
        false => whole_and_in_pieces(&[magic, data].concat()),
    }
}
