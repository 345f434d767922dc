#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::io::{self, Read};

use super::{Damage, Source};

#[path = "../../tests/it/made/codecs.rs"]
mod codecs;

use codecs::{CODECS, lz4_block};

fn text(lines: usize) -> Vec<u8> {
    let line =
        |n: usize| format!("{{\"Event\":\"SparkListenerTaskEnd\",\"Task ID\":{}}}\n", n * n * 7919);
    (0..lines).map(line).collect::<String>().into_bytes()
}

/// Gives pieces, and an end after each.
#[derive(Default)]
struct Growing(VecDeque<Vec<u8>>);

impl Growing {
    fn new<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(pieces.into_iter().map(<[u8]>::to_vec).collect())
    }
}

impl Read for Growing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.front_mut() else { return Ok(0) };
        let read = (&piece[..]).read(out)?;
        piece.drain(..read);
        if read == 0 {
            self.0.pop_front();
        }
        Ok(read)
    }
}

fn read_to_end<R: Read>(source: &mut Source<R>, out: &mut Vec<u8>) {
    source.read_to_end(out).unwrap();
}

/// Reads on after each end until the last piece is taken.
fn grow<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Option<Damage>) {
    let reader = Growing::new(pieces);
    let ends = reader.0.len();
    let mut source = Source::new(reader);
    let mut out = Vec::new();
    for _ in 0..=ends {
        read_to_end(&mut source, &mut out);
    }
    (out, source.damage())
}

fn read(bytes: &[u8]) -> (Vec<u8>, Option<Damage>) {
    grow([bytes])
}

#[test]
fn every_codec_reads_back_what_was_written() {
    for (codec, compress) in CODECS {
        for lines in [0, 1, 40, 5_000] {
            let text = text(lines);
            assert!(read(&compress(&text)) == (text, None), "{codec}, {lines} lines");
        }
    }
}

#[test]
fn concatenated_streams_are_read() {
    let (head, tail) = (text(30), text(7));
    for (codec, compress) in CODECS {
        let bytes = [compress(&head), compress(b""), compress(&tail)].concat();
        assert!(read(&bytes) == ([&head[..], &tail].concat(), None), "{codec}");
    }
}

#[test]
fn reading_resumes_at_any_position() {
    let text = text(25);
    for (codec, compress) in CODECS {
        let bytes = [compress(&text), compress(&text)].concat();
        let want = (text.repeat(2), None);
        assert!(grow(bytes.chunks(1)) == want, "{codec}, byte for byte");
        for at in 0..bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert!(grow([head, tail]) == want, "{codec}, {at}");
        }
    }
    for at in 0..text.len() {
        let (head, tail) = text.split_at(at);
        assert!(grow([head, tail]) == (text.clone(), None), "plain, {at}");
    }
}

#[test]
fn a_small_buffer_gives_the_same_bytes() {
    let text = text(40);
    for (codec, compress) in CODECS {
        let bytes = [compress(&text), compress(&text)].concat();
        let mut source = Source::new(&bytes[..]);
        let (mut out, mut buffer) = (Vec::new(), [0; 7]);
        assert_eq!(source.read(&mut []).unwrap(), 0);
        loop {
            match source.read(&mut buffer).unwrap() {
                0 => break,
                read => out.extend(&buffer[..read]),
            }
        }
        assert!((out, source.damage()) == (text.repeat(2), None), "{codec}");
    }
}

#[test]
fn a_truncated_stream_gives_all_its_whole_blocks() {
    let text = text(25);
    for (codec, compress) in CODECS {
        let bytes = compress(&text);
        let mut longest = 0;
        for end in 0..bytes.len() {
            let (out, damage) = read(&bytes[..end]);
            assert!(text.starts_with(&out) && out.len() >= longest, "{codec}, {end}");
            assert!(matches!(damage, None | Some(Damage::CutOff)), "{codec}, {end}: {damage:?}");
            let may_end = end == 0 || ["snappy", "snappy frame", "lzf"].contains(&codec);
            assert!(damage.is_some() || may_end, "{codec}, {end}");
            longest = out.len();
        }
        // What "zstd" makes is a single block.
        assert!(longest + 300 >= text.len() || codec == "zstd", "{codec}: {longest}");
    }
}

#[test]
fn a_wrong_byte_is_always_found_where_blocks_have_checksums() {
    let text = text(12);
    for (codec, compress) in CODECS {
        let bytes = compress(&text);
        for at in 0..bytes.len() {
            for wrong in [1, 0x10, 0x55, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= wrong;
                let (out, damage) = read(&bytes);
                // Headers and types of blocks are not under the checksum.
                let is_checked =
                    ["zstd with checksum", "lz4", "lz4 frame", "gzip"].contains(&codec);
                let is_told = out == text || damage.is_some() || !is_checked || at < 10;
                assert!(is_told, "{codec}, {at}");
                if codec == "lz4" && at >= 10 {
                    assert!(text.starts_with(&out), "{codec}, {at}");
                }
            }
        }
    }
}

#[test]
fn foreign_data_is_damage_after_all_data_before_it() {
    let text = text(25);
    for (codec, compress) in CODECS {
        let bytes = [&compress(&text)[..], &[0; 32]].concat();
        for pieces in [vec![&bytes[..]], bytes.chunks(1).collect()] {
            let (out, damage) = grow(pieces);
            assert!(out == text, "{codec}");
            assert!(matches!(damage, Some(Damage::Corrupt(_))), "{codec}: {damage:?}");
        }
    }
}

