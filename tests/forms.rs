//! Forms of an upload besides the picture that a viewer shows: the small picture in its EXIF block, and
//! what shows over black.
#![cfg(feature = "decode")]

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Extractor, Gate, GateOptions, Mode, Outcome, VariantSet, Verdict};
use hashgate::hash::{Quality, Signal, SignalType};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use image::imageops::{FilterType, overlay, resize};
use image::{ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
use std::error::Error;
use std::path::Path;
use tempfile::TempDir;

type Tested = Result<(), Box<dyn Error>>;

/// Two pictures that have nothing to do with each other.
const NAMES: [&str; 2] = ["butterfly.png", "christmas-tree.png"];

fn picture(name: &str, width: u32, height: u32) -> Result<RgbImage, Box<dyn Error>> {
    let path = Path::new("examples/pictures/known").join(name);
    let picture = image::open(path)?.to_rgb8();
    Ok(resize(&picture, width, height, FilterType::Triangle))
}

fn jpeg(picture: &RgbImage, exif: Option<Vec<u8>>) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif)?;
    }
    let (width, height) = picture.dimensions();
    encoder.write_image(
        picture.as_raw(),
        width,
        height,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

/// An EXIF block with an orientation and this file as its thumbnail.
fn exif(orientation: u8, thumbnail: &[u8]) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 26, 0, 0, 0, 2, 0]);
    for (tag, value) in [(1, 56), (2, thumbnail.len() as u32)] {
        exif.extend([tag, 2, 4, 0, 1, 0, 0, 0]);
        exif.extend(value.to_le_bytes());
    }
    exif.extend([0; 4]);
    exif.extend(thumbnail);
    exif
}

/// A picture whose thumbnail is another picture.
fn with_thumbnail(shown: &RgbImage, inside: &RgbImage) -> Result<Vec<u8>, Box<dyn Error>> {
    jpeg(shown, Some(exif(1, &jpeg(inside, None)?)))
}

fn small(picture: &RgbImage) -> RgbImage {
    resize(picture, 160, 120, FilterType::Triangle)
}

/// With so little contrast that PDQ has hardly anything to go by.
fn faint(picture: &RgbImage) -> RgbImage {
    let mut faint = picture.clone();
    for pixel in faint.pixels_mut() {
        pixel.0 = pixel.0.map(|value| 120 + value / 16);
    }
    faint
}

fn pdq(picture: &RgbImage) -> Result<Signal, Box<dyn Error>> {
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png)?;
    let wanted = [SignalType::Pdq];
    let hashed =
        Extractor::default().extract(png.get_ref(), &wanted, VariantSet::NONE, &Limits::default());
    let signal = hashed.signals.first().copied();
    signal.ok_or_else(|| "it has a hash".into())
}

/// An index of these pictures, each in a bank of its own.
fn index(entries: &[(Action, &RgbImage)]) -> Result<TempDir, Box<dyn Error>> {
    let (mut banks, mut records) = (Vec::new(), Vec::new());
    for (number, (action, picture)) in (1..).zip(entries) {
        banks.push(Bank {
            id: BankId(number),
            name: format!("{action}-{number}").parse()?,
            policy: Policy::new(*action),
        });
        records.push(Ok::<_, std::io::Error>(IndexRecord {
            bank: BankId(number),
            content: ContentId(u64::from(number)),
            signal: pdq(picture)?,
            quality: Some(Quality::MAX),
        }));
    }
    let folder = tempfile::tempdir()?;
    publish(
        folder.path(),
        &banks,
        records.into_iter(),
        &PublishOptions::default(),
    )?;
    Ok(folder)
}

fn check(folder: &TempDir, variants: &str, bytes: &[u8]) -> Result<Verdict, Box<dyn Error>> {
    let options = GateOptions::default()
        .variants(variants.parse()?)
        .mode(Mode::Exact);
    Ok(Gate::open_with(folder.path(), options)?.check(bytes))
}

fn variants(verdict: &Verdict) -> Vec<String> {
    let matches = verdict.matches.iter();
    matches.map(|found| found.variant.to_string()).collect()
}

