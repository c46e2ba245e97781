//! The answer about one input, with what is needed to explain and to replay it.

use crate::bank::{Action, Bank, BankName, ContentId};
use crate::gate::bounded;
use crate::gate::{Outcome, Problem, ProblemKind, Query, Score, Unread, UnreadPolicy};
use crate::hash::{Distance, Family, Form, Quality, Reach, Signal, SignalType, Threshold, Variant};
use crate::rules::Rules;
use serde::de::{Deserializer, Error};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why an entry counts as a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MatchKind {
    /// The bytes are the very same, by a digest.
    ExactDigest,
    /// A perceptual hash within the bank's threshold.
    Near,
    /// A PDQ hash beyond the threshold, for which there is other evidence: how alike the two are by
    /// all bits and, if that just misses, a second hash of the same entry.
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
    pub(crate) const fn of(signal_type: SignalType) -> Self {
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
#[non_exhaustive]
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
    /// The second hash that agrees, where the score alone was not enough: see
    /// [`MatchKind::Verified`].
    pub seconded_by: Option<SignalType>,
    /// What the bank's policy says to do.
    pub action: Action,
    /// The most specific rule of labels or types that counted for the entry, as
    /// [`Scope`](crate::bank::Scope) writes it: `label x + bank + type pdq`. `None` where the bank's
    /// own policy decided alone.
    pub rule: Option<Arc<str>>,
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

/// A match as it is read.
#[derive(Deserialize)]
struct MatchLine {
    bank: BankName,
    content_id: ContentId,
    kind: MatchKind,
    signal_type: SignalType,
    hash: String,
    distance: Distance,
    variant: String,
    query: String,
    threshold: Threshold,
    score: Option<Score>,
    action: Action,
    quality: Option<Quality>,
    #[serde(default)]
    entry_form: Option<Form>,
    #[serde(default)]
    reach: Option<Reach>,
    #[serde(default)]
    seconded_by: Option<SignalType>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    quarantined: bool,
}

impl<'de> Deserialize<'de> for Match {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let line = MatchLine::deserialize(from)?;
        let signal = |hex: &str| Signal::from_hex(line.signal_type, hex).map_err(D::Error::custom);
        let most = line.signal_type.max_distance();
        if line.distance.0 > most {
            return Err(D::Error::custom(format!(
                "a distance of {} bits is more than the {most} of {}",
                line.distance, line.signal_type
            )));
        }
        Ok(Self {
            entry: signal(&line.hash)?,
            query: signal(&line.query)?,
            variant: line.variant.parse().map_err(D::Error::custom)?,
            bank: line.bank,
            content_id: line.content_id,
            kind: line.kind,
            entry_quality: line.quality,
            entry_form: line.entry_form,
            reach: line.reach,
            distance: line.distance,
            threshold: line.threshold,
            score: line.score,
            seconded_by: line.seconded_by,
            action: line.action,
            rule: line.rule.map(Into::into),
            quarantined: line.quarantined,
        })
    }
}

impl Match {
    /// An entry that a query met as near as this, as a match by distance alone: to put others together from, in tests.
    #[must_use]
    pub fn near(
        (bank, content_id): (BankName, ContentId),
        entry: Signal,
        query: &Query,
        distance: Distance,
        action: Action,
    ) -> Self {
        Self {
            bank,
            content_id,
            kind: MatchKind::of(entry.signal_type()),
            entry,
            entry_quality: None,
            entry_form: None,
            reach: None,
            query: query.signal,
            variant: query.variant,
            distance,
            threshold: Threshold(distance.0),
            score: None,
            seconded_by: None,
            action,
            rule: None,
            quarantined: false,
        }
    }
}

/// The answer about one input.
///
/// Serialises to an object, in this order:
///
/// | key | value |
/// | --- | --- |
/// | `schema` | [`Verdict::SCHEMA`] |
/// | `outcome` | an [`Outcome`] |
/// | `action` | `block`, `review`, `report`, `allow`, `none` |
/// | `signals` | the input's hashes, signal type to hexadecimal text |
/// | `quality` | PDQ quality, 0–100, or null |
/// | `mode` | `exact`, or `fast`: see [`Verdict::fast`]; absent where no picture was hashed |
/// | `matches` | the nearest first: see [`Match`] |
/// | `matches_left_out` | only where there were more than are listed |
/// | `error`, `error_outcome`, `error_kind` | only where something could not be judged: a [`Problem`] |
/// | `quarantined` | only where it is so: true |
/// | `unread` | only where parts of the input were not looked at: what each is, and its `bytes`: see [`Unread`] |
/// | `held_unread` | only where it is reviewed because of these, and would pass: true |
/// | `unfitted` | only where there were some: see [`Verdict::unfitted`] |
/// | `generation` | the generation of the index that answered |
/// | `evidence_rules` | the [rules](Rules) that evidence was judged by; absent where an older program wrote it |
/// | `queries`, `queries_met` | what the index was asked: see [`Query`] |
/// | `banks` | the banks of the matches, with their policies |
///
/// `hashgate scan --format jsonl` has the same keys up to `unread`, but for `unfitted`, with the same values, in each of its lines,
/// and the log of decisions has the same matches and queries. A schema's keys keep their meaning, and further ones may
/// be added; a reader refuses a schema that it does not know.
#[must_use = "an upload may go on only where its verdict passes"]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    pub problem: Option<Problem>,
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
    /// The rules that evidence was judged by; `None` where it was read and an older program wrote it.
    pub evidence_rules: Option<Rules>,
    /// Whether it is reviewed because all entries that would have blocked it are quarantined.
    pub quarantined: bool,
    /// How many entries, at least, a guess nearly met that could not be looked at again, because the input was seen
    /// elsewhere and its small pictures did not come along: see [`Gate::decide`](crate::gate::Gate::decide). Some of
    /// them might have matched.
    pub unfitted: u64,
    /// Parts of the input that were not looked at: a clip behind a picture, a picture that could not be decoded. What a
    /// gate does about them is an [`UnreadPolicy`].
    pub unread: Vec<Unread>,
    /// Whether it is reviewed, and would pass, because of these parts.
    pub held_unread: bool,
}

