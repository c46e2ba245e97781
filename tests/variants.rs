//! Changed copies of pictures whose originals are known by one PDQ hash only.
#![cfg(feature = "decode")]

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy, Verified};
use hashgate::gate::{
    Extractor, Forms, Gate, GateOptions, MatchKind, Outcome, VariantSet, Verdict,
};
use hashgate::hash::{Quality, Signal, SignalType};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use std::path::Path;

mod common;

/// The shipped pictures, all of them, by name.
fn pictures() -> Vec<(String, RgbImage)> {
    let shipped = common::shipped_pictures("known");
    assert_eq!(
        shipped.len(),
        6,
        "examples/pictures/known has other pictures: count anew"
    );
    let decoded = |(name, bytes): (String, Vec<u8>)| {
        let picture = image::load_from_memory(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, picture.to_rgb8())
    };
    shipped.into_iter().map(decoded).collect()
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("a picture is written");
    bytes.into_inner()
}

/// A gate that knows one hash of each picture: that of its pixels.
fn gate_of(folder: &Path, known: &[(String, RgbImage)], variants: VariantSet) -> Gate {
    let records: Vec<_> = known
        .iter()
        .zip(1..)
        .map(|((_, picture), content)| (content, hash_of(picture)))
        .collect();
    gate_with(folder, &records, Policy::new(Action::Block), variants)
}

fn gate_with(
    folder: &Path,
    entries: &[(u64, (Signal, Option<Quality>))],
    policy: Policy,
    variants: VariantSet,
) -> Gate {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().expect("a name"),
        policy,
    };
    let records = entries.iter().map(|&(content, (signal, quality))| {
        Ok::<_, std::io::Error>(IndexRecord {
            bank: BankId(1),
            content: ContentId(content),
            signal,
            quality,
        })
    });
    publish(folder, &[bank], records, &PublishOptions::default()).expect("published");
    let options = GateOptions::default().variants(variants);
    Gate::open_with(folder, options).expect("opened")
}

fn hash_of(picture: &RgbImage) -> (Signal, Option<Quality>) {
    let wanted = [SignalType::Pdq];
    let limits = Limits::default();
    let hashed = Extractor::default().extract(&png(picture), &wanted, VariantSet::NONE, &limits);
    (hashed.signals[0], hashed.quality)
}

fn finds(verdict: &Verdict, content: usize) -> Option<&hashgate::gate::Match> {
    let mut matches = verdict.matches.iter();
    matches.find(|found| found.content_id.0 == content as u64)
}

fn padded(picture: &RgbImage, [left, top, right, bottom]: [u32; 4], colour: [u8; 3]) -> RgbImage {
    let (width, height) = picture.dimensions();
    let mut out = RgbImage::from_pixel(width + left + right, height + top + bottom, Rgb(colour));
    imageops::replace(&mut out, picture, i64::from(left), i64::from(top));
    out
}

fn cropped(picture: &RgbImage, share: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (x, y) = (
        (width as f32 * share) as u32,
        (height as f32 * share) as u32,
    );
    imageops::crop_imm(picture, x, y, width - 2 * x, height - 2 * y).to_image()
}

/// A tall page with lines in place of text above and below the picture.
fn screenshot(picture: &RgbImage) -> RgbImage {
    let small = imageops::resize(
        picture,
        500,
        500 * picture.height() / picture.width(),
        FilterType::Triangle,
    );
    let mut out = RgbImage::from_pixel(540, small.height() + 600, Rgb([20, 20, 22]));
    for (line, y) in (40..out.height()).step_by(34).enumerate() {
        for x in 30..(200 + 97 * line as u32 % 300) {
            if x % 9 < 6 {
                for below in 0..10.min(out.height() - y) {
                    out.put_pixel(x, y + below, Rgb([225, 225, 225]));
                }
            }
        }
    }
    let room = padded(&small, [20, 30, 20, 30], [20, 20, 22]);
    imageops::replace(&mut out, &room, 0, 260);
    out
}

