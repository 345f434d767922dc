//! gzip: members one after another.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Decode, Progress};

pub(super) const MAGIC: &[u8] = b"\x1f\x8b";

/// The window of gzip is always this large.
const WINDOW_LOG: u8 = 15;

/// What a decoder takes: its window and its tables.
const MEMBER_BYTES: usize = 48 * 1024;

/// The message of the decoder depends on the size of its input, so it is not used.
const DAMAGED: &str = "not deflate data, or its checksum is wrong";

pub(super) struct Gzip {
    /// `None` between two members.
    member: Option<Decompress>,
    may_hold_output: bool,
    corrupt: Option<String>,
}

impl Gzip {
    pub(super) const fn new() -> Self {
        Self { member: None, may_hold_output: false, corrupt: None }
    }
}

impl Decode for Gzip {
    fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String> {
        if let Some(reason) = self.corrupt.take() {
            return Err(reason);
        }
        if input.is_empty() && !self.may_hold_output {
            return Ok(Progress::NONE);
        }
        let member = self.member.get_or_insert_with(|| Decompress::new_gzip(WINDOW_LOG));
        let (taken, given) = (member.total_in(), member.total_out());
        let result = member.decompress(input, out, FlushDecompress::None);
        let progress = Progress {
            taken: (member.total_in() - taken) as usize,
            given: (member.total_out() - given) as usize,
        };
        self.may_hold_output = progress.given == out.len();
        match result {
            Ok(Status::StreamEnd) => {
                self.member = None;
                self.may_hold_output = false;
            }
            Ok(_) if progress == Progress::NONE && !input.is_empty() => {
                return Err(DAMAGED.to_owned());
            }
            Ok(_) => {}
            Err(_) if progress.given == 0 => return Err(DAMAGED.to_owned()),
            Err(_) => self.corrupt = Some(DAMAGED.to_owned()),
        }
        Ok(progress)
    }

    fn is_at_end(&self) -> bool {
        self.member.is_none()
    }

    fn held_bytes(&self) -> usize {
        self.member.as_ref().map_or(0, |_| MEMBER_BYTES)
    }
}