impl Verdict {
    /// Most matches that a verdict lists.
    pub const MAX_MATCHES: usize = 1_000;
    /// The version of the form in which verdicts, matches and queries are serialised.
    pub const SCHEMA: u32 = 1;
    /// Most queries of a verdict that is read.
    const MOST_QUERIES: usize = 1 << 16;

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
            problem: None,
            queries: Vec::new(),
            queries_met: 0,
            banks: Vec::new(),
            fast: false,
            generation,
            evidence_rules: Some(Rules::IN_FORCE),
            quarantined: false,
            unfitted: 0,
            unread: Vec::new(),
            held_unread: false,
        }
    }

    /// Whether the upload may go on: it was judged, and what it matches, if anything, is in banks that allow or only
    /// report it. Whatever could not be judged does not pass. Parts that were not looked at ([`Verdict::unread`]) hold it
    /// back where the gate's [`UnreadPolicy`] says so.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self.outcome {
            Outcome::NoMatch => self.action.is_none(),
            Outcome::Match => matches!(self.action, Some(Action::Allow | Action::Report)),
            _ => false,
        }
    }

    /// Has people look at an input that would pass, where a part of it was not looked at and the policy says so.
    pub(crate) fn mind_unread(&mut self, policy: UnreadPolicy) {
        let passes = matches!(self.action, None | Some(Action::Report));
        if policy == UnreadPolicy::Review && passes && !self.unread.is_empty() {
            self.action = Some(Action::Review);
            self.held_unread = true;
        }
    }

    /// Why the input, or a part of it, could not be judged, in words.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.problem.as_ref().map(|problem| &*problem.message)
    }

    /// How its PDQ hashes were computed, by the names of [`Mode`](crate::gate::Mode); `None` where no picture was
    /// hashed.
    #[must_use]
    pub fn mode_name(&self) -> Option<&'static str> {
        self.quality.map(|_| match self.fast {
            true => FAST,
            false => EXACT,
        })
    }

    /// The action's name, or `none`.
    #[must_use]
    pub fn action_name(&self) -> &'static str {
        self.action.map_or("none", Action::name)
    }
}

const FAST: &str = "fast";
const EXACT: &str = "exact";
/// The name of no action.
const NONE: &str = "none";

