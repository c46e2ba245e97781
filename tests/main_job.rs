//! The main job on real pictures: known ones are found after re-encoding and resizing, others pass.
#![cfg(feature = "full")]

mod common;

use common::{Hashgate, test_data, tsv};
use image::codecs::jpeg::JpegEncoder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

fn photos(data: &Path) -> Vec<PathBuf> {
    let folder = data.join("photos");
    let mut photos: Vec<PathBuf> = tsv(&folder.join("MANIFEST.tsv"))
        .iter()
        .map(|row| folder.join(&row[0]))
        .collect();
    photos.sort();
    assert!(photos.len() > 300);
    photos
}

fn bank_of(paths: &[&PathBuf]) -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "known", "--action", "block"]);
    let mut arguments: Vec<&str> = vec!["bank", "add", "known", "--publish"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    let ran = gate.expect(0, &arguments);
    let added = format!(
        "{} added, 0 updated, 0 already there, 0 rejected",
        paths.len()
    );
    assert!(ran.out.contains(&added), "{ran:?}");
    gate
}

#[test]
fn every_known_photo_is_found_again_and_no_other() {
    let Some(data) = test_data() else { return };
    let photos = photos(&data);
    let gate = bank_of(&photos.iter().collect::<Vec<_>>());

    let copies = tempfile::tempdir().unwrap();
    for path in &photos {
        let picture = image::open(path).unwrap().to_rgb8();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let file = File::create(copies.path().join(format!("{name}-q50.jpg"))).unwrap();
        JpegEncoder::new_with_quality(BufWriter::new(file), 50)
            .encode_image(&picture)
            .unwrap();
        let (width, height) = (picture.width() / 2, picture.height() / 2);
        let filter = image::imageops::FilterType::Triangle;
        let half = image::imageops::resize(&picture, width, height, filter);
        let file = File::create(copies.path().join(format!("{name}-half.jpg"))).unwrap();
        JpegEncoder::new_with_quality(BufWriter::new(file), 88)
            .encode_image(&half)
            .unwrap();
    }
    let scan = ["scan", "--format", "jsonl", copies.path().to_str().unwrap()];
    let mut lines = gate.expect(1, &scan).json();
    let summary = lines.pop().unwrap()["summary"].clone();
    let missed: Vec<String> = lines
        .iter()
        .filter(|line| line["outcome"] != "match")
        .map(|line| line["path"].to_string())
        .collect();
    assert!(missed.is_empty(), "not flagged: {missed:?}");
    assert_eq!(summary["outcomes"]["match"], 2 * photos.len());
    assert_eq!(summary["actions"]["block"], 2 * photos.len());
}

#[test]
fn half_of_the_photos_matches_nothing_in_the_other_half() {
    let Some(data) = test_data() else { return };
    let photos = photos(&data);
    let known: Vec<&PathBuf> = photos.iter().step_by(2).collect();
    let gate = bank_of(&known);
    let mut arguments = vec!["scan", "--format", "jsonl"];
    arguments.extend(
        photos
            .iter()
            .skip(1)
            .step_by(2)
            .map(|path| path.to_str().unwrap()),
    );
    let mut lines = gate.expect(0, &arguments).json();
    let summary = lines.pop().unwrap()["summary"].clone();
    assert_eq!(summary["outcomes"]["no_match"], photos.len() / 2);
    assert_eq!(lines.len(), photos.len() / 2);
}

#[test]
fn every_hard_file_gets_one_outcome() {
    let Some(data) = test_data() else { return };
    let gate = bank_of(&photos(&data).iter().take(3).collect::<Vec<_>>());
    let hard = data.join("hard");
    let ran = gate.run(&["scan", "--format", "jsonl", hard.to_str().unwrap()]);
    assert_ne!(ran.code, 0, "{}", ran.err);
    assert!(!ran.err.contains("panicked at src"), "{}", ran.err);
    let mut lines = ran.json();
    let summary = lines.pop().unwrap()["summary"].clone();
    let seen: BTreeSet<&str> = lines
        .iter()
        .map(|line| line["path"].as_str().unwrap())
        .collect();
    let there = std::fs::read_dir(&hard).unwrap().count();
    assert_eq!((seen.len(), lines.len()), (there, there));
    let mut counted = BTreeMap::new();
    for line in &lines {
        *counted
            .entry(line["outcome"].as_str().unwrap())
            .or_insert(0u64) += 1;
    }
    for (outcome, count) in summary["outcomes"].as_object().unwrap() {
        let expected = counted.remove(outcome.as_str()).unwrap_or(0);
        assert_eq!(count.as_u64(), Some(expected), "{outcome}");
    }
    assert!(counted.is_empty(), "{counted:?}");
}

#[test]
fn needles_are_found_in_the_haystack_as_by_brute_force() {
    let Some(data) = test_data() else { return };
    let folder = data.join("threatexchange");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (needles, haystack) = (read("needles.txt"), read("haystack.txt"));
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "haystack", "--action", "review"]);
    let list = folder.join("haystack.txt");
    let list = list.to_str().unwrap();
    gate.expect(0, &["import", "--bank", "haystack", "--publish", list]);
    let bits = |hex: &str| -> Vec<u32> {
        let digits = hex.chars().map(|c| c.to_digit(16).unwrap());
        digits.collect()
    };
    let distinct: BTreeSet<&str> = haystack.lines().map(|line| &line[..64]).collect();
    for radius in [0u32, 15, 31, 47, 63] {
        let arguments = [
            "match",
            "--format",
            "jsonl",
            "--max-distance",
            &radius.to_string(),
            "-",
        ];
        let ran = gate.run_with(&arguments, &needles);
        let answers = ran.json();
        assert_eq!(answers.len(), needles.lines().count());
        let mut pairs = 0;
        for (needle, answer) in needles.lines().zip(&answers) {
            let mut expected = BTreeSet::new();
            for hay in &distinct {
                let distance: u32 = bits(needle)
                    .iter()
                    .zip(bits(hay))
                    .map(|(a, b)| (a ^ b).count_ones())
                    .sum();
                if distance <= radius {
                    expected.insert(((*hay).to_owned(), u64::from(distance)));
                }
            }
            let found: BTreeSet<(String, u64)> = answer["matches"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| {
                    (
                        m["hash"].as_str().unwrap().to_owned(),
                        m["distance"].as_u64().unwrap(),
                    )
                })
                .collect();
            assert_eq!(found, expected, "{needle} at {radius}");
            pairs += found.len();
        }
        assert!(radius == 0 || pairs > 0, "something to find at {radius}");
    }
}
