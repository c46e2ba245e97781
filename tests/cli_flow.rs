//! The main job through the command: banks, lists, publishing, scanning, looking closer.
#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};
use serde_json::Value;
use std::path::Path;

/// Three known pictures in `known/`; in `uploads/` two modified copies, one stranger, one that is
/// no picture and one that is cut short.
fn pictures(folder: &Path) {
    let (known, uploads) = (folder.join("known"), folder.join("uploads"));
    std::fs::create_dir_all(&known).unwrap();
    std::fs::create_dir_all(&uploads).unwrap();
    for seed in 1..=3 {
        let name = known.join(format!("{seed}.png"));
        picture(seed, 320, 240).save(name).unwrap();
    }
    picture(1, 160, 120)
        .save(uploads.join("1-small.jpg"))
        .unwrap();
    let mirrored = image::imageops::flip_horizontal(&picture(2, 320, 240));
    mirrored.save(uploads.join("2-mirrored.png")).unwrap();
    picture(9, 320, 240)
        .save(uploads.join("stranger.png"))
        .unwrap();
    std::fs::write(uploads.join("text.jpg"), "no picture").unwrap();
    let whole = std::fs::read(known.join("3.png")).unwrap();
    std::fs::write(uploads.join("cut.png"), &whole[..whole.len() / 2]).unwrap();
}

fn known_bank(folder: &Path) -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "known", "--action", "block"]);
    let known = folder.join("known");
    let ran = gate.expect(0, &["bank", "add", "known", known.to_str().unwrap()]);
    assert!(
        ran.out
            .contains("3 added, 0 updated, 0 already there, 0 rejected"),
        "{ran:?}"
    );
    gate.expect(0, &["publish"]);
    gate
}

#[test]
fn known_pictures_are_flagged_and_each_file_has_one_outcome() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let gate = known_bank(folder.path());
    let uploads = folder.path().join("uploads");
    let uploads = uploads.to_str().unwrap();

    let ran = gate.expect(1, &["scan", "--ordered", "--format", "jsonl", uploads]);
    let mut lines = ran.json();
    let summary = lines.pop().unwrap()["summary"].clone();
    let seen: Vec<(&str, &str, &str)> = lines
        .iter()
        .map(|line| {
            let path = line["path"].as_str().unwrap();
            let name = path.rsplit('/').next().unwrap();
            (
                name,
                line["outcome"].as_str().unwrap(),
                line["action"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("1-small.jpg", "match", "block"),
            ("2-mirrored.png", "match", "block"),
            ("cut.png", "undecodable", "none"),
            ("stranger.png", "no_match", "none"),
            ("text.jpg", "unsupported", "none"),
        ]
    );
    let small = &lines[0]["matches"][0];
    assert_eq!(small["bank"], "known");
    assert_eq!(small["signal_type"], "pdq");
    assert_eq!(small["variant"], "original");
    assert!(small["distance"].as_u64().unwrap() <= 31);
    assert_eq!(lines[1]["matches"][0]["variant"], "flip_y");
    assert!(lines[2]["error"].is_string());
    for key in [
        "path", "outcome", "action", "signals", "quality", "matches", "bytes",
    ] {
        assert!(lines.iter().all(|line| line.get(key).is_some()), "{key}");
    }
    assert_eq!(summary["files"], 5);
    assert_eq!(summary["index_generation"], 1);
    assert_eq!(summary["interrupted"], false);
    for counts in ["outcomes", "actions"] {
        let total: u64 = summary[counts]
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(total, 5, "{counts} add up");
    }

    let text = gate.expect(1, &["scan", uploads]).out;
    assert!(text.contains("BLOCK") && text.contains("pass"), "{text}");
    assert!(
        text.contains(
            "2 (2 block) matched, 1 passed, 2 (1 undecodable, 1 unsupported) could not be judged"
        ),
        "{text}"
    );
    let csv = gate
        .expect(1, &["scan", "--format", "csv", "--ordered", uploads])
        .out;
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 6, "a header and five rows: {csv}");
    assert!(rows[0].starts_with("path,outcome,action,quality,pdq,matches,bank"));

    let output = folder.path().join("report.jsonl");
    let to_file = [
        "scan",
        "--format",
        "jsonl",
        "-o",
        output.to_str().unwrap(),
        uploads,
    ];
    assert_eq!(gate.expect(1, &to_file).out, "");
    let written = std::fs::read_to_string(&output).unwrap();
    assert_eq!(written.lines().count(), 6);
}