#[test]
fn a_thumbnail_still_shows_the_original() -> Tested {
    let (known, other) = (picture(NAMES[0], 640, 480)?, picture(NAMES[1], 640, 480)?);
    let folder = index(&[(Action::Block, &known)])?;
    let upload = with_thumbnail(&other, &small(&known))?;
    for set in ["standard", "thorough", "embedded"] {
        let verdict = check(&folder, set, &upload)?;
        assert_eq!(verdict.action, Some(Action::Block), "{set}");
        assert_eq!(variants(&verdict), ["embedded"], "{set}");
    }
    for set in ["none", "displayed,dihedral,trim"] {
        assert_eq!(check(&folder, set, &upload)?.outcome, Outcome::NoMatch);
    }
    // Mirrored, and turned as the file asks.
    let mirrored = with_thumbnail(&other, &image::imageops::flip_horizontal(&small(&known)))?;
    assert_eq!(
        variants(&check(&folder, "standard", &mirrored)?),
        ["embedded+flip_y"]
    );
    let stored = image::imageops::rotate270(&small(&known));
    let turned = jpeg(&other, Some(exif(6, &jpeg(&stored, None)?)))?;
    let verdict = check(&folder, "embedded,displayed", &turned)?;
    assert_eq!(variants(&verdict), ["embedded+displayed"]);
    Ok(())
}

#[test]
fn bars_around_a_thumbnail_are_cut_away() -> Tested {
    let (known, other) = (picture(NAMES[0], 640, 320)?, picture(NAMES[1], 640, 480)?);
    let folder = index(&[(Action::Block, &known)])?;
    let mut framed = RgbImage::new(160, 120);
    overlay(
        &mut framed,
        &resize(&known, 160, 80, FilterType::Triangle),
        0,
        20,
    );
    let upload = with_thumbnail(&other, &framed)?;
    let verdict = check(&folder, "standard", &upload)?;
    // A guess at a picture as plain as this one does not block by itself.
    assert_eq!(verdict.action, Some(Action::Review));
    let named = variants(&verdict);
    assert!(
        named
            .iter()
            .all(|name| name.starts_with("embedded+region_")),
        "{named:?}"
    );
    Ok(())
}

#[test]
fn what_is_as_the_picture_itself_is_not_asked_about() -> Tested {
    let known = picture("cat.jpg", 640, 480)?;
    let folder = index(&[(Action::Block, &known)])?;
    let half = resize(&known, 320, 240, FilterType::Triangle);
    let verdict = check(&folder, "standard", &with_thumbnail(&known, &half)?)?;
    assert_eq!(variants(&verdict), ["original"]);
    assert!(verdict.queries.iter().all(|query| !query.variant.embedded));
    Ok(())
}

#[test]
fn a_thumbnail_and_its_picture_do_not_shield_each_other() -> Tested {
    let (a, b) = (picture(NAMES[0], 640, 480)?, picture(NAMES[1], 640, 480)?);
    let folder = index(&[(Action::Allow, &a), (Action::Block, &b)])?;
    for (shown, inside) in [(&a, &b), (&b, &a)] {
        let verdict = check(&folder, "standard", &with_thumbnail(shown, &small(inside))?)?;
        assert_eq!(verdict.action, Some(Action::Block));
        assert_eq!(verdict.matches.len(), 2);
    }
    let folder = index(&[(Action::Allow, &a), (Action::Block, &a)])?;
    let verdict = check(&folder, "standard", &with_thumbnail(&b, &small(&a))?)?;
    let said = (verdict.outcome, verdict.action, verdict.matches.len());
    assert_eq!(
        said,
        (Outcome::NoMatch, None, 0),
        "known to be harmless, as near: which says nothing of the picture"
    );
    Ok(())
}

