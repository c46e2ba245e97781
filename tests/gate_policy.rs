//! What a gate decides where an upload holds more than one picture.
#![cfg(feature = "decode")]

use hashgate::bank::{Action, Bank, BankId, ContentId, ContentSignal, Policy};
use hashgate::gate::{Extractor, Forms, Gate, GateOptions, Outcome, VariantSet};
use hashgate::hash::{Quality, Signal, SignalType, Variant};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use std::error::Error;
use std::path::Path;

const NAMES: [&str; 2] = ["butterfly.png", "christmas-tree.png"];

fn picture(name: &str) -> Result<image::RgbaImage, Box<dyn Error>> {
    let path = Path::new("examples/pictures/known").join(name);
    let picture = image::open(path)?.resize_exact(256, 256, image::imageops::Triangle);
    Ok(picture.to_rgba8())
}

fn gif(frames: &[image::RgbaImage]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for frame in frames {
        encoder.encode_frame(image::Frame::new(frame.clone()))?;
    }
    drop(encoder);
    Ok(bytes)
}

/// Two pictures as the frames of one animation.
fn animation() -> Result<Vec<u8>, Box<dyn Error>> {
    gif(&[picture(NAMES[0])?, picture(NAMES[1])?])
}

/// The same picture with so little contrast that PDQ has hardly anything to go by.
fn faint(picture: &image::RgbaImage) -> image::RgbaImage {
    let mut faint = picture.clone();
    for pixel in faint.pixels_mut() {
        for channel in &mut pixel.0[..3] {
            *channel /= 16;
        }
    }
    faint
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
    let options = GateOptions::default().limits(limits);
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
        assert!(verdict.problem.is_some() && !verdict.passes());
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

#[test]
fn a_frame_too_faint_to_judge_is_not_hidden_by_a_good_one() -> Result<(), Box<dyn Error>> {
    let (known, other) = (picture(NAMES[0])?, picture(NAMES[1])?);
    let home = tempfile::tempdir()?;
    let far = hashes(&animation()?)[0].as_pdq().ok_or("pdq")?;
    // Half of the bits: neither the picture nor its negative.
    let far = hashgate::hash::PdqHash(far.0.map(|byte| byte ^ 0x5a));
    index(home.path(), &[(Action::Block, far.into())])?;
    let gate = Gate::open(home.path())?;
    let empty = image::RgbaImage::from_pixel(256, 256, image::Rgba([90, 90, 90, 255]));

    let good = gate.check(&gif(&[known.clone(), other.clone()])?);
    assert_eq!(good.outcome, Outcome::NoMatch);
    assert!(good.passes());
    for frames in [[empty.clone(), other.clone()], [other, empty]] {
        let verdict = gate.check(&gif(&frames)?);
        assert_eq!(
            (verdict.outcome, verdict.action),
            (Outcome::LowQuality, None)
        );
        assert!(!verdict.passes());
    }
    Ok(())
}

#[test]
fn a_faint_form_does_not_stand_in_for_a_good_one_of_the_same_hash() -> Result<(), Box<dyn Error>> {
    let mut known = picture(NAMES[0])?;
    for pixel in known.pixels_mut() {
        for channel in &mut pixel.0[..3] {
            *channel &= 0xf0;
        }
    }
    // Lossless frames, so that the faint one hashes to the same bits.
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 256, 256);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(2, 0)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&faint(&known))?;
    writer.write_image_data(&known)?;
    writer.finish()?;
    let limits = Limits::default();
    let shown =
        Extractor::default().extract(&bytes, &[SignalType::Pdq], VariantSet::STANDARD, &limits);
    assert_eq!(shown.problem, None);
    let hash = shown.signals[0];
    let home = tempfile::tempdir()?;
    index(home.path(), &[(Action::Block, hash)])?;
    let verdict = Gate::open(home.path())?.check(&bytes);
    assert_eq!(
        (verdict.outcome, verdict.action),
        (Outcome::Match, Some(Action::Block))
    );
    assert!(
        verdict.quality.is_some_and(|quality| quality.get() < 50),
        "the first frame is faint"
    );
    Ok(())
}

#[test]
fn empty_pages_do_not_match_by_a_hash_of_64_bits() -> Result<(), Box<dyn Error>> {
    let dhash: Signal = "dhash:0000000810000000".parse()?;
    let home = tempfile::tempdir()?;
    index(home.path(), &[(Action::Block, dhash)])?;
    let page = image::RgbaImage::from_pixel(300, 400, image::Rgba([255, 255, 255, 255]));
    let gate = Gate::open(home.path())?;
    let verdict = gate.check(&gif(&[page])?);
    assert_eq!(
        (verdict.outcome, verdict.action),
        (Outcome::LowQuality, None)
    );
    // A hash computed elsewhere, of a picture whose quality is not known, is taken at its word.
    assert_eq!(gate.match_signal(&dhash, None).action, Some(Action::Block));
    let low = gate.match_signal(&dhash, Some(10.try_into()?));
    assert_eq!(low.outcome, Outcome::LowQuality);
    // A bank that takes any quality and only reports does not stand for the one that was not asked.
    let banks = [(1, Action::Report, 0), (2, Action::Block, 50)].map(|(number, action, least)| {
        let mut policy = Policy::new(action);
        policy.min_quality = Quality::new(least).expect("at most 100");
        let name = format!("bank-{number}").parse();
        name.map(|name| Bank {
            id: BankId(number),
            name,
            policy,
        })
    });
    let banks: Vec<Bank> = banks.into_iter().collect::<Result<_, _>>()?;
    let records = banks.iter().map(|bank| {
        Ok::<_, std::io::Error>(IndexRecord {
            bank: bank.id,
            content: ContentId(1),
            signal: dhash,
            quality: None,
        })
    });
    publish(home.path(), &banks, records, &PublishOptions::default())?;
    let low = Gate::open(home.path())?.match_signal(&dhash, Quality::new(10));
    assert_eq!(
        (low.outcome, low.action),
        (Outcome::LowQuality, Some(Action::Report))
    );
    assert!(!low.passes());
    Ok(())
}

