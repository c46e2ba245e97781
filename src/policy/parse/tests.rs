//! What policy files say, and how faults in them are named.

use super::*;
use crate::bank::{Bank, BankId, UnreadPolicy};
use crate::policy::write;
use proptest::prelude::*;

const WHOLE: &str = r#"
unread = "review" # and one of everything else
[defaults]
threshold = 20
min_quality = 60

[type.phash]
threshold64 = 6

[label.doubtful]
action = "review"

[label.doubtful.type.pdq]
threshold = 12

[bank.known]
action = "block"
min_quality = 40
enabled = true
verified_action = "off"
min_sources = 1
share = 12.5
quarantine = { uploads = 100, seconds = 3600 }

[bank.known.type.pdq]
threshold = 33

[bank.known.label."näh \"x\""]
quarantine = "off"
share = 100
action = "allow"

[bank.known.label."näh \"x\"".type.pdq]
threshold = 0x10

[carry]
labels = ["b", "a", "b"]
sources = true
"#;

fn bank(name: &str) -> Bank {
    Bank {
        id: BankId(1),
        name: name.parse().unwrap(),
        policy: Policy::new(Action::Report),
    }
}

fn laid(file: &PolicyFile, name: &str) -> Policy {
    let policy = file.lay_over(&bank(name));
    policy.check().unwrap();
    policy
}

#[test]
fn everything_is_read_and_the_more_specific_wins() {
    let file = PolicyFile::parse("config.toml", WHOLE).unwrap();
    assert_eq!(file.carry_labels, ["a", "b"]);
    assert!(file.carry_sources);
    assert_eq!(file.unread, Some(UnreadPolicy::Review));
    let known = laid(&file, "known");
    assert_eq!((known.action, known.threshold.0), (Action::Block, 20));
    assert_eq!(known.min_quality.get(), 40, "of the bank, not the default");
    assert_eq!(known.share.percent(), 12.5);
    let pdq =
        |labels: &'static [&str]| known.effective(SignalType::Pdq, |one| labels.contains(&one));
    assert_eq!(pdq(&[]).threshold.0, 33);
    assert_eq!(pdq(&["doubtful"]).threshold.0, 12);
    assert_eq!(pdq(&["doubtful"]).action, Action::Review);
    assert_eq!(pdq(&["näh \"x\""]).threshold.0, 16);
    assert_eq!(pdq(&["näh \"x\""]).action, Action::Allow);
    assert_eq!(
        pdq(&["näh \"x\"", "doubtful"]).action,
        Action::Allow,
        "a bank's label"
    );
    assert_eq!(known.effective(SignalType::Phash, |_| false).threshold.0, 6);
    let over = &known.layer.as_ref().unwrap().over;
    assert_eq!(
        (over[0].own, over[0].line),
        (Setting::Action(Action::Report), 17)
    );
    assert_eq!(file.line_of(&bank("known"), "threshold"), Some(4));
    assert_eq!(file.line_of(&bank("known"), "threshold64"), None);

    let other = laid(&file, "other");
    assert_eq!(
        (other.action, other.min_quality.get()),
        (Action::Report, 60)
    );
    assert_eq!(other.without_layer(), bank("other").policy);
    assert_eq!(file.unknown_banks(&[bank("other")]), [("known", 17)]);
    assert_eq!(
        laid(&PolicyFile::parse("", "").unwrap(), "known"),
        bank("known").policy
    );
}

#[test]
fn what_is_said_of_a_bank_outweighs_what_is_said_of_a_type() {
    let text = "[type.pdq]\nthreshold = 5\nmin_sources = 2\n[bank.known]\nthreshold = 9\n";
    let file = PolicyFile::parse("config.toml", text).unwrap();
    let of = |name| laid(&file, name).effective(SignalType::Pdq, |_| false);
    assert_eq!((of("known").threshold.0, of("known").min_sources), (9, 2));
    assert_eq!((of("other").threshold.0, of("other").min_sources), (5, 2));
}

