//! Which of several things that policy says wins.

use super::*;
use crate::bank::{Layer, Over, PolicyError, Scope};

fn scope(label: Option<&str>, of_bank: bool, signal_type: Option<SignalType>) -> Scope {
    Scope {
        of_bank,
        label: label.map(str::to_owned),
        signal_type,
    }
}

/// A blocking policy with rules in order of rank.
fn policy(rules: Vec<(Scope, Vec<Setting>)>) -> Policy {
    let mut policy = Policy::new(Action::Block);
    let mut rules: Vec<Rule> = rules
        .into_iter()
        .map(|(scope, say)| Rule {
            scope,
            say: say.into_iter().map(|set| Said { set, line: 1 }).collect(),
        })
        .collect();
    rules.sort_by_key(|rule| rule.scope.rank());
    policy.layer = Some(Box::new(Layer {
        file: "config.toml".into(),
        over: Vec::new(),
        rules,
    }));
    policy.check().unwrap();
    policy
}

#[test]
fn the_more_specific_rule_wins_for_each_setting_by_itself() {
    let pdq = Some(SignalType::Pdq);
    let scopes = [
        scope(None, false, pdq),
        scope(None, true, pdq),
        scope(Some("a"), false, None),
        scope(Some("a"), false, pdq),
        scope(Some("a"), true, None),
        scope(Some("a"), true, pdq),
    ];
    let shown: Vec<String> = scopes.iter().map(Scope::to_string).collect();
    assert_eq!(shown[5], "label a + bank + type pdq");
    // With all of them, and with all but the most specific, and so on down to none.
    for count in 0..=scopes.len() {
        let rules = scopes
            .iter()
            .take(count)
            .zip(1..)
            .map(|(scope, bits)| (scope.clone(), vec![Setting::Threshold(Threshold(bits))]));
        let policy = policy(rules.collect());
        let found = policy.effective(SignalType::Pdq, |label| label == "a");
        let expected = if count == 0 { 31 } else { count as u16 };
        assert_eq!(found.threshold, Threshold(expected), "{count}");
        assert_eq!(found.rule, count.checked_sub(1));
        let other = policy.effective(SignalType::Pdq, |label| label == "b");
        assert_eq!(
            other.threshold,
            Threshold(if count == 0 { 31 } else { count.min(2) as u16 })
        );
        assert_eq!(
            policy.effective(SignalType::Md5, |_| true).threshold,
            Threshold(0)
        );
        assert_eq!(
            policy.widest_threshold(SignalType::Pdq),
            Threshold(31),
            "what no rule narrows for all"
        );
    }
    let two = policy(vec![
        (
            scope(Some("a"), true, None),
            vec![Setting::Action(Action::Report)],
        ),
        (
            scope(None, true, pdq),
            vec![Setting::Threshold(Threshold(9))],
        ),
    ]);
    let found = two.effective(SignalType::Pdq, |_| true);
    assert_eq!(
        (found.action, found.threshold),
        (Action::Report, Threshold(9))
    );
    assert_eq!(
        found.verified_action(),
        Some(Action::Report),
        "milder, of what it does"
    );
}

#[test]
fn of_two_labels_the_value_that_catches_more_wins() {
    let quarantine = |uploads| {
        Setting::Quarantine(Some(Quarantine {
            uploads,
            seconds: 60,
        }))
    };
    let pairs = [
        (
            Setting::Action(Action::Report),
            Setting::Action(Action::Review),
        ),
        (
            Setting::Threshold(Threshold(10)),
            Setting::Threshold(Threshold(11)),
        ),
        (
            Setting::Threshold64(Threshold(1)),
            Setting::Threshold64(Threshold(2)),
        ),
        (
            Setting::MinQuality(Quality::MAX),
            Setting::MinQuality(Quality::MIN),
        ),
        (Setting::Enabled(false), Setting::Enabled(true)),
        (
            Setting::VerifiedAction(Verified::Off),
            Setting::VerifiedAction(Verified::Milder),
        ),
        (Setting::MinSources(3), Setting::MinSources(2)),
        (Setting::Share(Share::NONE), Setting::Share(Share::ALL)),
        (quarantine(5), quarantine(6)),
        (quarantine(5), Setting::Quarantine(None)),
    ];
    for (less, more) in pairs {
        for (a, b) in [(less, more), (more, less)] {
            let rules = |extra: Vec<Setting>| {
                let with = |set| [extra.clone(), vec![set]].concat();
                policy(vec![
                    (scope(Some("a"), true, None), with(a)),
                    (scope(Some("b"), true, None), with(b)),
                ])
            };
            let kind = match less {
                Setting::Threshold64(_) => SignalType::Phash,
                _ => SignalType::Pdq,
            };
            let found = rules(Vec::new()).effective(kind, |_| true);
            assert_eq!(
                found.value(more),
                more,
                "{} of {less} and {more}",
                less.name()
            );
            if !matches!(
                less,
                Setting::Action(_) | Setting::Quarantine(_) | Setting::VerifiedAction(_)
            ) {
                let allowing = rules(vec![Setting::Action(Action::Allow)]);
                let found = allowing.effective(kind, |_| true);
                assert_eq!(
                    found.value(less),
                    less,
                    "an allow that allows less: {}",
                    less.name()
                );
            }
        }
    }
}

