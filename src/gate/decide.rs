//! Hits and policies to matches and an action: pure, so that a decision can be replayed.

#[cfg(feature = "decode")]
use crate::bank::ContentId;
use crate::bank::{Action, BankId};
use crate::gate::fitting::NearMisses;
use crate::gate::quarantine::Stops;
use crate::gate::second::{self, NearlyVerified};
use crate::gate::terms::{Refusal, Terms, widest};
use crate::gate::{Evidence, Match, MatchKind, Problem, Score, Verdict};
use crate::hash::{Distance, Family, Quality, Sides, Signal, SignalType, Threshold, Variant, View};
use crate::index::Hit;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// One question to the index: a hash of the input, and which form of the input it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The hash.
    pub signal: Signal,
    /// The PDQ quality of the picture that it is a perceptual hash of, where that is known.
    pub quality: Option<Quality>,
    /// The form of the input that was hashed.
    pub variant: Variant,
    /// What is known of a hash from pixels besides; without it only distance counts.
    pub evidence: Option<Evidence>,
}

/// The hashes of one input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extraction {
    /// The hashes of the input as stored, first frame, over white: in the order asked for.
    pub signals: Vec<Signal>,
    /// PDQ quality of the input as stored.
    pub quality: Option<Quality>,
    /// What to ask the index: no hash twice, but of the picture and of the small one inside its EXIF
    /// block.
    pub queries: Vec<Query>,
    /// What could not be hashed, and why.
    pub problem: Option<Problem>,
    /// Whether the PDQ hashes come from a JPEG's coefficients, and may be a few bits off.
    pub fast: bool,
}

impl Extraction {
    /// Of a hash that was computed elsewhere.
    pub(crate) fn of(query: &Query) -> Self {
        Self {
            signals: vec![query.signal],
            quality: query.quality,
            queries: vec![*query],
            ..Self::default()
        }
    }
}

/// The widest radius at which any enabled bank could match this query.
///
/// `None` where no bank may be asked: all are disabled, or want a better quality.
#[must_use]
pub(crate) fn radius(terms: &Terms<'_>, query: &Query) -> Option<Distance> {
    let kind = query.signal.signal_type();
    let banks = terms.banks.iter();
    let asked = banks.filter(|bank| terms.may_ask(bank, kind, query.quality));
    let widest = widest(terms.index);
    asked
        .map(|bank| {
            let near = Distance(bank.policy.widest_threshold(kind).0);
            match query.evidence {
                Some(evidence) if bank.policy.may_verify(kind) && !evidence.inverted => {
                    near.max(widest)
                }
                _ => near,
            }
        })
        .max()
}

/// More entries than this are not told apart when those left out of the list are counted.
pub(super) const MOST_COUNTED: usize = 1 << 16;

/// Collects the matches of one input's queries, and what they decide, in bounded memory.
///
/// The list has one match for each entry and signal type, the nearest. The decision counts every
/// one, and each picture of the input by itself: see [`decide`].
#[derive(Debug, Default)]
pub(crate) struct Matches {
    found: HashMap<(BankId, u64, SignalType), Match>,
    /// No match farther than this can come into the list any more.
    reach: Option<Distance>,
    /// The entries that match, so many of them as are counted.
    entries: HashSet<(BankId, u64, SignalType)>,
    /// The bytes' own matches, and those of each picture.
    decisions: Decisions,
    /// The entries that were nearly met.
    pub(crate) missed: NearMisses,
    /// The entries for which evidence spoke, but not enough.
    pub(crate) nearly: NearlyVerified,
}

/// What the matches of each form of the input decide; of the bytes under `None`.
type Decisions = BTreeMap<Option<Variant>, Decision>;

/// One picture of the input: the frame, whether it was laid over black, whether it is the small one in
/// the EXIF block, and what was left out at its sides. A harmless page does not shield what is pasted
/// into it, nor a harmless thumbnail the picture.
type Shown = (u32, bool, bool, Sides);

