// `allow-unwrap-in-tests` does not reach the helpers of an integration binary.
#![allow(clippy::unwrap_used)]

mod encoder;
