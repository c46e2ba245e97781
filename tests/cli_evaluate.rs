//! `evaluate` and `calibrate` as commands: end to end on the pictures in `examples/`.
#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn known() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("examples/pictures/known");
    folder.to_str().unwrap().to_owned()
}

/// The figures, the rows and the page of an evaluation.
fn evaluate(gate: &Hashgate, folder: &Path, more: &[&str]) -> [String; 3] {
    let files = ["a.json", "a.csv", "a.html"].map(|name| folder.join(name));
    let corpus = known();
    let mut all = vec!["evaluate", "--corpus", &corpus];
    for (option, file) in ["--json", "--csv", "--html"].iter().zip(&files) {
        all.extend([*option, file.to_str().unwrap()]);
    }
    all.extend(more);
    gate.expect(0, &all);
    files.map(|file| read(&file))
}

/// A page is whole, asks for nothing from elsewhere, and shows no number that is none.
fn stands_alone(html: &str) {
    for foreign in [
        "http:", "https:", "//cdn", "<script", "<link", "@import", "url(",
    ] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(html.contains("</html>") && !html.contains("NaN"));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    let some = ["--modifications", "jpeg_50,noise_20,sticker_30,mirror"];
    let with = |more: &[&str]| {
        let all: Vec<&str> = some.iter().chain(more).copied().collect();
        evaluate(&gate, temp.path(), &all)
    };
    let first = with(&["--jobs", "1"]);
    assert_eq!(first, with(&["--jobs", "3"]));
    let other = with(&["--seed", "2"]);
    for (first, other) in first.iter().zip(&other).take(1) {
        assert_ne!(first, other);
    }
    let report: Value = serde_json::from_str(&first[0]).unwrap();
    let other: Value = serde_json::from_str(&other[0]).unwrap();
    let own = |report: &Value| report["results"][0]["histograms"]["own"].clone();
    assert_ne!(own(&report), own(&other), "another seed draws other copies");
}

#[test]
fn figures_rows_and_page_agree_and_the_page_stands_alone() {
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    let list = temp.path().join("harmless.csv");
    std::fs::write(&list, format!("pdq,quality\n{},100\n", "5a".repeat(32))).unwrap();
    let some = [
        "--modifications",
        "quick",
        "--benign",
        list.to_str().unwrap(),
    ];
    let [json, csv, html] = evaluate(&gate, temp.path(), &some);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["report"], "evaluate");
    assert_eq!(report["corpus"]["name"], "known");
    assert_eq!(report["corpus"]["pictures"], 6);
    assert_eq!(report["benign"]["entries"], 1);
    let modifications = report["modifications"].as_array().unwrap().len();
    assert_eq!(report["results"].as_array().unwrap().len(), 2);
    assert_eq!(csv.lines().count(), 1 + 2 * modifications);
    assert!(csv.starts_with("variants,signal_type,modification,"));

    stands_alone(&html);
    assert!(
        !html.contains("<img") && !html.contains("src=\"data:"),
        "no picture unless asked for"
    );
    let here = env!("CARGO_MANIFEST_DIR");
    assert!(
        !html.contains(here) && !json.contains(here),
        "no path of this machine"
    );
    let ends = html.matches("<svg").count();
    assert!(ends >= 4, "{ends} plots");
}

#[test]
fn pictures_are_shown_only_where_they_are_asked_for() {
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    let some = [
        "--modifications",
        "mirror,caption_above_15",
        "--show-pictures",
    ];
    let [_, _, html] = evaluate(&gate, temp.path(), &some);
    assert_eq!(html.matches("src=\"data:image/jpeg;base64,").count(), 3);
    stands_alone(&html);
}

