//! A second hash at the command line: kept by `bank add`, read from lists, named by what it seconds.
#![cfg(feature = "full")]

mod common;

use common::Hashgate;
use serde_json::{Value, json};
use std::fs;

const CAT: &str = "examples/pictures/known/cat.jpg";

/// This hash with other bits, spread out.
fn flipped(hex: &str, bits: usize) -> String {
    let mut digits: Vec<u8> = hex.bytes().collect();
    for at in 0..bits {
        let bit = at * 37 % (4 * digits.len());
        let digit = char::from(digits[bit / 4]).to_digit(16).unwrap() ^ (1 << (bit % 4));
        digits[bit / 4] = char::from_digit(digit, 16).unwrap() as u8;
    }
    String::from_utf8(digits).unwrap()
}

#[test]
fn bank_add_keeps_the_hashes_that_are_asked_for() {
    let hashgate = Hashgate::new();
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    hashgate.expect(2, &["bank", "add", "known", "--signals", "shash", CAT]);
    let add = [
        "bank",
        "add",
        "known",
        "--publish",
        "--signals",
        "phash,dhash",
        CAT,
    ];
    hashgate.expect(0, &add);
    let exported = hashgate.expect(0, &["export", "--bank", "known"]).json();
    let signals = exported[0]["signals"].as_array().unwrap().iter();
    let mut kinds: Vec<&str> = signals
        .filter_map(|signal| signal.as_str()?.split_once(':').map(|(kind, _)| kind))
        .collect();
    kinds.dedup();
    assert_eq!(kinds, ["pdq", "md5", "sha1", "sha256", "dhash", "phash"]);
    let scanned = hashgate
        .expect(1, &["scan", "--format", "jsonl", CAT])
        .json();
    let kinds: Vec<&Value> = scanned[0]["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| &found["signal_type"])
        .collect();
    assert!(kinds.contains(&&json!("phash")), "{kinds:?}");
    // The same again adds what is new.
    let again = hashgate.expect(0, &["bank", "add", "known", "--signals", "ahash", CAT]);
    assert!(again.out.contains("1 updated"), "{}", again.out);
}

#[test]
fn what_a_second_hash_seconds_is_scanned_explained_and_replayed() {
    let hashgate = Hashgate::new();
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    let hashed = ["hash", "--signals", "pdq,phash", "--format", "jsonl", CAT];
    let signals = hashgate.expect(0, &hashed).json()[0]["signals"].clone();
    let hex = |kind: &str| signals[kind].as_str().unwrap();
    // From what evidence verifies alone to what it does not; by the other hash near, though no match by itself.
    let second = format!("phash:{}", flipped(hex("phash"), 6));
    let list: String = (32..60)
        .step_by(2)
        .map(|bits| {
            let first = format!("pdq:{}", flipped(hex("pdq"), bits));
            format!(
                "{}\n",
                json!({ "id": bits.to_string(), "signals": [first, second] })
            )
        })
        .collect();
    let path = hashgate.home().join("list.jsonl");
    fs::write(&path, list).unwrap();
    let path = path.to_str().unwrap();
    hashgate.expect(
        0,
        &[
            "import",
            "--bank",
            "known",
            "--format",
            "jsonl",
            "--publish",
            path,
        ],
    );
    let scanned = hashgate
        .expect(1, &["scan", "--decisions", "--format", "jsonl", CAT])
        .json();
    assert_eq!(scanned[0]["action"], "review");
    let matches = scanned[0]["matches"].as_array().unwrap();
    let seconded: Vec<&Value> = matches
        .iter()
        .filter(|found| found["seconded_by"] == "phash")
        .collect();
    assert!(
        !seconded.is_empty() && seconded.len() < matches.len(),
        "{matches:#?}"
    );
    assert!(matches.iter().all(|found| found["kind"] == "verified"));
    let text = hashgate.expect(1, &["policy", "explain", CAT]).out;
    let said = text.matches(", seconded by phash)").count();
    assert_eq!(said, seconded.len(), "{text}");
    let replayed = hashgate
        .expect(0, &["decisions", "replay", "--format", "jsonl"])
        .json();
    let summary = format!("{replayed:?}");
    assert!(!summary.contains("\"became\""), "{summary}");
}
