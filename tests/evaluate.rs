//! The robustness harness as a library: that a report depends on pictures, modifications and seed
//! and on nothing else, and that what it counts is what is there.
#![cfg(feature = "evaluate")]

mod common;

use common::picture;
use hashgate::bank::{Action, Policy};
use hashgate::evaluate::{
    BenignEntry, CorpusFile, EvaluateError, LookedAt, Modifications, Plan, Report, Watch, evaluate,
    thumbnails,
};
use hashgate::gate::{Mode, VariantSet};
use hashgate::hash::{PdqHash, Quality, SignalType};
use hashgate::media::Limits;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

fn corpus(folder: &Path, pictures: u32) -> Vec<CorpusFile> {
    (0..pictures)
        .map(|number| {
            let name = format!("{number}.png");
            let path = folder.join(&name);
            picture(number + 1, 240, 180).save(&path).unwrap();
            CorpusFile { path, name }
        })
        .collect()
}

fn plan(modifications: &str) -> Plan {
    Plan {
        seed: 7,
        modifications: modifications.parse().unwrap(),
        variants: vec![
            ("none".to_owned(), VariantSet::NONE),
            ("standard".to_owned(), VariantSet::STANDARD),
        ],
        signals: vec![SignalType::Pdq],
        policy: Policy::new(Action::Block),
        mode: Mode::Exact,
        limits: Limits::default(),
        working_side: 1024,
        same_within: 47,
        looked_at: Vec::new(),
        calibrated: false,
        jobs: 2,
    }
}

fn run(plan: &Plan, files: &[CorpusFile], benign: Option<&[BenignEntry]>) -> Report {
    let never = AtomicBool::new(false);
    let watch = Watch {
        stop: &never,
        progress: &|_, _| {},
    };
    let benign = benign.map(|entries| ("list", entries));
    evaluate(plan, "corpus", files, benign, watch).unwrap()
}

fn json(report: &Report) -> String {
    serde_json::to_string(report).unwrap()
}

/// The share that a set of variants found of a modification.
fn recall(report: &Report, variants: &str, modification: &str) -> f64 {
    let result = report.results.iter().find(|one| one.variants == variants);
    let mut all = result.unwrap().by_modification.iter();
    all.find(|one| one.modification == modification)
        .unwrap()
        .recall
        .value
}

#[test]
fn a_report_follows_from_the_seed_and_not_from_threads() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus(folder.path(), 4);
    let some = "noise,sticker,crop_anywhere,screenshot,perspective,jpeg_50";
    let mut plan = plan(some);
    let first = json(&run(&plan, &files, None));
    assert_eq!(first, json(&run(&plan, &files, None)));
    plan.jobs = 1;
    assert_eq!(first, json(&run(&plan, &files, None)), "one thread");
    plan.jobs = 3;
    assert_eq!(first, json(&run(&plan, &files, None)), "three");
    plan.seed = 8;
    let other = run(&plan, &files, None);
    let distances = |report: &Report| report.results[0].histograms.own.clone();
    let report: Report = serde_json::from_str(&first).unwrap();
    assert_ne!(
        distances(&report),
        distances(&other),
        "another seed, other copies"
    );
}

#[test]
fn a_copy_does_not_depend_on_the_other_pictures_and_modifications() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus(folder.path(), 3);
    let all = run(&plan("noise_20,sticker_30,text_10"), &files, None);
    let one = run(&plan("sticker_30"), &files[1..2], None);
    let alone = &one.results[0].by_modification[0].distances;
    let together = &all.results[0]
        .by_modification
        .iter()
        .find(|m| m.modification == "sticker_30");
    let together = &together.unwrap().distances;
    let both = alone.iter().zip(together);
    for (alone, together) in both {
        assert!(
            alone <= together,
            "its distance is among those of all three"
        );
    }
}

#[test]
fn what_plain_hashes_forgive_is_found_and_what_they_do_not_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus(folder.path(), 6);
    let names = "jpeg_85,grey,resize_50,png,mirror,rotate_90,exif_6,animation_frame,crop_centre_30,rotate_45";
    let report = run(&plan(names), &files, None);
    for modification in ["jpeg_85", "grey", "resize_50", "png"] {
        assert_eq!(recall(&report, "none", modification), 1.0, "{modification}");
    }
    for modification in ["mirror", "rotate_90", "exif_6", "animation_frame"] {
        assert_eq!(recall(&report, "none", modification), 0.0, "{modification}");
        assert!(
            recall(&report, "standard", modification) > 0.8,
            "{modification}"
        );
    }
    assert_eq!(recall(&report, "none", "crop_centre_30"), 0.0);
    let png = report.results[0]
        .by_modification
        .iter()
        .find(|one| one.modification == "png");
    assert_eq!(
        png.unwrap().distances[0],
        6,
        "a lossless copy is 0 bits away"
    );
    for result in &report.results {
        assert_eq!(result.copies, 60);
        for one in &result.by_modification {
            assert_eq!(one.distances.iter().sum::<u64>(), 6);
            assert_eq!(one.copies, 6);
            assert!(one.recall.low <= one.recall.value && one.recall.value <= one.recall.high);
            let within: u64 = one.distances.iter().take(32).sum();
            assert_eq!(one.found + one.verified, within + one.verified);
        }
        let last = result.by_threshold.last().unwrap();
        assert_eq!(last.threshold, 63);
        let shares: Vec<f64> = result.by_threshold.iter().map(|at| at.recall).collect();
        assert!(shares.is_sorted(), "a wider threshold finds no less");
        assert_eq!(result.by_threshold[31].recall, result.recall_by_distance);
    }
}

