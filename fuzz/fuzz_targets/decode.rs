#![no_main]

use lookalike_fuzz::imaging::decode;
use lookalike_fuzz::properties::{LIMITS, decoded};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| decoded(bytes, &decode(bytes, &LIMITS)));
