//! Recognises archives of logs, which would otherwise be read as a log whose first line is damaged.

/// How the content of archives, and of files in a codec that is not read, begins.
const MAGIC_NUMBERS: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "zip archive"),
    (b"PK\x05\x06", "zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"Rar!\x1a\x07", "rar archive"),
    (b"\xfd7zXZ\0", "file compressed with xz"),
    (b"BZh", "file compressed with bzip2"),
];

/// The size of a header in a tar archive.
const TAR_HEADER: usize = 512;
/// The position of the header's checksum, an octal number.
const TAR_CHECKSUM: std::ops::Range<usize> = 148..156;

/// What a file is, by its first bytes after decompression, if it has to be unpacked before it can be read.
pub(crate) fn kind(head: &[u8]) -> Option<&'static str> {
    let by_magic = MAGIC_NUMBERS.iter().find(|(magic, _)| head.starts_with(magic));
    by_magic.map(|(_, kind)| *kind).or_else(|| is_tar(head).then_some("tar archive"))
}

/// Whether the bytes begin with a tar header of any dialect: its checksum is the sum of its bytes, with blanks in place
/// of the checksum itself.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..TAR_HEADER) else { return false };
    let digits = header[TAR_CHECKSUM].iter().skip_while(|byte| **byte == b' ');
    let digits: Vec<u8> = digits.copied().take_while(u8::is_ascii_digit).collect();
    let checksum = std::str::from_utf8(&digits).ok().and_then(|d| u32::from_str_radix(d, 8).ok());
    let byte = |(at, byte): (usize, &u8)| match TAR_CHECKSUM.contains(&at) {
        true => u32::from(b' '),
        false => u32::from(*byte),
    };
    checksum == Some(header.iter().enumerate().map(byte).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tar_header_is_recognised_by_its_checksum() {
        let mut header = vec![0; 600];
        header[..5].copy_from_slice(b"app-1");
        let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert_eq!(kind(&header), Some("tar archive"));
        header[0] = b'b';
        assert_eq!(kind(&header), None);
        assert_eq!(kind(&[0; 1_024]), None);
        assert_eq!(kind(&header[..100]), None);
    }
}
