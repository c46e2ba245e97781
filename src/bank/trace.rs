//! All that policy says of one hash of one entry, and what of it counts.

use crate::bank::{Policy, Setting};
use crate::hash::SignalType;
use serde::Serialize;
use std::fmt;

/// Where something is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// In the store, by `bank create` and `bank set`.
    Store,
    /// In the policy file.
    File {
        /// The file's name.
        name: String,
        /// The line.
        line: u32,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store => f.write_str("store"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
        }
    }
}

/// One thing that policy says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub set: Setting,
    /// Of what it is said: `defaults`, `bank`, `label x + type pdq`.
    pub scope: String,
    /// Where.
    pub from: Origin,
    /// Whether it is what counts.
    pub counts: bool,
}

impl Policy {
    /// All that is said of hashes of a type of an entry whose labels `has` knows: by settings in
    /// the order of [`Setting::NAMES`], and of each the least specific first. Of every setting
    /// exactly one counts.
    #[must_use]
    pub fn trace(&self, kind: SignalType, has: impl Fn(&str) -> bool) -> Vec<Step> {
        let found = self.effective(kind, &has);
        let layer = self.layer.as_deref();
        let file = |line| Origin::File {
            name: layer.map_or_else(String::new, |layer| layer.file.clone()),
            line,
        };
        let mut steps = Vec::new();
        for own in self
            .settings()
            .into_iter()
            .filter(|set| set.speaks_of(kind))
        {
            let begin = steps.len();
            let over = layer
                .and_then(|layer| layer.over.iter().find(|over| over.own.name() == own.name()));
            steps.push(Step {
                set: over.map_or(own, |over| over.own),
                scope: "bank".to_owned(),
                from: Origin::Store,
                counts: false,
            });
            steps.extend(over.map(|over| Step {
                set: own,
                scope: if over.of_bank { "bank" } else { "defaults" }.to_owned(),
                from: file(over.line),
                counts: false,
            }));
            for rule in self
                .rules()
                .iter()
                .filter(|rule| rule.scope.covers(kind, &has))
            {
                let said = rule.say.iter().filter(|said| said.set.name() == own.name());
                steps.extend(said.map(|said| Step {
                    set: said.set,
                    scope: rule.scope.to_string(),
                    from: file(said.line),
                    counts: false,
                }));
            }
            let value = found.value(own);
            let counts = steps
                .iter_mut()
                .skip(begin)
                .rev()
                .find(|step| step.set == value);
            if let Some(step) = counts {
                step.counts = true;
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{Action, Layer, Over, Rule, Said, Scope};
    use crate::hash::Threshold;

    #[test]
    fn of_every_setting_one_value_counts() {
        let mut policy = Policy::new(Action::Block);
        policy.threshold = Threshold(20);
        let scope = |label: &str| Scope {
            of_bank: true,
            label: Some(label.into()),
            signal_type: None,
        };
        let rule = |label, bits, line| Rule {
            scope: scope(label),
            say: vec![Said {
                set: Setting::Threshold(Threshold(bits)),
                line,
            }],
        };
        policy.layer = Some(Box::new(Layer {
            file: "config.toml".into(),
            over: vec![Over {
                own: Setting::Threshold(Threshold(31)),
                of_bank: false,
                line: 2,
            }],
            rules: vec![rule("a", 9, 5), rule("b", 7, 8), rule("c", 3, 11)],
        }));
        let steps = policy.trace(SignalType::Pdq, |label| label != "c");
        for name in Setting::NAMES.iter().filter(|name| **name != "threshold64") {
            let of = |step: &&Step| step.set.name() == *name;
            assert_eq!(
                steps.iter().filter(of).filter(|step| step.counts).count(),
                1,
                "{name}"
            );
        }
        let shown: Vec<String> = (steps.iter())
            .filter(|step| step.set.name() == "threshold")
            .map(|step| format!("{} {} {} {}", step.set, step.scope, step.from, step.counts))
            .collect();
        assert_eq!(
            shown,
            [
                "31 bank store false",
                "20 defaults config.toml:2 false",
                "9 label a + bank config.toml:5 true",
                "7 label b + bank config.toml:8 false",
            ]
        );
        let digest = policy.trace(SignalType::Md5, |_| false);
        assert!(digest.iter().all(|step| step.set.name() != "threshold"));
    }
}
