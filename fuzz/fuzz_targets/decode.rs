#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = lookalike_fuzz::properties::decoding(bytes);
});
