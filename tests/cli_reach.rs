//! Forms and reaches as commands: `bank add`, `calibrate --apply`, `publish`, and what matches show.
#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};
use serde_json::Value;
use std::path::Path;

fn save(folder: &Path, name: &str, picture: &image::RgbImage) -> String {
    let path = folder.join(name);
    picture.save(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A bank of three pictures, published.
fn known(folder: &Path, forms: &str) -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "known", "--action", "block"]);
    for number in 0..3 {
        let name = format!("known-{number}.png");
        let path = save(folder, &name, &picture(number + 20, 400, 300));
        gate.expect(0, &["bank", "add", "known", &path, "--forms", forms]);
    }
    gate.expect(0, &["publish"]);
    gate
}

fn matches(gate: &Hashgate, path: &str) -> Vec<Value> {
    let record = gate
        .run(&["scan", path, "--format", "jsonl"])
        .json()
        .remove(0);
    record["matches"].as_array().unwrap().clone()
}

#[test]
fn the_form_that_was_met_is_shown_exported_and_read_back() {
    let temp = tempfile::tempdir().unwrap();
    let gate = known(temp.path(), "crops");
    let half = image::imageops::crop_imm(&picture(20, 400, 300), 0, 0, 200, 300).to_image();
    let half = save(temp.path(), "half.png", &half);
    let ask = ["scan", &half, "--variants", "none"];
    let ran = gate.expect(1, &ask);
    assert!(ran.out.contains("from its region_0_0_500_0"), "{}", ran.out);
    let record = gate.expect(1, &[&ask[..], &["--format", "jsonl"]].concat());
    let record = record.json().remove(0);
    assert_eq!(record["matches"][0]["entry_form"], "region_0_0_500_0");
    let csv = gate.expect(1, &[&ask[..], &["--format", "csv"]].concat());
    assert!(csv.out.contains(",region_0_0_500_0,"), "{}", csv.out);

    let shown = gate.expect(0, &["bank", "show", "known", "--entries", "1"]);
    assert!(shown.out.contains("  region_0_0_500_0\n"), "{}", shown.out);
    let shown = gate.expect(0, &["bank", "show", "known", "--format", "jsonl"]);
    let item = &shown.json()[1];
    let forms = item["forms"].as_array().unwrap();
    assert_eq!(forms.len(), item["signals"].as_array().unwrap().len());
    assert!(forms.iter().any(Value::is_null) && forms.iter().any(Value::is_string));
    assert_eq!(item.get("reaches"), None);

    // Another machine that reads the list knows the forms too.
    let list = temp.path().join("list.jsonl");
    let list = list.to_str().unwrap();
    gate.expect(0, &["export", "--bank", "known", "--output", list]);
    let other = Hashgate::new();
    other.expect(0, &["bank", "create", "theirs", "--action", "review"]);
    other.expect(0, &["import", "--bank", "theirs", list]);
    other.expect(0, &["publish"]);
    let ran = other.expect(1, &ask);
    assert!(ran.out.contains("from its region_0_0_500_0"), "{}", ran.out);
    let again = other.expect(0, &["import", "--bank", "theirs", list]);
    assert!(again.out.contains("3 already there"), "{}", again.out);
}

