//! Why a picture cannot be used.

/// A picture that will never become usable however often it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageRejected {
    #[error("the image has {actual} {what}, the limit is {limit}")]
    TooLarge { what: &'static str, actual: u64, limit: u64 },
    #[error("{reason}; JPEG, PNG, WebP and GIF are supported")]
    UnsupportedFormat { reason: String },
    #[error("the {format} file ends before the picture does")]
    Truncated { format: &'static str },
    #[error("the {format} file is damaged: {reason}")]
    Corrupt { format: &'static str, reason: String },
}

impl ImageRejected {
    /// A code for machines: it does not change between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::Truncated { .. } => "truncated",
            Self::Corrupt { .. } => "corrupt",
        }
    }

    /// Sorts an error of the `image` crate.
    pub(super) fn from_image(format: &'static str, error: &image::ImageError) -> Self {
        use image::ImageError;
        match error {
            ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::Truncated { format }
            }
            ImageError::Unsupported(unsupported) => {
                Self::UnsupportedFormat { reason: unsupported.to_string() }
            }
            ImageError::Limits(_)
            | ImageError::IoError(_)
            | ImageError::Decoding(_)
            | ImageError::Encoding(_)
            | ImageError::Parameter(_) => Self::Corrupt { format, reason: error.to_string() },
        }
    }
}
