//! Matches to an action: which of them have a say, and what an `allow` bank overrules. Pure.

use crate::bank::{Action, Quarantine};
use crate::gate::quarantine::Stops;
use crate::gate::{Match, MatchKind};
use crate::hash::{Family, Sides, Variant, View};
use std::collections::BTreeMap;

/// What the matches of each form of the input decide; of the bytes under `None`.
pub(crate) type Decisions = BTreeMap<Option<Variant>, Decision>;

/// One picture of the input: the frame, whether it was laid over black, whether it is the small one in
/// the EXIF block, and what was left out at its sides. A harmless page does not shield what is pasted
/// into it, nor a harmless thumbnail the picture.
pub(crate) type Shown = (u32, bool, bool, Sides);

/// The action that matches lead to.
///
/// The strictest action of all matches wins, unless an `allow` bank overrules it. An `allow` bank
/// counts for one picture at a time, so that a harmless frame does not shield another. Its nearest
/// match with that picture must be no farther (as a share of the hash's bits) than any match of
/// another bank. A guess at an original overrules only matches of the same guess. A verified match
/// overrules only verified matches. A digest says that the bytes are the same: in an `allow` bank
/// it overrules everything. A match by digest in another bank is overruled by nothing else.
#[must_use]
pub fn decide(matches: &[Match]) -> Option<Action> {
    let mut decisions = Decisions::new();
    for found in matches {
        decisions.entry(form(found)).or_default().count(found, None);
    }
    strictest(&decisions).0
}

/// The form of the input that a match is about; `None` where it is about the bytes.
pub(crate) fn form(found: &Match) -> Option<Variant> {
    let perceptual = found.entry.signal_type().family() != Family::Digest;
    perceptual.then_some(found.variant)
}

/// The picture that a form is one of.
const fn shown(variant: &Variant) -> Shown {
    let Variant {
        frame,
        over_black,
        embedded,
        region,
        ..
    } = *variant;
    (frame, over_black, embedded, region)
}

/// Whether a form shows all of a picture, however it is laid down. Others are guesses at an original,
/// which leave out, or make up, a part of the picture: that part may be what another bank knows.
fn is_of_all(variant: &Variant) -> bool {
    variant.view == View::Whole && !variant.inverted
}

/// The pictures that an `allow` bank knows by distance, and how near.
pub(crate) fn harmless(decisions: &Decisions) -> BTreeMap<Shown, u32> {
    let mut harmless: BTreeMap<Shown, u32> = BTreeMap::new();
    for (variant, decision) in decisions {
        let variant = variant.as_ref().filter(|variant| is_of_all(variant));
        if let (Some(variant), Some((false, nearness))) = (variant, decision.allowed) {
            let held = harmless.entry(shown(variant)).or_insert(nearness);
            *held = nearness.min(*held);
        }
    }
    harmless
}

/// What the matches of one form of the input, or of the bytes, decide.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    strictest: Option<Action>,
    /// The nearest match of an `allow` bank: by distance before by evidence, then how near.
    pub(crate) allowed: Option<(bool, u32)>,
    /// The nearest match of any other.
    other: Option<(bool, u32)>,
    /// What would block.
    stops: Stops,
}

impl Decision {
    /// Counts a match, with what policy says of entries that suddenly match many uploads.
    pub(crate) fn count(&mut self, found: &Match, quarantine: Option<Quarantine>) {
        self.strictest = self.strictest.max(Some(found.action));
        if found.action == Action::Block {
            match quarantine {
                None => self.stops.firm = true,
                some => (self.stops).note((found.bank.clone(), found.content_id), some),
            }
        }
        let side = match found.action {
            Action::Allow => &mut self.allowed,
            _ => &mut self.other,
        };
        let nearness = (found.kind == MatchKind::Verified, nearness(found));
        *side = Some(side.map_or(nearness, |held| held.min(nearness)));
    }

    /// The action, where an `allow` bank knows the picture, or the very form, so near.
    fn action(&self, harmless: Option<u32>) -> Option<Action> {
        let Some(other) = self.other else {
            return self.strictest;
        };
        let by_form = self.allowed.is_some_and(|allowed| allowed <= other);
        if by_form || harmless.is_some_and(|nearness| nearness <= other.1) {
            Some(Action::Allow)
        } else {
            self.strictest
        }
    }
}

/// The strictest action, and what stops the upload where that blocks.
pub(crate) fn strictest(decisions: &Decisions) -> (Option<Action>, Stops) {
    let bytes = decisions
        .get(&None)
        .and_then(|decision| decision.action(None));
    if bytes == Some(Action::Allow) {
        return (bytes, Stops::default());
    }
    let harmless = harmless(decisions);
    let (mut strictest, mut stops) = (None, Stops::default());
    for (variant, decision) in decisions {
        let known = variant.as_ref().and_then(|one| harmless.get(&shown(one)));
        let action = decision.action(known.copied());
        // That the small picture in an EXIF block is harmless says nothing of what people see.
        let is_embedded = variant.as_ref().is_some_and(|one| one.embedded);
        let action = action.filter(|action| !is_embedded || *action != Action::Allow);
        strictest = strictest.max(action);
        if action == Some(Action::Block) {
            stops.join(&decision.stops);
        }
    }
    (strictest, stops)
}

/// How near a match is: by distance as a share of the hash's bits, in 1/256.
fn nearness(found: &Match) -> u32 {
    let signal_type = found.entry.signal_type();
    match signal_type.family() {
        Family::Digest => 0,
        Family::Pdq | Family::Hash64 => {
            u32::from(found.distance.0) * u32::from(256 / signal_type.max_distance())
        }
    }
}
