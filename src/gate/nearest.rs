//! The entries nearest to a hash, whatever the banks' thresholds: for people who look around a hash.

use crate::bank::{Action, Bank};
use crate::gate::terms::{Terms, look_at_uploads, upload_of_hash};
use crate::gate::{Gate, Match, MatchKind, decide};
use crate::hash::{Distance, Signal, Threshold, Variant};
use std::collections::BTreeSet;

/// The entries nearest to a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nearest {
    /// The entries, the nearest first.
    pub matches: Vec<Match>,
    /// The action that follows from them; `None` where there are none.
    pub action: Option<Action>,
}

impl Gate {
    /// The `k` nearest entries of enabled banks within `max_distance` (inclusive), whatever the
    /// banks' thresholds; nearest first, then by bank and content id.
    #[must_use]
    pub fn nearest(&self, signal: &Signal, max_distance: Distance, k: usize) -> Nearest {
        let index = self.index();
        let upload = look_at_uploads(index.banks()).then(|| upload_of_hash(signal));
        let terms = Terms::of(&index, self.now(), upload);
        let plain = |bank: &Bank| bank.policy.enabled && bank.policy.is_plain();
        let hits = if index.banks().iter().all(plain) {
            index.nearest(signal, k, max_distance)
        } else {
            // What takes no part must not take the places of others.
            let mut nearest = BTreeSet::new();
            index.visit(signal, max_distance, |hit| {
                if k > 0 && terms.standing(&hit).is_ok() {
                    nearest.insert(hit);
                    if nearest.len() > k {
                        nearest.pop_last();
                    }
                }
            });
            nearest.into_iter().collect()
        };
        let matches: Vec<Match> = hits
            .iter()
            .filter_map(|hit| terms.standing(hit).ok().map(|standing| (hit, standing)))
            .take(k)
            .map(|(hit, (bank, policy))| Match {
                bank: bank.name.clone(),
                content_id: hit.content,
                kind: MatchKind::of(signal.signal_type()),
                entry: hit.signal,
                entry_quality: hit.quality,
                entry_form: hit.form,
                reach: hit.reach,
                query: *signal,
                variant: Variant::ORIGINAL,
                distance: hit.distance,
                threshold: Threshold(max_distance.0),
                score: None,
                seconded_by: None,
                action: policy.action,
                rule: (policy.rule)
                    .and_then(|place| bank.policy.rules().get(place))
                    .map(|rule| rule.scope.to_string().into()),
                quarantined: false,
            })
            .collect();
        let action = decide(&matches);
        Nearest { matches, action }
    }
}
