//! The bytes of every version, kept for ever, and what is not of them.

use super::bank::action_code;
use super::*;
use crate::bank::{
    Action, Bank, Changed, OpaqueSignal, Opinion, Paused, Policy, Quarantine, Share, SourceStatus,
    Verified, View,
};
use crate::hash::{Form, Quality, Reach, Signal, SignalType, Threshold};
use proptest::prelude::*;

const STATE_V1: &[u8] = b"\x01\x03\xac\x02\x07";
const BANK_V1: &[u8] = b"\x01\x05ncmec\x03\x1f\x04\x32\x01";
/// No verified matches; such a bank as before is still written as version 1.
const BANK_V2: &[u8] = b"\x02\x05ncmec\x03\x1f\x04\x32\x01\x00";
/// A policy that says more than versions 1 and 2 have a place for.
const BANK_V3: &[u8] = b"\x03\x05ncmec\xba\x01{\"action\":\"block\",\"threshold\":31,\"threshold64\":4,\"min_quality\":50,\"enabled\":true,\"min_sources\":2,\"share\":1250,\"quarantine\":{\"uploads\":9,\"seconds\":60},\"paused\":[{\"content\":7,\"until\":99}]}";
const COUNTS_V1: &[u8] = b"\x01\x05\x02\x02\x01\x06\x02\x01";
const CHANGES_V1: [(&[u8], Touched); 4] = [
    (b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0", Touched::Unknown),
    (
        b"\x01\0\0\0\0\0\0\x01\x02\x01\x09\0\0",
        Touched::Bank(BankId(9)),
    ),
    (
        b"\x01\0\0\0\0\0\0\x01\x02\x02\x09\xac\x02\x90\x4e",
        Touched::Added {
            bank: BankId(9),
            first: ContentId(300),
            items: 10_000,
        },
    ),
    (
        b"\x01\0\0\0\0\0\0\x01\x02\x03\x09\xac\x02\x01",
        Touched::Item(BankId(9), ContentId(300)),
    ),
];
const CONTENT_V1: &[u8] = b"\x01\x01\x14\x07\xff\x01\x02\x03\x04\x05\x06\x07\x08\
    \x05\x63\x08\x07\x06\x05\x04\x03\x02\x01\
    \x02\x01a\x02bb\x04list\x01\x01\x37\x01\x03a=b\x80\x94\xeb\xdc\x03";

/// Runs of numbers.
type Runs = &'static [(u64, u64)];
const CHANGES_V2: [(&[u8], u64, Runs); 2] = [
    (
        b"\x02\0\0\0\0\0\0\x01\x02\x09\xac\x02\0\x01\x05\x02",
        0,
        &[(5, 2)],
    ),
    (
        b"\x02\0\0\0\0\0\0\x01\x02\x09\xac\x02\x03\x02\x01\x01\xa7\x02\x03",
        3,
        &[(1, 1), (297, 3)],
    ),
];
const CONTENT_V2: &[u8] = b"\x02\x01\x14\x07\xff\x01\x02\x03\x04\x05\x06\x07\x08\
    \x05\x63\x08\x07\x06\x05\x04\x03\x02\x01\
    \x02\x01a\x02bb\x02\x04list\x01\x01\x37\x01\x03a=b\x80\x94\xeb\xdc\x03\
    \x05other\0\0\x05";

/// A hash with a reach of 33 bits, and one that is of the half-size copy and reaches nowhere.
const CONTENT_V4: &[u8] = b"\x04\x01\x20\x07\xff\x01\x22\x01\x02\x03\x04\x05\x06\x07\x08\
    \x05\x63\x03\x00\x20\0\0\0\0\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01\
    \x02\x01a\x02bb\x01\0\0\x01\x04list\x01\x01\x37\x01\x03a=b\x80\x94\xeb\xdc\x03\0\0\0";
const COUNTS_V3: &[u8] = b"\x03\x05\x02\0\x02\x01\x06\x02\x01\0\x04";
const COUNTS_V2: &[u8] = b"\x02\x05\x02\x01\x02\x01\x06\x02\x01\x01\x08photodna\x03";
const CONTENT_V3: &[u8] = b"\x03\x02\x14\x07\xff\x01\x02\x03\x04\x05\x06\x07\x08\
    \x05\x63\x08\x07\x06\x05\x04\x03\x02\x01\
    \x02\x01a\x02bb\x00\x01\x80\x94\xeb\xdc\x03\x07\x01\x08photodna\x031,2\
    \x02\x04list\x01\x01\x37\x01\x03a=b\x80\x94\xeb\xdc\x03\x00\x01\x02\x01x\x00\x01y\x01\
    \x05other\0\0\x05\x02\x00\x00";

/// The item with all that version 3 has a place for.
fn item_of_exchange() -> ContentItem {
    let mut item = item_of_two();
    let opinion = |owner: &str, view| Opinion {
        owner: owner.into(),
        view,
    };
    item.provenance.synced = true;
    item.provenance.opinions = vec![opinion("x", View::Positive), opinion("y", View::Negative)];
    for other in &mut item.later {
        other.status = SourceStatus::Deleted;
    }
    ContentItem {
        opaque: vec![OpaqueSignal {
            kind: "photodna".into(),
            value: "1,2".into(),
        }],
        state: ContentState::Disputed,
        by_hand: false,
        changed: Some(Changed {
            at: 1_000_000_000,
            revision: 7,
        }),
        ..item
    }
}

/// The item with a second source.
fn item_of_two() -> ContentItem {
    ContentItem {
        later: vec![Provenance {
            source: "other".into(),
            added_at: 5,
            ..Provenance::default()
        }],
        ..item()
    }
}

fn bank() -> Bank {
    Bank {
        id: BankId(9),
        name: "ncmec".parse().unwrap(),
        policy: Policy::new(Action::Block),
    }
}

fn counts() -> BankCounts {
    BankCounts {
        items: 7,
        active: 5,
        withdrawn: 2,
        disputed: 0,
        calibrated: 0,
        signals: [(SignalType::Pdq, 6), (SignalType::Md5, 1)].into(),
        opaque: [].into(),
    }
}

fn item() -> ContentItem {
    let signal = |kind, value: [u8; 8], quality| {
        ContentSignal::new(Signal::from_bytes(kind, &value).unwrap(), quality)
    };
    ContentItem {
        id: ContentId(4),
        bank: BankId(9),
        signals: vec![
            signal(SignalType::Phash, [1, 2, 3, 4, 5, 6, 7, 8], None),
            signal(
                SignalType::Ahash,
                [8, 7, 6, 5, 4, 3, 2, 1],
                Quality::new(99),
            ),
        ],
        labels: vec!["a".into(), "bb".into()],
        provenance: Provenance {
            source: "list".into(),
            record: Some("7".into()),
            metadata: Some("a=b".into()),
            added_at: 1_000_000_000,
            ..Provenance::default()
        },
        later: Vec::new(),
        state: ContentState::Withdrawn,
        opaque: Vec::new(),
        by_hand: true,
        changed: None,
    }
}

fn encode_item(item: &ContentItem) -> Vec<u8> {
    ContentEncoder::default()
        .encode(&Content::of(item))
        .to_vec()
}

#[test]
fn version_1_has_its_bytes() {
    let state = State {
        next_bank: 3,
        next_content: 300,
        revision: 7,
    };
    assert_eq!(state.encode(), STATE_V1);
    assert_eq!(State::decode(STATE_V1).unwrap(), state);

    for (bytes, touched) in CHANGES_V1 {
        let mark = 0x0102;
        let change = Change { mark, touched };
        assert_eq!(change.encode(), bytes);
        assert_eq!(Change::decode(7, bytes).unwrap(), change);
    }
    assert_eq!(encode_bank(&bank()).unwrap(), BANK_V1);
    assert_eq!(decode_bank(BankId(9), BANK_V1).unwrap(), bank());

    // The pairs stand in the order of their codes.
    assert_eq!(encode_counts(&counts())[..3], COUNTS_V1[..3]);
    let written = encode_counts(&counts());
    assert_eq!(written, b"\x01\x05\x02\x02\x01\x06\x02\x01");
    assert_eq!(decode_counts(BankId(9), COUNTS_V1).unwrap(), counts());

    assert_eq!(encode_item(&item()), CONTENT_V1);
    assert_eq!(
        decode_content(BankId(9), ContentId(4), CONTENT_V1).unwrap(),
        item()
    );
    let mut signals = Vec::new();
    let state = decode_head(ContentId(4), CONTENT_V1, |signal| signals.push(signal)).unwrap();
    assert_eq!((state, signals), (ContentState::Withdrawn, item().signals));
}

#[test]
fn version_2_has_its_bytes() {
    for (bytes, items, updated) in CHANGES_V2 {
        let touched = Touched::Updated {
            bank: BankId(9),
            first: ContentId(300),
            items,
            updated: updated.to_vec(),
        };
        let change = Change {
            mark: 0x0102,
            touched,
        };
        assert_eq!(change.encode(), bytes);
        assert_eq!(Change::decode(7, bytes).unwrap(), change);
        for end in 0..bytes.len() {
            assert!(Change::decode(7, &bytes[..end]).is_err());
        }
    }
    assert_eq!(encode_item(&item_of_two()), CONTENT_V2);
    let read = decode_content(BankId(9), ContentId(4), CONTENT_V2).unwrap();
    assert_eq!(read, item_of_two());
    let mut signals = Vec::new();
    let state = decode_head(ContentId(4), CONTENT_V2, |signal| signals.push(signal)).unwrap();
    assert_eq!((state, signals), (ContentState::Withdrawn, item().signals));
    for end in 0..CONTENT_V2.len() {
        assert!(decode_content(BankId(9), ContentId(4), &CONTENT_V2[..end]).is_err());
    }
    let newer = [&[5], &CONTENT_V2[1..]].concat();
    let error = decode_content(BankId(9), ContentId(4), &newer).unwrap_err();
    assert!(error.to_string().contains("got version 5"), "{error}");
    let error = decode_head(ContentId(4), &newer, |_| {}).unwrap_err();
    assert!(error.to_string().contains("got version 5"), "{error}");
}

#[test]
fn version_3_of_an_item_and_version_2_of_counts_have_their_bytes() {
    let item = item_of_exchange();
    assert_eq!(encode_item(&item), CONTENT_V3);
    assert_eq!(item.due_state(), item.state);
    let read = |bytes| decode_content(BankId(9), ContentId(4), bytes);
    assert_eq!(read(CONTENT_V3).unwrap(), item);
    let mut signals = Vec::new();
    let state = decode_head(ContentId(4), CONTENT_V3, |signal| signals.push(signal)).unwrap();
    assert_eq!((state, signals), (ContentState::Disputed, item.signals));
    for end in 0..CONTENT_V3.len() {
        assert!(read(&CONTENT_V3[..end]).is_err());
    }
    let counts = BankCounts {
        items: 8,
        disputed: 1,
        opaque: [("photodna".to_owned(), 3)].into(),
        ..counts()
    };
    assert_eq!(encode_counts(&counts), COUNTS_V2);
    assert_eq!(decode_counts(BankId(9), COUNTS_V2).unwrap(), counts);
    for end in 0..COUNTS_V2.len() {
        assert!(decode_counts(BankId(9), &COUNTS_V2[..end]).is_err());
    }
    // Versions 1 and 2 know no disputes.
    let mut disputed = CONTENT_V1.to_vec();
    disputed[1] = 2;
    let error = read(&disputed).unwrap_err().to_string();
    assert!(error.contains("2 is no state"), "{error}");
}

/// The item with what version 4 has a place for.
fn item_of_forms() -> ContentItem {
    let mut item = item();
    item.signals[0].reach = Reach::within(33);
    item.signals[1].reach = Some(Reach::NOWHERE);
    item.signals[1].form = Some(Form::HALF_SIZE);
    item
}

#[test]
fn version_4_of_an_item_and_version_3_of_counts_have_their_bytes() {
    let item = item_of_forms();
    let bytes = encode_item(&item);
    assert_eq!(bytes, CONTENT_V4, "{}", bytes.escape_ascii());
    let read = |bytes: &[u8]| decode_content(BankId(9), ContentId(4), bytes);
    assert_eq!(read(CONTENT_V4).unwrap(), item);
    let mut signals = Vec::new();
    let state = decode_head(ContentId(4), CONTENT_V4, |signal| signals.push(signal)).unwrap();
    assert_eq!((state, signals), (ContentState::Withdrawn, item.signals));
    for end in 0..CONTENT_V4.len() {
        assert!(read(&CONTENT_V4[..end]).is_err());
    }
    for (place, value, words) in [
        (5, 4, "4 says nothing of a hash"),
        (6, 62, "62 is no reach"),
        (19, 0xff, "is no form"),
    ] {
        let mut damaged = CONTENT_V4.to_vec();
        damaged[place] = value;
        let error = read(&damaged).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let counts = BankCounts {
        calibrated: 4,
        ..counts()
    };
    assert_eq!(encode_counts(&counts), COUNTS_V3);
    assert_eq!(decode_counts(BankId(9), COUNTS_V3).unwrap(), counts);
    for end in 0..COUNTS_V3.len() {
        assert!(decode_counts(BankId(9), &COUNTS_V3[..end]).is_err());
    }
}

#[test]
fn an_item_takes_version_4_only_where_it_must() {
    let mut item = item_of_forms();
    item.signals[0].reach = None;
    assert_eq!(encode_item(&item)[0], 4);
    item.signals[1].form = None;
    assert_eq!(encode_item(&item)[0], 4);
    item.signals[1].reach = None;
    assert_eq!(encode_item(&item), CONTENT_V1);
}

#[test]
fn an_item_takes_version_3_only_where_it_must() {
    let version = |change: &dyn Fn(&mut ContentItem)| {
        let mut item = item_of_two();
        change(&mut item);
        let bytes = encode_item(&item);
        assert_eq!(
            decode_content(BankId(9), ContentId(4), &bytes).unwrap(),
            item
        );
        bytes[0]
    };
    assert_eq!(version(&|_| {}), 2);
    assert_eq!(version(&|item| item.later.clear()), 1);
    assert_eq!(version(&|item| item.by_hand = false), 3);
    assert_eq!(version(&|item| item.state = ContentState::Active), 3);
    assert_eq!(version(&|item| item.later[0].synced = true), 3);
    assert_eq!(
        version(&|item| item.provenance.status = SourceStatus::Withdrawn),
        3
    );
}

#[test]
fn a_change_updates_only_what_was_there_before_it() {
    let front = &CHANGES_V2[0].0[..12];
    assert_eq!(front[10..], [0xac, 2], "the first new number is 300");
    // So many new ones, so many runs, and of each the gap and the length.
    let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    for (rest, words) in [
        (&[0, 1, 5, 0][..], "it updates 0 items from 5"),
        (&[0, 1, 0xaa, 2, 3], "it updates 3 items from 298"),
        (&[&[0, 1, 1][..], &most].concat(), "more items than"),
        (&[&[0, 1][..], &most, &[1]].concat(), "more items than"),
        (&[&most[..], &[0]].concat(), "more items than"),
    ] {
        let error = Change::decode(7, &[front, rest].concat()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn every_action_and_flag_round_trips() {
    for action in Action::ALL {
        for enabled in [true, false] {
            let mut bank = bank();
            bank.policy = Policy {
                enabled,
                threshold: Threshold(63),
                ..Policy::new(action)
            };
            assert_eq!(
                decode_bank(bank.id, &encode_bank(&bank).unwrap()).unwrap(),
                bank
            );
        }
    }
}

#[test]
fn what_verified_matches_do_is_kept_in_a_newer_record() {
    let mut bank = bank();
    let old = encode_bank(&bank).unwrap();
    assert_eq!(
        old.first(),
        Some(&1),
        "the default is written as it always was"
    );
    for (verified, byte) in [
        (Verified::Off, 0),
        (
            Verified::Act(Action::Report),
            1 + action_code(Action::Report),
        ),
        (Verified::Act(Action::Block), 1 + action_code(Action::Block)),
    ] {
        bank.policy.verified = verified;
        let bytes = encode_bank(&bank).unwrap();
        // The version, the first version's fields, and what verified matches do.
        assert_eq!(
            bytes,
            [&[2], old.get(1..).unwrap_or_default(), &[byte]].concat()
        );
        assert_eq!(decode_bank(bank.id, &bytes).unwrap(), bank);
    }
    bank.policy.verified = Verified::Off;
    assert_eq!(encode_bank(&bank).unwrap(), BANK_V2);
    assert_eq!(decode_bank(bank.id, BANK_V2).unwrap(), bank);
    let error = decode_bank(bank.id, &[&[2], &old[1..], &[9]].concat()).unwrap_err();
    assert!(error.to_string().contains("8 is no action"), "{error}");
}

#[test]
fn what_a_policy_says_beyond_is_kept_in_a_newer_record() {
    let mut bank = bank();
    bank.policy.min_sources = 2;
    bank.policy.share = Share::from_percent(12.5).unwrap();
    bank.policy.quarantine = Some(Quarantine {
        uploads: 9,
        seconds: 60,
    });
    bank.policy.paused.push(Paused {
        content: ContentId(7),
        until: 99,
    });
    let bytes = encode_bank(&bank).unwrap();
    assert_eq!(bytes, BANK_V3, "{}", bytes.escape_ascii());
    assert_eq!(decode_bank(bank.id, BANK_V3).unwrap(), bank);
    let error = decode_bank(bank.id, &bytes[..bytes.len() - 1]).unwrap_err();
    assert!(
        error.to_string().contains("bank 9 in the store is damaged"),
        "{error}"
    );
}

#[test]
fn a_policy_wider_than_a_banks_may_be_is_refused_by_name() {
    let mut wide = bank();
    wide.policy.threshold64 = Threshold(17);
    let error = decode_bank(wide.id, &encode_bank(&wide).unwrap()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("bank ncmec: a threshold of 64-bit hashes of 17 is too wide"),
        "{message}"
    );
}

#[test]
fn what_is_cut_longer_or_of_another_version_is_refused_by_name() {
    for end in 0..CONTENT_V1.len() {
        let error = decode_content(BankId(9), ContentId(4), &CONTENT_V1[..end]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("content item 4 in the store is damaged")
        );
    }
    let longer = [CONTENT_V1, &[0]].concat();
    let error = decode_content(BankId(9), ContentId(4), &longer).unwrap_err();
    assert!(error.to_string().contains("1 bytes too many"), "{error}");
    let newer = [&[4], &BANK_V1[1..]].concat();
    let error = decode_bank(BankId(9), &newer).unwrap_err();
    assert!(error.to_string().contains("got version 4"), "{error}");
    for (bytes, _) in CHANGES_V1 {
        let error = Change::decode(7, &bytes[..bytes.len() - 1]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("change with revision 7 in the store is damaged"));
    }
    for beyond in [[4, 0, 0, 0], [2, 1, 1, 0], [3, 1, 1, 2]] {
        let bytes = [&CHANGES_V1[0].0[..9], &beyond].concat();
        let error = Change::decode(7, &bytes).unwrap_err();
        assert!(error.to_string().contains("of kind"), "{error}");
    }
    let all = [0xff; 10];
    let beyond = [&CHANGES_V1[0].0[..9], &[2, 1], &all[..9], &[1, 1]].concat();
    let error = Change::decode(7, &beyond).unwrap_err();
    assert!(
        error.to_string().contains("of kind"),
        "more than there are numbers: {error}"
    );
    let mut bad_type = CONTENT_V1.to_vec();
    bad_type[3] = 200;
    let error = decode_head(ContentId(4), &bad_type, |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("200 is no signal type"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        bytes.insert(0, 0);
        for version in 0..6 {
            bytes[0] = version;
            let _ = State::decode(&bytes);
            let _ = Change::decode(1, &bytes);
            let _ = decode_bank(BankId(1), &bytes);
            let _ = decode_counts(BankId(1), &bytes);
            let _ = decode_content(BankId(1), ContentId(1), &bytes);
            let _ = decode_head(ContentId(1), &bytes, |_| {});
        }
    }

    #[test]
    fn a_damaged_item_is_read_or_refused(position in 0..CONTENT_V1.len(), value in any::<u8>()) {
        for whole in [CONTENT_V1, CONTENT_V2, CONTENT_V3, CONTENT_V4] {
            let mut bytes = whole.to_vec();
            bytes[position] = value;
            let _ = decode_content(BankId(9), ContentId(4), &bytes);
        }
    }
}
