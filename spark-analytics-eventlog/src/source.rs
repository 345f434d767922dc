//! The bytes of a log, decompressed: the codec is told by content, never by name.

use std::io::{self, Chain, Cursor, Read};

use zstd::stream::raw::{Decoder, Operation};

/// The longest magic number below.
const HEAD_BYTES: usize = 8;
const INPUT_BYTES: usize = 128 * 1024;

/// Compressions that are known but not read, by how they start.
const OTHER_CODECS: [(&[u8], &str); 6] = [
    (b"LZ4Block", "lz4"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x82SNAPPY\0", "snappy"),
    (b"\xff\x06\0\0sNaP", "snappy"),
    (b"ZV", "lzf"),
    (b"\x1f\x8b", "gzip"),
];

/// A log's decompressed bytes.
pub(crate) enum Source<R> {
    Plain(Headed<R>),
    Zstd(Zstd<Headed<R>>),
}

type Headed<R> = Chain<Cursor<Vec<u8>>, R>;

/// What [`Source::open`] finds.
pub(crate) enum Opened<R> {
    Readable(Source<R>),
    /// Compressed with the codec of this name.
    Unreadable(&'static str),
}

impl<R: Read> Source<R> {
    pub(crate) fn open(mut reader: R) -> io::Result<Opened<R>> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let other = OTHER_CODECS.iter().find(|(magic, _)| head.starts_with(magic));
        if let Some((_, codec)) = other {
            return Ok(Opened::Unreadable(codec));
        }
        let is_zstd = is_zstd(&head);
        let reader = Cursor::new(head).chain(reader);
        Ok(Opened::Readable(if is_zstd {
            Self::Zstd(Zstd::new(reader)?)
        } else {
            Self::Plain(reader)
        }))
    }

    /// What is wrong with the compressed data behind the last byte that was read, if anything.
    pub(crate) fn damage(&self) -> Option<&Damage> {
        match self {
            Self::Plain(_) => None,
            Self::Zstd(zstd) => zstd.damage.as_ref(),
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(out),
            Self::Zstd(zstd) => zstd.read(out),
        }
    }
}

/// A frame starts with its magic number, or with that of a frame to skip.
fn is_zstd(head: &[u8]) -> bool {
    match head {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        [skippable, 0x2a, 0x4d, 0x18, ..] => skippable & 0xf0 == 0x50,
        _ => false,
    }
}

/// Why compressed data ends before its end.
#[derive(Debug)]
pub(crate) enum Damage {
    /// The file ends within a frame, as that of a running application does.
    CutOff,
    /// The data is not zstd from some byte on.
    Corrupt(String),
}

/// The content of any number of zstd frames, up to where they are cut off or damaged: only a
/// failure of the reader below is an error.
pub(crate) struct Zstd<R> {
    reader: R,
    decoder: Decoder<'static>,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    is_within_frame: bool,
    damage: Option<Damage>,
}

impl<R: Read> Zstd<R> {
    fn new(reader: R) -> io::Result<Self> {
        Ok(Self {
            reader,
            decoder: Decoder::new()?,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            is_within_frame: false,
            damage: None,
        })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.damage.is_none() {
            let is_over = self.start == self.end && self.fill()? == 0;
            if is_over && !self.is_within_frame {
                return Ok(0);
            }
            // Without input the decoder may still hold output.
            match self.decoder.run_on_buffers(&self.input[self.start..self.end], out) {
                Ok(status) => {
                    self.start += status.bytes_read;
                    self.is_within_frame = status.remaining != 0;
                    if !self.is_within_frame {
                        self.decoder.reinit()?;
                    }
                    if status.bytes_written > 0 {
                        return Ok(status.bytes_written);
                    }
                    if is_over && self.is_within_frame {
                        self.damage = Some(Damage::CutOff);
                    }
                }
                Err(error) => self.damage = Some(Damage::Corrupt(error.to_string())),
            }
        }
        Ok(0)
    }

    fn fill(&mut self) -> io::Result<usize> {
        let read = loop {
            match self.reader.read(&mut self.input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        (self.start, self.end) = (0, read);
        Ok(read)
    }
}
