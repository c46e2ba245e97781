//! Limits derived again from a small set of pictures that is shipped, and the table held to them; wrong flags counted in
//! lists of strangers.

#![cfg(feature = "evaluate")]

use hashgate::bank::{Action, Policy};
use hashgate::evaluate::{
    CorpusFile, DerivePlan, Derived, How, LimitVerdict, Plan, Split, Strangers, StrangersPlan,
    Watch, derive, strangers,
};
use hashgate::gate::{Mode, VariantSet};
use hashgate::hash::SignalType;
use hashgate::media::Limits;
use hashgate::rules::Table;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Pictures of `examples/pictures` of which none is another's copy.
const SHIPPED: [&str; 11] = [
    "known/butterfly.png",
    "known/cat.jpg",
    "known/christmas-tree.png",
    "known/coffee.jpg",
    "known/pineapple.png",
    "known/rocket.jpg",
    "uploads/brick-wall.jpg",
    "uploads/grass.jpg",
    "uploads/padlock.png",
    "uploads/star-field.jpg",
    "uploads/steam-train.png",
];

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pictures")
}

fn plan(variants: VariantSet, jobs: usize) -> Plan {
    Plan {
        seed: 1,
        modifications: "mirror,crop_centre_10".parse().expect("they are known"),
        variants: vec![(variants.to_string(), variants)],
        signals: vec![SignalType::Pdq],
        policy: Policy::new(Action::Block),
        mode: Mode::Exact,
        limits: Limits::default(),
        working_side: 320,
        same_within: 47,
        looked_at: Vec::new(),
        calibrated: false,
        jobs,
    }
}

fn watched<T>(run: impl FnOnce(Watch<'_>) -> T) -> T {
    run(Watch {
        stop: &AtomicBool::new(false),
        progress: &|_, _| (),
    })
}

fn derived(files: &[CorpusFile], (same_within, copies): (u16, usize), jobs: usize) -> Derived {
    let mut base = plan(VariantSet::STANDARD, jobs);
    base.same_within = same_within;
    let plan = DerivePlan {
        plan: base,
        copies,
        made_elsewhere: Vec::new(),
    };
    let table = Table::read().expect("the table");
    watched(|watch| derive(&plan, files, &table, watch)).expect("the pictures are there")
}

#[test]
fn the_table_is_no_looser_than_the_shipped_pictures_allow() {
    let files: Vec<CorpusFile> = SHIPPED
        .iter()
        .map(|name| CorpusFile {
            path: pictures().join(name),
            name: (*name).to_owned(),
        })
        .collect();
    let derived = derived(&files, (47, 6), 2);
    assert_eq!(derived.pictures.iter().sum::<u64>(), 11);
    assert_eq!(derived.copies, 11 * 7);
    // Each picture meets itself, and so do most copies of it.
    let met: BTreeSet<_> = (derived.rows.iter())
        .filter(|row| row.same)
        .map(|row| (row.upload, row.change.as_str()))
        .collect();
    assert!(met.len() > 66, "{} of 77", met.len());
    let looser: Vec<_> = derived.looser().collect();
    assert!(looser.is_empty(), "{looser:#?}");
}

/// Two pictures that look alike, taken for strangers: no table that verifies anything allows that. The rows are the same
/// whatever the number of threads.
#[test]
fn a_table_that_lets_strangers_pass_is_found_whatever_the_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        steered(folder.path(), "known/coffee.jpg", Split::Train),
        steered(folder.path(), "uploads/coffee-half-size.jpg", Split::Tune),
    ];
    let [one, two] = [1, 2].map(|jobs| derived(&files, (0, 2), jobs));
    assert_eq!(one.rows, two.rows);
    assert_eq!(one.limits, two.limits);
    let looser: Vec<&str> = one.looser().map(|limit| limit.name).collect();
    let is_found = |name: &&str| name.ends_with("_apart");
    assert!(looser.iter().any(is_found), "{looser:?}");
    let limit = one.looser().find(|limit| is_found(&limit.name));
    let limit = limit.expect("it is there");
    assert_eq!(limit.verdict, LimitVerdict::Looser);
    assert!(limit.passing > 0 && limit.derived < limit.held, "{limit:?}");
    assert!(
        limit
            .nearest
            .as_ref()
            .is_some_and(|pair| pair.contains("coffee"))
    );
    // The same two of test choose nothing.
    let files = [
        steered(folder.path(), "known/coffee.jpg", Split::Test),
        steered(folder.path(), "uploads/coffee-half-size.jpg", Split::Test),
    ];
    let held_out = derived(&files, (0, 2), 2);
    assert_eq!(held_out.looser().count(), 0);
    assert!(
        held_out
            .limits
            .iter()
            .any(|limit| limit.passing_in_test > 0)
    );
    // By the rule of 47 bits they are the same picture.
    assert_eq!(
        derived(&files, (47, 0), 2)
            .rows
            .iter()
            .filter(|row| !row.same)
            .count(),
        0
    );
}

