#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nsa_train::fuzzing::image(bytes));
