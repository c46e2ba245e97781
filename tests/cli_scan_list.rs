//! A scan against lists and known pictures of its own: no bank, no home, nothing kept.
#![cfg(feature = "cli")]

mod common;

use common::{Hashgate, Ran, picture};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn project(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    path.to_str().expect("UTF-8").to_owned()
}

/// The program with a home that is not there, and that must not be there afterwards.
struct Homeless {
    gate: Hashgate,
    home: PathBuf,
}

impl Homeless {
    fn new() -> Self {
        let gate = Hashgate::new();
        let home = gate.home().join("never");
        Self { gate, home }
    }

    #[track_caller]
    fn scan(&self, code: i32, arguments: &[&str]) -> Ran {
        let mut all = vec!["--home", self.home.to_str().expect("UTF-8"), "scan"];
        all.extend(arguments);
        let ran = self.gate.expect(code, &all);
        assert!(!self.home.exists(), "the home folder was made: {ran:?}");
        ran
    }
}

/// What was said of each file, by its name, and the summary.
fn said(ran: &Ran) -> (Vec<(String, Value)>, Value) {
    let mut lines = ran.json();
    let summary = lines.pop().expect("a summary")["summary"].clone();
    let of = |line: Value| {
        let path = line["path"].as_str().expect("a path");
        let name = Path::new(path).file_name().expect("a name");
        (name.to_str().expect("UTF-8").to_owned(), line)
    };
    (lines.into_iter().map(of).collect(), summary)
}

#[test]
fn the_pictures_of_the_demo_are_found_by_known_pictures_alone() {
    let (known, uploads) = (
        project("examples/pictures/known"),
        project("examples/pictures/uploads"),
    );
    let ran = Homeless::new().scan(
        1,
        &[
            "--known",
            &known,
            "--action",
            "block",
            "--format",
            "jsonl",
            "--ordered",
            &uploads,
        ],
    );
    let (files, summary) = said(&ran);
    assert_eq!(summary["index_generation"], 0, "it was never published");
    let expected = std::fs::read_to_string(project("examples/pictures/expected.tsv")).unwrap();
    let mut matched = 0;
    for line in expected.lines().skip(1) {
        let [name, outcome, original] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let (_, file) = files.iter().find(|(file, _)| file == name).expect(name);
        match outcome {
            "match" => {
                matched += 1;
                assert_eq!(
                    (&file["outcome"], &file["action"]),
                    (&"match".into(), &"block".into())
                );
                let first = &file["matches"][0];
                assert_eq!(first["bank"], "known");
                let source = file["sources"][first["content_id"].to_string()].as_str();
                assert!(source.expect("a source").ends_with(original), "{file}");
            }
            "no_match" => assert_eq!(file["outcome"], "no_match", "{file}"),
            _ => {
                assert!(["undecodable", "unsupported"].contains(&file["outcome"].as_str().unwrap()))
            }
        }
    }
    assert_eq!(
        files
            .iter()
            .filter(|(_, file)| file["outcome"] == "match")
            .count(),
        matched
    );
    assert!(
        ran.err.contains("held against 6 known pictures"),
        "{}",
        ran.err
    );
}

#[test]
fn every_list_format_is_read_and_a_match_names_list_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("upload.png");
    picture(4, 320, 240).save(&upload).unwrap();
    let upload = upload.to_str().unwrap();
    let gate = Homeless::new();
    let mut samples = 0;
    for entry in std::fs::read_dir(project("hashsets/samples")).unwrap() {
        let list = entry.unwrap().path();
        // Its columns have names that only its reader knows.
        if list.file_name().unwrap() == "mapped.tsv" {
            continue;
        }
        samples += 1;
        let ran = gate.gate.run(&[
            "scan",
            "--list",
            list.to_str().unwrap(),
            "--format",
            "jsonl",
            upload,
        ]);
        assert!([0, 2].contains(&ran.code), "{}: {ran:?}", list.display());
        assert!(
            ran.err.contains("held against"),
            "{}: {ran:?}",
            list.display()
        );
    }
    assert!(samples > 10);

    let hash = gate.scan_hash(upload);
    let list = folder.path().join("mine.txt");
    std::fs::write(
        &list,
        format!("# mine\npdq {}\npdq {hash}\n", "5a".repeat(32)),
    )
    .unwrap();
    let list = list.to_str().unwrap();
    let ran = gate.scan(1, &["--list", list, "--format", "jsonl", upload]);
    let (files, _) = said(&ran);
    let (_, file) = &files[0];
    assert_eq!(
        (&file["action"], &file["matches"][0]["distance"]),
        (&"review".into(), &0.into())
    );
    let id = file["matches"][0]["content_id"].to_string();
    assert_eq!(file["sources"][id].as_str().unwrap(), format!("{list}:3"));
    let text = gate.scan(1, &["--list", list, upload]);
    assert!(
        text.out.contains(&format!("({list}:3), pdq distance 0")),
        "{}",
        text.out
    );
    let csv = gate.scan(1, &["--list", list, "--format", "csv", upload]);
    let mut lines = csv.out.lines();
    assert!(lines.next().unwrap().ends_with(",reach,source"));
    assert!(lines.next().unwrap().ends_with(&format!(",{list}:3")));
}