#[test]
fn the_table_for_a_readme_names_its_corpus_and_command() {
    let gate = Hashgate::new();
    let corpus = known();
    let some = "jpeg_85,jpeg_50,mirror";
    let all = [
        "evaluate",
        "--corpus",
        &corpus,
        "--modifications",
        some,
        "--format",
        "markdown",
    ];
    let ran = gate.expect(0, &all);
    assert!(
        ran.out
            .starts_with("| what was done to the picture | none | standard |\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("| jpeg 85 · 50 | 100 · 100 % | 100 · 100 % |"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("6 pictures of `known`"));
    assert!(
        ran.out
            .contains("`hashgate evaluate --corpus known --modifications jpeg_85,jpeg_50,mirror")
    );
    assert!(ran.err.is_empty(), "no progress in a pipe: {}", ran.err);
}

#[test]
fn other_hashes_are_evaluated_on_request() {
    let gate = Hashgate::new();
    let corpus = known();
    let all = [
        "evaluate",
        "--corpus",
        &corpus,
        "--modifications",
        "jpeg_85,grey",
        "--signals",
        "pdq,phash,dhash",
        "--variants",
        "none",
        "--format",
        "json",
    ];
    let report: Value = serde_json::from_str(&gate.expect(0, &all).out).unwrap();
    let results = report["results"].as_array().unwrap();
    let kinds: Vec<&str> = results
        .iter()
        .map(|one| one["signal_type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["pdq", "dhash", "phash"]);
    for result in results {
        assert!(
            result["recall"]["value"].as_f64().unwrap() > 0.8,
            "{result}"
        );
    }
    let widest = results[1]["by_threshold"].as_array().unwrap().len();
    assert_eq!(widest, 17, "0 to 16 bits of 64");
}

#[test]
fn the_modifications_can_be_listed() {
    let gate = Hashgate::new();
    let quick = gate.expect(
        0,
        &[
            "evaluate",
            "--list-modifications",
            "--modifications",
            "quick",
        ],
    );
    assert!(
        quick.out.lines().any(|name| name == "crop_centre_10"),
        "{}",
        quick.out
    );
    let full = gate.expect(
        0,
        &[
            "evaluate",
            "--list-modifications",
            "--modifications",
            "full",
        ],
    );
    assert!(full.out.lines().count() > 2 * quick.out.lines().count());
    assert!(gate.expect(2, &["evaluate"]).err.contains("--corpus"));
}

#[test]
fn wrong_arguments_are_told_with_their_repair() {
    let gate = Hashgate::new();
    let corpus = known();
    let failed = |more: &[&str]| {
        let mut all = vec!["evaluate", "--corpus", &corpus];
        all.extend(more);
        gate.expect(2, &all).err
    };
    assert!(failed(&["--modifications", "sharks"]).contains("quick, standard, full"));
    assert!(failed(&["--variants", "sideways"]).contains("none, standard"));
    assert!(failed(&["--signals", "md5"]).contains("name perceptual hashes"));
    assert!(failed(&["--threshold", "64"]).contains("63"));
    assert!(failed(&["--benign", "no/such/list"]).contains("no/such/list"));
    let empty = tempfile::tempdir().unwrap();
    let ran = gate.expect(2, &["evaluate", "--corpus", empty.path().to_str().unwrap()]);
    assert!(ran.err.contains("holds no file"), "{}", ran.err);
}

#[test]
fn a_bank_is_calibrated_by_a_list_by_pictures_and_by_a_past_scan() {
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("harmless");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..5 {
        let path = folder.join(format!("{number}.png"));
        picture(number + 40, 200, 150).save(path).unwrap();
    }
    // One of them is in the bank: a noisy entry.
    let noisy = folder.join("2.png");
    gate.expect(0, &["bank", "create", "known", "--action", "block"]);
    gate.expect(
        0,
        &[
            "bank",
            "add",
            "known",
            &known(),
            noisy.to_str().unwrap(),
            "--no-forms",
        ],
    );
    gate.expect(0, &["publish"]);

    let folder = folder.to_str().unwrap();
    let ran = gate.expect(0, &["calibrate", "--benign", folder, "--format", "json"]);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&found["uploads"], &found["entries"]),
        (&Value::from(5), &Value::from(7))
    );
    assert!(
        found["hashes"].as_u64().unwrap() >= 40,
        "eight forms of each"
    );
    let entry = &found["noisy"][0];
    assert_eq!(entry["nearest"], 0);
    assert_eq!(entry["reach"], Value::Null);
    assert_eq!(found["noisy"].as_array().unwrap().len(), 1);
    assert_eq!(found["banks"][0]["by_threshold"][31]["flagged"], 1);
    assert_eq!(
        found["banks"][0]["by_threshold"][31]["per_million"]["value"],
        200_000.0
    );
    assert_eq!(found["scan"], Value::Null);
    assert!(
        entry["hash"].as_str().unwrap().len() < 20,
        "hashes are shortened"
    );

    // The same as a list, with a past scan, as text and as a page.
    let list = temp.path().join("list.csv");
    let hashed = gate.expect(0, &["hash", folder]);
    std::fs::write(&list, format!("hash,quality,filename\n{}", hashed.out)).unwrap();
    let scan = temp.path().join("scan.jsonl");
    let scan = scan.to_str().unwrap();
    gate.expect(1, &["scan", folder, "--format", "jsonl", "--output", scan]);
    let html = temp.path().join("a.html");
    let ran = gate.expect(
        0,
        &[
            "calibrate",
            "--benign",
            list.to_str().unwrap(),
            "--scan",
            scan,
            "--html",
            html.to_str().unwrap(),
        ],
    );
    assert!(
        ran.out.contains("5 harmless uploads, 5 hashes"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("The past scan: 5 files with a PDQ hash, 1 matched"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("Noisy entries: 1 flag"), "{}", ran.out);
    let html = read(&html);
    stands_alone(&html);

    let wrong = gate.expect(
        2,
        &[
            "calibrate",
            "--benign",
            folder,
            "--scan",
            list.to_str().unwrap(),
        ],
    );
    assert!(
        wrong.err.contains("line 1") && wrong.err.contains("scan --format jsonl"),
        "{}",
        wrong.err
    );
}