#[test]
fn a_thumbnail_counts_by_its_own_quality() -> Tested {
    let (a, b) = (picture(NAMES[0], 640, 480)?, picture(NAMES[1], 640, 480)?);
    let folder = index(&[(Action::Block, &a)])?;
    let verdict = check(
        &folder,
        "standard",
        &with_thumbnail(&b, &faint(&small(&a)))?,
    )?;
    assert_eq!(
        verdict.outcome,
        Outcome::NoMatch,
        "a faint one says nothing"
    );
    let verdict = check(
        &folder,
        "standard",
        &with_thumbnail(&faint(&b), &small(&b))?,
    )?;
    assert_eq!(
        verdict.outcome,
        Outcome::LowQuality,
        "a good one does not stand for the picture"
    );
    let verdict = check(
        &folder,
        "standard",
        &with_thumbnail(&faint(&b), &small(&a))?,
    )?;
    assert_eq!(verdict.action, Some(Action::Block));
    // Nor does a harmless one.
    let folder = index(&[(Action::Allow, &a), (Action::Report, &b)])?;
    for (inside, matches) in [(&a, 0), (&b, 1)] {
        let verdict = check(
            &folder,
            "standard",
            &with_thumbnail(&faint(&b), &small(inside))?,
        )?;
        assert_eq!(verdict.outcome, Outcome::LowQuality);
        assert!(!verdict.passes());
        assert_eq!(verdict.matches.len(), matches);
    }
    Ok(())
}

#[test]
fn a_damaged_file_is_known_by_its_thumbnail_and_a_damaged_thumbnail_changes_nothing() -> Tested {
    let (a, b) = (picture(NAMES[0], 640, 480)?, picture(NAMES[1], 640, 480)?);
    let folder = index(&[(Action::Block, &a)])?;
    let whole = with_thumbnail(&b, &small(&a))?;
    let cut = &whole[..whole.len() / 2];
    let verdict = check(&folder, "standard", cut)?;
    assert_eq!(
        (verdict.outcome, verdict.action),
        (Outcome::Match, Some(Action::Block))
    );
    let problem = verdict.problem.as_ref().ok_or("it was judged whole")?;
    assert_eq!(problem.outcome, Outcome::Undecodable);
    assert_eq!(check(&folder, "none", cut)?.outcome, Outcome::Undecodable);

    let thumbnail = jpeg(&small(&a), None)?;
    for broken in [
        &thumbnail[..2],
        &thumbnail[..thumbnail.len() / 2],
        b"none at all",
    ] {
        let upload = jpeg(&b, Some(exif(1, broken)))?;
        let verdict = check(&folder, "standard", &upload)?;
        assert_eq!(verdict.outcome, Outcome::NoMatch);
        assert_eq!(verdict.error(), None);
        let cut = &upload[..upload.len() / 2];
        assert_eq!(
            check(&folder, "standard", cut)?.outcome,
            Outcome::Undecodable
        );
    }
    Ok(())
}

#[test]
fn every_mode_looks_at_the_thumbnail() -> Tested {
    let (a, b) = (picture(NAMES[0], 960, 840)?, picture(NAMES[1], 960, 840)?);
    let uploads = [
        with_thumbnail(&b, &small(&a))?,
        with_thumbnail(&a, &small(&b))?,
        with_thumbnail(&a, &small(&a))?,
        with_thumbnail(&b, &faint(&small(&a)))?,
    ];
    for entries in [
        vec![(Action::Block, &a)],
        vec![(Action::Allow, &a), (Action::Block, &b)],
        vec![(Action::Allow, &b)],
    ] {
        let folder = index(&entries)?;
        for (number, upload) in uploads.iter().enumerate() {
            let verdicts = [Mode::Exact, Mode::Fast, Mode::Auto].map(|mode| {
                let options = GateOptions::default().mode(mode).auto_from(0);
                let gate = Gate::open_with(folder.path(), options).expect("an index");
                let verdict = gate.check(upload);
                (
                    verdict.outcome,
                    verdict.action,
                    variants(&verdict),
                    verdict.fast,
                )
            });
            let [exact, fast, auto] = &verdicts;
            assert!(fast.3 && !exact.3, "{number}");
            assert_eq!(
                (&exact.0, &exact.1, &exact.2),
                (&auto.0, &auto.1, &auto.2),
                "{number}"
            );
            assert_eq!((&exact.0, &exact.1), (&fast.0, &fast.1), "{number}");
        }
    }
    Ok(())
}

