//! From compressed bytes to the numbers a vision network reads. Pure: no IO,
//! no clock, no threads.
//!
//! Guarantees:
//!
//! - What a file claims about itself is checked against [`ImageLimits`] before
//!   memory is allocated for it.
//! - A file cut off anywhere is [`ImageRejected`], never a half-grey picture;
//!   so is damage that the format can show (JPEG has no checksum: flipped bits
//!   that still form valid codes go unseen).
//! - No input panics; the caller gets a stable code and a reason.
//! - Every picture becomes upright RGB8 (EXIF orientation applied, alpha over
//!   white); embedded colour profiles are not applied.
//! - Pixels of 8 bits a channel are Pillow's to the bit, after decoding and after resizing.
//! - The aspect ratio is kept unless the encoder's own file asks for an exact
//!   size.

mod augment;
mod buffers;
mod colour;
mod decode;
mod jpeg;
mod limits;
mod normalise;
mod preprocessing;
mod preprocessor_file;
mod preprocessor_geometry;
mod rejected;
mod resize;
mod resize_crop_pad;
mod webp;

/// Raised whenever the same file comes out with other pixels than before: vectors of two
/// revisions must not be compared, so it is part of an encoder's fingerprint.
pub const REVISION: &str = "3";

pub use augment::{Augmentation, PreparedImage};
pub use decode::{DecodedImage, decode};
pub use limits::ImageLimits;
pub use normalise::InputTensor;
pub use preprocessing::{Preprocessing, PreprocessingError};
pub use rejected::ImageRejected;
pub use resize_crop_pad::{Fit, PixelSize, ResizeCropPad};
