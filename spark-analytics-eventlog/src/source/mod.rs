//! The bytes of a log, decompressed: the codec is told by content, never by name.

mod framing;
mod gzip;
mod input;
mod lz4;
mod lzf;
mod snappy;
#[cfg(test)]
mod tests;
mod zstd;

use std::fmt;
use std::io::{self, Read};

use framing::Framed;
use input::Input;

/// The most that a block may hold, compressed or not: lz4-java's limit, and more than Spark lets any
/// other codec write.
const MAX_BLOCK_BYTES: usize = 32 * 1024 * 1024;

/// Logs compress to a hundredth, deflate never goes below 1/1,032: content of over 1,000 times the
/// compressed bytes was made to fill disks and memories.
const MAX_RATIO: u64 = 1_000;

/// As much as any content may have, however small it was compressed.
const MIN_BOMB_BYTES: u64 = if cfg!(test) { 1024 * 1024 } else { 1024 * 1024 * 1024 };

/// A log's decompressed bytes, up to where its data ends, is cut off or damaged: only a failure of
/// the reader below is an error.
///
/// No end is final. Where the reader has more later, as that of a growing file does, reading goes
/// on there, be it within a block.
pub(crate) struct Source<R> {
    input: Input<R>,
    content: Content,
    /// Decompressed so far.
    total: Progress,
    corrupt: Option<String>,
}

/// Why compressed data ends before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The file ends within a block or before its end mark, as that of a running application does.
    CutOff,
    /// The data is not of its codec from some byte on; nothing is read behind.
    Corrupt(String),
}

enum Content {
    /// The file is too short to tell.
    Unknown,
    Plain,
    Compressed(Box<dyn Decode + Send>),
}

/// One compressed format, which knows no I/O.
trait Decode {
    /// Decodes a part of the input to the front of `out`, which is not empty.
    ///
    /// Progress of 0 bytes on both sides means that more input is needed. An error is told once all that
    /// came before it has been given, and is the last call.
    fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String>;

    /// Whether data may end behind the input that was taken.
    fn is_at_end(&self) -> bool;
}

/// What of the input was taken, and how much was put out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Progress {
    taken: usize,
    given: usize,
}

impl Progress {
    const NONE: Self = Self { taken: 0, given: 0 };

    fn add(&mut self, more: Self) {
        self.taken += more.taken;
        self.given += more.given;
    }

    const fn is_of_a_bomb(self) -> bool {
        let (taken, given) = (self.taken as u64, self.given as u64);
        given > MIN_BOMB_BYTES && given / MAX_RATIO > taken
    }
}

impl<R: Read> Source<R> {
    pub(crate) fn new(reader: R) -> Self {
        let content = Content::Unknown;
        Self { input: Input::new(reader), content, total: Progress::NONE, corrupt: None }
    }

    pub(crate) const fn reader(&self) -> &R {
        self.input.reader()
    }

    pub(crate) const fn reader_mut(&mut self) -> &mut R {
        self.input.reader_mut()
    }

    /// What is wrong with the compressed data behind the last byte that was read, if anything. Asked
    /// where reading has come to an end for now.
    pub(crate) fn damage(&self) -> Option<Damage> {
        let is_cut = match &self.content {
            Content::Unknown => !self.input.bytes().is_empty(),
            Content::Plain => false,
            Content::Compressed(codec) => !self.input.bytes().is_empty() || !codec.is_at_end(),
        };
        let corrupt = self.corrupt.clone().map(Damage::Corrupt);
        corrupt.or(is_cut.then_some(Damage::CutOff))
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.corrupt.is_none() && !out.is_empty() {
            match &mut self.content {
                Content::Unknown => match Codec::of(self.input.bytes()) {
                    Some(codec) => {
                        self.content = codec.content()?;
                        continue;
                    }
                    None if self.input.fill()? => continue,
                    None => return Ok(0),
                },
                Content::Plain => return self.input.read(out),
                Content::Compressed(codec) => match codec.decode(self.input.bytes(), out) {
                    Ok(Progress::NONE) => {
                        if !self.input.fill()? {
                            return Ok(0);
                        }
                    }
                    Ok(progress) => {
                        self.input.take(progress.taken);
                        self.total.add(progress);
                        if self.total.is_of_a_bomb() {
                            let Progress { taken, given } = self.total;
                            self.corrupt = Some(format!(
                                "{taken} compressed bytes hold {given} and more, over \
                                 {MAX_RATIO} times as many"
                            ));
                        } else if progress.given > 0 {
                            return Ok(progress.given);
                        }
                    }
                    Err(reason) => self.corrupt = Some(reason),
                },
            }
        }
        Ok(0)
    }
}

impl<R> fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("corrupt", &self.corrupt).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Codec {
    Plain,
    Zstd,
    Lz4Blocks,
    Lz4Frames,
    SnappyJava,
    SnappyFrames,
    Lzf,
    Gzip,
}

/// How compressed files begin. What is masked off the first byte does not matter.
const MAGIC_NUMBERS: [(u8, &[u8], Codec); 8] = [
    (0xff, b"\x28\xb5\x2f\xfd", Codec::Zstd),
    // A zstd frame to skip.
    (0xf0, b"\x50\x2a\x4d\x18", Codec::Zstd),
    (0xff, lz4::MAGIC, Codec::Lz4Blocks),
    (0xff, lz4::FRAME_MAGIC, Codec::Lz4Frames),
    (0xff, snappy::MAGIC, Codec::SnappyJava),
    (0xff, snappy::FRAME_MAGIC, Codec::SnappyFrames),
    (0xff, lzf::MAGIC, Codec::Lzf),
    (0xff, gzip::MAGIC, Codec::Gzip),
];

impl Codec {
    /// Tells a codec by a file's first bytes; `None` as long as these few may become any.
    fn of(head: &[u8]) -> Option<Self> {
        let mut is_open = false;
        for (mask, magic, codec) in MAGIC_NUMBERS {
            let mut pairs = magic.iter().zip(head).enumerate();
            if pairs.all(|(at, (want, got))| *want == if at == 0 { got & mask } else { *got }) {
                if head.len() >= magic.len() {
                    return Some(codec);
                }
                is_open = true;
            }
        }
        (!is_open).then_some(Self::Plain)
    }

    fn content(self) -> io::Result<Content> {
        Ok(Content::Compressed(match self {
            Self::Plain => return Ok(Content::Plain),
            Self::Zstd => Box::new(zstd::Zstd::new()?),
            Self::Gzip => Box::new(gzip::Gzip::new()),
            Self::Lz4Blocks => Box::new(Framed::new(lz4::Lz4Blocks::new())),
            Self::Lz4Frames => Box::new(Framed::new(lz4::Lz4Frames::new())),
            Self::SnappyJava => Box::new(Framed::new(snappy::SnappyJava)),
            Self::SnappyFrames => Box::new(Framed::new(snappy::SnappyFrames::new())),
            Self::Lzf => Box::new(Framed::new(lzf::Lzf)),
        }))
    }
}
