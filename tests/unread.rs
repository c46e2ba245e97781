//! What is behind the picture that viewers show: further pictures are asked about, clips are named, and a setting has people
//! look at them.
#![cfg(feature = "decode")]

mod common;

use common::{shipped_pictures, test_data};
use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::decisions::{
    Decision, DecisionError, DecisionLog, Input, LogOptions, for_each, replay,
};
use hashgate::gate::{
    Extractor, Forms, Gate, GateOptions, Known, LookOptions, Mode, Outcome, Seen, Shadow,
    UnreadPolicy, Verdict, Worker, look,
};
use hashgate::hash::SignalType;
use hashgate::index::{Index, IndexRecord, PublishOptions};
use hashgate::media::Limits;
use hashgate::signal::PdqHasher;
use hashgate::signal::variants::VariantSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

/// A gate that knows these pictures.
fn gate(known: &[&[u8]], options: GateOptions) -> Gate {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let records = (1..).zip(known).map(|(number, bytes)| {
        let picture = image::load_from_memory(bytes).unwrap().to_rgb8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let hashed = PdqHasher::default()
            .hash_rgb(width, height, &picture)
            .unwrap();
        Ok::<_, Infallible>(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal: hashed.hash.into(),
            quality: Some(hashed.quality),
        })
    });
    let index = Index::in_memory(&[bank], records, &PublishOptions::default());
    Gate::over(index.unwrap(), options)
}

/// Two pictures as JPEGs of so many pixels along the shorter side or more.
fn jpegs(side: u32) -> [Vec<u8>; 2] {
    let all = shipped_pictures("known");
    let jpeg = |bytes: &[u8]| {
        let picture = image::load_from_memory(bytes).unwrap();
        let picture = picture.resize_to_fill(side, side, image::imageops::FilterType::Triangle);
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 92);
        picture.to_rgb8().write_with_encoder(encoder).unwrap();
        jpeg
    };
    [jpeg(&all[0].1), jpeg(&all[1].1)]
}

fn clip(bytes: usize) -> Vec<u8> {
    let mut clip = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    clip.extend((bytes as u32).to_be_bytes());
    clip.extend(b"mdat");
    clip.resize(24 + bytes, 7);
    clip
}

#[test]
fn a_further_picture_is_asked_about_in_every_mode() {
    for side in [300, 900] {
        let [shown, hidden] = jpegs(side);
        for mode in [Mode::Exact, Mode::Auto, Mode::Fast] {
            let gate = gate(&[&hidden], GateOptions::default().mode(mode));
            let both = [&shown[..], &hidden].concat();
            let verdict = gate.check(&both);
            assert_eq!(verdict.action, Some(Action::Block), "{side} {mode:?}");
            assert_eq!(verdict.matches[0].variant.frame, 1);
            assert!(verdict.unread.is_empty());
            assert_eq!(gate.check(&shown).outcome, Outcome::NoMatch);
        }
    }
}

#[test]
fn first_pictures_alone_are_asked_about_where_that_is_wanted() {
    let [shown, hidden] = jpegs(300);
    let options = GateOptions::default().variants(VariantSet::NONE);
    let verdict = gate(&[&hidden], options).check(&[&shown[..], &hidden].concat());
    assert_eq!(verdict.outcome, Outcome::NoMatch);
    assert_eq!(verdict.unread.len(), 1);
    assert_eq!(verdict.unread[0].bytes, hidden.len() as u64);
}

#[test]
fn clips_and_broken_pictures_are_named_and_reviewed_where_that_is_set() {
    let [shown, hidden] = jpegs(300);
    let broken = &hidden[..hidden.len() / 2];
    let file = [&shown[..], &clip(5000), broken].concat();
    let check = |policy| gate(&[], GateOptions::default().unread(policy)).check(&file);
    let verdict = check(UnreadPolicy::Pass);
    assert_eq!((verdict.outcome, verdict.action), (Outcome::NoMatch, None));
    assert!(verdict.passes());
    let named: Vec<&str> = verdict.unread.iter().map(|one| &*one.what).collect();
    assert_eq!(named[0], "a video (MP4 family)");
    assert!(
        named[1].starts_with("a further picture, JPEG: "),
        "{named:?}"
    );
    assert_eq!(verdict.unread[0].bytes, 5024);
    let held = check(UnreadPolicy::Review);
    assert_eq!(held.outcome, Outcome::NoMatch);
    assert_eq!(held.action, Some(Action::Review));
    assert!(!held.passes());
    // A verdict is read as it was written.
    let text = serde_json::to_string(&held).unwrap();
    let read: Verdict = serde_json::from_str(&text).unwrap();
    assert_eq!((&read.unread, read.action), (&held.unread, held.action));
    assert!(!read.passes());
    // And so is what was seen of it, which decides the same.
    let seen = look(&file, &LookOptions::default());
    let text = serde_json::to_string(&seen).unwrap();
    let seen: Seen = serde_json::from_str(&text).unwrap();
    let gate = gate(&[], GateOptions::default().unread(UnreadPolicy::Review));
    assert_eq!(gate.decide(&seen).action, Some(Action::Review));
}