#[test]
fn faults_are_named_with_their_lines_and_what_was_meant() {
    for (text, expected) in [
        (
            "[banc.known]\naction = \"block\"",
            "c:1: unknown key `banc` in the file: did you mean `bank`?",
        ),
        (
            "[bank.known]\n\ntreshold = 3",
            "c:3: unknown key `treshold` in [bank.known]: did you mean `threshold`?",
        ),
        (
            "[bank.known]\nlabels = 3",
            "c:2: unknown key `labels` in [bank.known]: did you mean `label`?",
        ),
        (
            "[defaults]\ncolour = 3",
            "c:2: unknown key `colour` in [defaults]: known are action, ",
        ),
        (
            "[type.pdk]\nthreshold = 3",
            "c:1: unknown key `pdk` in [type]: did you mean `pdq`?",
        ),
        (
            "[bank.known]\nthreshold = 64",
            "a threshold of 64 is too wide: a bank's may be 0 to 63",
        ),
        ("[bank.known]\nthreshold = 99999999", "too wide"),
        (
            "[bank.known]\nthreshold = -1",
            "expected a whole number of 0 or more",
        ),
        (
            "[bank.known]\nthreshold = 1.5",
            "expected a whole number of 0 or more, got type float",
        ),
        (
            "[bank.known]\naction = \"blok\"",
            "c:2: `action` in [bank.known]: \"blok\" is not an action",
        ),
        (
            "[bank.known]\naction = true",
            "expected a text in quotes, got type boolean",
        ),
        (
            "[bank.known]\nenabled = \"yes\"",
            "expected true or false, got type string",
        ),
        ("[bank.known]\nmin_quality = 101", "is not a quality"),
        (
            "[bank.known]\nshare = 100.5",
            "a share is 0 to 100 per cent",
        ),
        ("[bank.known]\nshare = nan", "a share is 0 to 100 per cent"),
        (
            "[bank.known]\nmin_sources = 1001",
            "out of range: it may be 0 to 1000",
        ),
        (
            "[bank.known]\nverified_action = \"allow\"",
            "nothing that a verified match does",
        ),
        (
            "[bank.known]\nquarantine = 5",
            "give { uploads = N, seconds = S } or \"off\"",
        ),
        (
            "[bank.known]\nquarantine = { uploads = 5 }",
            "give { uploads = N",
        ),
        (
            "[bank.known]\nquarantine = { uploads = 0, seconds = 1 }",
            "out of range: it may be 1 to 10000",
        ),
        (
            "[bank.known]\nquarantine = { upload = 5 }",
            "unknown key `upload`",
        ),
        ("[bank.\"no name\"]\nthreshold = 5", "cannot name a bank"),
        (
            "[bank]\nknown = 5",
            "[bank.known] is a section, not of type integer",
        ),
        ("[label.\"\"]\nthreshold = 5", "a label has 1 to 256 bytes"),
        (
            "[defaults]\naction = \"block\"",
            "say it of a bank or a label, not of everything",
        ),
        (
            "[type.pdq]\nenabled = false",
            "say it of a bank or a label, not of everything",
        ),
        (
            "[label.x]\naction = \"allow\"",
            "a label of any list would let uploads pass",
        ),
        (
            "[type.phash]\nthreshold = 5",
            "of phash, a 64-bit hash, say threshold64",
        ),
        ("[type.md5]\nthreshold = 0", "it says nothing of md5 hashes"),
        (
            "[type.pdq]\nthreshold64 = 0",
            "it says nothing of pdq hashes",
        ),
        ("[carry]\nlabel = []", "did you mean `labels`?"),
        (
            "[carry]\nlabels = [5]",
            "a label is a text of 1 to 256 bytes",
        ),
        ("[carry]\nsources = 1", "`sources` is true or false"),
        (
            "unread = \"hold\"",
            "c:1: `unread` is \"pass\" or \"review\"",
        ),
        ("unread = true", "c:1: `unread` is \"pass\" or \"review\""),
        ("[unread]\nx = 1", "c:1: `unread` is \"pass\" or \"review\""),
        ("unred = \"pass\"", "did you mean `unread`?"),
        ("[defaults]\nunread = \"pass\"", "unknown key `unread`"),
        ("[bank.known]\nthreshold = 3\nthreshold = 4", "c:3: "),
        ("[bank.known\n", "c:1: "),
        ("[bank.a]\nx = 1\n[bank.b]\ny = 2", "c:2: unknown key `x`"),
        ("[bank.a]\nx = 1\n[bank.b]\ny = 2", "c:4: unknown key `y`"),
        ("[bank.\"\\u001b\"]\n", "cannot name a bank"),
    ] {
        let error = PolicyFile::parse("c", text).expect_err(text);
        let shown = error.to_string();
        assert!(shown.contains(expected), "{text}\n{shown}\n{expected}");
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
    let many =
        "[bank.a]\n".to_owned() + &(0..99).map(|n| format!("x{n} = 1\n")).collect::<String>();
    assert_eq!(
        PolicyFile::parse("c", &many).unwrap_err().faults.len(),
        FileError::MOST
    );
    let long = " ".repeat(PolicyFile::MAX_BYTES + 1);
    assert!(PolicyFile::parse("c", &long).is_err());
    let deep = "a = ".to_owned() + &"[".repeat(100_000);
    assert!(PolicyFile::parse("c", &deep).is_err());
}

fn settings() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u16..64).prop_map(|bits| format!("threshold = {bits}")),
        (0u8..=100).prop_map(|quality| format!("min_quality = {quality}")),
        (0u32..5).prop_map(|sources| format!("min_sources = {sources}")),
        (0u32..=10_000).prop_map(|share| format!("share = {}", f64::from(share) / 100.0)),
        (1u32..9, 1u32..9).prop_map(|(uploads, seconds)| {
            format!("quarantine = {{ uploads = {uploads}, seconds = {seconds} }}")
        }),
        Just("verified_action = \"report\"".to_owned()),
        Just("quarantine = \"off\"".to_owned()),
    ]
}

