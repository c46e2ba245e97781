//! What an entry's reach does to matches: nothing to the picture itself, and an end to guesses.
#![cfg(feature = "decode")]

mod common;

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{
    Extractor, Forms, Gate, Match, MatchKind, Outcome, Query, Refusal, VariantSet, decide,
};
use hashgate::hash::{Form, PdqHash, Reach, Sides, Signal, SignalType, View};
use hashgate::index::{FactRecord, HashFacts, IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use image::imageops;
use image::{Rgb, RgbImage};
use std::path::Path;

fn pictures() -> Vec<RgbImage> {
    (0..6)
        .map(|seed| common::picture(seed + 70, 400, 300))
        .collect()
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// The queries that a picture is asked by.
fn queries(picture: &RgbImage) -> Vec<Query> {
    let wanted = [SignalType::Pdq];
    let limits = Limits::default();
    let set = VariantSet::STANDARD;
    Extractor::default()
        .extract(&png(picture), &wanted, set, &limits)
        .queries
}

fn hash_of(picture: &RgbImage) -> Signal {
    queries(picture)[0].signal
}

fn gate(folder: &Path, entries: &[Signal], of_hash: HashFacts) -> Gate {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let records = (1..).zip(entries).map(|(content, &signal)| {
        Ok::<_, std::convert::Infallible>(FactRecord {
            of_hash,
            ..FactRecord::from(IndexRecord {
                bank: BankId(1),
                content: ContentId(content),
                signal,
                quality: None,
            })
        })
    });
    publish(folder, &[bank], records, &PublishOptions::default()).unwrap();
    Gate::open(folder).unwrap()
}

fn with_reach(folder: &Path, entries: &[Signal], reach: Option<Reach>) -> Gate {
    gate(folder, entries, HashFacts { form: None, reach })
}

fn is_guess(found: &Match) -> bool {
    let variant = &found.variant;
    variant.region != Sides::NONE || variant.view != View::Whole || variant.fitted
}

/// Framed, cropped, and with a band over it: found by guesses only.
fn changed(picture: &RgbImage) -> [RgbImage; 3] {
    let (width, height) = picture.dimensions();
    let mut framed = RgbImage::from_pixel(width + 160, height + 40, Rgb([12, 12, 14]));
    imageops::replace(&mut framed, picture, 100, 25);
    let cropped = imageops::crop_imm(
        picture,
        width / 12,
        height / 12,
        width * 5 / 6,
        height * 5 / 6,
    );
    let mut band = picture.clone();
    let text = RgbImage::from_pixel(width, height / 5, Rgb([250, 250, 250]));
    imageops::replace(&mut band, &text, 0, i64::from(height * 4 / 5));
    [framed, cropped.to_image(), band]
}

#[test]
fn a_picture_itself_matches_whatever_its_entry_reaches() {
    let known = pictures();
    let hashes: Vec<Signal> = known.iter().map(hash_of).collect();
    let home = tempfile::tempdir().unwrap();
    for reach in [None, Some(Reach::NOWHERE), Reach::within(0)] {
        let gate = with_reach(home.path(), &hashes, reach);
        for (content, picture) in (1..).zip(&known) {
            for copy in [picture.clone(), imageops::flip_horizontal(picture)] {
                let verdict = gate.check(&png(&copy));
                let found = &verdict.matches[0];
                assert_eq!((found.content_id.0, found.kind), (content, MatchKind::Near));
                assert_eq!((found.reach, verdict.action), (reach, Some(Action::Block)));
                assert_eq!(found.variant.view, View::Whole);
            }
        }
        // A hash alone is the picture itself.
        let verdict = gate.match_signal(&hashes[0], None);
        assert_eq!(verdict.matches[0].reach, reach);
    }
}

#[test]
fn a_guess_matches_within_the_reach_and_no_farther() {
    let known = pictures();
    let hashes: Vec<Signal> = known.iter().map(hash_of).collect();
    let home = tempfile::tempdir().unwrap();
    let (mut near, mut verified) = (0, 0);
    for (content, picture) in (1..).zip(&known) {
        for copy in changed(picture) {
            let copy = png(&copy);
            let of_entry = |reach: Option<Reach>| {
                let verdict = with_reach(home.path(), &hashes, reach).check(&copy);
                assert_eq!(verdict.action, decide(&verdict.matches));
                let mut matches = verdict.matches.into_iter();
                matches.find(|found| found.content_id.0 == content)
            };
            let Some(free) = of_entry(None).filter(is_guess) else {
                continue;
            };
            match free.kind {
                MatchKind::Verified => verified += 1,
                _ => near += 1,
            }
            let bits = u8::try_from(free.distance.0).unwrap();
            let same = of_entry(Reach::within(bits)).unwrap();
            assert_eq!((same.distance, same.kind), (free.distance, free.kind));
            assert_eq!(same.reach, Reach::within(bits));
            if let Some(less) = bits.checked_sub(1).and_then(Reach::within) {
                let found = of_entry(Some(less));
                assert!(
                    found.is_none_or(|found| !is_guess(&found) || less.includes(found.distance))
                );
            }
            let none = of_entry(Some(Reach::NOWHERE));
            assert!(none.is_none_or(|found| !is_guess(&found)));
        }
    }
    assert!(near >= 6, "{near} near, {verified} verified");
}

#[test]
fn nothing_is_verified_beyond_the_reach_and_the_explanation_says_so() {
    let picture = common::picture(3, 400, 300);
    let query = queries(&picture)[0];
    let (hash, evidence) = (query.signal.as_pdq().unwrap(), query.evidence.unwrap());
    // Those bits flipped of which it is the least sure.
    let alone = |bit: usize| {
        let PdqHash(mut bytes) = hash;
        bytes[bit / 8] ^= 1 << (bit % 8);
        PdqHash(bytes)
    };
    let mut bits: Vec<usize> = (0..256).collect();
    bits.sort_by_key(|&bit| std::cmp::Reverse(evidence.score(&hash, &alone(bit))));
    let entry = bits.iter().take(36).fold(hash, |PdqHash(mut bytes), &bit| {
        bytes[bit / 8] ^= 1 << (bit % 8);
        PdqHash(bytes)
    });
    let home = tempfile::tempdir().unwrap();
    let check = |reach: Option<Reach>| {
        let gate = with_reach(home.path(), &[entry.into()], reach);
        (gate.check(&png(&picture)), gate.explain(&png(&picture)))
    };
    for reach in [None, Reach::within(36), Reach::within(60)] {
        let (verdict, _) = check(reach);
        assert_eq!(verdict.matches[0].kind, MatchKind::Verified, "{reach:?}");
        assert_eq!(verdict.matches[0].reach, reach);
    }
    for reach in [Reach::within(35).unwrap(), Reach::NOWHERE] {
        let (verdict, explanation) = check(Some(reach));
        let itself = |found: &Match| !is_guess(found);
        assert!(!verdict.matches.iter().any(itself), "{:?}", verdict.matches);
        if reach == Reach::NOWHERE {
            assert_eq!(verdict.outcome, Outcome::NoMatch);
            let refused = explanation.considered[0].result.clone().unwrap_err();
            assert!(
                matches!(refused, Refusal::BeyondReach { reach: found, .. } if found == reach),
                "{refused}"
            );
            assert!(refused.to_string().contains("trusted nowhere"), "{refused}");
            assert_eq!(explanation.considered[0].reach, Some(reach));
        }
    }
}

#[test]
fn a_match_says_which_form_of_the_known_picture_it_met() {
    let picture = common::picture(20, 400, 300);
    let limits = Limits::default();
    let known = Extractor::default().extract_known(&png(&picture), &limits, Forms::ALL);
    let known = known.map_err(|problem| problem.message).unwrap();
    let part: Form = "region_0_0_500_0".parse().unwrap();
    let mirrored: Form = "flip_y".parse().unwrap();
    assert!(known.forms().any(|form| form == part));
    assert!(known.forms().any(|form| form == mirrored));
    for kept in known.signals.iter().filter(|kept| kept.form.is_some()) {
        let home = tempfile::tempdir().unwrap();
        let form = kept.form;
        let gate = gate(home.path(), &[kept.signal], HashFacts { form, reach: None });
        let found = gate.match_signal(&kept.signal, None).matches.remove(0);
        assert_eq!(found.entry_form, form);
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["entry_form"], form.unwrap().to_string());
        assert_eq!(json.get("reach"), None);
        if form == Some(part) {
            let half = imageops::crop_imm(&picture, 0, 0, 200, 300).to_image();
            let verdict = gate.check(&png(&half));
            assert_eq!(verdict.matches[0].entry_form, form);
        }
    }
}
