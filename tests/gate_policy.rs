//! What a gate decides where an upload holds more than one picture.
#![cfg(feature = "decode")]

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Extractor, Gate, GateOptions, Outcome, VariantSet};
use hashgate::hash::{Signal, SignalType, Variant};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use std::error::Error;
use std::path::Path;

/// Two pictures as the frames of one animation.
fn animation() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for name in ["butterfly.png", "christmas-tree.png"] {
        let path = Path::new("examples/pictures/known").join(name);
        let picture = image::open(path)?.resize_exact(256, 256, image::imageops::Triangle);
        encoder.encode_frame(image::Frame::new(picture.to_rgba8()))?;
    }
    drop(encoder);
    Ok(bytes)
}

/// The PDQ hashes of both frames, as stored.
fn hashes(bytes: &[u8]) -> [Signal; 2] {
    let extraction = Extractor::default().extract(
        bytes,
        &[SignalType::Pdq],
        VariantSet::STANDARD,
        &Limits::default(),
    );
    assert_eq!(extraction.problem, None);
    [0, 1].map(|frame| {
        let variant = Variant {
            frame,
            ..Variant::ORIGINAL
        };
        let found = extraction.queries.iter().find(|q| q.variant == variant);
        found.expect("each frame is asked about").signal
    })
}

fn index(folder: &Path, entries: &[(Action, Signal)]) -> Result<(), Box<dyn Error>> {
    let bank = |(number, (action, _)): (usize, &(Action, Signal))| -> Result<Bank, Box<dyn Error>> {
        Ok(Bank {
            id: BankId(number as u32 + 1),
            name: format!("{action}-{number}").parse()?,
            policy: Policy::new(*action),
        })
    };
    let banks: Vec<Bank> = entries
        .iter()
        .enumerate()
        .map(bank)
        .collect::<Result<_, _>>()?;
    let records = banks.iter().zip(entries).map(|(bank, (_, signal))| {
        Ok::<_, std::io::Error>(IndexRecord {
            bank: bank.id,
            content: ContentId(1),
            signal: *signal,
            quality: None,
        })
    });
    publish(folder, &banks, records, &PublishOptions::default())?;
    Ok(())
}

#[test]
fn a_harmless_frame_does_not_shield_a_blocked_one() -> Result<(), Box<dyn Error>> {
    let upload = animation()?;
    let [first, second] = hashes(&upload);
    let home = tempfile::tempdir()?;

    for (allowed, blocked) in [(first, second), (second, first)] {
        let entries = [(Action::Allow, allowed), (Action::Block, blocked)];
        index(home.path(), &entries)?;
        let verdict = Gate::open(home.path())?.check(&upload);
        assert_eq!(verdict.action, Some(Action::Block));
        assert!(!verdict.passes());
    }
    // The same frame in both lists is overruled, and the other one matches nothing.
    index(
        home.path(),
        &[(Action::Allow, first), (Action::Block, first)],
    )?;
    let verdict = Gate::open(home.path())?.check(&upload);
    assert_eq!(
        (verdict.outcome, verdict.action),
        (Outcome::Match, Some(Action::Allow))
    );
    assert!(verdict.passes());
    Ok(())
}

#[test]
fn a_match_that_lets_pass_does_not_hide_what_was_not_judged() -> Result<(), Box<dyn Error>> {
    let upload = animation()?;
    let [first, _] = hashes(&upload);
    let home = tempfile::tempdir()?;
    let mut limits = Limits::default();
    limits.max_frames = 1;
    let options = GateOptions {
        limits,
        ..GateOptions::default()
    };
    for (action, outcome, said) in [
        (Action::Allow, Outcome::TooLarge, None),
        (Action::Report, Outcome::TooLarge, Some(Action::Report)),
        (Action::Review, Outcome::Match, Some(Action::Review)),
        (Action::Block, Outcome::Match, Some(Action::Block)),
    ] {
        index(home.path(), &[(action, first)])?;
        let verdict = Gate::open_with(home.path(), options.clone())?.check(&upload);
        assert_eq!(
            (verdict.outcome, verdict.action),
            (outcome, said),
            "{action}"
        );
        assert_eq!(verdict.matches.len(), 1);
        assert!(verdict.error.is_some() && !verdict.passes());
    }
    // Known bytes are known whole.
    let digest = hashgate::signal::digest::digests(&upload, &[SignalType::Sha256]);
    index(home.path(), &[(Action::Allow, digest[0])])?;
    let verdict = Gate::open_with(home.path(), options)?.check(&upload);
    assert_eq!(
        (verdict.outcome, verdict.action),
        (Outcome::Match, Some(Action::Allow))
    );
    Ok(())
}
