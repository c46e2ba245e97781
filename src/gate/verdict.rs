//! The answer about one input, with what is needed to explain and to replay it.

use crate::bank::{Action, Bank, BankName, ContentId, Quarantine};
use crate::gate::quarantine::Stops;
use crate::gate::{Outcome, Query, Score};
use crate::hash::{Distance, Family, Form, Quality, Reach, Signal, SignalType, Threshold, Variant};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::sync::Arc;

/// Why an entry counts as a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchKind {
    /// The bytes are the very same, by a digest.
    ExactDigest,
    /// A perceptual hash within the bank's threshold.
    Near,
    /// A PDQ hash beyond the threshold that further evidence speaks for: how alike the two are by all bits,
    /// and, where that is not quite enough, a second hash that the same entry has.
    Verified,
}

impl MatchKind {
    /// The name, as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExactDigest => "exact_digest",
            Self::Near => "near",
            Self::Verified => "verified",
        }
    }

    /// What a match within the threshold is.
    pub(super) const fn of(signal_type: SignalType) -> Self {
        match signal_type.family() {
            Family::Digest => Self::ExactDigest,
            Family::Pdq | Family::Hash64 => Self::Near,
        }
    }
}

/// One entry of a bank that the input matches.
///
/// Serialises to an object with the keys `bank`, `content_id`, `kind` ([`MatchKind`]), `signal_type`,
/// `hash` (the entry's), `distance` (bits), `variant` (the form of the query that hit), `query` (its
/// hash), `threshold` (the bank's, at the generation that answered), `score` (how alike the two are
/// by all bits and how sure those are, 1 to -1; null where that is not known), `action` (the bank's
/// for this kind of match) and `quality` (the entry's, or null). Besides, where there is such a thing,
/// `entry_form` (see [`Match::entry_form`]), `reach` (bits, or `"nowhere"`: see [`Match::reach`]),
/// `rule` (see [`Match::rule`]), `quarantined` (true), and `seconded_by` (see [`Match::seconded_by`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The bank.
    pub bank: BankName,
    /// The entry.
    pub content_id: ContentId,
    /// Why it counts.
    pub kind: MatchKind,
    /// The entry's hash.
    pub entry: Signal,
    /// The entry's quality, where the list said it.
    pub entry_quality: Option<Quality>,
    /// Which form of the known item the entry's hash is of; `None` for the item as it was given.
    pub entry_form: Option<Form>,
    /// How far out the entry's hash may safely reach; `None` where it was not calibrated.
    pub reach: Option<Reach>,
    /// The hash of the query that hit.
    pub query: Signal,
    /// The form of the query that hit.
    pub variant: Variant,
    /// Bits between the two.
    pub distance: Distance,
    /// The largest distance at which the bank's policy sees a match of this signal type.
    pub threshold: Threshold,
    /// How alike the two hashes are, where the query is of pixels.
    pub score: Option<Score>,
    /// The second hash that speaks for the entry, where the score alone was not enough: see
    /// [`MatchKind::Verified`].
    pub seconded_by: Option<SignalType>,
    /// What the bank's policy says to do.
    pub action: Action,
    /// The most specific rule of labels or types that counted for the entry, as
    /// [`Scope`](crate::bank::Scope) writes it: `label x + bank + type pdq`. `None` where the bank's
    /// own policy decided alone.
    pub rule: Option<Arc<str>>,
    /// When policy takes the entry for suspicious.
    pub quarantine: Option<Quarantine>,
    /// Whether the entry is quarantined, so that it is reviewed where it would have blocked.
    pub quarantined: bool,
}

