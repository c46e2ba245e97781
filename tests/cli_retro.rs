//! Hashes of uploads that are kept for a time, and entries that arrive later.

#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};
use std::fs;

/// A home with an empty published bank, and a folder with pictures by number.
fn arranged() -> (Hashgate, tempfile::TempDir) {
    let hashgate = Hashgate::new();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let path = folder.path().join(format!("{number}.png"));
        picture(40 + number, 256, 256).save(path).unwrap();
    }
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    // Enough others that one more is news and not all.
    let others: String = (1..60u64)
        .map(|n| format!("md5:{:032x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let list = folder.path().join("others.txt");
    fs::write(&list, others).unwrap();
    hashgate.expect(0, &["import", "--bank", "known", list.to_str().unwrap()]);
    fs::remove_file(list).unwrap();
    hashgate.expect(0, &["publish"]);
    (hashgate, folder)
}

fn hash_of(hashgate: &Hashgate, folder: &tempfile::TempDir, number: u32) -> String {
    let path = folder.path().join(format!("{number}.png"));
    let line = hashgate.expect(0, &["hash", path.to_str().unwrap()]).out;
    line.split(',').next().unwrap().to_owned()
}

/// Imports the hash of a picture, so many bits off.
fn import(hashgate: &Hashgate, folder: &tempfile::TempDir, bank: &str, number: u32, bits: u32) {
    let hash = hash_of(hashgate, folder, number);
    let mut value = u128::from_str_radix(&hash[..32], 16).unwrap();
    for bit in 0..bits {
        value ^= 1 << (3 * bit);
    }
    let text = format!("pdq:{value:032x}{}\n", &hash[32..]);
    let ran = hashgate.run_with(&["import", "--bank", bank, "-"], &text);
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn stopped(out: &[serde_json::Value]) -> Vec<String> {
    let lines = out.iter().filter(|line| line.get("summary").is_none());
    lines
        .map(|line| {
            let name = line["name"].as_str().unwrap();
            name.rsplit('/').next().unwrap().to_owned()
        })
        .collect()
}

const RETRO: [&str; 3] = ["retro", "--format", "jsonl"];

#[test]
fn a_hash_that_arrives_later_finds_the_upload_once() {
    let (hashgate, folder) = arranged();
    let uploads = folder.path().to_str().unwrap();
    hashgate.expect(0, &["history", "on", "--days", "30"]);
    hashgate.expect(0, &["scan", "--remember", uploads]);
    assert_eq!(stopped(&hashgate.expect(0, &RETRO).json()), [""; 0]);
    import(&hashgate, &folder, "known", 2, 9);
    // What is not published is not in force.
    let early = hashgate.expect(0, &RETRO);
    assert!(early.err.contains("not published"), "{}", early.err);
    hashgate.expect(0, &["publish"]);
    let found = hashgate.expect(1, &RETRO).json();
    assert_eq!(stopped(&found), ["2.png"]);
    let line = &found[0];
    assert_eq!(line["then"]["outcome"], "no_match");
    assert_eq!(line["now"]["action"], "block");
    assert_eq!(line["matches"][0]["distance"], 9);
    assert!(line["digests"]["sha256"].is_string());
    let summary = &found[1]["summary"];
    assert_eq!(
        (&summary["uploads"], &summary["new_hashes"]),
        (&6.into(), &1.into())
    );
    assert_eq!(summary["stopped_now"], 1);
    assert_eq!(
        stopped(&hashgate.expect(0, &RETRO).json()),
        [""; 0],
        "said once"
    );
    let again = [&RETRO[..], &["--since-generation", "1"]].concat();
    assert_eq!(stopped(&hashgate.expect(1, &again).json()), ["2.png"]);
    let again = [&RETRO[..], &["--all-entries"]].concat();
    assert_eq!(stopped(&hashgate.expect(1, &again).json()), ["2.png"]);
    let text = hashgate.expect(1, &["retro", "--all-entries"]).out;
    assert!(
        text.contains("BLOCK") && text.contains("was no_match"),
        "{text}"
    );
    assert_eq!(hashgate.run(&["retro", "--since-generation", "99"]).code, 2);
}

#[test]
fn withdrawn_entries_and_harmless_ones_find_nothing() {
    let (hashgate, folder) = arranged();
    let uploads = folder.path().to_str().unwrap();
    hashgate.expect(0, &["bank", "create", "harmless", "--action", "allow"]);
    hashgate.expect(0, &["history", "on", "--days", "30"]);
    hashgate.expect(0, &["scan", "--remember", uploads]);
    import(&hashgate, &folder, "known", 1, 4);
    hashgate.expect(0, &["publish"]);
    let hash = hash_of(&hashgate, &folder, 1);
    let entry = hashgate
        .expect(1, &["match", "--format", "jsonl", &hash])
        .json();
    let id = entry[0]["matches"][0]["content_id"].to_string();
    hashgate.expect(0, &["bank", "withdraw", "known", &id]);
    hashgate.expect(0, &["publish"]);
    assert_eq!(
        stopped(&hashgate.expect(0, &RETRO).json()),
        [""; 0],
        "withdrawn again"
    );
    import(&hashgate, &folder, "known", 3, 12);
    import(&hashgate, &folder, "harmless", 3, 6);
    import(&hashgate, &folder, "known", 4, 12);
    import(&hashgate, &folder, "known", 5, 40);
    hashgate.expect(0, &["publish"]);
    // The nearer harmless look-alike overrules, and 40 bits are too many.
    assert_eq!(stopped(&hashgate.expect(1, &RETRO).json()), ["4.png"]);
}

#[test]
fn what_was_stopped_then_is_no_news() {
    let (hashgate, folder) = arranged();
    let uploads = folder.path().to_str().unwrap();
    import(&hashgate, &folder, "known", 0, 3);
    hashgate.expect(0, &["publish"]);
    hashgate.expect(0, &["history", "on", "--days", "30"]);
    hashgate.expect(1, &["scan", "--remember", uploads]);
    import(&hashgate, &folder, "known", 0, 7);
    hashgate.expect(0, &["publish"]);
    let found = hashgate
        .expect(0, &[&RETRO[..], &["--all"]].concat())
        .json();
    assert_eq!(stopped(&found), ["0.png"]);
    assert_eq!(found[1]["summary"]["stopped_now"], 0);
}

/// An upload that an older copy of the index judges later has missed what came between.
#[test]
fn uploads_judged_by_an_older_index_are_held_against_what_it_lacked() {
    let (hashgate, folder) = arranged();
    let old = folder.path().join("old-index");
    fs::create_dir(&old).unwrap();
    for entry in fs::read_dir(hashgate.home().join("index")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, old.join(path.file_name().unwrap())).unwrap();
    }
    hashgate.expect(0, &["history", "on", "--days", "30"]);
    let first = folder.path().join("0.png");
    hashgate.expect(0, &["scan", "--remember", first.to_str().unwrap()]);
    import(&hashgate, &folder, "known", 1, 2);
    hashgate.expect(0, &["publish"]);
    hashgate.expect(0, &RETRO);
    let second = folder.path().join("1.png");
    let (old, second) = (old.to_str().unwrap(), second.to_str().unwrap());
    hashgate.expect(0, &["scan", "--remember", "--index", old, second]);
    assert_eq!(stopped(&hashgate.expect(1, &RETRO).json()), ["1.png"]);
}

#[test]
fn nothing_is_kept_unless_asked_for_and_off_deletes_all() {
    let (hashgate, folder) = arranged();
    let uploads = folder.path().to_str().unwrap();
    let off = hashgate.expect(2, &["scan", "--remember", uploads]);
    assert!(off.err.contains("history on --days"), "{}", off.err);
    hashgate.expect(2, &["retro"]);
    hashgate.expect(0, &["scan", uploads]);
    assert!(!hashgate.home().join("history").exists());
    assert!(
        hashgate
            .expect(0, &["history", "show"])
            .out
            .starts_with("off")
    );
    hashgate.expect(2, &["history", "on", "--days", "0"]);
    hashgate.expect(
        0,
        &[
            "history",
            "on",
            "--days",
            "2",
            "--hashes",
            "3",
            "--no-names",
        ],
    );
    hashgate.expect(0, &["scan", uploads]);
    let shown = || {
        hashgate
            .expect(0, &["history", "show", "--format", "jsonl"])
            .json()[0]
            .clone()
    };
    assert_eq!(
        shown()["uploads"],
        0,
        "a scan without --remember keeps nothing"
    );
    hashgate.expect(0, &["scan", "--remember", uploads]);
    assert_eq!(
        (&shown()["uploads"], &shown()["hashes"]),
        (&6.into(), &18.into())
    );
    import(&hashgate, &folder, "known", 2, 0);
    hashgate.expect(0, &["publish"]);
    let found = hashgate.expect(1, &RETRO).json();
    assert!(found[0]["name"].is_null() && found[0]["digests"]["sha256"].is_string());
    let verified = hashgate.expect(0, &["verify"]).out;
    assert!(verified.contains("history: 6 uploads"), "{verified}");
    assert!(
        hashgate
            .expect(0, &["history", "purge"])
            .out
            .starts_with("0 uploads")
    );
    assert!(
        hashgate
            .expect(0, &["history", "purge", "--all"])
            .out
            .starts_with("6 uploads")
    );
    assert_eq!(shown()["uploads"], 0);
    hashgate.expect(0, &["history", "off"]);
    assert!(!hashgate.home().join("history").exists());
    hashgate.expect(0, &["history", "off"]);
}

#[test]
fn decisions_and_uploads_are_kept_by_one_scan() {
    let (hashgate, folder) = arranged();
    let uploads = folder.path().to_str().unwrap();
    import(&hashgate, &folder, "known", 5, 2);
    hashgate.expect(0, &["publish"]);
    hashgate.expect(0, &["history", "on", "--days", "1"]);
    let both = [
        "scan",
        "--remember",
        "--decisions",
        "--no-names",
        "--jobs",
        "2",
        uploads,
    ];
    hashgate.expect(1, &both);
    hashgate.expect(0, &["verify"]);
    let shown = hashgate
        .expect(0, &["history", "show", "--format", "jsonl"])
        .json();
    assert_eq!(shown[0]["uploads"], 6);
    let decisions = hashgate
        .expect(0, &["decisions", "show", "--format", "jsonl"])
        .json();
    assert_eq!(decisions.len(), 1);
}
