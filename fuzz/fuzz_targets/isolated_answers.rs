//! Any bytes as what a locked process answers: refused, or what was asked for. The first byte says how it ends.
#![no_main]

use hashgate::gate::isolated::take_for_answers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((end, said)) = bytes.split_first() {
        take_for_answers(said, i32::from(*end));
    }
});
