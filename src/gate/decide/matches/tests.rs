//! The rules by which matches decide.

use super::*;
use crate::gate::decide;
use crate::hash::{Hash64, Md5Digest, PdqHash, Threshold, Variant, View};

fn found(action: Action, entry: impl Into<Signal>, distance: u16) -> Match {
    let entry = entry.into();
    Match {
        bank: "b".parse().unwrap(),
        content_id: ContentId(1),
        kind: MatchKind::Near,
        entry,
        entry_quality: None,
        entry_form: None,
        reach: None,
        query: entry,
        variant: Variant::ORIGINAL,
        distance: Distance(distance),
        threshold: Threshold(31),
        score: None,
        seconded_by: None,
        action,
        rule: None,
        quarantined: false,
    }
}

fn judged(found: Match) -> Judged {
    Judged {
        found,
        quarantine: None,
    }
}

#[test]
fn the_strictest_action_wins() {
    use Action::{Block, Report, Review};
    let pdq = PdqHash::ZERO;
    assert_eq!(decide(&[]), None);
    assert_eq!(decide(&[found(Report, pdq, 0)]), Some(Report));
    let three = [
        found(Review, pdq, 0),
        found(Block, pdq, 30),
        found(Report, pdq, 1),
    ];
    assert_eq!(decide(&three), Some(Block));
}

#[test]
fn allow_overrules_what_is_not_nearer() {
    use Action::{Allow, Block};
    let pdq = PdqHash::ZERO;
    let both = |allow, block| decide(&[found(Allow, pdq, allow), found(Block, pdq, block)]);
    assert_eq!(both(0, 20), Some(Allow));
    assert_eq!(
        both(8, 8),
        Some(Allow),
        "a tie: the list has an entry too many"
    );
    assert_eq!(both(9, 8), Some(Block));
    let small = found(Block, Signal::from_hash64(SignalType::Phash, Hash64(0)), 2);
    assert_eq!(decide(&[found(Allow, pdq, 8), small.clone()]), Some(Allow));
    assert_eq!(decide(&[found(Allow, pdq, 9), small]), Some(Block));
}

#[test]
fn a_guess_at_a_harmless_original_overrules_nothing() {
    use Action::{Allow, Block};
    let pdq = PdqHash::ZERO;
    let block = || found(Block, pdq, 20);
    let covered = |view, inverted, kind| {
        let mut allow = found(Allow, pdq, 4);
        allow.variant.view = view;
        allow.variant.inverted = inverted;
        allow.kind = kind;
        decide(&[allow, block()])
    };
    let band = Sides {
        bottom: 250,
        ..Sides::NONE
    };
    let near = MatchKind::Near;
    assert_eq!(covered(View::Whole, false, near), Some(Allow));
    assert_eq!(covered(View::Cover(band), false, near), Some(Block));
    assert_eq!(covered(View::Uncrop(band), false, near), Some(Block));
    assert_eq!(covered(View::Whole, true, near), Some(Block));
    assert_eq!(
        covered(View::Whole, false, MatchKind::Verified),
        Some(Block)
    );
}

#[test]
fn a_harmless_part_says_nothing_of_the_frame() {
    let keep = |region| {
        let mut matches = Matches::default();
        let mut allow = found(Action::Allow, PdqHash::ZERO, 0);
        allow.variant.region = region;
        matches.keep(BankId(1), judged(allow));
        matches.finish().frames
    };
    assert_eq!(keep(Sides::NONE), BTreeSet::from([0]));
    let part = Sides {
        left: 300,
        ..Sides::NONE
    };
    assert_eq!(keep(part), BTreeSet::new());
}

#[test]
fn of_an_entry_the_match_by_distance_is_shown() {
    let near = found(Action::Block, PdqHash::ZERO, 30);
    let mut verified = found(Action::Review, PdqHash::ZERO, 26);
    verified.kind = MatchKind::Verified;
    for both in [[near.clone(), verified.clone()], [verified, near]] {
        let mut matches = Matches::default();
        both.into_iter()
            .for_each(|one| matches.keep(BankId(1), judged(one)));
        let decided = matches.finish();
        assert_eq!(decided.action, Some(Action::Block));
        assert_eq!(decided.matches.len(), 1);
        assert_eq!(decided.matches[0].kind, MatchKind::Near);
    }
}

#[test]
fn only_a_digest_overrules_a_digest() {
    use Action::{Allow, Block};
    let (md5, pdq) = (Md5Digest([0; 16]), PdqHash::ZERO);
    assert_eq!(
        decide(&[found(Allow, pdq, 0), found(Block, md5, 0)]),
        Some(Block)
    );
    assert_eq!(
        decide(&[found(Allow, md5, 0), found(Block, md5, 0)]),
        Some(Allow)
    );
    assert_eq!(
        decide(&[found(Allow, md5, 0), found(Block, pdq, 0)]),
        Some(Allow)
    );
}
#[test]
fn a_harmless_frame_does_not_shield_another() {
    use Action::{Allow, Block};
    let pdq = PdqHash::ZERO;
    let on = |frame, over_black, mut found: Match| {
        found.variant.frame = frame;
        found.variant.over_black = over_black;
        found
    };
    let allow = || found(Allow, pdq, 0);
    let block = || found(Block, pdq, 2);
    let both = |a, b| decide(&[a, b]);
    assert_eq!(both(allow(), block()), Some(Allow));
    assert_eq!(both(allow(), on(1, false, block())), Some(Block));
    assert_eq!(both(allow(), on(0, true, block())), Some(Block));
    assert_eq!(both(on(1, false, allow()), block()), Some(Block));
    let bytes = found(Allow, Md5Digest([0; 16]), 0);
    assert_eq!(both(bytes, on(1, false, block())), Some(Allow));
}

#[test]
fn a_harmless_thumbnail_and_its_picture_do_not_shield_each_other() {
    use Action::{Allow, Block};
    let inside = |mut found: Match| {
        found.variant.embedded = true;
        found
    };
    let (allow, block) = (
        found(Allow, PdqHash::ZERO, 0),
        found(Block, PdqHash::ZERO, 2),
    );
    let both = |a: &Match, b: &Match| decide(&[a.clone(), b.clone()]);
    assert_eq!(both(&inside(allow.clone()), &block), Some(Block));
    assert_eq!(both(&allow, &inside(block.clone())), Some(Block));
    assert_eq!(both(&inside(allow.clone()), &inside(block)), None);
    let mut matches = Matches::default();
    matches.keep(BankId(1), judged(inside(allow)));
    assert_eq!(matches.finish().frames, BTreeSet::new());
}

#[test]
fn that_a_small_picture_within_is_harmless_says_nothing_of_the_upload() {
    use Action::{Allow, Block};
    let embedded = |action, distance| {
        let mut found = found(action, PdqHash::ZERO, distance);
        found.variant.embedded = true;
        found
    };
    assert_eq!(decide(&[embedded(Allow, 0)]), None);
    assert_eq!(decide(&[embedded(Allow, 0), embedded(Block, 4)]), None);
    assert_eq!(
        decide(&[embedded(Allow, 5), embedded(Block, 4)]),
        Some(Block)
    );
    let block = found(Block, PdqHash::ZERO, 9);
    assert_eq!(decide(&[embedded(Allow, 0), block]), Some(Block));
    let allow = found(Allow, PdqHash::ZERO, 0);
    assert_eq!(decide(&[embedded(Allow, 0), allow]), Some(Allow));
}
