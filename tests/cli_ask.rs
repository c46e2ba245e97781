//! `match` and `compare`: what they take, and what their exit codes say.
#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};

/// A bank of this action with the hash of picture 1, published; and the file, in its folder.
fn gate_with(action: &str) -> (Hashgate, String, tempfile::TempDir) {
    let gate = Hashgate::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("1.png");
    picture(1, 320, 240).save(&file).unwrap();
    let file = file.to_str().unwrap().to_owned();
    gate.expect(0, &["bank", "create", "known", "--action", action]);
    gate.expect(0, &["bank", "add", "known", "--publish", &file]);
    (gate, file, folder)
}

#[test]
fn match_ends_with_the_code_that_scan_ends_with() {
    for (action, code) in [("block", 1), ("review", 1), ("report", 1), ("allow", 0)] {
        let (gate, file, _folder) = gate_with(action);
        gate.expect(code, &["scan", &file]);
        let line = gate.expect(0, &["hash", &file]).out;
        let hash = &line[..64];
        for arguments in [
            &["match", "--format", "jsonl", hash][..],
            &["match", "--format", "jsonl", "--max-distance", "4", hash],
        ] {
            let ran = gate.expect(code, arguments).json();
            assert_eq!(ran[0]["outcome"], "match");
            assert_eq!(ran[0]["action"], action);
        }
    }
}

#[test]
fn match_reads_what_hash_prints() {
    let (gate, file, _folder) = gate_with("block");
    let line = gate.expect(0, &["hash", &file]).out;
    let hash = &line[..64];
    let quality: u8 = line[65..].split(',').next().unwrap().parse().unwrap();
    assert!(quality >= 50, "{line}");
    let forms = [
        line.trim().to_owned(),
        format!("pdq:{hash}"),
        format!("pdq {hash}"),
        hash.to_owned(),
    ];
    for form in &forms {
        gate.expect(1, &["match", form]);
    }
    for format in ["text", "tx"] {
        let all = ["hash", "--signals", "all", "--format", format, &file];
        let lines = gate.expect(0, &all).out;
        let ran = gate.run_with(&["match", "--format", "jsonl", "-"], &lines);
        assert_eq!(ran.code, 1, "{ran:?}");
        let outcomes = ran.json();
        assert_eq!(outcomes.len(), 11);
        let matched = outcomes.iter().filter(|one| one["outcome"] == "match");
        assert_eq!(matched.count(), 4, "pdq and three digests: {outcomes:?}");
    }
}

#[test]
fn a_hash_of_low_quality_is_not_passed() {
    let (gate, ..) = gate_with("block");
    let low = format!("{},49,flat.png", "0f".repeat(32));
    let ran = gate.expect(2, &["match", "--format", "jsonl", &low]).json();
    assert_eq!(ran[0]["outcome"], "low_quality");
    assert!(ran[0]["error"].as_str().unwrap().contains("quality 49"));
    let ran = gate.expect(2, &["match", &low]);
    assert!(ran.err.contains("low_quality"), "{ran:?}");
    assert!(!ran.out.contains("no match"), "{ran:?}");
    gate.expect(0, &["match", &low.replace(",49,", ",50,")]);
    gate.expect(0, &["match", &"0f".repeat(32)]);
}

#[test]
fn no_hash_at_all_is_said() {
    let (gate, ..) = gate_with("block");
    for input in ["", "\n \n"] {
        let ran = gate.run_with(&["match", "-"], input);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("no hash to ask about"), "{ran:?}");
    }
    for bad in ["", "# x", "x,y,z"] {
        gate.expect(2, &["match", bad]);
    }
}

#[test]
fn the_same_bytes_match_whatever_their_quality() {
    let gate = Hashgate::new();
    let save = |name: &str, shade| {
        let path = gate.home().join(name);
        let flat = image::RgbImage::from_pixel(200, 200, image::Rgb([shade; 3]));
        flat.save(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (a, b, other) = (save("a.png", 7), save("b.png", 7), save("c.png", 9));
    let ran = gate
        .expect(1, &["compare", "--format", "jsonl", &a, &b])
        .json();
    assert_eq!(ran[0]["verdict"], "match");
    assert_eq!(ran[0]["same_bytes"], true);
    let ran = gate.expect(1, &["compare", &a, &b]);
    assert!(ran.out.contains("the same bytes"), "{ran:?}");
    let ran = gate
        .expect(2, &["compare", "--format", "jsonl", &a, &other])
        .json();
    assert_eq!(ran[0]["verdict"], "low_quality");
    assert_eq!(ran[0]["same_bytes"], false);
}

#[test]
fn thresholds_wider_than_the_hash_are_refused() {
    let gate = Hashgate::new();
    let (a, b) = ("0f".repeat(32), "f0".repeat(32));
    let compare = |code, threshold: &str, a: &str, b: &str| {
        gate.expect(code, &["compare", "--threshold", threshold, a, b])
    };
    compare(2, "300", &a, &b);
    compare(1, "256", &a, &b);
    compare(0, "255", &a, &b);
    let (a, b) = ("phash:00ff00ff00ff00ff", "phash:ff00ff00ff00ff00");
    let ran = compare(2, "65", a, b);
    assert!(ran.err.contains("0 to 64"), "{ran:?}");
    compare(1, "64", a, b);
    compare(0, "63", a, b);
    gate.expect(0, &["compare", a, b]);
}