#[test]
fn a_block_is_given_before_damage_to_the_header_of_the_next() {
    // A window of 1 KiB; a raw block; a block of the type that none has.
    let bytes = b"\x28\xb5\x2f\xfd\0\0\x28\0\0hello\x06\0\0";
    for pieces in [vec![&bytes[..]], bytes.chunks(1).collect()] {
        let (out, damage) = grow(pieces);
        assert_eq!(out, b"hello");
        assert!(matches!(damage, Some(Damage::Corrupt(_))), "{damage:?}");
    }
}

#[test]
fn a_bomb_is_damage() {
    for (codec, compress) in CODECS {
        let content = vec![0; 3 * 1024 * 1024];
        let bytes = compress(&content);
        let (out, damage) = read(&bytes);
        let is_bomb = bytes.len() * 1_000 < content.len();
        match damage {
            None => assert!(!is_bomb && out == content, "{codec}"),
            Some(Damage::Corrupt(reason)) => {
                assert!(
                    is_bomb && reason.ends_with("over 1000 times as many"),
                    "{codec}: {reason}"
                );
                assert!((1024 * 1024..content.len()).contains(&out.len()), "{codec}");
            }
            Some(Damage::CutOff) => panic!("{codec}"),
        }
    }
    let bomb = zstd::encode_all(&vec![0; 3 * 1024 * 1024][..], 3).unwrap();
    assert!(bomb.len() < 1_000 && reason(&bomb).contains("compressed bytes expand to"));
}

#[test]
fn damage_is_final() {
    for (codec, compress) in CODECS {
        let good = compress(&text(25));
        let bad = [&good[..], &[0; 64]].concat();
        let (out, damage) = grow([&bad[..], &good]);
        assert!(out == text(25) && matches!(damage, Some(Damage::Corrupt(_))), "{codec}");
    }
}

fn reason(bytes: &[u8]) -> String {
    match read(bytes).1 {
        Some(Damage::Corrupt(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reason_says_what_is_wrong() {
    let mut lz4 = Vec::new();
    lz4_block(&mut lz4, 0x15, b"abc", 3, 7);
    assert_eq!(reason(&lz4), "the checksum of an lz4 block is wrong");
    let mut long = Vec::new();
    lz4_block(&mut long, 0x15, &[], 64 * 1024, 7);
    assert_eq!(reason(&long), "an lz4 block has an invalid header");
    let snappy = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
    assert_eq!(
        reason(&[&snappy[..], &[0x7f, 0, 0, 0]].concat()),
        "a snappy block cannot be 2130706432 bytes long"
    );
    assert_eq!(
        reason(&[&snappy[..], &[0, 0, 0, 5], b"\xff\xff\xff\x7f\0"].concat()),
        "a snappy block holds 268435455 bytes, over 33554432"
    );
    assert_eq!(reason(b"\x82SNAPPY\0\0\0\0\x09\0\0\0\x09"), "not a snappy stream");
    assert_eq!(reason(b"ZV\x07\0\x01x"), "not an lzf chunk");
    let beyond = b"ZV\x01\0\x03\0\x09\x20\xffx";
    assert_eq!(reason(beyond), "the content of an lzf chunk differs from its header");
    let window = b"\x28\xb5\x2f\xfd\0\x90\x01\0\0";
    assert_eq!(reason(window), "its zstd window is larger than 2^27 bytes");
}

#[test]
fn blocks_that_spark_wrote_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let plain =
        std::fs::read(folder.join("cases/small-3.5-plain/log/local-1795465576509")).unwrap();
    for (codec, length) in [("lz4", 65_536), ("snappy", 65_536), ("lzf", 65_535)] {
        let bytes = std::fs::read(folder.join("codecs/head").with_extension(codec)).unwrap();
        assert!(read(&bytes) == (plain[..length].to_vec(), None), "{codec}");
        let (out, damage) = read(&bytes[..bytes.len() - 22]);
        assert!(plain.starts_with(&out) && out.len() < length, "{codec}");
        assert_eq!(damage, Some(Damage::CutOff), "{codec}");
    }
}

#[test]
fn a_file_shorter_than_a_magic_number_is_cut_off_if_it_may_become_one() {
    assert_eq!(read(b""), (vec![], None));
    assert_eq!(read(b"{"), (b"{".to_vec(), None));
    assert_eq!(read(b"Zebra"), (b"Zebra".to_vec(), None));
    for head in [&b"Z"[..], b"\x28\xb5", b"LZ4Bloc", b"\x82SNAPPY", b"\x1f", b"\x5f\x2a"] {
        assert_eq!(read(head), (vec![], Some(Damage::CutOff)), "{head:?}");
    }
}

/// Fails once wherever it stands.
struct Failing<'a>(&'a [u8], bool);

impl Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::Error::other("the disk is gone"));
        }
        let most = out.len().min(1);
        self.0.read(&mut out[..most])
    }
}

#[test]
fn a_failure_of_the_reader_is_not_damage() {
    let text = text(10);
    for (codec, compress) in CODECS {
        let bytes = compress(&text);
        let mut source = Source::new(Failing(&bytes, false));
        let (mut out, mut failures) = (Vec::new(), 0);
        while let Err(error) = source.read_to_end(&mut out) {
            assert_eq!(error.to_string(), "the disk is gone");
            failures += 1;
        }
        assert!((out, source.damage()) == (text.clone(), None), "{codec}");
        assert!(failures >= bytes.len(), "{codec}");
    }
}

#[test]
fn a_source_may_move_to_another_thread() {
    const fn assert_send<T: Send>() {}
    assert_send::<Source<std::fs::File>>();
}
