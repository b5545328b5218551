//! Which objects an event may name.
//!
//! Guarantee: a uri is located only below an allow-listed prefix, segment by
//! segment. `..`, empty segments and control characters are refused, never encoded
//! away. Pure.

use object_store::path::Path;

/// Longest accepted uri in bytes; S3 keys have at most 1024.
const MAX_URI_BYTES: usize = 1024;
/// Longest accepted path segment; file names have at most 255 bytes.
const MAX_SEGMENT_BYTES: usize = 255;

/// Why a uri is refused. Always a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("the uri has more than {MAX_URI_BYTES} bytes, or a segment of more than {MAX_SEGMENT_BYTES}")]
    TooLong,
    #[error("the uri is not below any allowed store (setting objects.stores)")]
    NotAllowed,
    #[error("the uri's path is not valid: {0}")]
    Path(String),
}

/// A store of the allow-list and the path inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Index in the allow-list.
    pub store: usize,
    pub path: Path,
}

#[derive(Debug, Clone)]
struct Prefix {
    /// `s3://bucket/`, `file:///`: what comes before the path.
    root: String,
    path: Path,
}

/// Allow-listed prefixes.
#[derive(Debug, Clone)]
pub struct AllowList {
    prefixes: Vec<Prefix>,
}

impl AllowList {
    /// Reads prefixes such as `s3://bucket/products/`.
    pub fn new<'a>(uris: impl IntoIterator<Item = &'a str>) -> Result<Self, Forbidden> {
        let prefixes = uris.into_iter().map(prefix).collect::<Result<_, _>>()?;
        Ok(Self { prefixes })
    }

    /// Finds the store of a uri and its path there.
    pub fn locate(&self, uri: &str) -> Result<Located, Forbidden> {
        if uri.len() > MAX_URI_BYTES || uri.split('/').any(|segment| segment.len() > MAX_SEGMENT_BYTES) {
            return Err(Forbidden::TooLong);
        }
        for (store, prefix) in self.prefixes.iter().enumerate() {
            let Some(rest) = uri.strip_prefix(&prefix.root) else { continue };
            let path = parse(rest)?;
            if path.prefix_match(&prefix.path).is_some_and(|mut below| below.next().is_some()) {
                return Ok(Located { store, path });
            }
        }
        Err(Forbidden::NotAllowed)
    }

    /// The root of a store: `s3://bucket/`, `file:///`.
    pub(super) fn root(&self, store: usize) -> Option<&str> {
        self.prefixes.get(store).map(|prefix| prefix.root.as_str())
    }
}

fn prefix(uri: &str) -> Result<Prefix, Forbidden> {
    let (scheme, rest) = uri.split_once("://").ok_or(Forbidden::NotAllowed)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(Prefix { root: format!("{scheme}://{authority}/"), path: parse(path)? })
}

fn parse(path: &str) -> Result<Path, Forbidden> {
    if path.chars().any(char::is_control) {
        return Err(Forbidden::Path("it has control characters".to_owned()));
    }
    Path::parse(path).map_err(|error| Forbidden::Path(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list() -> AllowList {
        AllowList::new(["s3://shop/products/", "file:///data/catalogue"]).unwrap()
    }

    #[test]
    fn what_is_below_a_prefix_is_located() {
        let located = list().locate("s3://shop/products/mug 1/front.jpg").unwrap();
        assert_eq!((located.store, located.path.as_ref()), (0, "products/mug 1/front.jpg"));
        let located = list().locate("file:///data/catalogue/a.jpg").unwrap();
        assert_eq!((located.store, located.path.as_ref()), (1, "data/catalogue/a.jpg"));
    }

    #[test]
    fn everything_else_is_refused() {
        for uri in [
            "s3://shop/private/a.jpg",
            "s3://shop/products-old/a.jpg",
            "s3://other/products/a.jpg",
            "s3://shop/products/../private/a.jpg",
            "s3://shop/products//a.jpg",
            "s3://shop/products/",
            "s3://shop.evil/products/a.jpg",
            "s3://user@shop/products/a.jpg",
            "file:///data/catalogue/../../etc/passwd",
            "file://host/data/catalogue/a.jpg",
            "http://169.254.169.254/latest/meta-data",
            "/data/catalogue/a.jpg",
            "s3://shop/products/a\n.jpg",
            "",
        ] {
            assert!(list().locate(uri).is_err(), "{uri} was allowed");
        }
        let long = format!("s3://shop/products/{}", "a/".repeat(600));
        assert_eq!(list().locate(&long), Err(Forbidden::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_is_located_lies_below_its_prefix(tail in ".{0,80}") {
            if let Ok(located) = list().locate(&format!("s3://shop/{tail}")) {
                prop_assert!(located.path.as_ref().starts_with("products/"));
                prop_assert!(!located.path.as_ref().split('/').any(|segment| segment == ".." || segment.is_empty()));
            }
        }
    }
}
