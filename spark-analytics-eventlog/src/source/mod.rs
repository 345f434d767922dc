//! The decompressed bytes of a log. The codec is recognised by the first bytes, never by name.
//!
//! | module | formats |
//! | --- | --- |
//! | `zstd` | frames and skippable frames |
//! | `lz4` | the block stream of lz4-java, which Spark writes, and the frames of the `lz4` tool |
//! | `snappy` | the stream of snappy-java, which Spark writes, and the framing format of other tools |
//! | `lzf` | the chunks of compress-lzf, which Spark writes |
//! | `gzip` | members |
//! | `framing` | what the formats made of whole blocks share |
//! | `input` | the bytes of the reader that the codec has not consumed yet |

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

/// Maximum size of a block, compressed or not: the limit of lz4-java, and more than Spark can write with any
/// other codec.
const MAX_BLOCK_BYTES: usize = 32 * 1024 * 1024;

/// Maximum ratio of content to compressed bytes. Logs compress to about a hundredth, and deflate cannot exceed
/// 1,032: a higher ratio is a decompression bomb.
const MAX_RATIO: u64 = 1_000;

/// Content up to this size is allowed at any ratio.
const MIN_BOMB_BYTES: u64 = if cfg!(test) { 1024 * 1024 } else { 1024 * 1024 * 1024 };

/// Reads the decompressed bytes of a log up to where its data ends, is truncated or is damaged. Only a failure
/// of the underlying reader is an error.
///
/// No end is final. If the underlying reader returns more later, as for a growing file, reading resumes there,
/// even within a block.
pub(crate) struct Source<R> {
    input: Input<R>,
    content: Content,
    /// Bytes consumed and decompressed so far.
    total: Progress,
    corrupt: Option<String>,
}

/// Why compressed data ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The file ends within a block or before its end mark, as the file of a running application does.
    CutOff,
    /// The data is invalid from some byte on; nothing after it is read.
    Corrupt(String),
}

enum Content {
    /// The file is too short to recognise the codec.
    Unknown,
    Plain,
    Compressed(Box<dyn Decode + Send>),
}

/// A compressed format. It does no I/O.
trait Decode {
    /// Decodes a part of the input to the front of `out`, which is not empty.
    ///
    /// Progress of 0 bytes on both sides means that more input is needed. An error is returned only after all
    /// content before it, and is the last call.
    fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String>;

    /// Whether the data may end after the consumed input.
    fn is_at_end(&self) -> bool;

    /// About what the decoder takes.
    fn held_bytes(&self) -> usize;
}

/// Number of bytes consumed and produced.
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

    /// About what it takes beside the reader.
    pub(crate) fn held_bytes(&self) -> usize {
        let decoder = match &self.content {
            Content::Unknown | Content::Plain => 0,
            Content::Compressed(codec) => codec.held_bytes(),
        };
        self.input.held_bytes() + decoder
    }

    pub(crate) const fn reader(&self) -> &R {
        self.input.reader()
    }

    pub(crate) const fn reader_mut(&mut self) -> &mut R {
        self.input.reader_mut()
    }

    /// The damage after the last byte read, if any. To be called when reading has reached the current end.
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
                                "{taken} compressed bytes expand to {given} or more, over \
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

/// The first bytes of compressed files. Bits of the first byte outside the mask are ignored.
const MAGIC_NUMBERS: [(u8, &[u8], Codec); 8] = [
    (0xff, b"\x28\xb5\x2f\xfd", Codec::Zstd),
    // A skippable zstd frame.
    (0xf0, b"\x50\x2a\x4d\x18", Codec::Zstd),
    (0xff, lz4::MAGIC, Codec::Lz4Blocks),
    (0xff, lz4::FRAME_MAGIC, Codec::Lz4Frames),
    (0xff, snappy::MAGIC, Codec::SnappyJava),
    (0xff, snappy::FRAME_MAGIC, Codec::SnappyFrames),
    (0xff, lzf::MAGIC, Codec::Lzf),
    (0xff, gzip::MAGIC, Codec::Gzip),
];

impl Codec {
    /// Recognises a codec by the first bytes of a file; `None` if more bytes are needed.
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