/// A light thing on nothing, as stickers are, inside a frame: over white it is hardly there.
fn framed_sticker(shape: &RgbImage) -> Result<Vec<u8>, Box<dyn Error>> {
    let (width, height) = shape.dimensions();
    let mut framed = RgbaImage::from_pixel(width + 160, height + 160, Rgba([20, 90, 160, 255]));
    for (x, y, pixel) in shape.enumerate_pixels() {
        let [r, g, b] = pixel.0;
        let light = r.max(g).max(b);
        framed.put_pixel(x + 80, y + 80, Rgba([255, 255, 255, light]));
    }
    let mut png = std::io::Cursor::new(Vec::new());
    framed.write_to(&mut png, image::ImageFormat::Png)?;
    Ok(png.into_inner())
}

#[test]
fn guesses_are_made_over_black_too() -> Tested {
    let shape = picture(NAMES[1], 480, 480)?;
    // What a viewer with a black ground shows, without the frame.
    let known = RgbImage::from_fn(480, 480, |x, y| {
        let [r, g, b] = shape.get_pixel(x, y).0;
        Rgb([r.max(g).max(b); 3])
    });
    let folder = index(&[(Action::Block, &known)])?;
    let upload = framed_sticker(&shape)?;
    let verdict = check(&folder, "standard", &upload)?;
    let named = variants(&verdict);
    // Mostly flat, so that a guess does not block by itself.
    assert_eq!(verdict.action, Some(Action::Review), "{named:?}");
    assert!(
        named
            .iter()
            .all(|name| name.starts_with("over_black+region_")),
        "{named:?}"
    );
    assert_eq!(
        check(&folder, "over_black,dihedral", &upload)?.outcome,
        Outcome::NoMatch
    );
    // Where a white ground is as good as a black one, nothing more is asked.
    let opaque: RgbaImage = image::DynamicImage::ImageRgb8(known).to_rgba8();
    let mut hardly = opaque;
    hardly.put_pixel(0, 0, Rgba([0, 0, 0, 254]));
    let mut png = std::io::Cursor::new(Vec::new());
    hardly.write_to(&mut png, image::ImageFormat::Png)?;
    let verdict = check(&folder, "standard", png.get_ref())?;
    let is_guess = |query: &&hashgate::gate::Query| {
        query.variant.over_black && query.variant.region != hashgate::hash::Sides::NONE
    };
    assert_eq!(verdict.queries.iter().filter(is_guess).count(), 0);
    Ok(())
}

/// The hash with so many bits changed, spread out.
fn flipped(signal: &Signal, bits: usize) -> Result<Signal, Box<dyn Error>> {
    let mut hash = signal.as_pdq().ok_or("a PDQ hash")?;
    for at in 0..bits {
        let bit = at * 37 % 256;
        hash.0[bit / 8] ^= 1 << (bit % 8);
    }
    Ok(hash.into())
}

/// An index of one entry with these hashes, and of others with some of them.
fn index_of_hashes(action: Action, entries: &[&[Signal]]) -> Result<TempDir, Box<dyn Error>> {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse()?,
        policy: Policy::new(action),
    };
    let mut records = Vec::new();
    for (content, signals) in (1..).zip(entries) {
        records.extend(signals.iter().map(|&signal| {
            Ok::<_, std::io::Error>(IndexRecord {
                bank: BankId(1),
                content: ContentId(content),
                signal,
                quality: None,
            })
        }));
    }
    let folder = tempfile::tempdir()?;
    publish(
        folder.path(),
        &[bank],
        records.into_iter(),
        &PublishOptions::default(),
    )?;
    Ok(folder)
}