#[test]
fn a_transparent_picture_is_known_over_black_too() -> Result<(), Box<dyn Error>> {
    // Dark on nothing over white, and something else over black.
    let (shape, ground) = (picture(NAMES[0])?, picture(NAMES[1])?);
    let mut cut = shape.clone();
    for (pixel, under) in cut.pixels_mut().zip(ground.pixels()) {
        pixel.0[3] = under.0[1];
    }
    let mut png = std::io::Cursor::new(Vec::new());
    cut.write_to(&mut png, image::ImageFormat::Png)?;
    let known =
        Extractor::default().extract_known(png.get_ref(), &Limits::default(), Forms::STANDARD);
    let known = known.map_err(|problem| problem.message)?;
    assert!(
        known.forms().any(|form| form.to_string() == "over_black"),
        "{:?}",
        known.signals
    );
    let plain = Extractor::default().extract_known(png.get_ref(), &Limits::default(), Forms::NONE);
    assert!(
        plain
            .map_err(|problem| problem.message)?
            .forms()
            .next()
            .is_none()
    );
    Ok(())
}

#[test]
fn any_number_of_entries_with_one_hash_decides_in_bounded_memory() -> Result<(), Box<dyn Error>> {
    const COPIES: u64 = 100_000;
    let hash: Signal = "5a".repeat(32).parse()?;
    let near = hashgate::hash::PdqHash({
        let mut bytes = [0x5a; 32];
        bytes[0] ^= 1;
        bytes
    });
    let bank = |number, name: &str, action, enabled| -> Result<Bank, Box<dyn Error>> {
        let mut policy = Policy::new(action);
        policy.enabled = enabled;
        Ok(Bank {
            id: BankId(number),
            name: name.parse()?,
            policy,
        })
    };
    let banks = [
        bank(1, "many", Action::Report, true)?,
        bank(2, "few", Action::Block, true)?,
        bank(3, "off", Action::Block, false)?,
    ];
    let record = |bank, content, signal| {
        Ok::<_, std::io::Error>(IndexRecord {
            bank: BankId(bank),
            content: ContentId(content),
            signal,
            quality: None,
        })
    };
    let many = (1..=COPIES).map(|content| record(1, content, hash));
    let others = [
        record(2, COPIES + 1, near.into()),
        record(3, COPIES + 2, hash),
    ];
    let home = tempfile::tempdir()?;
    publish(
        home.path(),
        &banks,
        many.chain(others),
        &PublishOptions::default(),
    )?;
    let gate = Gate::open(home.path())?;

    // The one entry that is farther than a hundred thousand others decides all the same.
    let verdict = gate.match_signal(&hash, None);
    assert_eq!(verdict.action, Some(Action::Block));
    assert_eq!(verdict.matches.len(), hashgate::gate::Verdict::MAX_MATCHES);
    assert!(verdict.matches_left_out >= 60_000);
    let listed: Vec<u64> = verdict
        .matches
        .iter()
        .map(|found| found.content_id.0)
        .collect();
    assert_eq!(listed, (1..=1000).collect::<Vec<_>>());

    let all = hashgate::hash::Distance(256);
    let nearest = gate.nearest(&hash, all, 3);
    let listed: Vec<u64> = (nearest.matches.iter())
        .map(|found| found.content_id.0)
        .collect();
    assert_eq!(
        (listed, nearest.action),
        (vec![1, 2, 3], Some(Action::Report))
    );
    assert_eq!(
        gate.nearest(&hash, all, usize::MAX).matches.len() as u64,
        COPIES + 1
    );

    // Many at a time are judged as each by itself.
    let far: Signal = "c3".repeat(32).parse()?;
    let asked: Vec<ContentSignal> = [
        (hash, None),
        (far, None),
        (near.into(), Some(100)),
        (hash, Some(20)),
        ("md5:d41d8cd98f00b204e9800998ecf8427e".parse()?, None),
    ]
    .into_iter()
    .map(|(signal, quality)| ContentSignal::new(signal, quality.and_then(Quality::new)))
    .collect();
    let together = gate.match_signals(&asked);
    assert_eq!(together.len(), asked.len());
    for (asked, verdict) in asked.iter().zip(&together) {
        assert_eq!(*verdict, gate.match_signal(&asked.signal, asked.quality));
    }
    assert_eq!(together[3].outcome, Outcome::LowQuality);
    Ok(())
}