impl Serialize for Match {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Match", 17)?;
        object.serialize_field("bank", &self.bank)?;
        object.serialize_field("content_id", &self.content_id)?;
        object.serialize_field("kind", self.kind.name())?;
        object.serialize_field("signal_type", &self.entry.signal_type())?;
        object.serialize_field("hash", &self.entry.hex())?;
        object.serialize_field("distance", &self.distance)?;
        object.serialize_field("variant", &self.variant.to_string())?;
        object.serialize_field("query", &self.query.hex())?;
        object.serialize_field("threshold", &self.threshold)?;
        object.serialize_field("score", &self.score)?;
        object.serialize_field("action", &self.action)?;
        object.serialize_field("quality", &self.entry_quality)?;
        if let Some(form) = &self.entry_form {
            object.serialize_field("entry_form", form)?;
        }
        if let Some(reach) = &self.reach {
            object.serialize_field("reach", reach)?;
        }
        if let Some(kind) = self.seconded_by {
            object.serialize_field("seconded_by", &kind)?;
        }
        if let Some(rule) = &self.rule {
            object.serialize_field("rule", &**rule)?;
        }
        if self.quarantined {
            object.serialize_field("quarantined", &true)?;
        }
        object.end()
    }
}

/// The answer about one input.
#[must_use = "an upload may go on only where its verdict passes"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What became of the input.
    pub outcome: Outcome,
    /// What policy says to do: the strictest of the matches, or allow where that overrules;
    /// `None` where nothing matched. Not a permission: see [`Verdict::passes`].
    pub action: Option<Action>,
    /// The hashes of the input as stored in the file, over white where it is transparent.
    pub signals: Vec<Signal>,
    /// PDQ quality of the picture as stored in the file.
    pub quality: Option<Quality>,
    /// The matches, nearest first; at most [`Verdict::MAX_MATCHES`]. Of an input that could not be
    /// judged to the end they may be there too, where their action alone does not hold it back.
    pub matches: Vec<Match>,
    /// How many further matches were left out of `matches`, at least: beyond 65,536 they are not
    /// told apart. All of them did count in the decision.
    pub matches_left_out: u64,
    /// Why the input, or a part of it, could not be judged.
    pub error: Option<String>,
    /// The outcome that the error leads to where no match holds the input back.
    pub error_outcome: Option<Outcome>,
    /// What the index was asked, those queries first that met an entry.
    pub queries: Vec<Query>,
    /// How many of the queries met an entry that a bank's policy calls a match.
    pub queries_met: usize,
    /// The banks of the listed matches, with the policies that were in force.
    pub banks: Vec<Bank>,
    /// Whether the PDQ hashes, and distances from them, come from a JPEG's coefficients and may be a
    /// few bits off; see [`Mode`](crate::gate::Mode).
    pub fast: bool,
    /// The generation of the index that answered.
    pub generation: u64,
    /// Whether it is reviewed because all entries that would have blocked it are quarantined.
    pub quarantined: bool,
    /// What stops it.
    pub(crate) stops: Stops,
}

impl Verdict {
    /// Most matches that a verdict lists.
    pub const MAX_MATCHES: usize = 1_000;

    /// Of an input that matches nothing, by this generation of the index: to put others together
    /// from, in tests.
    pub fn no_match(generation: u64) -> Self {
        Self {
            outcome: Outcome::NoMatch,
            action: None,
            signals: Vec::new(),
            quality: None,
            matches: Vec::new(),
            matches_left_out: 0,
            error: None,
            error_outcome: None,
            queries: Vec::new(),
            queries_met: 0,
            banks: Vec::new(),
            fast: false,
            generation,
            quarantined: false,
            stops: Stops::default(),
        }
    }

    /// Whether the upload may go on: it was judged whole, and what it matches, if anything, is in
    /// banks that allow or only report it. Whatever could not be judged does not pass.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self.outcome {
            Outcome::NoMatch => true,
            Outcome::Match => matches!(self.action, Some(Action::Allow | Action::Report)),
            _ => false,
        }
    }

    /// The action's name, or `none`.
    #[must_use]
    pub fn action_name(&self) -> &'static str {
        self.action.map_or("none", Action::name)
    }
}