/// A file of the shipped pictures with bytes behind its end, so that its content is of this split.
fn steered(folder: &Path, name: &str, split: Split) -> CorpusFile {
    let bytes = std::fs::read(pictures().join(name)).expect("it is there");
    let file = (0..=u8::MAX).find_map(|last| {
        let mut bytes = bytes.clone();
        bytes.push(last);
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        (Split::of(&digest) == split).then_some(bytes)
    });
    let name = name.rsplit('/').next().expect("a name");
    let path = folder.join(name);
    std::fs::write(&path, file.expect("some byte leads there")).expect("it is written");
    CorpusFile {
        path,
        name: name.to_owned(),
    }
}

fn counted(files: &[CorpusFile], same_within: u16) -> Strangers {
    let mut base = plan(VariantSet::STANDARD, 2);
    base.same_within = same_within;
    base.variants
        .insert(0, ("none".to_owned(), VariantSet::NONE));
    let plan = StrangersPlan {
        plan: base,
        sizes: vec![64, 600],
        uploads: None,
    };
    watched(|watch| strangers(&plan, files, watch)).expect("there are pictures for both")
}

#[test]
fn wrong_flags_are_counted_and_right_ones_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        steered(folder.path(), "known/coffee.jpg", Split::Train),
        steered(folder.path(), "uploads/coffee-half-size.jpg", Split::Test),
        steered(folder.path(), "uploads/grass.jpg", Split::Train),
        steered(folder.path(), "known/rocket.jpg", Split::Test),
    ];
    // Where nothing is the same picture, the smaller coffee is a stranger that looks just like the other.
    let found = counted(&files, 0);
    assert_eq!((found.listed, found.uploads, found.copies), (2, 2, 3));
    assert_eq!(found.counts.len(), 4);
    let sizes: Vec<u64> = found.counts.iter().map(|count| count.hashes).collect();
    assert_eq!(sizes, [64, 64, 600, 600]);
    for count in &found.counts {
        assert_eq!(count.asked, 6, "{count:?}");
        assert!(count.by[&How::Near] >= 1 && count.blocked >= 1, "{count:?}");
        assert!(count.flagged >= count.blocked && count.pictures_flagged >= 1);
        assert!(count.share_blocked.low > 0.0 && count.share_blocked.high <= 1.0);
    }
    let pair = &found.pairs[0];
    assert_eq!(
        (&*pair.upload, &*pair.listed),
        ("coffee-half-size.jpg", "coffee.jpg")
    );
    assert!(pair.blocks >= 4 && pair.distance <= 31, "{pair:?}");

    // By the rule of 47 bits they are the same picture: then both are held out, and nothing else is alike.
    let found = counted(&files, 47);
    assert_eq!((found.listed, found.uploads), (1, 3));
    assert!(found.pairs.is_empty(), "{:?}", found.pairs);
    assert!(
        found
            .counts
            .iter()
            .all(|count| count.asked == 9 && count.flagged == 0)
    );
}

#[test]
fn what_cannot_be_split_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [steered(folder.path(), "known/rocket.jpg", Split::Test)];
    let plan = StrangersPlan {
        plan: plan(VariantSet::NONE, 1),
        sizes: vec![10],
        uploads: None,
    };
    let error =
        watched(|watch| strangers(&plan, &files, watch)).expect_err("nothing may be listed");
    assert!(error.to_string().contains("give more pictures"), "{error}");
}