/// What came of an input's queries.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The matches, nearest first (then by bank name, content id and signal type).
    pub(crate) matches: Vec<Match>,
    /// How many more there were, at least.
    pub(crate) left_out: u64,
    /// What to do; `None` without a match.
    pub(crate) action: Option<Action>,
    /// What stops it, where something does.
    pub(crate) stops: Stops,
    /// Whether the bytes themselves are in an `allow` bank.
    pub(crate) allowed_by_bytes: bool,
    /// The frames that an `allow` bank knows as a whole.
    pub(crate) frames: BTreeSet<u32>,
}

impl Matches {
    /// Asks the index about one query and keeps what the banks' policies call a match.
    pub(crate) fn ask(&mut self, terms: &Terms<'_>, query: &Query) {
        let Some(radius) = radius(terms, query) else {
            return;
        };
        let widest = widest(terms.index);
        terms.index.visit(&query.signal, radius, |hit| {
            self.weigh(terms, query, &hit, widest);
        });
    }

    /// Keeps a hit where its bank's policy calls it a match; `widest` is [`widest`] of the index.
    pub(crate) fn weigh(&mut self, terms: &Terms<'_>, query: &Query, hit: &Hit, widest: Distance) {
        match judge(terms, query, hit, widest) {
            Ok(found) => self.keep(hit.bank, found),
            Err(refusal) => {
                self.nearly.note(query, hit, &refusal);
                self.miss(terms, query, hit);
            }
        }
    }

    /// As [`Matches::weigh`], where how alike the query and the entry are was told before.
    pub(crate) fn weigh_as_told(
        &mut self,
        terms: &Terms<'_>,
        query: &Query,
        hit: &Hit,
        widest: Distance,
        (score, seconded_by): (Option<Score>, Option<SignalType>),
    ) {
        if let Ok(found) = judge_by(terms, query, hit, widest, (|_, _| score, seconded_by)) {
            self.keep(hit.bank, found);
        }
    }

    /// As [`Matches::weigh`], where a second hash of the same form speaks for the entry too.
    #[cfg(feature = "decode")]
    pub(crate) fn weigh_seconded(
        &mut self,
        terms: &Terms<'_>,
        query: &Query,
        hit: &Hit,
        by: SignalType,
    ) {
        let widest = widest(terms.index);
        if let Ok(found) = judge_by(terms, query, hit, widest, (score, Some(by))) {
            self.keep(hit.bank, found);
        }
    }

    /// Whether the query met an entry: of a perceptual hash, whether its form of the input did.
    pub(crate) fn has_met(&self, query: &Query) -> bool {
        let perceptual = query.signal.signal_type().family() != Family::Digest;
        let form = perceptual.then_some(query.variant);
        self.decisions.contains_key(&form)
    }

    /// Notes an entry that is no match, but near one.
    pub(crate) fn miss(&mut self, terms: &Terms<'_>, query: &Query, hit: &Hit) {
        if let Some(score) = score(query, hit) {
            self.missed.note(terms, query, hit, score);
        }
    }

    /// Whether an entry of this bank matches by a hash of this type.
    #[cfg(feature = "decode")]
    pub(crate) fn has_entry(&self, bank: BankId, content: ContentId, kind: SignalType) -> bool {
        self.entries.contains(&(bank, content.0, kind))
    }

    fn keep(&mut self, bank: BankId, found: Match) {
        self.decisions
            .entry(form(&found))
            .or_default()
            .count(&found);
        let key = (bank, found.content_id.0, found.entry.signal_type());
        if self.entries.len() < MOST_COUNTED {
            self.entries.insert(key);
        }
        if self.reach.is_some_and(|reach| found.distance > reach) {
            return;
        }
        match self.found.get_mut(&key) {
            // What decided is shown: a match by distance before one by evidence. Of two as near, the
            // lesser hash, in whatever order they come.
            Some(held) if rank(held) <= rank(&found) => {}
            Some(held) => *held = found,
            None => {
                self.found.insert(key, found);
                if self.found.len() >= 2 * Verdict::MAX_MATCHES {
                    self.keep_nearest();
                }
            }
        }
    }