#[test]
fn framed_turned_and_cropped_copies_are_found_and_name_how() {
    let known = pictures();
    assert!(known.len() >= 4, "the examples are there");
    let home = tempfile::tempdir().expect("a folder");
    let gate = gate_of(home.path(), &known, VariantSet::STANDARD);
    type Change = (&'static str, fn(&RgbImage) -> RgbImage, &'static str);
    let changes: [Change; 10] = [
        ("mirrored", imageops::flip_horizontal, "flip_y"),
        ("upside down", imageops::flip_vertical, "flip_x"),
        ("a quarter turn", imageops::rotate90, "rotate_"),
        ("half a turn", imageops::rotate180, "rotate_180"),
        (
            "letterbox",
            |p| padded(p, [0, 90, 0, 90], [0; 3]),
            "region_",
        ),
        (
            "pillar box",
            |p| padded(p, [120, 0, 120, 0], [0; 3]),
            "region_",
        ),
        (
            "an uneven frame",
            |p| padded(p, [31, 7, 64, 22], [190, 30, 40]),
            "region_",
        ),
        ("a screenshot", screenshot, "region_"),
        ("cropped by 4 %", |p| cropped(p, 0.02), "uncrop_"),
        (
            "a negative",
            |p| {
                let mut negative = p.clone();
                imageops::invert(&mut negative);
                negative
            },
            "inverted",
        ),
    ];
    let mut missed = Vec::new();
    let mut named = [0; 10];
    for (content, (name, picture)) in (1..).zip(&known) {
        for ((change, make, variant), named) in changes.iter().zip(&mut named) {
            let verdict = gate.check(&png(&make(picture)));
            match finds(&verdict, content) {
                Some(found) => *named += usize::from(found.variant.to_string().contains(variant)),
                None => missed.push(format!("{name}, {change}")),
            }
        }
    }
    assert!(missed.len() <= 2, "{missed:#?}");
    for ((change, ..), named) in changes.iter().zip(named) {
        assert!(
            named + 2 >= known.len(),
            "{change} is named as such {named} times"
        );
    }
}

#[test]
fn a_guess_that_nearly_meets_an_entry_is_fitted_to_it_and_never_near() {
    let known = pictures();
    let home = tempfile::tempdir().expect("a folder");
    let gate = gate_of(home.path(), &known, VariantSet::STANDARD);
    let (mut asked, mut found, mut fitted) = (0, 0, 0);
    for (content, (_, picture)) in (1..).zip(&known) {
        for (x, y) in [(0.5, 0.5), (0.3, 0.65), (0.7, 0.35)] {
            let mut copy = picture.clone();
            let (width, height) = copy.dimensions();
            let side = width.min(height) * 3 / 10;
            let place = |length: u32, at: f32| ((length - side) as f32 * at) as i64;
            let sticker = RgbImage::from_pixel(side, side, Rgb([250, 205, 40]));
            imageops::replace(&mut copy, &sticker, place(width, x), place(height, y));
            let verdict = gate.check(&png(&copy));
            asked += 1;
            let Some(one) = finds(&verdict, content) else {
                continue;
            };
            found += 1;
            assert_eq!(verdict.matches.len(), 1, "{:?}", verdict.matches);
            if one.variant.fitted {
                fitted += 1;
                assert_eq!(one.kind, MatchKind::Verified);
                assert_eq!(one.action, Action::Review);
                assert!(one.variant.to_string().ends_with("fitted"));
            }
        }
    }
    assert!(found * 3 >= asked * 2, "{found} of {asked}");
    assert!(fitted > 0, "none of {asked} is fitted");
}

#[test]
fn without_variants_only_the_picture_itself_is_asked_about() {
    let known = pictures();
    let home = tempfile::tempdir().expect("a folder");
    let gate = gate_of(home.path(), &known, VariantSet::NONE);
    for (content, (name, picture)) in (1..).zip(&known) {
        let verdict = gate.check(&png(picture));
        let found = finds(&verdict, content).expect(name);
        assert_eq!((found.kind, found.score), (MatchKind::Near, None));
        let mirrored = gate.check(&png(&imageops::flip_horizontal(picture)));
        assert!(finds(&mirrored, content).is_none(), "{name}");
    }
}

#[test]
fn strangers_pass_however_they_are_looked_at() {
    let home = tempfile::tempdir().expect("a folder");
    let known: Vec<_> = (0..60)
        .map(|seed| (seed.to_string(), common::picture(seed, 320, 240)))
        .collect();
    let gate = gate_of(home.path(), &known, VariantSet::THOROUGH);
    for seed in 1_000..1_020 {
        let verdict = gate.check(&png(&common::picture(seed, 300, 300)));
        assert_eq!(
            verdict.outcome,
            Outcome::NoMatch,
            "{seed}: {:?}",
            verdict.matches
        );
    }
}