const SECTIONS: [&str; 10] = [
    "defaults",
    "type.pdq",
    "label.a",
    "label.\"b c\"",
    "label.a.type.pdq",
    "bank.known",
    "bank.known.type.pdq",
    "bank.known.label.a",
    "bank.known.label.a.type.pdq",
    "bank.\"dotted.name\".label.\"b c\"",
];

proptest! {
    #[test]
    fn what_is_in_force_is_read_as_it_is_written(
        parts in proptest::collection::vec((0..SECTIONS.len(), settings()), 0..12),
    ) {
        let mut text = String::new();
        let mut seen = BTreeSet::new();
        for (place, section) in SECTIONS.iter().enumerate() {
            let mut lines = String::new();
            for (_, line) in parts.iter().filter(|part| part.0 == place) {
                if seen.insert((place, line.split(' ').next().unwrap().to_owned())) {
                    lines.push_str(&format!("{line}\n"));
                }
            }
            text.push_str(&format!("[{section}]\n{lines}"));
        }
        let file = PolicyFile::parse("config.toml", &text).unwrap();
        let banks: Vec<Bank> = ["known", "dotted.name"].iter().map(|name| {
            let bank = bank(name);
            Bank { policy: file.lay_over(&bank), ..bank }
        }).collect();
        let unread = [None, Some(UnreadPolicy::Pass), Some(UnreadPolicy::Review)][parts.len() % 3];
        let written = write(&banks, unread, &[], false);
        let again = PolicyFile::parse("written", &written).map_err(|e| TestCaseError::fail(format!("{e}\n{written}")))?;
        prop_assert_eq!(again.unread, unread);
        for laid in &banks {
            laid.policy.check().unwrap();
            let once_more = again.lay_over(&bank(laid.name.as_str()));
            for kind in SignalType::ALL {
                for labels in [&[][..], &["a"], &["b c"], &["a", "b c"]] {
                    let of = |policy: &Policy| {
                        let mut found = policy.effective(kind, |label| labels.contains(&label));
                        found.rule = None;
                        found
                    };
                    prop_assert_eq!(of(&laid.policy), of(&once_more), "{} {} {:?}\n{}\n{}", laid.name, kind, labels, text, written);
                }
            }
        }
    }
}
