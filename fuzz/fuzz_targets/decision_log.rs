//! See `bodies/decision_log.rs`.

#![no_main]

#[path = "../bodies/decision_log.rs"]
mod decision_log;

use hashgate::decisions::Decision;
use std::sync::LazyLock;

static SAMPLE: LazyLock<Decision> = LazyLock::new(|| {
    let line = include_str!("../../tests/golden/decisions-v1/decisions-00000001.jsonl");
    let line = line.lines().nth(1).expect("a decision");
    serde_json::from_str(line).expect("a decision")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| decision_log::run(data, &SAMPLE));