#[test]
fn an_entry_is_calibrated_applied_published_and_cleared() {
    let temp = tempfile::tempdir().unwrap();
    let gate = known(temp.path(), "none");
    // A harmless list has the very hash of the first picture, and a stranger's.
    let hash = |path: &str| {
        let record = gate
            .expect(0, &["hash", path, "--format", "jsonl"])
            .json()
            .remove(0);
        record["signals"]["pdq"].as_str().unwrap().to_owned()
    };
    let first = temp.path().join("known-0.png");
    let stranger = save(temp.path(), "stranger.png", &picture(90, 400, 300));
    let list = temp.path().join("harmless.csv");
    let rows = [hash(first.to_str().unwrap()), hash(&stranger)];
    std::fs::write(&list, format!("pdq\n{}\n", rows.join("\n"))).unwrap();
    let list = list.to_str().unwrap();

    let plain = gate.expect(0, &["calibrate", "--benign", list]);
    assert!(!plain.out.contains("reach of the store's"), "{}", plain.out);
    let apply = ["calibrate", "--benign", list, "--apply"];
    let ran = gate.expect(0, &apply);
    let said = |set, changed, unchanged, without| {
        format!(
            "{set} set, {changed} changed, {unchanged} unchanged, 0 taken away, {without} without"
        )
    };
    assert!(ran.out.contains(&said(3, 0, 0, 0)), "{}", ran.out);
    assert!(ran.out.contains("hashgate publish"), "{}", ran.out);
    // The same sample once more changes nothing, published or not.
    let ran = gate.expect(0, &apply);
    assert!(ran.out.contains(&said(0, 0, 3, 0)), "{}", ran.out);
    let published = gate.expect(0, &["publish"]);
    assert!(
        !published.out.contains("nothing has changed"),
        "{}",
        published.out
    );
    let ran = gate.expect(0, &[&apply[..], &["--format", "json"]].concat());
    assert!(
        serde_json::from_str::<Value>(&ran.out).is_ok(),
        "{}",
        ran.out
    );
    assert!(ran.err.contains(&said(0, 0, 3, 0)), "{}", ran.err);

    let shown = gate.expect(0, &["bank", "show", "known"]);
    let words = "3 of 3 pdq hashes calibrated, 0 without a reach";
    assert!(shown.out.contains(words), "{}", shown.out);
    assert!(shown.out.contains("reach nowhere"), "{}", shown.out);
    let status = gate.expect(0, &["status"]);
    assert!(status.out.contains(words), "{}", status.out);
    let found = matches(&gate, first.to_str().unwrap());
    assert_eq!(found[0]["reach"], "nowhere");
    let found = matches(&gate, temp.path().join("known-1.png").to_str().unwrap());
    assert!(found[0]["reach"].as_u64().unwrap() > 31, "{found:?}");

    // What is not published was not judged.
    let new = save(temp.path(), "new.png", &picture(50, 400, 300));
    gate.expect(0, &["bank", "add", "known", &new, "--no-forms"]);
    let ran = gate.expect(0, &apply);
    assert!(ran.out.contains(&said(0, 0, 3, 1)), "{}", ran.out);
    gate.expect(0, &["publish"]);
    let ran = gate.expect(0, &apply);
    assert!(ran.out.contains(&said(1, 0, 3, 0)), "{}", ran.out);

    let ran = gate.expect(0, &["calibrate", "--clear"]);
    assert!(
        ran.out.contains("taken away of 4 pdq hashes"),
        "{}",
        ran.out
    );
    let ran = gate.expect(0, &["calibrate", "--clear"]);
    assert!(
        ran.out.contains("taken away of 0 pdq hashes"),
        "{}",
        ran.out
    );
    gate.expect(0, &["publish"]);
    let found = matches(&gate, first.to_str().unwrap());
    assert_eq!(found[0].get("reach"), None);
    gate.expect(0, &["verify"]);
    let wrong = gate.expect(2, &["calibrate"]);
    assert!(wrong.err.contains("--benign"), "{}", wrong.err);
}