#[test]
fn exit_codes_tell_clean_from_matched_from_unjudged() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let gate = known_bank(folder.path());
    let scan = |code, name: &str| {
        let path = folder.path().join("uploads").join(name);
        gate.expect(code, &["scan", path.to_str().unwrap()])
    };
    scan(0, "stranger.png");
    scan(1, "1-small.jpg");
    scan(2, "text.jpg");
    scan(2, "cut.png");
    scan(2, "not-there.png");
    scan(1, "");
}

#[test]
fn policies_decide_and_take_effect_when_published() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let gate = known_bank(folder.path());
    let upload = folder.path().join("known/1.png");
    let upload = upload.to_str().unwrap();
    let action = |code| {
        let ran = gate.expect(code, &["scan", "--format", "jsonl", upload]);
        ran.json()[0]["action"].as_str().unwrap().to_owned()
    };
    assert_eq!(action(1), "block");
    gate.expect(0, &["bank", "set", "known", "--action", "review"]);
    assert_eq!(action(1), "block", "not published yet");
    let status = gate.expect(0, &["status"]).out;
    assert!(status.contains("older than the store"), "{status}");
    gate.expect(0, &["publish"]);
    assert_eq!(action(1), "review");
    assert!(gate.expect(0, &["status"]).out.contains("up to date"));

    gate.expect(0, &["bank", "create", "harmless", "--action", "allow"]);
    gate.expect(0, &["bank", "add", "harmless", "--publish", upload]);
    assert_eq!(
        action(0),
        "allow",
        "an allow bank overrules what is no nearer"
    );

    gate.expect(0, &["bank", "set", "harmless", "--enabled", "false"]);
    gate.expect(0, &["bank", "set", "known", "--enabled", "false"]);
    gate.expect(0, &["publish"]);
    let ran = gate.expect(0, &["scan", "--format", "jsonl", upload]);
    assert_eq!(ran.json()[0]["outcome"], "no_match");
    assert!(ran.err.contains("nothing can match"), "{}", ran.err);

    gate.expect(2, &["bank", "delete", "known"]);
    gate.expect(0, &["bank", "delete", "known", "--with-entries"]);
    let banks = gate
        .expect(0, &["bank", "list", "--format", "jsonl"])
        .json();
    assert_eq!(banks.len(), 1);
    assert_eq!(banks[0]["bank"], "harmless");
}