#[test]
fn the_policy_file_says_what_is_done_where_the_gate_is_told_nothing() {
    use UnreadPolicy::{Pass, Review};
    let [shown, _] = jpegs(300);
    let file = [&shown[..], &clip(5000)].concat();
    // What the policies say, what the gate is told, whether it is held back.
    for (said, told, held) in [
        (None, None, false),
        (Some(Pass), None, false),
        (Some(Review), None, true),
        (Some(Review), Some(Pass), false),
        (Some(Pass), Some(Review), true),
        (None, Some(Review), true),
    ] {
        let options = PublishOptions {
            unread: said,
            ..PublishOptions::default()
        };
        let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
        let index = Index::in_memory(&[], none, &options).unwrap();
        let mut asked = GateOptions::default();
        asked.unread = told;
        let shadow = Shadow::new(&index, Vec::new())
            .unwrap()
            .unread(Some(Review));
        let gate = Gate::over(index, asked);
        let checked = gate.check_later(&mut Worker::default(), &file, Some(&shadow));
        let checked = checked.settle(&gate);
        let verdict = checked.verdict;
        assert_eq!((verdict.held_unread, verdict.passes()), (held, !held));
        assert_eq!(verdict.action, held.then_some(Action::Review));
        // What is tried out says review; the gate's own word counts for it too.
        let tried = checked.shadow.unwrap();
        assert_eq!(tried.held_unread, told != Some(Pass), "{told:?}");
    }
}

/// Decides by one policy, writes it down, reads it, and decides anew by another.
#[test]
fn what_was_held_back_is_in_the_log_and_is_replayed() {
    use UnreadPolicy::{Pass, Review};
    let [shown, _] = jpegs(300);
    let file = [&shown[..], &clip(5000)].concat();
    let index = |unread| {
        let options = PublishOptions {
            unread,
            ..PublishOptions::default()
        };
        let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
        Index::in_memory(&[], none, &options).unwrap()
    };
    let check = |policy| {
        let gate = Gate::over(index(None), GateOptions::default().unread(policy));
        gate.check(&file)
    };
    assert_eq!(Decision::of(&check(Pass), Input::default()), None);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("log");
    let log = DecisionLog::open(&folder, LogOptions::default()).unwrap();
    let decision = Decision::of(&check(Review), Input::default()).unwrap();
    log.append(&decision).unwrap();
    drop(log);
    let mut read = Vec::new();
    let findings = for_each(&folder, |entry, _| {
        read.push(entry.decision.clone());
        Ok::<_, DecisionError>(ControlFlow::Continue(()))
    });
    assert!(findings.unwrap().is_empty());
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].unread, decision.unread);
    let decision = &read[0];
    assert!(decision.held_unread && decision.matches.is_empty());
    assert_eq!(decision.unread[0].bytes, 5024);
    // What the policies say, and whether that is as it was.
    for (said, same) in [(None, true), (Some(Review), true), (Some(Pass), false)] {
        let replayed = replay(&index(said), 0, decision);
        assert_eq!((replayed.same, replayed.unread.is_none()), (same, same));
        assert_eq!(replayed.action, same.then_some(Action::Review));
    }
    // Lines of before say nothing of such parts.
    let mut old = serde_json::to_value(decision).unwrap();
    let keys = old.as_object_mut().unwrap();
    assert!(keys.remove("unread").is_some() && keys.remove("held_unread").is_some());
    keys["action"] = serde_json::Value::Null;
    let old: Decision = serde_json::from_value(old).unwrap();
    assert!(old.unread.is_empty() && !old.held_unread);
    assert!(replay(&index(Some(Review)), 0, &old).same);
}