impl Homeless {
    /// The PDQ hash of a file, as `hashgate hash` prints it.
    fn scan_hash(&self, path: &str) -> String {
        let ran = self.gate.expect(0, &["hash", path]);
        let line = ran.out.lines().last().expect("a line");
        line.split(',').next().expect("a hash").to_owned()
    }
}

#[test]
fn flags_and_a_policy_file_say_what_a_match_does() {
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known.png");
    let upload = folder.path().join("upload.png");
    picture(3, 320, 240).save(&known).unwrap();
    picture(3, 300, 230).save(&upload).unwrap();
    let (known, upload) = (known.to_str().unwrap(), upload.to_str().unwrap());
    let gate = Homeless::new();
    let action = |code, arguments: &[&str]| {
        let mut all = vec!["--known", known, "--format", "jsonl"];
        all.extend(arguments);
        all.push(upload);
        said(&gate.scan(code, &all)).0[0].1["action"].clone()
    };
    assert_eq!(action(1, &[]), "review");
    assert_eq!(action(1, &["--action", "block"]), "block");
    assert_eq!(action(0, &["--action", "allow"]), "allow");
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "[bank.known]\naction = \"report\"\n").unwrap();
    let policy = policy.to_str().unwrap();
    assert_eq!(
        action(1, &["--action", "block", "--policy", policy]),
        "report"
    );
    std::fs::write(policy, "[bank.elsewhere]\naction = \"report\"\n").unwrap();
    let ran = gate.scan(2, &["--known", known, "--policy", policy, upload]);
    assert!(
        ran.err.contains("there is no bank elsewhere"),
        "{}",
        ran.err
    );
}

#[test]
fn what_cannot_be_known_is_said_and_never_ends_as_clean() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    picture(1, 320, 240).save(at("upload.png")).unwrap();
    let upload = at("upload.png");
    let gate = Homeless::new();

    std::fs::write(at("empty.txt"), "").unwrap();
    std::fs::create_dir(at("none")).unwrap();
    for (arguments, said) in [
        (["--list", &at("missing.txt")], "cannot read"),
        (["--list", &at("empty.txt")], "empty.txt"),
        (["--list", &at("none")], "is a folder, not a list"),
        (["--list", &upload], "upload.png"),
        (["--known", &at("none")], "no picture in it could be hashed"),
    ] {
        let mut all = arguments.to_vec();
        all.push(&upload);
        let ran = gate.scan(2, &all);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "", "nothing was scanned: {arguments:?}");
    }

    // Part of a list, and part of the pictures: the scan goes on, and is not clean.
    let hash = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
    std::fs::write(at("partly.txt"), format!("pdq {hash}\npdq no-hash\n")).unwrap();
    let ran = gate.scan(2, &["--list", &at("partly.txt"), &upload]);
    assert!(
        ran.out.contains("1 passed") && ran.err.contains("line 2"),
        "{ran:?}"
    );
    std::fs::create_dir(at("known")).unwrap();
    picture(5, 320, 240).save(at("known/5.png")).unwrap();
    std::fs::write(at("known/note.txt"), "no picture").unwrap();
    let ran = gate.scan(2, &["--known", &at("known"), &upload]);
    assert!(
        ran.out.contains("1 passed") && ran.err.contains("note.txt"),
        "{ran:?}"
    );

    // What an index says cannot be said twice.
    let ran = gate.scan(
        2,
        &["--known", &at("known"), "--index", &at("none"), &upload],
    );
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
    let ran = gate.scan(2, &["--index", &at("none"), "--action", "block", &upload]);
    assert!(ran.err.contains("--list or --known"), "{}", ran.err);
}