#[test]
fn a_bank_is_asked_wherever_one_of_its_entries_may_match() {
    let mut policy = policy(vec![
        (
            scope(Some("a"), true, None),
            vec![
                Setting::Enabled(true),
                Setting::Threshold(Threshold(40)),
                Setting::MinQuality(Quality::MIN),
                Setting::Share(Share::ALL),
                Setting::Action(Action::Block),
            ],
        ),
        (
            scope(Some("b"), true, Some(SignalType::Phash)),
            vec![
                Setting::Threshold64(Threshold(9)),
                Setting::MinQuality(Quality::MAX),
            ],
        ),
    ]);
    policy.enabled = false;
    policy.action = Action::Allow;
    policy.share = Share::NONE;
    let pdq = SignalType::Pdq;
    assert!(policy.may_match(pdq) && policy.may_stop(pdq));
    assert_eq!(policy.greatest_share(pdq), Share::ALL);
    assert_eq!(policy.widest_threshold(pdq), Threshold(40));
    assert_eq!(policy.widest_threshold(SignalType::Phash), Threshold(9));
    assert_eq!(policy.widest_threshold(SignalType::Dhash), Threshold(4));
    assert_eq!(
        policy.qualities(pdq),
        (Quality::MIN, Quality::DEFAULT_MINIMUM)
    );
    assert_eq!(
        policy.qualities(SignalType::Phash),
        (Quality::MIN, Quality::MAX)
    );
    assert_eq!(policy.labels().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_is_laid_over_comes_off_again() {
    let own = Policy::new(Action::Review);
    let mut laid = own.clone();
    laid.set(Setting::Action(Action::Block));
    laid.set(Setting::MinSources(2));
    let over = |own| Over {
        own,
        of_bank: true,
        line: 3,
    };
    laid.layer = Some(Box::new(Layer {
        file: "config.toml".into(),
        over: vec![
            over(Setting::Action(Action::Review)),
            over(Setting::MinSources(0)),
        ],
        rules: Vec::new(),
    }));
    assert_eq!(laid.without_layer(), own);
    let json = serde_json::to_string(&laid).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), laid);
    assert!(!laid.is_plain() && own.is_plain());
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let long = "x".repeat(Policy::MAX_LABEL + 1);
    for label in ["", &long] {
        let mut policy = policy(Vec::new());
        policy.layer.as_mut().unwrap().rules.push(Rule {
            scope: scope(Some(label), true, None),
            say: Vec::new(),
        });
        assert!(matches!(policy.check(), Err(PolicyError::Label { .. })));
    }
    let mut wide = policy(vec![(scope(Some("a"), true, None), Vec::new())]);
    let rule = &mut wide.layer.as_mut().unwrap().rules[0];
    rule.say.push(Said {
        set: Setting::Threshold(Threshold(64)),
        line: 1,
    });
    assert!(matches!(wide.check(), Err(PolicyError::TooWide { .. })));
    let mut paused = Policy::new(Action::Block);
    let pause = |content| crate::bank::Paused {
        content: crate::bank::ContentId(content),
        until: 5,
    };
    paused.paused = vec![pause(2), pause(1)];
    assert_eq!(paused.check(), Err(PolicyError::Order));
    paused.paused = (0..=Policy::MAX_PAUSED as u64).map(pause).collect();
    assert!(matches!(paused.check(), Err(PolicyError::TooMany { .. })));
    for (uploads, seconds) in [(0, 1), (1, 0), (Quarantine::MAX_UPLOADS + 1, 1)] {
        let mut policy = Policy::new(Action::Block);
        policy.quarantine = Some(Quarantine { uploads, seconds });
        assert!(policy.check().is_err());
    }
}

#[test]
fn a_paused_entry_comes_back_by_itself() {
    let mut policy = Policy::new(Action::Block);
    let content = crate::bank::ContentId(7);
    policy.paused.push(crate::bank::Paused {
        content,
        until: 100,
    });
    assert_eq!(policy.paused_until(content, 99), Some(100));
    assert_eq!(policy.paused_until(content, 100), None);
    assert_eq!(policy.paused_until(crate::bank::ContentId(8), 99), None);
}
