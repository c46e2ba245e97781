//! The fuzz target of the policy file over samples that are damaged in many ways, the same in every run.
//! The fuzzer itself goes further: see `fuzz/README.md`.
#![cfg(feature = "policy")]

#[path = "../fuzz/bodies/policy_file.rs"]
mod policy_file;

mod search_support;

use search_support::Random;

const SAMPLE: &str = include_str!("../examples/config.toml");

#[test]
fn damaged_policy_files_are_read_or_refused_and_never_panic() {
    policy_file::run(SAMPLE.as_bytes());
    let mut random = Random::new(90);
    for _ in 0..4_000 {
        let mut damaged = SAMPLE.as_bytes().to_vec();
        for _ in 0..=random.below(6) {
            let at = random.below(damaged.len());
            match random.below(4) {
                0 => damaged[at] = random.bytes(1)[0],
                1 => damaged.truncate(at + 1),
                2 => {
                    damaged.remove(at);
                }
                _ => {
                    let end = (at + 1 + random.below(60)).min(damaged.len());
                    let piece = damaged[at..end].to_vec();
                    damaged.splice(at..at, piece);
                }
            }
            if damaged.is_empty() {
                break;
            }
        }
        policy_file::run(&damaged);
    }
}

#[test]
fn lines_by_chance_are_read_or_refused_and_never_panic() {
    const SECTIONS: [&str; 9] = [
        "[defaults]",
        "[type.pdq]",
        "[label.a]",
        "[label.\"b \\\" c\"]",
        "[bank.x]",
        "[bank.x.label.a]",
        "[bank.x.label.a.type.pdq]",
        "[bank.\"y.z\".type.phash]",
        "[carry]",
    ];
    const LINES: [&str; 13] = [
        "threshold = 9",
        "threshold64 = 3",
        "min_quality = 7",
        "min_sources = 2",
        "share = 33.3",
        "enabled = false",
        "action = \"review\"",
        "action = \"allow\"",
        "verified_action = \"off\"",
        "quarantine = \"off\"",
        "quarantine = { uploads = 3, seconds = 5 }",
        "labels = [\"q\"]",
        "sources = true",
    ];
    let mut random = Random::new(91);
    for _ in 0..3_000 {
        let mut text = String::new();
        let mut left: Vec<&str> = SECTIONS.to_vec();
        for _ in 0..random.below(6) {
            let section = left.remove(random.below(left.len()));
            text.push_str(&format!("{section}\n"));
            let at = random.below(LINES.len());
            for place in 0..random.below(4) {
                text.push_str(&format!("{}\n", LINES[(at + 3 * place) % LINES.len()]));
            }
        }
        policy_file::run(text.as_bytes());
    }
}