/// A gain map is mostly flat: it must not make its picture one that is too faint to judge.
#[test]
fn a_flat_further_picture_holds_nothing_back() {
    let [shown, _] = jpegs(300);
    let flat = image::RgbImage::from_pixel(200, 200, image::Rgb([90, 90, 90]));
    let mut map = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut map, 90);
    flat.write_with_encoder(encoder).unwrap();
    let verdict = gate(&[&shown], GateOptions::default()).check(&[&shown[..], &map].concat());
    assert_eq!(verdict.action, Some(Action::Block));
    let other = jpegs(300)[1].clone();
    let verdict = gate(&[&other], GateOptions::default()).check(&[&shown[..], &map].concat());
    assert_eq!(verdict.outcome, Outcome::NoMatch);
    assert!(verdict.unread[0].what.contains("too little in it"));
}

#[test]
fn the_reported_motion_photo_is_blocked_and_its_clip_named() {
    let Some(data) = test_data() else { return };
    let file = std::fs::read(data.join("field/jpeg/coffee-no-eoi-mp4.jpg")).unwrap();
    let coffee = std::fs::read(data.join("field/known/coffee.png")).unwrap();
    let verdict = gate(&[&coffee], GateOptions::default()).check(&file);
    assert_eq!(verdict.action, Some(Action::Block));
    assert!(verdict.unread.iter().any(|one| one.what.contains("video")));
}

/// A GIF of these pictures.
fn gif(frames: &[image::RgbaImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    let frames = frames.iter().cloned().map(image::Frame::new);
    encoder.encode_frames(frames).unwrap();
    drop(encoder);
    bytes
}

#[test]
fn a_bank_keeps_every_picture_of_a_file_where_it_is_asked_to() {
    let pictures: Vec<image::RgbaImage> = shipped_pictures("known")
        .iter()
        .take(3)
        .map(|(_, bytes)| {
            let picture = image::load_from_memory(bytes).unwrap();
            let filter = image::imageops::FilterType::Triangle;
            picture.resize_exact(200, 200, filter).to_rgba8()
        })
        .collect();
    let blank = image::RgbaImage::from_pixel(200, 200, image::Rgba([255, 255, 255, 255]));
    let frames: Forms = "frames".parse().unwrap();
    let known = |bytes: &[u8], forms| {
        let known = Extractor::default().extract_known(bytes, &Limits::default(), forms);
        known.unwrap()
    };
    let of_pdq = |known: &Known| -> Vec<Option<String>> {
        let pdq = known.signals.iter();
        let pdq = pdq.filter(|held| held.signal.signal_type() == SignalType::Pdq);
        pdq.map(|held| held.form.map(|form| form.to_string()))
            .collect()
    };
    // The first frame, then the others; each once.
    let twice = [&pictures[..], &pictures[1..]].concat();
    let kept = known(&gif(&twice), frames);
    let mut named = of_pdq(&kept);
    assert_eq!(named.remove(0), None);
    named.sort();
    assert_eq!(named, [1, 2].map(|frame| Some(format!("frame_{frame}"))));
    assert!(!kept.is_first_left_out && kept.left_out == 0);
    assert_eq!(of_pdq(&known(&gif(&twice), Forms::NONE)), [None]);
    // A blank first frame is in many harmless files.
    let titled = [&[blank][..], &pictures[..2]].concat();
    let kept = known(&gif(&titled), frames);
    assert!(kept.is_first_left_out);
    let mut named = of_pdq(&kept);
    named.sort();
    assert_eq!(named, [1, 2].map(|frame| Some(format!("frame_{frame}"))));
    // Pictures behind the first one.
    let [first, second] = jpegs(300);
    let kept = known(&[&first[..], &second].concat(), frames);
    assert_eq!(of_pdq(&kept), [None, Some("frame_1".to_owned())]);
    // What comes after the first picture refuses no file.
    let cut = [&first[..], &second[..second.len() / 2]].concat();
    assert_eq!(of_pdq(&known(&cut, frames)), [None]);
    let mut animation = gif(&pictures);
    animation.truncate(animation.len() - 900);
    let kept = known(&animation, frames);
    assert_eq!(kept.left_out, 1);
    assert!(of_pdq(&kept).contains(&None));
}