#[test]
fn what_a_source_took_back_or_somebody_disputes_matches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("upload.png");
    picture(4, 320, 240).save(&upload).unwrap();
    let upload = upload.to_str().unwrap();
    let gate = Homeless::new();
    let hash = gate.scan_hash(upload);
    let list = folder.path().join("threatexchange.json");
    let record = |id: u32, hash: &str, should_delete: bool, says: &str| {
        format!(
            "{{\"id\":\"{id}\",\"indicator\":\"{hash}\",\"type\":\"HASH_PDQ\",\"should_delete\":{should_delete},\
             \"descriptors\":{{\"data\":[{{\"id\":\"9\",\"owner\":{{\"id\":\"5\"}},\"status\":\"{says}\"}}]}}}}"
        )
    };
    let known = |id, hash| record(id, hash, false, "MALICIOUS");
    let other = "5a".repeat(32);
    let write = |records: &[String]| {
        std::fs::write(&list, format!("{{\"data\":[{}]}}", records.join(","))).unwrap();
    };
    let list_name = list.to_str().unwrap();
    write(&[known(1, &hash), known(2, &other)]);
    gate.scan(1, &["--list", list_name, upload]);
    let taken_back = record(1, &hash, true, "MALICIOUS");
    write(&[known(1, &hash), known(2, &other), taken_back.clone()]);
    gate.scan(0, &["--list", list_name, upload]);
    let disputed = record(1, &hash, false, "NON_MALICIOUS");
    write(&[disputed, known(2, &other)]);
    gate.scan(0, &["--list", list_name, upload]);
    write(&[known(1, &hash), known(2, &other), taken_back]);
    // Another source that stands by it is enough.
    let mine = folder.path().join("mine.txt");
    std::fs::write(&mine, format!("pdq {hash}\n")).unwrap();
    gate.scan(
        1,
        &[
            "--list",
            list_name,
            "--list",
            mine.to_str().unwrap(),
            upload,
        ],
    );
}

#[cfg(feature = "full")]
#[test]
fn it_says_what_a_bank_of_the_same_says() {
    let known = project("examples/pictures/known");
    let uploads = project("examples/pictures/uploads");
    let list = project("hashsets/samples/tx.txt");
    let banked = Hashgate::new();
    for bank in ["known", "lists"] {
        banked.expect(0, &["bank", "create", bank, "--action", "block"]);
    }
    banked.expect(0, &["bank", "add", "known", &known]);
    // Three of its rows are bad, on purpose.
    banked.expect(2, &["import", "--bank", "lists", &list]);
    banked.expect(0, &["publish"]);
    let scan = ["scan", "--format", "jsonl", "--ordered"];
    let of_bank = banked.expect(1, &[&scan[..], &[&uploads]].concat());
    let of_its_own = Homeless::new().scan(
        1,
        &[
            &scan[1..],
            &[
                "--action", "block", "--list", &list, "--known", &known, &uploads,
            ],
        ]
        .concat(),
    );
    let ((bank, _), (own, _)) = (said(&of_bank), said(&of_its_own));
    assert_eq!(bank.len(), own.len());
    for ((name, a), (other, b)) in bank.into_iter().zip(own) {
        assert_eq!(name, other);
        for key in ["outcome", "action", "signals", "quality", "mode"] {
            assert_eq!(a[key], b[key], "{name}: {key}");
        }
        // Entries have other numbers; all else of a match is the same.
        let matches = |file: &Value| {
            let mut all = file["matches"].as_array().expect("matches").clone();
            for one in &mut all {
                one.as_object_mut().expect("an object").remove("content_id");
            }
            all.sort_by_key(ToString::to_string);
            all
        };
        assert_eq!(matches(&a), matches(&b), "{name}");
    }
}