#[test]
fn lists_are_imported_and_bad_lines_named() {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "list", "--action", "block"]);
    let hash = |n: u8| format!("{n:02x}").repeat(32);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    let text = format!("{}\n{},a note\nnot a hash\n{}\n", hash(1), hash(2), hash(1));
    std::fs::write(&list, text).unwrap();
    let list = list.to_str().unwrap();
    let ran = gate.expect(2, &["import", "--bank", "list", list]);
    assert!(
        ran.out
            .contains("2 added, 0 updated, 1 already there, 1 rejected"),
        "{ran:?}"
    );
    assert!(ran.err.contains("list.txt:3:"), "{ran:?}");
    let again = gate.expect(2, &["import", "--bank", "list", list]);
    assert!(
        again
            .out
            .contains("0 added, 0 updated, 3 already there, 1 rejected"),
        "{again:?}"
    );

    let md5 = format!("md5 {}\n", "0b".repeat(16));
    let ran = gate.run_with(&["import", "--bank", "list", "--publish", "-"], &md5);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("1 added"), "{ran:?}");

    let ran = gate.run_with(
        &["match", "--format", "jsonl", "-"],
        &format!(
            "{}\nmd5:{}\n\nnonsense\n{}\n",
            hash(1),
            "0b".repeat(16),
            hash(0xf7)
        ),
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines = ran.json();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["query"], hash(1).as_str());
    assert_eq!(lines[0]["matches"][0]["distance"], 0);
    assert_eq!(lines[0]["action"], "block");
    assert_eq!(lines[1]["matches"][0]["signal_type"], "md5");
    assert!(lines[2]["error"].is_string());
    assert_eq!(lines[3]["matches"], Value::Array(Vec::new()));

    let near = gate.expect(
        1,
        &[
            "match",
            "--format",
            "jsonl",
            "--max-distance",
            "256",
            "--k",
            "1",
            &hash(3),
        ],
    );
    let near = near.json();
    assert_eq!(near[0]["matches"].as_array().unwrap().len(), 1);
    assert_eq!(
        near[0]["matches"][0]["hash"],
        hash(1).as_str(),
        "32 bits off, {} is 32 too: the lower id",
        hash(2)
    );

    let missing = gate.expect(2, &["import", "--bank", "lisst", list]);
    assert!(missing.err.contains("lisst"), "{missing:?}");
}

#[test]
fn hash_and_compare_look_closer() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let gate = Hashgate::new();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let known = path("known/1.png");
    let line = gate.expect(0, &["hash", &known]).out;
    let fields: Vec<&str> = line.trim().splitn(3, ',').collect();
    assert_eq!(fields[0].len(), 64);
    assert_eq!(fields[2], known);
    let tx = gate.expect(0, &["hash", "--format", "tx", &known]).out;
    assert_eq!(tx.trim(), format!("pdq {}", fields[0]));
    let record = gate
        .expect(
            0,
            &[
                "hash",
                "--format",
                "jsonl",
                "--signals",
                "all",
                "--dihedral",
                &known,
            ],
        )
        .json()
        .remove(0);
    assert_eq!(record["signals"]["pdq"], fields[0]);
    assert_eq!(record["signals"].as_object().unwrap().len(), 11);
    assert_eq!(record["outcome"], "hashed");
    assert_eq!(record["quality"].to_string(), fields[1]);
    assert_eq!(record["dihedral"].as_object().unwrap().len(), 7);

    gate.expect(1, &["compare", &known, &path("uploads/1-small.jpg")]);
    gate.expect(1, &["compare", fields[0], &path("uploads/1-small.jpg")]);
    let turned = gate.expect(
        1,
        &[
            "compare",
            "--format",
            "jsonl",
            &path("known/2.png"),
            &path("uploads/2-mirrored.png"),
        ],
    );
    assert_eq!(turned.json()[0]["turned"]["variant"], "flip_y");
    gate.expect(0, &["compare", &known, &path("uploads/stranger.png")]);
    gate.expect(2, &["compare", &known, "no-such-thing"]);
    gate.expect(2, &["compare", &known, "md5:00"]);
    let bad = gate.expect(2, &["hash", "--format", "jsonl", &path("uploads/text.jpg")]);
    assert_eq!(bad.json()[0]["outcome"], "unsupported");
}

#[test]
fn a_file_of_little_quality_is_never_passed_and_bytes_still_match() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let gate = known_bank(folder.path());
    let flat = folder.path().join("flat.png");
    image::RgbImage::from_pixel(200, 200, image::Rgb([7, 7, 7]))
        .save(&flat)
        .unwrap();
    let flat = flat.to_str().unwrap();
    let ran = gate.expect(2, &["scan", "--format", "jsonl", flat]);
    assert_eq!(ran.json()[0]["outcome"], "low_quality");
    assert!(
        ran.json()[0]["error"]
            .as_str()
            .unwrap()
            .contains("quality 0")
    );

    let added = gate.expect(0, &["bank", "add", "known", "--publish", flat]);
    assert!(added.err.contains("low quality"), "{added:?}");
    let ran = gate.expect(1, &["scan", "--format", "jsonl", flat]).json();
    assert_eq!(ran[0]["outcome"], "match");
    let types: Vec<&str> = ran[0]["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["signal_type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["md5", "sha1", "sha256"]);
}