    /// Forgets all but the nearest: nothing farther can come back into the list.
    fn keep_nearest(&mut self) {
        let mut held: Vec<_> = self.found.drain().collect();
        held.sort_by(|(_, a), (_, b)| order(a, b));
        held.truncate(Verdict::MAX_MATCHES);
        self.reach = held.last().map(|(_, farthest)| farthest.distance);
        self.found.extend(held);
    }

    /// The matches and the decision.
    pub(crate) fn finish(self) -> Decided {
        let mut matches: Vec<Match> = self.found.into_values().collect();
        matches.sort_by(order);
        matches.truncate(Verdict::MAX_MATCHES);
        let left_out = self.entries.len().saturating_sub(matches.len()) as u64;
        let bytes = self.decisions.get(&None);
        let (action, stops) = strictest(&self.decisions);
        Decided {
            matches,
            left_out,
            action,
            stops,
            allowed_by_bytes: bytes.is_some_and(|bytes| bytes.allowed.is_some()),
            // Of a frame that is too faint a harmless part says nothing, nor does a thumbnail.
            frames: (harmless(&self.decisions).into_keys())
                .filter(|(_, _, embedded, region)| !embedded && *region == Sides::NONE)
                .map(|(frame, ..)| frame)
                .collect(),
        }
    }
}

/// Which of an entry's matches is shown: the least.
fn rank(found: &Match) -> (bool, Distance, Signal) {
    let by_evidence = found.kind == MatchKind::Verified;
    (by_evidence, found.distance, found.entry)
}

/// Nearest first, then by bank name, content id and hash.
fn order(a: &Match, b: &Match) -> Ordering {
    (a.distance.cmp(&b.distance))
        .then_with(|| a.bank.cmp(&b.bank))
        .then_with(|| (a.content_id, a.entry).cmp(&(b.content_id, b.entry)))
}

/// A hit as a match, or why policy sees none; `widest` is [`widest`] of the index.
pub(crate) fn judge(
    terms: &Terms<'_>,
    query: &Query,
    hit: &Hit,
    widest: Distance,
) -> Result<Match, Refusal> {
    judge_by(terms, query, hit, widest, (score, None))
}

/// The same, with what says how alike the two are, and the second hash that speaks for the entry.
pub(super) fn judge_by(
    terms: &Terms<'_>,
    query: &Query,
    hit: &Hit,
    widest: Distance,
    (score, seconded_by): (impl Fn(&Query, &Hit) -> Option<Score>, Option<SignalType>),
) -> Result<Match, Refusal> {
    let (bank, policy) = terms.standing(hit)?;
    let hit = &Hit {
        reach: hit.reach.filter(|_| terms.reaches_count),
        ..*hit
    };
    let signal_type = query.signal.signal_type();
    let (threshold, asked) = (policy.threshold, policy.min_quality);
    let too_low = |quality: &Quality| *quality < asked;
    if let Some(quality) = query.quality.filter(too_low)
        && signal_type.family() != Family::Digest
    {
        return Err(Refusal::QueryQuality { asked, quality });
    }
    if let Some(quality) = hit.quality.filter(too_low)
        && signal_type.family() == Family::Pdq
    {
        return Err(Refusal::EntryQuality { asked, quality });
    }
    let within = near_within(query, threshold, hit);
    let (kind, score, action, seconded_by) =
        if within.is_some_and(|within| hit.distance.is_within(within)) {
            let kind = MatchKind::of(signal_type);
            (kind, score(query, hit), policy.action, None)
        } else {
            let far = Refusal::TooFar {
                within: within.unwrap_or(Threshold::EXACT),
            };
            let evidence = query.evidence.ok_or(far)?;
            let action = policy.verified_action().ok_or(far)?;
            if let Some(reach) = hit.reach.filter(|reach| !reach.includes(hit.distance)) {
                return Err(Refusal::BeyondReach {
                    within: within.unwrap_or(Threshold::EXACT),
                    reach,
                });
            }
            if !evidence.reaches(hit.distance, widest, &hit.signal) {
                return Err(far);
            }
            let (score, alone) = (score(query, hit), evidence.enough());
            // What is enough alone needs no second.
            let second = seconded_by
                .filter(|_| score.is_none_or(|score| score < alone))
                // Less evidence must not be enough to call something harmless.
                .filter(|_| policy.action != Action::Allow)
                .and_then(|kind| Some((kind, second::enough(&evidence)?)));
            let seconded_by = second.map(|(kind, _)| kind);
            let enough = second.map_or(alone, |(_, enough)| enough);
            if score.is_none_or(|score| score < enough) {
                return Err(Refusal::Unlike {
                    within: within.unwrap_or(Threshold::EXACT),
                    score,
                    enough,
                });
            }
            (MatchKind::Verified, score, action, seconded_by)
        };
    let rule = policy.rule.and_then(|place| bank.policy.rules().get(place));
    Ok(Match {
        bank: bank.name.clone(),
        content_id: hit.content,
        kind,
        entry: hit.signal,
        entry_quality: hit.quality,
        entry_form: hit.form,
        reach: hit.reach,
        query: query.signal,
        variant: query.variant,
        distance: hit.distance,
        threshold,
        score,
        seconded_by,
        action,
        rule: rule.map(|rule| rule.scope.to_string().into()),
        quarantine: policy.quarantine,
        quarantined: false,
    })
}