#[test]
fn flags_on_the_same_picture_are_right_and_on_others_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus(folder.path(), 3);
    let plan = plan("jpeg_85,mirror");
    let hash_of = |file: &CorpusFile| {
        let picture = image::open(&file.path).unwrap().into_rgb8();
        let mut hasher = hashgate::signal::PdqHasher::default();
        hasher.hash_rgb(240, 180, picture.as_raw()).unwrap()
    };
    // The picture itself, its mirror image, one that is 28 bits away, and one that is far.
    let hashed = hash_of(&files[0]);
    let [itself, mirrored] = [0, 5].map(|at: usize| hashed.dihedral()[at].1);
    let mut near = itself;
    for bit in 0..28 {
        near.0[bit] ^= 1;
    }
    let far = PdqHash([0x5a; 32]);
    let entry = |hash| BenignEntry {
        hash,
        quality: Some(Quality::MAX),
    };
    let list = [itself, mirrored, near, far].map(entry);
    let report = run(&plan, &files, Some(&list));
    let facts = report.benign.as_ref().unwrap();
    assert_eq!(
        (facts.entries, facts.same_pairs),
        (4, 3),
        "the 28 bits are within 47"
    );
    for result in &report.results {
        assert_eq!(result.false_flags_benign.unwrap().pairs, 0);
    }
    let mut strict = plan.clone();
    strict.same_within = 20;
    let report = run(&strict, &files, Some(&list));
    let plain = &report.results[0];
    let flags = plain.false_flags_benign.unwrap();
    assert_eq!(
        (flags.copies, flags.pairs),
        (1, 1),
        "the JPEG meets what is 28 bits away"
    );
    assert_eq!(flags.distinct, Some(1));
    let flag = &plain.false_flags[0];
    assert_eq!(
        (flag.file.as_str(), flag.modification.as_str()),
        ("0.png", "jpeg_85")
    );
    assert_eq!(
        (flag.against.as_str(), flag.entry.clone()),
        ("benign", near.to_string())
    );
    // 2 modifications of 3 pictures; one pair of 24 is the same twice.
    assert!((flags.per_pair.value - 1.0 / (24.0 - 4.0)).abs() < 1e-12);
    assert_eq!(plain.same_by_eye, None, "nobody looked");

    // Somebody looked: the one pair is the same picture, of another pair it says nothing.
    let looked = |same| LookedAt {
        picture: itself,
        entry: near,
        same,
    };
    let unasked = LookedAt {
        picture: far,
        entry: itself,
        same: true,
    };
    for (same, wrong) in [(true, 0), (false, 1)] {
        let mut plan = strict.clone();
        plan.looked_at = vec![looked(same), unasked];
        let report = run(&plan, &files, Some(&list));
        let plain = &report.results[0];
        assert_eq!(plain.false_flags_benign.unwrap().pairs, wrong);
        assert_eq!(plain.false_flags.len() as u64, wrong);
        let by_eye = plain.same_by_eye.unwrap();
        assert_eq!((by_eye.pairs, by_eye.distinct), (1 - wrong, 1 - wrong));
        assert_eq!(report.benign.unwrap().same_by_eye, Some(1 - wrong));
    }
}

