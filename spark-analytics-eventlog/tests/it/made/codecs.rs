//! Data in the framing of Spark's codecs.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;

use flate2::Compression;
use twox_hash::XxHash32;

/// The name of a codec, and its compressor.
pub(crate) type Codec = (&'static str, fn(&[u8]) -> Vec<u8>);

pub(crate) const CODECS: [Codec; 8] = [
    ("zstd", zstd),
    ("zstd with checksum", zstd_with_checksum),
    ("lz4", lz4),
    ("lz4 frame", lz4_frame),
    ("snappy", snappy),
    ("snappy frame", snappy_frame),
    ("lzf", lzf),
    ("gzip", gzip),
];

/// A small block size, so that little data has several blocks.
const BLOCK_BYTES: usize = 300;

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(crate) fn zstd_with_checksum(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    for block in bytes.chunks(BLOCK_BYTES) {
        encoder.write_all(block).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

/// lz4-java's stream.
pub(crate) fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for block in bytes.chunks(BLOCK_BYTES) {
        let compressed = lz4_flex::block::compress(block);
        let checksum = XxHash32::oneshot(0x9747_b28c, block) & 0x0fff_ffff;
        match compressed.len() < block.len() {
            true => lz4_block(&mut out, 0x20, &compressed, block.len(), checksum),
            false => lz4_block(&mut out, 0x10, block, block.len(), checksum),
        }
    }
    lz4_block(&mut out, 0x10, &[], 0, 0);
    out
}

pub(crate) fn lz4_block(out: &mut Vec<u8>, method: u8, data: &[u8], content: usize, checksum: u32) {
    out.extend(b"LZ4Block");
    out.push(method);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend((content as u32).to_le_bytes());
    out.extend(checksum.to_le_bytes());
    out.extend(data);
}

pub(crate) fn lz4_frame(bytes: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new()
        .block_mode(BlockMode::Linked)
        .block_size(BlockSize::Max64KB)
        .block_checksums(true)
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    for block in bytes.chunks(BLOCK_BYTES) {
        encoder.write_all(block).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

/// snappy-java's stream.
pub(crate) fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for block in bytes.chunks(BLOCK_BYTES) {
        let compressed = snap::raw::Encoder::new().compress_vec(block).unwrap();
        out.extend((compressed.len() as u32).to_be_bytes());
        out.extend(compressed);
    }
    out
}

pub(crate) fn snappy_frame(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    for block in bytes.chunks(BLOCK_BYTES) {
        encoder.write_all(block).unwrap();
        encoder.flush().unwrap();
    }
    encoder.into_inner().unwrap()
}

/// compress-lzf's chunks.
pub(crate) fn lzf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for block in bytes.chunks(BLOCK_BYTES) {
        let compressed = lzf_block(block);
        let is_smaller = compressed.len() < block.len();
        let data = if is_smaller { &compressed } else { block };
        out.extend([b'Z', b'V', u8::from(is_smaller)]);
        out.extend((data.len() as u16).to_be_bytes());
        if is_smaller {
            out.extend((block.len() as u16).to_be_bytes());
        }
        out.extend(data);
    }
    out
}

fn lzf_block(block: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < block.len() {
        let rest = &block[at..];
        let same = |from: usize| block[from..].iter().zip(rest).take_while(|(a, b)| a == b).count();
        let best = (0..at).map(|from| (same(from).min(264), from)).max().unwrap_or_default();
        if let (length @ 3.., from) = best {
            let (length, back) = (length - 2, at - from - 1);
            match length {
                ..7 => out.push((length << 5 | back >> 8) as u8),
                _ => out.extend([(7 << 5 | back >> 8) as u8, (length - 7) as u8]),
            }
            out.push(back as u8);
            at += length + 2;
        } else {
            out.extend([0, block[at]]);
            at += 1;
        }
    }
    out
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let header = flate2::GzBuilder::new().filename("log").comment("made").extra(&b"xy"[..]);
    let mut encoder = header.write(Vec::new(), Compression::default());
    for block in bytes.chunks(BLOCK_BYTES) {
        encoder.write_all(block).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}