/// The largest distance at which an entry matches by distance alone: by a guess at an original no
/// farther than the entry may safely reach.
pub(super) fn near_within(query: &Query, threshold: Threshold, hit: &Hit) -> Option<Threshold> {
    let Some(evidence) = &query.evidence else {
        return Some(threshold);
    };
    let within = evidence.near_within(threshold, &hit.signal)?;
    match hit.reach.filter(|_| evidence.is_guess) {
        Some(reach) => Some(within.min(Threshold(reach.bits()?.0))),
        None => Some(within),
    }
}

/// How alike the query and an entry are, where the query knows.
pub(super) fn score(query: &Query, hit: &Hit) -> Option<Score> {
    let evidence = query.evidence?;
    Some(evidence.score(&query.signal.as_pdq()?, &hit.signal.as_pdq()?))
}

/// The action that matches lead to.
///
/// The strictest action of all matches wins, save where an `allow` bank overrules. It does so for
/// one picture at a time, so that a harmless frame does not shield another: its nearest match with
/// that picture must be no farther (as a share of the hash's bits) than any match of another
/// bank. A guess at an original overrules only what the same guess meets, and a match by evidence only
/// such matches. A digest says that the bytes are the very same: in an `allow` bank it overrules
/// everything, and nothing else overrules a digest in another.
#[must_use]
pub fn decide(matches: &[Match]) -> Option<Action> {
    let mut decisions = Decisions::new();
    for found in matches {
        decisions.entry(form(found)).or_default().count(found);
    }
    strictest(&decisions).0
}

/// The form of the input that a match is about; `None` where it is about the bytes.
fn form(found: &Match) -> Option<Variant> {
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
fn harmless(decisions: &Decisions) -> BTreeMap<Shown, u32> {
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
struct Decision {
    strictest: Option<Action>,
    /// The nearest match of an `allow` bank: by distance before by evidence, then how near.
    allowed: Option<(bool, u32)>,
    /// The nearest match of any other.
    other: Option<(bool, u32)>,
    /// What would block.
    stops: Stops,
}

impl Decision {
    fn count(&mut self, found: &Match) {
        self.strictest = self.strictest.max(Some(found.action));
        if found.action == Action::Block {
            match found.quarantine {
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
fn strictest(decisions: &Decisions) -> (Option<Action>, Stops) {
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

#[cfg(test)]
mod tests;
