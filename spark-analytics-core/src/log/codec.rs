//! Compact encoding of environments for storage. They are as large as the rest of a small log, and
//! no query filters on their contents.

use std::borrow::Cow;

use crate::log::Environment;

/// The first byte of packed JSON; that of plain JSON is `{`.
const LZ4: u8 = 1;

/// Longer JSON is neither packed nor unpacked.
const MAX_BYTES: usize = 64 * 1024 * 1024;

impl Environment {
    /// The environment as JSON, packed: the byte 1, the JSON's length as 4 bytes (little endian), and a
    /// block of LZ4. Plain JSON if it is over 64 MiB long.
    ///
    /// # Errors
    /// Those of [`serde_json::to_vec`]; they are not expected.
    pub fn pack(&self) -> serde_json::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        if json.len() > MAX_BYTES {
            return Ok(json);
        }
        let mut packed = vec![LZ4];
        packed.extend(lz4_flex::block::compress_prepend_size(&json));
        Ok(packed)
    }

    /// Reads what [`Environment::pack`] wrote, or plain JSON.
    ///
    /// # Errors
    /// [`UnpackError`] says what is wrong with the bytes.
    pub fn unpack(bytes: &[u8]) -> Result<Self, UnpackError> {
        let json = match bytes {
            [LZ4, packed @ ..] => {
                let (length, _) = lz4_flex::block::uncompressed_size(packed)
                    .map_err(|_| UnpackError("it is cut off".to_owned()))?;
                if length > MAX_BYTES {
                    return Err(UnpackError(format!("it claims to hold {length} bytes")));
                }
                let json = lz4_flex::block::decompress_size_prepended(packed);
                Cow::Owned(json.map_err(|error| UnpackError(error.to_string()))?)
            }
            json => Cow::Borrowed(json),
        };
        serde_json::from_slice(&json).map_err(|error| UnpackError(error.to_string()))
    }
}

/// Why bytes are not a packed [`Environment`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0}")]
pub struct UnpackError(String);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn environment() -> Environment {
        let property = |n: u32| (format!("spark.property.{n}"), "value".repeat(9));
        Environment { spark_properties: (0..500).map(property).collect(), ..Environment::default() }
    }

    #[test]
    fn a_packed_environment_is_short_and_unpacks_to_itself() {
        let packed = environment().pack().unwrap();
        let plain = serde_json::to_vec(&environment()).unwrap();
        assert!(packed.len() * 4 < plain.len(), "{} of {}", packed.len(), plain.len());
        assert_eq!(Environment::unpack(&packed), Ok(environment()));
        assert_eq!(Environment::unpack(&plain), Ok(environment()));
    }

    #[test]
    fn damaged_data_is_an_error() {
        let packed = environment().pack().unwrap();
        for end in 0..packed.len() {
            assert!(Environment::unpack(&packed[..end]).is_err(), "{end}");
        }
        for at in 0..packed.len() {
            let mut wrong = packed.clone();
            wrong[at] ^= 0x80;
            // Either result will do, as long as it returns without a panic.
            let _ = Environment::unpack(&wrong);
        }
        let huge = Environment::unpack(&[LZ4, 0xff, 0xff, 0xff, 0xff, 0]);
        assert_eq!(huge, Err(UnpackError("it claims to hold 4294967295 bytes".to_owned())));
    }
}
