//! What a policy file says, and how it is laid over the policies that the store has.

use crate::bank::{Bank, Layer, Over, Policy, Rule, Said, Scope, Setting, UnreadPolicy};
use std::collections::BTreeSet;

/// One section of the file: of what it speaks, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The bank that it speaks of; `None`: every bank.
    pub bank: Option<String>,
    /// Of what in it.
    pub scope: Scope,
    /// What it says, in the order of the file.
    pub say: Vec<Said>,
}

/// What a policy file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyFile {
    /// Its name, for messages.
    pub name: String,
    /// Its sections that say something, in no order.
    pub sections: Vec<Section>,
    /// What is done about uploads that pass, where a part of them was not looked at.
    pub unread: Option<UnreadPolicy>,
    /// Labels that the index shall carry though no rule names them.
    pub carry_labels: Vec<String>,
    /// Whether the index shall carry how many sources agree though no rule asks for it.
    pub carry_sources: bool,
}

impl PolicyFile {
    /// The policy of a bank with the file laid over it: what lay over it before is taken off.
    ///
    /// Of each setting that the bank has as a whole the file wins over the store, `[bank.NAME]` over
    /// `[type.TYPE]` over `[defaults]`; what it says of labels and types goes into
    /// [`Policy::rules`].
    #[must_use]
    pub fn lay_over(&self, bank: &Bank) -> Policy {
        let own = bank.policy.without_layer();
        let mut policy = own.clone();
        let mut over: Vec<Over> = Vec::new();
        let mut rules = Vec::new();
        let speaks = |section: &&Section| {
            section
                .bank
                .as_deref()
                .is_none_or(|name| name == bank.name.as_str())
        };
        let sections = || self.sections.iter().filter(speaks);
        let whole = |scope: &Scope| scope.label.is_none() && scope.signal_type.is_none();
        // Defaults first, then the bank: the later wins.
        for of_bank in [false, true] {
            let of = |section: &&Section| whole(&section.scope) && section.scope.of_bank == of_bank;
            for &Said { set, line } in sections().filter(of).flat_map(|section| &section.say) {
                policy.set(set);
                over.retain(|one| one.own.name() != set.name());
                over.push(Over {
                    own: set.of(&own),
                    of_bank,
                    line,
                });
            }
        }
        let of_bank: BTreeSet<&str> = (over.iter().filter(|one| one.of_bank))
            .map(|one| one.own.name())
            .collect();
        for section in sections().filter(|section| !whole(&section.scope)) {
            let mut rule = Rule {
                scope: section.scope.clone(),
                say: section.say.clone(),
            };
            // What is said of the bank outweighs what is said of a type in all banks.
            if !rule.scope.of_bank && rule.scope.label.is_none() {
                rule.say.retain(|said| !of_bank.contains(said.set.name()));
            }
            if !rule.say.is_empty() {
                rules.push(rule);
            }
        }
        rules.sort_by(|a, b| {
            let key = |rule: &Rule| (rule.scope.rank(), rule.scope.to_string());
            key(a).cmp(&key(b))
        });
        if !over.is_empty() || !rules.is_empty() {
            over.sort_by_key(|one| {
                Setting::NAMES
                    .iter()
                    .position(|name| *name == one.own.name())
            });
            policy.layer = Some(Box::new(Layer {
                file: self.name.clone(),
                over,
                rules,
            }));
        }
        policy
    }

    /// Banks that it speaks of and that are not among these, and the line of what it says first.
    #[must_use]
    pub fn unknown_banks(&self, banks: &[Bank]) -> Vec<(&str, u32)> {
        let known = |name: &str| banks.iter().any(|bank| bank.name.as_str() == name);
        let mut unknown: Vec<(&str, u32)> = Vec::new();
        for section in &self.sections {
            let line = section.say.iter().map(|said| said.line).min();
            if let (Some(name), Some(line)) = (section.bank.as_deref(), line)
                && !known(name)
            {
                match unknown.iter_mut().find(|(held, _)| *held == name) {
                    Some((_, held)) => *held = line.min(*held),
                    None => unknown.push((name, line)),
                }
            }
        }
        unknown
    }

    /// Where it sets something of a bank as a whole, so that setting it in the store has no effect:
    /// the line.
    #[must_use]
    pub fn line_of(&self, bank: &Bank, setting: &str) -> Option<u32> {
        let laid = self.lay_over(bank);
        let over = laid.layer?.over;
        let found = over.iter().find(|one| one.own.name() == setting)?;
        Some(found.line)
    }
}