#[test]
fn a_file_that_no_decoder_reads_still_matches_by_its_bytes() {
    let gate = Hashgate::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.bin");
    std::fs::write(&file, b"").unwrap();
    gate.expect(0, &["bank", "create", "bytes", "--action", "block"]);
    let md5_of_nothing = "d41d8cd98f00b204e9800998ecf8427e\n";
    let ran = gate.run_with(
        &["import", "--bank", "bytes", "--publish", "-"],
        md5_of_nothing,
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = gate
        .expect(1, &["scan", "--format", "jsonl", file.to_str().unwrap()])
        .json();
    assert_eq!(ran[0]["outcome"], "match");
    assert_eq!(ran[0]["matches"][0]["signal_type"], "md5");
    assert!(
        ran[0]["error"].is_string(),
        "what could not be judged is said all the same"
    );
}

#[test]
fn what_is_missing_is_said_with_its_repair() {
    let gate = Hashgate::new();
    let says = |arguments: &[&str], words: &[&str]| {
        let ran = gate.expect(2, arguments);
        for word in words {
            assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
        }
    };
    says(&["scan", "."], &["hashgate publish"]);
    says(&["match", &"00".repeat(32)], &["hashgate publish"]);
    says(&["publish"], &["store"]);
    says(&["bank", "create", "a/b"], &["cannot name a bank"]);
    says(
        &["bank", "create", "b", "--action", "explode"],
        &["block, review, report, allow"],
    );
    says(&["bank", "create", "b", "--threshold", "64"], &["0..=63"]);
    gate.expect(0, &["bank", "create", "b"]);
    says(&["bank", "create", "b"], &["b"]);
    says(
        &["import", "--bank", "b", "no-such-file"],
        &["no-such-file"],
    );
    gate.expect(0, &["status"]);
    gate.expect(0, &["verify"]);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(gate.home(), PermissionsExt::from_mode(0o755)).unwrap();
        says(&["status"], &["chmod 700"]);
    }
}

#[test]
fn before_the_first_publication_verify_says_that_there_is_none() {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "b"]);
    let nothing = "index: nothing is published yet: hashgate publish";
    let ran = gate.expect(0, &["verify"]);
    assert!(ran.out.contains(nothing), "{ran:?}");
    // What a publisher leaves that was stopped before its first generation.
    let index = gate.home().join("index");
    std::fs::create_dir(&index).unwrap();
    std::fs::write(index.join("lock"), "").unwrap();
    let ran = gate.expect(0, &["verify"]);
    assert!(ran.out.contains(nothing), "{ran:?}");
    // Whoever asks for a copy by its name is told that there is none.
    let ran = gate.expect(2, &["verify", "--index", index.to_str().unwrap()]);
    assert!(
        ran.out.contains("index: nothing is published in "),
        "{ran:?}"
    );
    assert!(!ran.out.contains("DAMAGED"), "{ran:?}");
}

#[test]
fn verify_names_damage() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let gate = known_bank(folder.path());
    let ran = gate.expect(0, &["verify"]);
    assert!(ran.out.contains("every checksum holds"), "{ran:?}");
    let segment = std::fs::read_dir(gate.home().join("index"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let ran = gate.expect(2, &["verify"]);
    let name = segment.file_name().unwrap().to_str().unwrap();
    for word in ["DAMAGED", name, "hashgate publish --full"] {
        assert!(ran.out.contains(word), "{word}: {ran:?}");
    }
    gate.expect(0, &["publish", "--full"]);
    gate.expect(0, &["verify"]);
}