#[test]
fn a_verified_match_does_what_the_bank_says_of_those() {
    let (_, picture) = pictures().into_iter().next().expect("an example");
    let home = tempfile::tempdir().expect("a folder");
    let (signal, quality) = hash_of(&picture);
    // An entry that lies beyond the threshold, where the picture's own bits are least sure.
    let wanted = [SignalType::Pdq];
    let hashed = Extractor::default().extract(
        &png(&picture),
        &wanted,
        VariantSet::STANDARD,
        &Limits::default(),
    );
    let query = hashed.queries.iter().find(|query| query.signal == signal);
    let evidence = query.and_then(|query| query.evidence).expect("of pixels");
    let hash = signal.as_pdq().expect("PDQ");
    let mut bits: Vec<usize> = (0..256).collect();
    let with = |bits: &[usize]| {
        let mut far = hash;
        for bit in bits {
            far.0[31 - bit / 8] ^= 1 << (bit % 8);
        }
        far
    };
    bits.sort_by_key(|&bit| std::cmp::Reverse(evidence.score(&hash, &with(&[bit]))));
    let far = with(&bits[..34]);
    for (verified, expected) in [
        (Verified::Milder, Some(Action::Review)),
        (Verified::Act(Action::Block), Some(Action::Block)),
        (Verified::Off, None),
    ] {
        let mut policy = Policy::new(Action::Block);
        policy.verified = verified;
        let set: VariantSet = "inverted".parse().expect("a set");
        let gate = gate_with(home.path(), &[(1, (far.into(), quality))], policy, set);
        let verdict = gate.check(&png(&picture));
        assert_eq!(
            verdict.action, expected,
            "{verified}: {:?}",
            verdict.matches
        );
        if expected.is_some() {
            let found = finds(&verdict, 1).expect("a match");
            assert_eq!((found.kind, found.distance.0), (MatchKind::Verified, 34));
            let json = serde_json::to_value(found).expect("JSON");
            assert_eq!(json["kind"], "verified");
            assert!(json["score"].as_f64() >= Some(0.8), "{json}");
        }
    }
    // The same number of the surest bits: a stranger.
    bits.reverse();
    let stranger = with(&bits[..34]);
    let policy = Policy::new(Action::Block);
    let set: VariantSet = "inverted".parse().expect("a set");
    let gate = gate_with(home.path(), &[(1, (stranger.into(), quality))], policy, set);
    assert!(gate.check(&png(&picture)).passes());
}

#[test]
fn forms_that_are_kept_meet_what_no_guess_undoes() {
    let known = pictures();
    let home = tempfile::tempdir().expect("a folder");
    let half = |picture: &RgbImage| {
        let (width, height) = picture.dimensions();
        imageops::crop_imm(picture, 0, 0, width / 2, height).to_image()
    };
    let mut found = [0, 0];
    for (forms, found) in [Forms::STANDARD, Forms::ALL].into_iter().zip(&mut found) {
        let mut entries = Vec::new();
        for (content, (_, picture)) in (1..).zip(&known) {
            let kept = Extractor::default().extract_known(&png(picture), &Limits::default(), forms);
            for kept in kept.expect("hashed").signals {
                entries.push((content, (kept.signal, kept.quality)));
            }
        }
        let policy = Policy::new(Action::Block);
        let gate = gate_with(home.path(), &entries, policy, VariantSet::NONE);
        for (content, (_, picture)) in (1..).zip(&known) {
            let verdict = gate.check(&png(&half(picture)));
            *found += usize::from(finds(&verdict, content).is_some());
        }
    }
    assert_eq!(found[0], 0, "plain PDQ knows no half of a picture");
    assert!(found[1] + 1 >= known.len(), "{found:?} of {}", known.len());
}

#[test]
fn real_pictures_find_themselves_and_no_stranger() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut entries: Vec<(u64, (Signal, Option<Quality>))> = Vec::new();
    for (row, content) in common::tsv(&data.join("benign_pdq.tsv")).iter().zip(0..) {
        let hash: hashgate::hash::PdqHash = row[0].parse().expect("a hash");
        let quality = Quality::new(row[1].parse().expect("a number"));
        entries.push((content, (hash.into(), quality)));
    }
    let home = tempfile::tempdir().expect("a folder");
    let policy = Policy::new(Action::Block);
    let gate = gate_with(home.path(), &entries, policy, VariantSet::STANDARD);
    let mut paths: Vec<_> = std::fs::read_dir(data.join("photos"))
        .expect("photos")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    paths.sort();
    let mut photos = 0;
    for path in paths
        .iter()
        .filter(|path| path.to_string_lossy().contains("_photo_"))
        .step_by(3)
    {
        let verdict = gate.check(&std::fs::read(path).expect("read"));
        photos += 1;
        // Every photo is in the list itself; of others, only what shows the same scene.
        for found in &verdict.matches {
            let score = found.score.map(|score| score.value());
            assert!(score >= Some(0.8), "{}: {found:?}", path.display());
        }
    }
    assert!(photos > 30);
}