#[test]
fn guesses_at_harmless_pictures_are_rated_and_end_the_reach_of_what_they_meet() {
    let temp = tempfile::tempdir().unwrap();
    let gate = known(temp.path(), "none");
    let harmless = temp.path().join("harmless");
    std::fs::create_dir(&harmless).unwrap();
    // It shows the second known picture in a frame: the picture itself is far off, a guess is not.
    let mut framed = image::RgbImage::from_pixel(560, 340, image::Rgb([12, 12, 14]));
    image::imageops::replace(&mut framed, &picture(21, 400, 300), 100, 25);
    save(&harmless, "framed.png", &framed);
    save(&harmless, "stranger.png", &picture(91, 400, 300));
    let folder = harmless.to_str().unwrap();
    let json = |more: &[&str]| {
        let all = ["calibrate", "--benign", folder, "--format", "json"];
        let ran = gate.expect(0, &[&all[..], more].concat());
        serde_json::from_str::<Value>(&ran.out).unwrap()
    };
    let found = json(&["--apply"]);
    let bank = &found["banks"][0];
    assert_eq!(
        bank["by_threshold"][31]["flagged"], 0,
        "itself it is far off"
    );
    let at = &bank["guesses"][31];
    assert_eq!(at["near"], 1, "{at}");
    assert_eq!(at["near_per_million"]["value"], 500_000.0);
    assert!(found["guesses"].as_u64().unwrap() > 100);
    gate.expect(0, &["publish"]);
    let path = temp.path().join("known-1.png");
    let itself = matches(&gate, path.to_str().unwrap());
    assert_eq!(itself[0]["reach"], "nowhere", "{itself:?}");
    // The guess matches no more, and is rated as before.
    let framed = harmless.join("framed.png");
    assert!(matches(&gate, framed.to_str().unwrap()).is_empty());
    // A list besides takes nothing away.
    let list = temp.path().join("list.csv");
    std::fs::write(&list, format!("pdq\n{}\n", "5a".repeat(32))).unwrap();
    let both = json(&["--benign", list.to_str().unwrap()]);
    assert_eq!(
        (&both["uploads"], &both["sample"]),
        (&3.into(), &"harmless + list.csv".into())
    );
    assert_eq!(both["guesses"], found["guesses"]);
    let again = json(&["--apply"]);
    assert_eq!(again["banks"], found["banks"]);
    assert_eq!(again["by_reach"], found["by_reach"]);
    let ran = gate.expect(0, &["calibrate", "--benign", folder]);
    assert!(
        ran.out.contains("by guesses at the originals"),
        "{}",
        ran.out
    );
}

#[test]
fn what_is_fitted_to_an_entry_ends_its_reach_too() {
    let temp = tempfile::tempdir().unwrap();
    let gate = known(temp.path(), "none");
    let harmless = temp.path().join("harmless");
    std::fs::create_dir(&harmless).unwrap();
    // Stickers over the known pictures: some are found by fitting only.
    for number in 0..3 {
        let copy = picture(number + 20, 400, 300);
        let sticker = image::RgbImage::from_pixel(90, 90, image::Rgb([250, 205, 40]));
        for (x, y) in [(155, 105), (93, 137), (217, 73)] {
            let mut copy = copy.clone();
            image::imageops::replace(&mut copy, &sticker, x, y);
            save(&harmless, &format!("sticker-{number}-{x}.png"), &copy);
        }
    }
    let folder = harmless.to_str().unwrap();
    let scan = |code| gate.expect(code, &["scan", folder, "--format", "jsonl"]);
    let fitted = |ran: &common::Ran| -> usize {
        let all = ran.json();
        let matches = all.iter().filter_map(|line| line["matches"].as_array());
        let variants = matches.flatten().filter_map(|one| one["variant"].as_str());
        variants
            .filter(|variant| variant.contains("fitted"))
            .count()
    };
    let before = scan(1);
    assert!(fitted(&before) > 0, "{}", before.out);
    gate.expect(0, &["calibrate", "--benign", folder, "--apply"]);
    gate.expect(0, &["publish"]);
    let after = scan(gate.run(&["scan", folder]).code);
    assert_eq!(fitted(&after), 0, "{}", after.out);
    let shown = gate.expect(0, &["bank", "show", "known"]);
    let again = gate.expect(0, &["calibrate", "--benign", folder, "--apply"]);
    assert!(
        again.out.contains(" 0 changed, 3 unchanged"),
        "{}",
        again.out
    );
    assert_eq!(gate.expect(0, &["bank", "show", "known"]).out, shown.out);
}
