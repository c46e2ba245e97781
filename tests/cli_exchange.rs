//! Lists of organisations from their arrival to a match and to their withdrawal, as typed.
#![cfg(feature = "full")]

mod common;

use common::Hashgate;
use std::fs;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> String {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("hashsets/samples");
    samples.join(name).display().to_string()
}

fn with_bank() -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "list", "--action", "block"]);
    gate
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

/// A page of StopNCII.org with hashes and their states.
fn page(records: &[(u8, &str)]) -> String {
    let records: Vec<String> = records
        .iter()
        .map(|(hash, status)| {
            let hash = format!("{hash:02x}").repeat(32);
            format!(
                r#"{{"signalType":"ImagePDQ","hashValue":"{hash}","hashStatus":"{status}","caseNumbers":{{}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"count":1,"hasMoreRecords":false,"hashRecords":[{}]}}"#,
        records.join(",")
    )
}

const HASH: &str = "pdq:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

#[test]
fn a_withdrawal_reaches_matching_with_the_next_publish_and_audit_says_when() {
    let gate = with_bank();
    let import = ["import", "--bank", "list", "--publish", "-"];
    let ran = gate.run_with(&import, &page(&[(0x0f, "Active"), (0x33, "Received")]));
    assert_eq!(ran.code, 0, "{ran:?}");
    says(&ran.out, &["read as stopncii: 2 pdq; 2 added"]);
    gate.expect(1, &["match", HASH]);

    let withdrawn = page(&[(0x0f, "Withdrawn")]);
    let import = ["import", "--bank", "list", "-"];
    let dry = gate.run_with(&["import", "--bank", "list", "--dry-run", "-"], &withdrawn);
    says(
        &dry.out,
        &[
            "nothing is changed, but would be",
            "1 taken back; 1 no longer match",
        ],
    );
    let ran = gate.run_with(&import, &withdrawn);
    assert_eq!(ran.code, 0, "{ran:?}");
    says(
        &ran.out,
        &[
            "0 added",
            "1 taken back; 1 no longer match",
            "until you publish",
        ],
    );
    gate.expect(1, &["match", HASH]);
    let audit = gate.expect(0, &["audit", HASH]).out;
    says(
        &audit,
        &[
            "withdrawn, matches nothing",
            "not in force yet: run hashgate publish",
        ],
    );

    gate.expect(0, &["publish"]);
    gate.expect(0, &["match", HASH]);
    let audit = gate.expect(0, &["audit", HASH]).out;
    says(
        &audit,
        &[
            "in force since 2",
            "(generation 2)",
            "from stopncii record ImagePDQ:0f",
        ],
    );
    says(
        &gate.expect(0, &["audit", "1", "--format", "jsonl"]).out,
        &["\"generation\":2,\"revision\":3"],
    );

    // It stands again; a second time changes nothing.
    let again = page(&[(0x0f, "Active")]);
    says(
        &gate.run_with(&import, &again).out,
        &["1 given again; 1 match again"],
    );
    says(
        &gate.run_with(&import, &again).out,
        &["0 updated, 1 already there"],
    );
    gate.expect(0, &["publish"]);
    gate.expect(1, &["match", HASH]);

    // By hand it stays out whatever the list says.
    gate.expect(0, &["bank", "withdraw", "list", "1"]);
    says(
        &gate.run_with(&import, &again).out,
        &["withdrawn by hand before: they stay so"],
    );
    gate.expect(0, &["publish"]);
    gate.expect(0, &["match", HASH]);
    says(
        &gate.expect(0, &["bank", "reinstate", "list", HASH]).out,
        &["#1", "active"],
    );
}

#[test]
fn samples_of_organisations_are_imported_with_their_faults_named() {
    for (name, format, out, err) in [
        (
            "ncmec.xml",
            "ncmec",
            &[
                "2 pdq, 2 md5, 2 sha1; 5 added",
                "2 taken back that were not there",
                "1 disputed: they match nothing",
                "cannot be computed here: 2 photodna, 1 tmk-pdqf",
                "it is one page",
            ][..],
            &[
                "record 4, line",
                "record 6, line",
                "what else it holds is read",
            ][..],
        ),
        (
            "stopncii.json",
            "stopncii",
            &["7 added", "1 disputed"],
            &["record 10", "record 11"],
        ),
        (
            "threatexchange.json",
            "threatexchange",
            &["3 added"],
            &["record 6", "record 7"],
        ),
        (
            "tech_against_terrorism.json",
            "tat",
            &["3 added"],
            &["record 5", "record 7"],
        ),
        (
            "vics_2.0.json",
            "vics",
            &["4 added", "2 photodna"],
            &["record 4"],
        ),
        ("vics_1.3.json", "vics", &["2 added"], &["record 3"]),
    ] {
        let gate = with_bank();
        let ran = gate.run(&["import", "--bank", "list", &sample(name)]);
        assert_eq!(ran.code, 2, "{name}: {ran:?}");
        says(&ran.out, &[&format!("read as {format}")]);
        says(&ran.out, out);
        says(&ran.err, err);
        let again = gate.run(&["import", "--bank", "list", &sample(name)]);
        says(&again.out, &["0 added, 0 updated"]);
        gate.expect(0, &["verify"]);
    }
}

#[test]
fn a_list_that_would_empty_a_bank_stops() {
    let gate = with_bank();
    let all: Vec<(u8, &str)> = (1..=40).map(|hash| (hash, "Active")).collect();
    let gone: Vec<(u8, &str)> = (1..=30).map(|hash| (hash, "Deleted")).collect();
    gate.run_with(&["import", "--bank", "list", "-"], &page(&all));
    let ran = gate.run_with(&["import", "--bank", "list", "-"], &page(&gone));
    assert_eq!(ran.code, 2);
    says(
        &ran.err,
        &[
            "nothing is changed: 30 of the 40",
            "--dry-run",
            "--accept-shrink",
        ],
    );
    says(
        &gate.expect(0, &["bank", "show", "list"]).out,
        &["40 entries ("],
    );
    let accept = ["import", "--bank", "list", "--accept-shrink", "-"];
    let ran = gate.run_with(&accept, &page(&gone));
    assert_eq!(ran.code, 0, "{ran:?}");
    says(
        &gate.expect(0, &["bank", "show", "list"]).out,
        &["40 entries, 30 withdrawn"],
    );
    let many: Vec<(u8, &str)> = (50..=60).map(|hash| (hash, "Active")).collect();
    let ran = gate.run_with(
        &["import", "--bank", "list", "--max-added", "10", "-"],
        &page(&many),
    );
    assert_eq!(ran.code, 2);
    says(
        &ran.err,
        &["11 entries would be added, more than --max-added 10"],
    );
}

#[test]
fn a_complete_list_takes_back_what_it_lacks() {
    let gate = with_bank();
    let md5 = |digit: char| format!("md5 {}\n", digit.to_string().repeat(32));
    let complete = [
        "import",
        "--bank",
        "list",
        "--complete",
        "--source",
        "daily",
        "-",
    ];
    let ran = gate.run_with(&complete, &(md5('1') + &md5('2') + &md5('3')));
    says(&ran.out, &["3 added"]);
    let ran = gate.run_with(&complete, &(md5('2') + &md5('3') + &md5('4')));
    assert_eq!(ran.code, 0, "{ran:?}");
    says(
        &ran.out,
        &[
            "1 added",
            "2 already there",
            "1 taken back; 1 no longer match",
        ],
    );
    let ran = gate.run_with(&complete, &(md5('1') + &md5('2') + &md5('3') + &md5('4')));
    says(&ran.out, &["1 given again; 1 match again"]);
    let ran = gate.run(&["import", "--bank", "list", "--complete", "-"]);
    says(&ran.err, &["--source"]);
}

#[test]
fn a_list_that_is_not_whole_takes_nothing_back() {
    let gate = with_bank();
    let import = |list: &str, more: &[&str]| {
        let mut args = vec![
            "import",
            "--bank",
            "list",
            "--complete",
            "--source",
            "daily",
        ];
        args.extend(more);
        args.push("-");
        gate.run_with(&args, list)
    };
    let records: Vec<(u8, &str)> = (1..=20).map(|number| (number, "Active")).collect();
    let whole = page(&records);
    assert_eq!(import(&whole, &[]).code, 0);
    let want = hashes(&gate, "list");
    assert_eq!(want.len(), 20);

    let first = page(&records[..19]);
    let paged = first.replace("\"hasMoreRecords\":false", "\"hasMoreRecords\":true");
    let cut = &whole[..whole.len() * 95 / 100];
    let malformed = whole.replace(&"03".repeat(32), "xyz");
    for (list, reason) in [
        (paged.as_str(), "join all pages"),
        (cut, "could not be read"),
        (&malformed, "could not be read"),
    ] {
        for more in [&["--dry-run"][..], &[]] {
            let ran = import(list, more);
            assert_eq!(ran.code, 2, "{reason}: {ran:?}");
            says(&ran.err, &["nothing that it lacks is taken back", reason]);
            assert!(!ran.out.contains("no longer match"), "{ran:?}");
            assert_eq!(hashes(&gate, "list"), want, "{reason}");
        }
    }
    let ran = import(&first, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(hashes(&gate, "list").len(), 19);
}

#[test]
fn a_disputed_entry_is_exported_as_one_that_matches_nothing() {
    let gate = with_bank();
    let disputed = r#"{"data":[{"id":"7","type":"HASH_MD5","indicator":"11111111111111111111111111111111","descriptors":{"data":[{"owner":{"id":"1"},"status":"NON_MALICIOUS"}]}}]}"#;
    let import = [
        "import",
        "--bank",
        "list",
        "--format",
        "threatexchange",
        "-",
    ];
    let ran = gate.run_with(&import, disputed);
    says(&ran.out, &["1 disputed"]);
    let all = ["export", "--bank", "list", "--all", "--format"];
    for format in ["tx", "csv", "vics", "stopncii"] {
        let ran = gate.run(&[&all[..], &[format]].concat());
        assert_eq!(ran.code, 2, "{format}");
        says(&ran.err, &["--all", "jsonl or bundle"]);
    }
    for format in ["jsonl", "bundle"] {
        let (_, path) = file(&gate, format);
        gate.expect(0, &[&all[..], &[format, "--output", &path]].concat());
        says(&fs::read_to_string(&path).unwrap(), &["withdrawn"]);
        gate.expect(0, &["bank", "create", format]);
        let sync = ["import", "--bank", format, "--sync", "--source", "x"];
        let ran = gate.run(&[&sync[..], &["--unsigned", &path]].concat());
        says(&ran.out, &["1 taken back that were not there"]);
        assert_eq!(hashes(&gate, format), [""; 0], "{format}");
    }
}

#[test]
fn a_torn_note_of_a_publication_takes_no_other_with_it() {
    let gate = with_bank();
    let import = ["import", "--bank", "list", "--publish", "-"];
    let (notes, _) = file(&gate, "published.jsonl");
    fs::write(&notes, "{\"generation\":1,\"rev").unwrap();
    gate.run_with(&import, &page(&[(0x0f, "Active")]));
    gate.run_with(&import, &page(&[(0x0f, "Withdrawn")]));
    let lines = fs::read_to_string(&notes).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    says(&gate.expect(0, &["audit", HASH]).out, &["in force since"]);

    // A note that cannot be made is no failed publication.
    fs::remove_file(&notes).unwrap();
    fs::create_dir(&notes).unwrap();
    let ran = gate.run_with(&import, &page(&[(0x0f, "Active")]));
    assert_eq!(ran.code, 0, "{ran:?}");
    says(&ran.err, &["is in force, but audit will not know"]);
    gate.expect(1, &["match", HASH]);
}

/// What a bank holds, but for numbers, times and where it came from.
#[test]
fn a_schedule_begins_by_publishing_what_one_that_was_killed_has_fetched() {
    let gate = Hashgate::new();
    gate.expect(0, &["exchange", "add", "SAMPLE", "--api", "sample"]);
    gate.expect(0, &["exchange", "fetch", "--no-publish"]);
    let manifest = gate.home().join("index");
    assert!(!manifest.exists(), "nothing is published");
    let mut schedule = gate
        .command()
        .args(["exchange", "fetch", "--every", "1h"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let is_there = || fs::read_dir(&manifest).is_ok_and(|all| all.count() > 1);
    common::wait_until(is_there, "it is published");
    schedule.kill().unwrap();
    schedule.wait().unwrap();
}

fn hashes(gate: &Hashgate, bank: &str) -> Vec<String> {
    let text = gate
        .expect(0, &["export", "--bank", bank, "--format", "tx"])
        .out;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn exported_lists_are_imported_again() {
    let gate = with_bank();
    gate.run(&["import", "--bank", "list", &sample("columns.csv")]);
    let want = hashes(&gate, "list");
    assert_eq!(want.len(), 7);
    for format in ["tx", "csv", "jsonl"] {
        let file = gate.home().join(format!("list.{format}"));
        let file = file.to_str().unwrap();
        gate.expect(
            0,
            &[
                "export", "--bank", "list", "--format", format, "--output", file,
            ],
        );
        gate.expect(0, &["bank", "create", format]);
        gate.expect(0, &["import", "--bank", format, file]);
        assert_eq!(hashes(&gate, format), want, "{format}");
    }
}

/// A file of a bundle in the home folder.
fn file(gate: &Hashgate, name: &str) -> (PathBuf, String) {
    let path = gate.home().join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[test]
fn a_bundle_is_taken_signed_whole_in_time_and_no_older_than_the_last() {
    let gate = with_bank();
    let (_, key) = file(&gate, "key");
    let public = format!("{key}.pub");
    gate.expect(0, &["hashset", "keygen", &key]);
    let export = |to: &str, more: &[&str]| {
        let args = [
            "export", "--bank", "list", "--format", "bundle", "--output", to,
        ];
        gate.expect(0, &[&args[..], more].concat());
    };
    gate.run(&["import", "--bank", "list", &sample("md5.txt")]);
    let (first_path, first) = file(&gate, "first.bundle");
    export(&first, &[]);
    let unsigned = gate.run(&["hashset", "verify", "--public-key", &public, &first]);
    assert_eq!(unsigned.code, 2);
    says(&unsigned.err, &["it is not signed"]);
    gate.expect(0, &["hashset", "sign", "--secret-key", &key, &first]);
    gate.expect(0, &["hashset", "verify", "--public-key", &public, &first]);
    says(
        &gate.expect(0, &["hashset", "inspect", &first]).out,
        &["items     3 (3 md5)", "signed    yes"],
    );
    gate.run(&["import", "--bank", "list", &sample("sha1.txt")]);
    let (_, second) = file(&gate, "second.bundle");
    export(&second, &["--expires", "30"]);
    gate.expect(0, &["hashset", "sign", "--secret-key", &key, &second]);

    let other = Hashgate::new();
    other.expect(0, &["bank", "create", "copy"]);
    let import =
        |bundle: &str| other.run(&["import", "--bank", "copy", "--public-key", &public, bundle]);
    let no_key = other.run(&["import", "--bank", "copy", &second]);
    assert_eq!(no_key.code, 2);
    says(&no_key.err, &["--public-key", "--unsigned"]);
    let ran = import(&second);
    assert_eq!(ran.code, 0, "{ran:?}");
    says(&ran.out, &["read as bundle: 3 md5, 3 sha1; 6 added"]);
    let ran = import(&first);
    assert_eq!(ran.code, 2);
    says(
        &ran.err,
        &["it is older than what was taken of \"list\" before"],
    );
    says(
        &import(&second).out,
        &["0 added, 0 updated, 6 already there"],
    );

    // Compressed, and from a pipe.
    let packed = Hashgate::new();
    packed.expect(0, &["bank", "create", "copy"]);
    let (packed_path, packed_name) = file(&gate, "second.bundle.gz");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, &fs::read(&second).unwrap()).unwrap();
    fs::write(&packed_path, gzip.finish().unwrap()).unwrap();
    gate.expect(
        0,
        &["hashset", "verify", "--public-key", &public, &packed_name],
    );
    says(
        &gate.expect(0, &["hashset", "inspect", &packed_name]).out,
        &["items     6 (3 md5, 3 sha1)"],
    );
    let ran = gate.run(&["hashset", "sign", "--secret-key", &key, &packed_name]);
    says(&ran.err, &["is compressed: unpack it"]);
    let args = ["import", "--bank", "copy", "--public-key", &public];
    let ran = packed.run(&[&args[..], &[&packed_name]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    says(&ran.out, &["read as bundle: 3 md5, 3 sha1; 6 added"]);
    let text = fs::read_to_string(&second).unwrap();
    let ran = packed.run_with(&[&args[..], &["-"]].concat(), &text);
    assert_eq!(ran.code, 0, "{ran:?}");
    says(&ran.out, &["6 already there"]);

    // One digit of one hash.
    let text = fs::read_to_string(&first_path).unwrap();
    let at = text.find("\"md5:").unwrap() + 6;
    let digit = if text.as_bytes()[at] == b'0' {
        "1"
    } else {
        "0"
    };
    let mut tampered = text.clone();
    tampered.replace_range(at..=at, digit);
    fs::write(&first_path, tampered).unwrap();
    for ran in [
        gate.run(&["hashset", "verify", "--public-key", &public, &first]),
        import(&first),
    ] {
        assert_eq!(ran.code, 2);
        says(&ran.err, &["its bytes are not those that it was made of"]);
    }
    // Another key.
    let (_, foreign) = file(&gate, "foreign");
    gate.expect(0, &["hashset", "keygen", &foreign]);
    let public = format!("{foreign}.pub");
    let ran = gate.run(&["hashset", "verify", "--public-key", &public, &second]);
    assert_eq!(ran.code, 2);
    says(&ran.err, &["its signature is not by this key"]);
    // Out of time.
    let (_, late) = file(&gate, "late.bundle");
    export(&late, &["--expires", "0"]);
    gate.expect(0, &["hashset", "sign", "--secret-key", &key, &late]);
    let ran = gate.run(&[
        "hashset",
        "verify",
        "--public-key",
        &format!("{key}.pub"),
        &late,
    ]);
    assert_eq!(ran.code, 2);
    says(&ran.err, &["it expired at"]);
}

#[test]
fn matches_are_handed_over_without_any_media() {
    let gate = with_bank();
    let known = gate.home().join("known");
    fs::create_dir(&known).unwrap();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pictures/known");
    let picture = fs::read_dir(pictures)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let copy = known.join("copy");
    fs::copy(picture, &copy).unwrap();
    gate.expect(0, &["bank", "add", "list", copy.to_str().unwrap()]);
    gate.expect(0, &["publish"]);
    let (_, scan) = file(&gate, "scan.jsonl");
    let scanned = [
        "scan",
        "--format",
        "jsonl",
        "--output",
        &scan,
        known.to_str().unwrap(),
    ];
    gate.expect(1, &scanned);
    let made = gate.expect(
        1,
        &["report", "make", "--country", "PK", "--by", "me", &scan],
    );
    says(&made.err, &["1 match in the report"]);
    let report: serde_json::Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(report["media_included"], false);
    assert_eq!(report["channels"][0]["country"], "PK");
    let item = &report["items"][0];
    assert_eq!(item["matches"][0]["bank"], "list");
    assert_eq!(item["file_now"]["sha256"], item["signals"]["sha256"]);
    assert_eq!(report["custody"][0]["sha256"].as_str().unwrap().len(), 64);

    let text = gate
        .expect(
            0,
            &["report", "text", "--country", "PK", "--language", "ur"],
        )
        .out;
    says(
        &text,
        &[
            "https://www.nccia.gov.pk/",
            "روک دی گئی",
            "https://www.inhope.org/",
        ],
    );
    let text = gate.expect(0, &["report", "text", "--country", "GB"]).out;
    says(
        &text,
        &["Your upload was stopped", "https://report.iwf.org.uk/"],
    );
    says(
        &gate
            .expect(0, &["report", "channels", "--country", "CA"])
            .out,
        &["no verified address"],
    );
    #[cfg(unix)]
    {
        // What has come in the file's place is not waited for.
        fs::remove_file(&copy).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&copy).status();
        assert!(made.unwrap().success());
        let made = gate.expect(1, &["report", "make", "--country", "PK", &scan]);
        says(&made.out, &["it is no regular file"]);
        fs::remove_file(&copy).unwrap();
        fs::write(&copy, "no scan\n").unwrap();
    }
    let half = gate.run(&["report", "make", copy.to_str().unwrap()]);
    assert_eq!(half.code, 2);
    says(&half.err, &["no line of a scan"]);
}

#[test]
fn doubtful_entries_are_named() {
    let gate = with_bank();
    let pdq = |text: &str| format!("pdq {text}\n");
    let flat = "00".repeat(32);
    let known = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
    let near = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b2e";
    gate.run_with(
        &["import", "--bank", "list", "-"],
        &(pdq(&flat) + &pdq(known)),
    );
    gate.expect(0, &["bank", "create", "harmless", "--action", "allow"]);
    gate.run_with(&["import", "--bank", "harmless", "-"], &pdq(near));
    let before = gate.run(&["hashset", "lint"]);
    assert_eq!(before.code, 2);
    says(&before.err, &["run hashgate publish first"]);
    gate.expect(0, &["publish"]);
    for cluster in ["0", "10001", "18446744073709551615"] {
        let refused = gate.run(&["hashset", "lint", "--cluster", cluster]);
        assert_eq!(refused.code, 2);
        says(&refused.err, &["--cluster", "10000"]);
    }
    let text = gate.expect(0, &["hashset", "lint"]).out;
    says(
        &text,
        &[
            "3 entries looked at",
            "1: an entry of an allow bank",
            "2 bits away",
            "0 of 256 bits set",
        ],
    );
    let (path, benign) = file(&gate, "benign.txt");
    fs::write(path, pdq(near)).unwrap();
    let args = [
        "hashset", "lint", "--bank", "list", "--benign", &benign, "--format", "json",
    ];
    let json = gate.expect(0, &args).out;
    says(
        &json,
        &[
            "{\"kind\":\"benign\",\"bank\":\"list\",\"content_id\":2",
            "\"summary\"",
        ],
    );
    assert!(!json.contains(known), "hashes are shortened");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, pdq(near).as_bytes()).unwrap();
    fs::write(&benign, gzip.finish().unwrap()).unwrap();
    assert_eq!(
        gate.expect(0, &args).out,
        json,
        "a compressed list is the same"
    );
    let page = gate.expect(0, &["hashset", "lint", "--format", "html"]).out;
    says(
        &page,
        &["<!doctype html>", "<svg", "an entry of an allow bank"],
    );
}