#[test]
fn a_second_hash_speaks_for_what_is_nearly_verified() -> Tested {
    let upload = jpeg(&picture("cat.jpg", 480, 480)?, None)?;
    let wanted = [SignalType::Pdq, SignalType::Phash, SignalType::Ahash];
    let limits = Limits::default();
    let hashed = Extractor::default().extract(&upload, &wanted, VariantSet::NONE, &limits);
    let [pdq, phash, ahash] = hashed.signals[..] else {
        return Err("three hashes".into());
    };
    // Beyond what matches by itself: what it is near to by another hash is for the guess.
    let off = |signal: &Signal, bits: u32| -> Result<Signal, Box<dyn Error>> {
        let value = u64::from_str_radix(&signal.hex(), 16)? ^ ((1 << bits) - 1);
        Ok(format!("{}:{value:016x}", signal.signal_type()).parse()?)
    };
    let second = off(&phash, 5)?;
    let (mut seconded, mut alone) = (0, 0);
    for bits in (32..60).step_by(2) {
        let entry = flipped(&pdq, bits)?;
        let by_itself = check(
            &index_of_hashes(Action::Block, &[&[entry]])?,
            "standard",
            &upload,
        )?;
        let verdict = check(
            &index_of_hashes(Action::Block, &[&[entry, second]])?,
            "standard",
            &upload,
        )?;
        if by_itself.outcome == Outcome::Match {
            alone += 1;
            assert_eq!(verdict.matches[0].seconded_by, None);
            assert_eq!(verdict.matches, by_itself.matches);
            continue;
        }
        // Too far off, of another entry, or of a kind that says too little: none.
        let far = off(&phash, 20)?;
        for others in [
            &[&[entry, far][..]][..],
            &[&[entry], &[second]],
            &[&[entry, off(&ahash, 6)?]],
        ] {
            let verdict = check(
                &index_of_hashes(Action::Block, others)?,
                "standard",
                &upload,
            )?;
            assert_eq!(verdict.outcome, Outcome::NoMatch, "{bits}");
        }
        if let [found] = &verdict.matches[..] {
            seconded += 1;
            assert_eq!(found.seconded_by, Some(SignalType::Phash), "{bits}");
            assert_eq!(found.action, Action::Review);
            let json = serde_json::to_value(found)?;
            assert_eq!(json["seconded_by"], "phash");
            // Coefficients are not enough for it: every mode says the same.
            let folder = index_of_hashes(Action::Block, &[&[entry, second]])?;
            for mode in [Mode::Fast, Mode::Auto] {
                let options = GateOptions::default().mode(mode).auto_from(0);
                let again = Gate::open_with(folder.path(), options)?.check(&upload);
                assert_eq!((again.fast, &again.matches), (false, &verdict.matches));
            }
            let told = Gate::open(folder.path())?.explain(&upload);
            assert_eq!(told.verdict.matches, verdict.matches);
            let [one] = &told.considered[..] else {
                return Err("one entry".into());
            };
            assert_eq!(one.result.as_ref().ok(), Some(found));
        }
    }
    assert!(
        alone > 0 && seconded > 0,
        "{alone} alone, {seconded} seconded"
    );
    Ok(())
}

#[test]
fn nothing_is_called_harmless_by_a_second_hash() -> Tested {
    let upload = jpeg(&picture("cat.jpg", 480, 480)?, None)?;
    let wanted = [SignalType::Pdq, SignalType::Phash];
    let limits = Limits::default();
    let hashed = Extractor::default().extract(&upload, &wanted, VariantSet::NONE, &limits);
    let [pdq, phash] = hashed.signals[..] else {
        return Err("two hashes".into());
    };
    let value = u64::from_str_radix(&phash.hex(), 16)? ^ 0x3f;
    let second: Signal = format!("phash:{value:016x}").parse()?;
    let mut found = 0;
    for bits in (32..60).step_by(2) {
        let entry = flipped(&pdq, bits)?;
        for action in [Action::Block, Action::Allow] {
            let folder = index_of_hashes(action, &[&[entry, second]])?;
            let verdict = check(&folder, "standard", &upload)?;
            let seconded = verdict
                .matches
                .iter()
                .filter(|one| one.seconded_by.is_some());
            match action {
                Action::Block => found += seconded.count(),
                _ => assert_eq!(seconded.count(), 0, "{bits}"),
            }
        }
    }
    assert!(found > 0);
    Ok(())
}