#[test]
fn calibrated_entries_are_met_by_guesses_no_farther_than_the_list_lets_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus(folder.path(), 2);
    let mut plan = plan("crop_centre_20,jpeg_85");
    plan.variants.remove(0);
    plan.same_within = 2;
    let picture = image::open(&files[0].path).unwrap().into_rgb8();
    let mut hasher = hashgate::signal::PdqHasher::default();
    let hashed = hasher.hash_rgb(240, 180, picture.as_raw()).unwrap();
    // A harmless hash four bits from the first picture: guesses may meet that nowhere.
    let mut near = hashed.hash;
    for bit in 0..4 {
        near.0[bit] ^= 1;
    }
    let far = PdqHash([0x5a; 32]);
    let list = [near, far].map(|hash| BenignEntry {
        hash,
        quality: Some(Quality::MAX),
    });
    let found = |report: &Report| -> Vec<(String, u64)> {
        let pictures = report.results[0].hardest.iter();
        pictures.map(|one| (one.file.clone(), one.found)).collect()
    };
    let before = run(&plan, &files, Some(&list));
    assert!(!before.calibrated);
    plan.calibrated = true;
    let after = run(&plan, &files, Some(&list));
    assert!(after.calibrated);
    let by = |report: &Report, name: &str| {
        let all = found(report);
        all.into_iter()
            .find(|(file, _)| file == name)
            .map(|(_, found)| found)
    };
    assert_eq!(
        by(&before, "1.png"),
        by(&after, "1.png"),
        "it reaches as far"
    );
    assert_eq!(by(&before, "0.png"), Some(2), "the JPEG and the crop");
    assert_eq!(
        by(&after, "0.png"),
        Some(1),
        "the JPEG is the picture itself"
    );
    let flagged = |report: &Report| report.results[0].false_flags_benign.unwrap().pairs;
    assert!(flagged(&after) <= flagged(&before));
    assert!(
        flagged(&before) > 0,
        "the JPEG itself meets what is four bits away"
    );
}

#[test]
fn what_cannot_be_evaluated_is_named_and_nothing_else_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = corpus(folder.path(), 1);
    for (name, bytes) in [
        ("broken.png", b"\x89PNG\r\n\x1a\nno".as_slice()),
        ("text.txt", b"hello"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        files.push(CorpusFile {
            path,
            name: name.to_owned(),
        });
    }
    image::RgbImage::new(20, 20)
        .save(folder.path().join("tiny.png"))
        .unwrap();
    files.push(CorpusFile {
        path: folder.path().join("tiny.png"),
        name: "tiny.png".to_owned(),
    });
    let report = run(&plan("jpeg_85"), &files, None);
    assert_eq!(report.corpus.pictures, 1);
    let named: Vec<&str> = report
        .corpus
        .left_out
        .iter()
        .map(|one| one.file.as_str())
        .collect();
    assert_eq!(named, ["broken.png", "text.txt", "tiny.png"]);
    let never = AtomicBool::new(false);
    let watch = Watch {
        stop: &never,
        progress: &|_, _| {},
    };
    let error = evaluate(&plan("jpeg_85"), "corpus", &files[1..], None, watch).unwrap_err();
    assert!(error.to_string().contains("broken.png"), "{error}");
}

#[test]
fn it_stops_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus(folder.path(), 2);
    let stop = AtomicBool::new(false);
    let watch = Watch {
        stop: &stop,
        progress: &|done, _| stop.store(done >= 3, Relaxed),
    };
    let plan = plan("quick");
    let stopped = evaluate(&plan, "corpus", &files, None, watch);
    assert!(matches!(stopped, Err(EvaluateError::Stopped)));
}

#[test]
fn every_modification_makes_a_picture_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    picture(3, 300, 200).save(&path).unwrap();
    let file = CorpusFile {
        path,
        name: "a.png".to_owned(),
    };
    let plan = plan("full");
    let all: Modifications = "full".parse().unwrap();
    let made = thumbnails(&plan, &file, 100).unwrap();
    assert_eq!(made.len(), all.len() + 1);
    for one in &made {
        let shown = image::load_from_memory(&one.jpeg).unwrap();
        assert_eq!(
            shown.width().max(shown.height()),
            100,
            "{:?}",
            one.modification
        );
    }
}

/// Distances on real pictures that measurements elsewhere have established: plain PDQ forgives a
/// re-encoding, a centre crop of 5 % moves the hash by some 50 bits, one of 10 % by more than 63.
#[test]
fn known_distances_are_met_on_real_pictures() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut files: Vec<CorpusFile> = std::fs::read_dir(data.join("photos"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().contains("_photo_"))
        .map(|entry| CorpusFile {
            path: entry.path(),
            name: entry.file_name().to_string_lossy().into_owned(),
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let files: Vec<CorpusFile> = files.into_iter().step_by(8).collect();
    let mut plan = plan("jpeg_50,crop_centre_5,crop_centre_10,mirror,grey");
    plan.variants.truncate(1);
    let report = run(&plan, &files, None);
    let median = |name: &str| {
        let mut all = report.results[0].by_modification.iter();
        all.find(|one| one.modification == name)
            .unwrap()
            .median_distance
    };
    assert!(median("jpeg_50").unwrap() <= 8);
    assert!(median("grey").unwrap() <= 4);
    let crop = median("crop_centre_5").unwrap();
    assert!((40..=63).contains(&crop), "{crop}");
    assert_eq!(median("crop_centre_10"), None);
    assert_eq!(median("mirror"), None);
    assert_eq!(report.results[0].false_flags_corpus.pairs, 0);
}
