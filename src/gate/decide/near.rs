//! Entries that a guess nearly met, and which of them are worth fitting the guess to.
//!
//! Owns how many are noted and what they must be. What fitting makes of them is `fit.rs`'s.

use crate::bank::{Action, BankId, ContentId};
use crate::gate::evidence::is_concentric;
use crate::gate::terms::{Terms, held, widest};
use crate::gate::{Query, Score};
use crate::hash::{Distance, Quality, Reach, Signal, Transform, Variant};
use crate::index::{Hit, Index};
use crate::rules::values;

/// How far out entries lie that the picture itself, or mirrored, is fitted to: a sticker over it costs
/// many bits, but leaves it where it was.
const FAR: Distance = Distance(values::NEAR_FAR);

/// How many entries are fitted for one input at most, those most like a guess; and how alike they must be.
///
/// Fitting costs as much as hundreds of guesses: the more hashes there are, the more strangers are nearly
/// met, and the less can be spent on each.
pub(crate) fn effort(index: &Index) -> (usize, f64) {
    let held = held(index);
    let [small, middling] = values::NEAR_EFFORT_HELD;
    let [most, fewer, fewest] = values::NEAR_EFFORT_ENTRIES;
    let [least, more, greatest] = values::NEAR_EFFORT_SCORE;
    if held <= small {
        (most, least)
    } else if held <= middling {
        (fewer, more)
    } else {
        (fewest, greatest)
    }
}

/// Entries that are noted: of one content item there may be several, and some may turn out to match.
const MOST_NOTED: usize = values::NEAR_MOST_NOTED;

/// The entries that were nearly met, the likeliest first, each with the guess that came nearest.
#[derive(Debug, Default)]
pub(crate) struct NearMisses {
    pub(crate) held: Vec<Miss>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Miss {
    pub(crate) score: Score,
    pub(crate) entry: Signal,
    pub(crate) bank: BankId,
    pub(crate) content: ContentId,
    pub(crate) query: Query,
}

impl Miss {
    /// Of one item one hash is fitted to, the likeliest: its other forms are the same picture.
    pub(crate) fn is_of(&self, hit: &Hit) -> bool {
        self.bank == hit.bank && (self.content == hit.content || self.entry == hit.signal)
    }
}

impl NearMisses {
    /// Notes an entry that a query met too far out.
    pub(crate) fn note(&mut self, terms: &Terms<'_>, query: &Query, hit: &Hit, score: Score) {
        if !is_worth_it(terms, query, hit, score.value()) {
            return;
        }
        let new = Miss {
            score,
            entry: hit.signal,
            bank: hit.bank,
            content: hit.content,
            query: *query,
        };
        match self.held.iter_mut().find(|held| held.is_of(hit)) {
            Some(held) if held.score >= score => return,
            Some(held) => *held = new,
            None => self.held.push(new),
        }
        self.held.sort_by(|a, b| {
            (b.score.cmp(&a.score)).then_with(|| (a.entry, a.bank).cmp(&(b.entry, b.bank)))
        });
        self.held.truncate(MOST_NOTED);
    }
}

/// Whether a guess is fitted to an entry that it met like this; `score` is the least that it may be.
pub(crate) fn is_worth_it(terms: &Terms<'_>, query: &Query, hit: &Hit, score: f64) -> bool {
    let Some(evidence) = query.evidence else {
        return false;
    };
    // Plain shapes of one series look alike once they are turned.
    let is_turned_shape = evidence.is_plain() && query.variant.transform.swaps_sides();
    let can_be = !evidence.inverted && evidence.fitted_from.is_none() && !is_turned_shape;
    let is_good =
        |quality: Option<Quality>, least: Quality| quality.is_none_or(|quality| quality >= least);
    can_be
        // Nothing is verified by what may be trusted nowhere.
        && (hit.reach != Some(Reach::NOWHERE) || !terms.reaches_count)
        && !query.variant.embedded
        && score >= effort(terms.index).1
        && terms.standing(hit).is_ok_and(|(_, policy)| {
            // What was made to fit a harmless picture says nothing for an upload.
            policy.action != Action::Allow
                && policy.verified_action().is_some()
                && is_good(query.quality, policy.min_quality)
                && is_good(hit.quality, policy.min_quality)
        })
        && hit
            .signal
            .as_pdq()
            .is_some_and(|entry| !entry.is_patterned() && !is_concentric(&entry))
}

/// Whether the query is asked about far out: the picture itself, and mirrored.
pub(crate) fn is_asked_far(query: &Query) -> bool {
    let plain = Variant {
        transform: Transform::Original,
        over_black: false,
        alpha_ignored: false,
        colour_managed: false,
        frame: 0,
        ..query.variant
    };
    query.evidence.is_some()
        && plain == Variant::ORIGINAL
        && matches!(
            query.variant.transform,
            Transform::Original | Transform::FlipY | Transform::Displayed
        )
}

/// How far out [`is_asked_far`] is, in an index of this size.
pub(crate) fn far(index: &Index) -> Option<Distance> {
    (widest(index).0 >= 60).then_some(FAR)
}
