//! What of policy stands in a published index: rules and dates in the manifest, facts beside hashes.
#![cfg(all(feature = "decode", feature = "policy"))]

mod policy_support;
mod search_support;

use hashgate::bank::{Action, Bank, BankId, ContentId, Paused, Policy, Share, UnreadPolicy};
use hashgate::hash::PdqHash;
use hashgate::index::{
    Base, Carried, FactRecord, Facts, HashFacts, Index, IndexRecord, PublishError, PublishOptions,
    publish, publish_delta, verify,
};
use policy_support::*;
use search_support::Random;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

#[test]
fn facts_follow_their_entries_through_changes_and_merges() {
    let home = tempfile::tempdir().unwrap();
    let (_, banks) = lay(
        "[bank.known.label.mild]\naction = \"review\"\n[bank.known.label.off]\nenabled = false\n",
        vec![bank(1, "known", Policy::new(Action::Block))],
    );
    let place = |id: u64| bits(id as usize % 200, 40 + id as usize % 3);
    let mut model: Vec<(PdqHash, Vec<&str>)> = Vec::new();
    let all: [&[&str]; 4] = [&[], &["mild"], &["off"], &["mild", "other"]];
    let mut random = Random::new(11);
    for id in 1..=40 {
        model.push((place(id * 7), all[random.below(4)].to_vec()));
    }
    let entry =
        |id: usize, model: &[(PdqHash, Vec<&'static str>)]| (model[id].0, model[id].1.clone());
    let carried = Carried::by(&banks, &[], false).unwrap();
    let options = PublishOptions {
        carried: Some(&carried),
        ..PublishOptions::default()
    };
    let record = |id: usize, (hash, labels): (PdqHash, Vec<&str>)| {
        Ok::<_, Infallible>(FactRecord {
            record: IndexRecord {
                bank: BankId(1),
                content: ContentId(id as u64 + 1),
                signal: hash.into(),
                quality: None,
            },
            facts: carried.facts(labels, 1),
            of_hash: HashFacts::default(),
        })
    };
    let records: Vec<_> = (0..model.len())
        .map(|id| record(id, entry(id, &model)))
        .collect();
    publish(home.path(), &banks, records.into_iter(), &options).unwrap();
    for round in 0..30 {
        let id = random.below(model.len());
        model[id].1 = all[random.below(4)].to_vec();
        let changed = [record(id, entry(id, &model))];
        // Without merging now and then, with it mostly.
        let options = PublishOptions {
            linear_below: if round % 3 == 0 { 0 } else { 8192 },
            ..options
        };
        publish_delta(home.path(), &banks, changed.into_iter(), [], &options).unwrap();
        let index = Index::open(home.path()).unwrap();
        for (id, (_, labels)) in model.iter().enumerate() {
            let facts = index.facts(BankId(1), ContentId(id as u64 + 1));
            assert_eq!(
                facts,
                carried.facts(labels.iter().copied(), 1),
                "{round} {id}"
            );
        }
        assert_eq!(index.facts(BankId(1), ContentId(999)), Facts::PLAIN);
        assert_eq!(index.facts(BankId(2), ContentId(1)), Facts::PLAIN);
    }
    assert!(verify(home.path()).unwrap().is_sound());
    // What the generation in force does not carry cannot be added to it.
    let other = Carried::by(&banks, &["new".to_owned()], false).unwrap();
    let options = PublishOptions {
        carried: Some(&other),
        ..options
    };
    let none = std::iter::empty::<Result<FactRecord, Infallible>>();
    let refused = publish_delta(home.path(), &banks, none, [], &options);
    assert!(matches!(refused, Err(PublishError::OtherFacts { .. })));
}

fn manifest(folder: &Path) -> (String, serde_json::Value) {
    let text = fs::read_to_string(folder.join("manifest")).unwrap();
    let body = text[..text.rfind("# crc32c").unwrap()].to_owned();
    let json = serde_json::from_str(&body).unwrap();
    (body, json)
}

fn forge(folder: &Path, body: &str) {
    let text = format!("{body}# crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
    fs::write(folder.join("manifest"), text).unwrap();
}

#[test]
fn programs_that_know_no_rules_refuse_a_manifest_that_has_some() {
    let home = tempfile::tempdir().unwrap();
    let entries: [Entry<'_>; 1] = [(1, 1, bits(0, 40), &["mild"], 1)];
    put(
        home.path(),
        &[bank(1, "known", Policy::new(Action::Block))],
        &entries,
    );
    let (body, json) = manifest(home.path());
    assert_eq!(json["format"], 1, "what says nothing new is read by all");
    assert!(json.get("carried").is_none() && !body.contains("layer"));
    let mut out = Policy::new(Action::Block);
    out.paused.push(Paused {
        content: ContentId(1),
        until: 9,
    });
    let mut share = Policy::new(Action::Block);
    share.share = Share::NONE;
    let mut sources = Policy::new(Action::Block);
    sources.min_sources = 1;
    let (_, ruled) = lay(
        "[bank.known.label.mild]\naction = \"review\"",
        vec![bank(1, "known", Policy::new(Action::Block))],
    );
    for policy in [out, share, sources, ruled[0].policy.clone()] {
        put(home.path(), &[bank(1, "known", policy.clone())], &entries);
        let (body, json) = manifest(home.path());
        assert_eq!(json["format"], 2);
        assert_eq!(Index::open(home.path()).unwrap().banks()[0].policy, policy);
        forge(
            home.path(),
            &body.replacen("\"format\": 2", "\"format\": 1", 1),
        );
        let error = Index::open(home.path()).err().unwrap().to_string();
        assert!(error.contains("it says more than format 1 may"), "{error}");
        forge(
            home.path(),
            &body.replacen("\"format\": 2", "\"format\": 4", 1),
        );
        let error = Index::open(home.path()).err().unwrap().to_string();
        assert!(
            error.contains("manifest format 4, this program reads 1 to 3"),
            "{error}"
        );
    }
    // A rule whose label the index does not carry would be passed over.
    let (body, _) = manifest(home.path());
    let body = body.replacen("\"format\": 4", "\"format\": 2", 1);
    forge(home.path(), &body);
    assert!(Index::open(home.path()).is_ok());
    forge(
        home.path(),
        &body.replacen(
            "\"labels\": [\n      \"mild\"",
            "\"labels\": [\n      \"wild\"",
            1,
        ),
    );
    let error = Index::open(home.path()).err().unwrap().to_string();
    assert!(
        error.contains("its policy asks for the label \"mild\""),
        "{error}"
    );
}

#[test]
fn what_is_done_about_unread_parts_travels_in_the_manifest() {
    let home = tempfile::tempdir().unwrap();
    let banks = [bank(1, "known", Policy::new(Action::Block))];
    let put = |unread| {
        let options = PublishOptions {
            unread,
            ..PublishOptions::default()
        };
        let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
        publish(home.path(), &banks, none, &options).unwrap();
        assert_eq!(Index::open(home.path()).unwrap().unread(), unread);
        assert_eq!(Base::read(home.path()).unwrap().unread, unread);
        manifest(home.path())
    };
    // What passes anyway is read by all.
    assert_eq!(put(None).1["format"], 1);
    assert_eq!(put(Some(UnreadPolicy::Pass)).1["format"], 1);
    let (body, json) = put(Some(UnreadPolicy::Review));
    assert_eq!(json["format"], 3);
    // Programs that know no such policy would let pass what is to be held back.
    for older in ["1", "2"] {
        let older = format!("\"format\": {older}");
        forge(home.path(), &body.replacen("\"format\": 3", &older, 1));
        let error = Index::open(home.path()).err().unwrap().to_string();
        assert!(error.contains("it says more than format"), "{error}");
    }
    forge(home.path(), &body.replacen("\"review\"", "\"hold\"", 1));
    assert!(Index::open(home.path()).is_err());
    forge(home.path(), &body);
    assert!(Index::open(home.path()).is_ok());
}

/// A generation that is kept for ever: manifest of version 3.
#[test]
fn the_golden_manifest_of_version_3_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-unread");
    assert!(verify(&folder).unwrap().is_sound());
    let index = Index::open(&folder).unwrap();
    assert_eq!(index.unread(), Some(UnreadPolicy::Review));
    assert_eq!(index.banks()[0].name.as_str(), "known");
}

/// The golden index of version 2: rules, facts, roll-out, an entry that is out until a time.
fn golden() -> (Vec<Bank>, Vec<Entry<'static>>) {
    let mut policy = Policy::new(Action::Block);
    policy.paused.push(Paused {
        content: ContentId(3),
        until: 4_000_000_000,
    });
    let text = "[bank.known]\nmin_sources = 2\nshare = 99.5\nquarantine = { uploads = 5, seconds = 60 }\n\
                [bank.known.label.mild]\naction = \"review\"\n[label.tight.type.pdq]\nthreshold = 3\n";
    let (_, banks) = lay(
        text,
        vec![
            bank(1, "known", policy),
            bank(2, "harmless", Policy::new(Action::Allow)),
        ],
    );
    let entries: Vec<Entry<'static>> = vec![
        (1, 1, bits(0, 40), &["mild"], 2),
        (1, 2, bits(60, 40), &["mild", "tight"], 1),
        (1, 3, bits(120, 40), &[], 7),
        (2, 4, bits(180, 40), &["tight"], 1),
    ];
    (banks, entries)
}

#[test]
fn the_golden_index_of_version_2_opens_and_decides() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-v2");
    assert!(verify(&folder).unwrap().is_sound());
    let (banks, entries) = golden();
    let index = Index::open(&folder).unwrap();
    assert_eq!(index.banks(), banks);
    let carried = index.carried().clone();
    assert_eq!((carried.labels.len(), carried.sources), (2, true));
    for &(bank, content, _, labels, sources) in &entries {
        let facts = index.facts(BankId(bank), ContentId(content));
        assert_eq!(facts, carried.facts(labels.iter().copied(), sources));
    }
    let home = tempfile::tempdir().unwrap();
    put(home.path(), &banks, &entries);
    let segment = "segment-0000000000000001-0000.hgs";
    let read = |folder: &Path| fs::read(folder.join(segment)).unwrap();
    assert!(
        read(home.path()) == read(&folder),
        "the format changed: give it a new version"
    );
    assert_eq!(read(&folder)[8], 2);
}

/// Run them by hand when a version of the format is new, and keep what they write for ever.
#[test]
#[ignore = "writes the golden manifest"]
fn write_the_golden_manifest() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-unread");
    assert!(!folder.exists(), "a golden index is never changed");
    let options = PublishOptions {
        unread: Some(UnreadPolicy::Review),
        ..PublishOptions::default()
    };
    let banks = [bank(1, "known", Policy::new(Action::Block))];
    let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
    publish(&folder, &banks, none, &options).unwrap();
    fs::remove_file(folder.join("lock")).unwrap();
}

#[test]
#[ignore = "writes the golden index"]
fn write_the_golden_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-v2");
    assert!(!folder.exists(), "a golden index is never changed");
    let (banks, entries) = golden();
    put(&folder, &banks, &entries);
    fs::remove_file(folder.join("lock")).unwrap();
}

#[test]
fn damaged_facts_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let (banks, entries) = golden();
    put(home.path(), &banks, &entries);
    let path = home.path().join("segment-0000000000000001-0000.hgs");
    let sound = fs::read(&path).unwrap();
    let row = [
        &1_u32.to_le_bytes()[..],
        &2_u32.to_le_bytes(),
        &1_u64.to_le_bytes(),
        &1_u64.to_le_bytes(),
    ]
    .concat();
    let at = sound
        .windows(row.len())
        .position(|window| window == row)
        .unwrap();
    for bit in 0..8 * row.len() {
        let mut damaged = sound.clone();
        damaged[at + bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, damaged).unwrap();
        let error = Index::open(home.path()).err().unwrap().to_string();
        assert!(error.contains("facts"), "{bit}: {error}");
    }
    fs::write(&path, sound).unwrap();
    assert!(Index::open(home.path()).is_ok());
}
