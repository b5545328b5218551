//! The container of a WebP file, looked at before its decoder is.
//!
//! Guarantee: every chunk lies inside the file, and no bitstream in it claims a
//! size beyond the limits, whatever the canvas says. The decoder allocates for
//! a chunk's length and for a bitstream's own size before it compares either.

use super::{ImageLimits, ImageRejected};

const FORMAT: &str = "WebP";
/// Name and length before the data of a chunk.
const CHUNK_HEADER: usize = 8;
/// Place, size and duration of a frame; its own chunks follow (container specification).
const FRAME_HEADER: usize = 16;
/// `RIFF`, the length of what follows, `WEBP`.
const FILE_HEADER: usize = 12;

/// Checks the chunks of a file that begins as a WebP file.
pub(super) fn check(bytes: &[u8], limits: &ImageLimits) -> Result<(), ImageRejected> {
    let truncated = || ImageRejected::Truncated { format: FORMAT };
    let stated = number(bytes, 4).ok_or_else(truncated)?;
    // Bytes behind the stated end belong to nobody.
    let file = bytes.get(..stated.saturating_add(CHUNK_HEADER)).ok_or_else(truncated)?;
    let mut at = FILE_HEADER;
    // An end too short for a chunk is padding.
    while let (Some(name), Some(length)) = (file.get(at..at + 4), number(file, at + 4)) {
        let data = at + CHUNK_HEADER;
        let content = bytes.get(data..data.saturating_add(length)).ok_or_else(truncated)?;
        if let Some((width, height)) = size(name, content) {
            limits.check_dimensions(width, height)?;
        }
        // A frame is gone into: its chunks follow its header.
        at = data + if name == b"ANMF" { FRAME_HEADER } else { length + length % 2 };
    }
    Ok(())
}

/// The size that a bitstream states: RFC 6386, section 9.1, and the
/// specification of the lossless bitstream, section 3.
fn size(name: &[u8], content: &[u8]) -> Option<(u32, u32)> {
    let of_14_bits = |bits: u32| bits & 0x3FFF;
    match name {
        b"VP8 " => {
            let sides = u32::from_le_bytes(content.get(6..10)?.try_into().ok()?);
            Some((of_14_bits(sides), of_14_bits(sides >> 16)))
        }
        b"VP8L" => {
            let sides = u32::from_le_bytes(content.get(1..5)?.try_into().ok()?);
            Some((of_14_bits(sides) + 1, of_14_bits(sides >> 14) + 1))
        }
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(field)).ok()
}