/// A verdict as it is written.
#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    outcome: Outcome,
    action: &'static str,
    signals: BTreeMap<&'static str, String>,
    quality: Option<Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    matches: &'a [Match],
    #[serde(skip_serializing_if = "is_zero")]
    matches_left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<ProblemKind>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    quarantined: bool,
    #[serde(skip_serializing_if = "is_zero")]
    unfitted: u64,
    #[serde(skip_serializing_if = "<[Unread]>::is_empty")]
    unread: &'a [Unread],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    held_unread: bool,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_rules: Option<Rules>,
    queries: &'a [Query],
    queries_met: usize,
    banks: &'a [Bank],
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let signals = self.signals.iter();
        let written = Written {
            schema: Self::SCHEMA,
            outcome: self.outcome,
            action: self.action_name(),
            signals: signals
                .map(|signal| (signal.signal_type().name(), signal.hex()))
                .collect(),
            quality: self.quality,
            mode: self.mode_name(),
            matches: &self.matches,
            matches_left_out: self.matches_left_out,
            error: self.error(),
            error_outcome: self.problem.as_ref().map(|problem| problem.outcome),
            error_kind: self.problem.as_ref().map(|problem| problem.kind),
            quarantined: self.quarantined,
            unfitted: self.unfitted,
            unread: &self.unread,
            held_unread: self.held_unread,
            generation: self.generation,
            evidence_rules: self.evidence_rules,
            queries: &self.queries,
            queries_met: self.queries_met,
            banks: &self.banks,
        };
        written.serialize(serializer)
    }
}

/// A verdict as it is read.
#[derive(Deserialize)]
struct Read {
    schema: u32,
    outcome: Outcome,
    action: String,
    signals: BTreeMap<SignalType, String>,
    quality: Option<Quality>,
    #[serde(default)]
    mode: Option<String>,
    #[serde(deserialize_with = "bounded::list::<_, _, { Verdict::MAX_MATCHES }>")]
    matches: Vec<Match>,
    #[serde(default)]
    matches_left_out: u64,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_outcome: Option<Outcome>,
    #[serde(default)]
    error_kind: Option<ProblemKind>,
    #[serde(default)]
    quarantined: bool,
    #[serde(default)]
    unfitted: u64,
    #[serde(default, deserialize_with = "bounded::list::<_, _, { Unread::MOST }>")]
    unread: Vec<Unread>,
    #[serde(default)]
    held_unread: bool,
    generation: u64,
    #[serde(default)]
    evidence_rules: Option<Rules>,
    #[serde(deserialize_with = "bounded::list::<_, _, { Verdict::MOST_QUERIES }>")]
    queries: Vec<Query>,
    queries_met: usize,
    #[serde(deserialize_with = "bounded::list::<_, _, { Verdict::MAX_MATCHES }>")]
    banks: Vec<Bank>,
}

impl Read {
    /// The verdict, where it can be one.
    fn verdict(self) -> Result<Verdict, String> {
        if self.schema != Verdict::SCHEMA {
            return Err(format!(
                "a verdict of schema {}; this program reads {}",
                self.schema,
                Verdict::SCHEMA
            ));
        }
        let action = match &*self.action {
            NONE => None,
            name => Some(
                (Action::ALL.into_iter())
                    .find(|action| action.name() == name)
                    .ok_or_else(|| format!("{name:?} is no action"))?,
            ),
        };
        let signals = self.signals.into_iter();
        let signals = signals
            .map(|(kind, hex)| Signal::from_hex(kind, &hex).map_err(|error| error.to_string()))
            .collect::<Result<Vec<Signal>, String>>()?;
        let problem = match (self.error, self.error_outcome) {
            (Some(message), Some(outcome)) => {
                let kind = self.error_kind.unwrap_or(ProblemKind::Other);
                let problem = Problem::new(outcome, kind, message);
                problem.check()?;
                Some(problem)
            }
            (None, None) => None,
            _ => return Err("an error has a message and an outcome".to_owned()),
        };
        let fast = match (self.mode.as_deref(), self.quality) {
            (Some(FAST), Some(_)) => true,
            (Some(EXACT), Some(_)) | (None, None) => false,
            _ => return Err("a mode is exact or fast, and told where there is a quality".into()),
        };
        if (self.outcome == Outcome::Match) == self.matches.is_empty() && problem.is_none() {
            return Err(format!(
                "the outcome {} with {} matches",
                self.outcome,
                self.matches.len()
            ));
        }
        if self.held_unread && (self.unread.is_empty() || action != Some(Action::Review)) {
            return Err(
                "held back for parts that were not looked at, and there are none".to_owned(),
            );
        }
        if self.queries_met > self.queries.len() {
            return Err("more queries met an entry than there are".to_owned());
        }
        Ok(Verdict {
            outcome: self.outcome,
            action,
            signals,
            quality: self.quality,
            matches: self.matches,
            matches_left_out: self.matches_left_out,
            problem,
            queries: self.queries,
            queries_met: self.queries_met,
            banks: self.banks,
            fast,
            generation: self.generation,
            evidence_rules: self.evidence_rules,
            quarantined: self.quarantined,
            unfitted: self.unfitted,
            unread: self.unread,
            held_unread: self.held_unread,
        })
    }
}

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Read::deserialize(from)?.verdict().map_err(D::Error::custom)
    }
}
