//! What a failed fetch means.

use std::error::Error;
use std::io::{self, ErrorKind};

use super::allow_list::Forbidden;
use crate::error::{Classify, Disposition};

/// A failure to read an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("objects.stores: {uri} cannot be used: {reason}")]
    Settings { uri: String, reason: String },
    #[error("{0}")]
    Forbidden(#[from] Forbidden),
    #[error("the object has {size} bytes, the limit is {limit}")]
    TooLarge { size: u64, limit: u64 },
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
}

/// Error codes of S3 that speak of credentials though the status is 400.
const CREDENTIAL_CODES: [&str; 4] =
    ["ExpiredToken", "InvalidToken", "RequestTimeTooSkewed", "InvalidAccessKeyId"];

impl Classify for ObjectError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Settings { .. } => Disposition::Configuration,
            Self::Forbidden(_) | Self::TooLarge { .. } => Disposition::DeadLetter,
            Self::Store(error) => of_store(error),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "store_settings",
            Self::Forbidden(_) => "forbidden_uri",
            Self::TooLarge { .. } => "too_large",
            Self::Store(error) => match of_store(error) {
                Disposition::Later => "missing",
                Disposition::Configuration => "store_access",
                Disposition::DeadLetter => "refused",
                Disposition::Retry | Disposition::Fatal => "store_unavailable",
            },
        }
    }
}

fn of_store(error: &object_store::Error) -> Disposition {
    use object_store::Error as E;
    match error {
        // A bucket that is not there is not the event's fault.
        E::NotFound { .. } if error.to_string().contains("NoSuchBucket") => Disposition::Configuration,
        E::NotFound { .. } => Disposition::Later,
        E::InvalidPath { .. } => Disposition::DeadLetter,
        E::PermissionDenied { .. }
        | E::Unauthenticated { .. }
        | E::NotSupported { .. }
        | E::NotImplemented { .. }
        | E::UnknownConfigurationKey { .. } => Disposition::Configuration,
        E::Generic { store: "LocalFileSystem", source } => of_file(source.as_ref()),
        E::Generic { .. } => of_response(&error.to_string()),
        // The object changed under the read, or a task of the client ended: anew.
        E::Precondition { .. } | E::NotModified { .. } | E::AlreadyExists { .. } | E::JoinError { .. } => {
            Disposition::Retry
        }
        // The enum may grow: an unknown failure never throws a record away.
        _ => Disposition::Retry,
    }
}

/// The crate tells only a missing file apart from other failures to open one.
fn of_file(error: &(dyn Error + 'static)) -> Disposition {
    let (mut cause, mut kind) = (Some(error), None);
    while let (Some(error), None) = (cause, kind) {
        kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        cause = error.source();
    }
    match kind {
        // The path leads through a file, or to a folder: no object is there.
        Some(ErrorKind::NotADirectory | ErrorKind::IsADirectory) => Disposition::Later,
        Some(ErrorKind::InvalidFilename) => Disposition::DeadLetter,
        Some(ErrorKind::PermissionDenied) => Disposition::Configuration,
        _ => Disposition::Retry,
    }
}

/// The crate keeps the HTTP status of a generic error only in its text
/// (object_store 0.14, `client/retry.rs`: "Client error with status 400 …").
fn of_response(text: &str) -> Disposition {
    if CREDENTIAL_CODES.iter().any(|code| text.contains(code)) {
        return Disposition::Configuration;
    }
    let status = text.split("with status ").nth(1).and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    match status {
        Some(408 | 429) => Disposition::Retry,
        Some(400..=499) => Disposition::DeadLetter,
        _ => Disposition::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> ObjectError {
        ObjectError::Store(object_store::Error::Generic { store: "S3", source: text.to_owned().into() })
    }

    #[test]
    fn a_file_that_cannot_be_opened_says_why() {
        let cases = [
            (ErrorKind::NotADirectory, Disposition::Later, "missing"),
            (ErrorKind::InvalidFilename, Disposition::DeadLetter, "refused"),
            (ErrorKind::PermissionDenied, Disposition::Configuration, "store_access"),
            (ErrorKind::StorageFull, Disposition::Retry, "store_unavailable"),
        ];
        for (kind, class, code) in cases {
            let source = io::Error::from(kind).into();
            let error = ObjectError::Store(object_store::Error::Generic { store: "LocalFileSystem", source });
            assert_eq!((error.disposition(), error.code()), (class, code), "{kind}");
        }
    }

    #[test]
    fn classes_follow_the_response() {
        let cases = [
            (
                "Client error with status 400 Bad Request: <Code>ExpiredToken</Code>",
                Disposition::Configuration,
            ),
            (
                "Client error with status 400 Bad Request: <Code>KeyTooLongError</Code>",
                Disposition::DeadLetter,
            ),
            ("Server error with status 503 Slow Down", Disposition::Retry),
            ("Client error with status 429 Too Many Requests", Disposition::Retry),
            ("error sending request: connection refused", Disposition::Retry),
        ];
        for (text, expected) in cases {
            assert_eq!(generic(text).disposition(), expected, "{text}");
        }
    }
}
