//! What the log says of one decision: all that is needed to explain it and to replay it.
//!
//! Hashes, policies and words; nothing of a picture. How sure each bit of a hash is, which the
//! gate knows while it decides, is left out: hash and weights together would be a small picture.

use crate::bank::{Action, Bank, BankName, ContentId, Provenance};
use crate::clock;
use crate::gate::{Match, MatchKind, Outcome, Query, Score, Unread, Verdict};
use crate::hash::hex;
use crate::hash::{Distance, Family, Form, Quality, Reach, Signal, SignalType, Threshold, Variant};
use crate::rules::Rules;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How the input was named, and how large it was.
///
/// A name can tell who somebody is. Leave it out where that must not be kept: the digests in
/// [`Decision::signals`] say which input it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Input {
    /// The file's path, or what the caller calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// The path's bytes in hexadecimal, where the text could not hold them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_hex: Option<String>,
    /// Its size in bytes, where there were bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl Input {
    /// Names it by a file's path, whose bytes need not be text.
    pub fn set_path(&mut self, path: &Path) {
        self.name_hex = hex::of_path(path);
        self.name = Some(path.to_string_lossy().into_owned());
    }
}

/// A record of a list that an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The list or file, as it was named.
    pub source: String,
    /// The record in it: a line number or the source's own id.
    pub record: Option<String>,
}

impl SourceRecord {
    /// Most characters that are kept of either.
    const MOST: usize = 200;

    /// Where an entry comes from.
    #[must_use]
    pub fn of(provenance: &Provenance) -> Self {
        let short = |text: &str| text.chars().take(Self::MOST).collect();
        Self {
            source: short(&provenance.source),
            record: provenance.record.as_deref().map(short),
        }
    }
}

/// An entry that the input matched, and where that comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "MatchLine", from = "ReadMatch")]
pub struct RecordedMatch {
    /// The match.
    pub found: Match,
    /// The entry's sources; `None` where the store was not at hand.
    pub sources: Option<Vec<SourceRecord>>,
}

/// A match as it is written: the keys of [`Match`], in the order of this format, and `sources`.
#[derive(Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    seconded_by: Option<SignalType>,
    action: Action,
    quality: Option<Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_form: Option<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<Reach>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    quarantined: bool,
    sources: Option<Vec<SourceRecord>>,
}

impl From<RecordedMatch> for MatchLine {
    fn from(recorded: RecordedMatch) -> Self {
        let found = recorded.found;
        Self {
            bank: found.bank,
            content_id: found.content_id,
            kind: found.kind,
            signal_type: found.entry.signal_type(),
            hash: found.entry.hex(),
            distance: found.distance,
            variant: found.variant.to_string(),
            query: found.query.hex(),
            threshold: found.threshold,
            score: found.score,
            seconded_by: found.seconded_by,
            action: found.action,
            quality: found.entry_quality,
            entry_form: found.entry_form,
            reach: found.reach,
            rule: found.rule.as_deref().map(str::to_owned),
            quarantined: found.quarantined,
            sources: recorded.sources,
        }
    }
}

/// A match as it is read: the same keys, in whatever order.
#[derive(Deserialize)]
struct ReadMatch {
    #[serde(flatten)]
    found: Match,
    #[serde(default)]
    sources: Option<Vec<SourceRecord>>,
}

impl From<ReadMatch> for RecordedMatch {
    fn from(ReadMatch { found, sources }: ReadMatch) -> Self {
        Self { found, sources }
    }
}

/// One decision: what a line of the log says, its place in the log aside.
///
/// The keys are those of the fields; FORMAT.md beside this file has an example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When: milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The program and its version.
    pub program: String,
    /// The generation of the index that answered.
    pub generation: u64,
    /// The rules that evidence was judged by; `None` where an older program wrote the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_rules: Option<Rules>,
    /// What was asked about.
    pub input: Input,
    /// The input's hashes, digests included: signal type to hexadecimal text.
    pub signals: BTreeMap<SignalType, String>,
    /// PDQ quality.
    pub quality: Option<Quality>,
    /// `exact`, or `fast` where PDQ hashes come from a JPEG's coefficients; `None` where no picture
    /// was hashed.
    pub mode: Option<String>,
    /// What became of the input.
    pub outcome: Outcome,
    /// What policy said to do; `None` where no match counted.
    pub action: Option<Action>,
    /// The rule of labels or types that decided, where it is not the bank's own policy: that of the
    /// nearest match which does what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether the input is reviewed where it would have been blocked, as all that stops it is
    /// quarantined.
    #[serde(default, skip_serializing_if = "is_false")]
    pub quarantined: bool,
    /// The matches, nearest first.
    pub matches: Vec<RecordedMatch>,
    /// Matches beyond those, at least.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub matches_left_out: u64,
    /// The banks of the matches, with the policies that were in force.
    pub banks: Vec<Bank>,
    /// What the index was asked, as far as it matters; see [`Decision::of`].
    pub queries: Vec<Query>,
    /// Queries that met an entry and are not kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub queries_left_out: u64,
    /// Why the input, or a part of it, could not be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The outcome that the error leads to where no match holds the input back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_outcome: Option<Outcome>,
    /// Parts of the input that were not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Whether the input is reviewed because of these, and would pass.
    #[serde(default, skip_serializing_if = "is_false")]
    pub held_unread: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Decision {
    /// Most queries that are kept of one input.
    pub const MAX_QUERIES: usize = 256;

    /// The record of a verdict; `None` where it matches nothing and nothing is done, for then there is
    /// nothing to explain. What is held back for parts that were not looked at has a record without a match.
    ///
    /// Kept are the queries of the listed matches; where an `allow` bank had a say, which weighs
    /// each form of a picture by itself, every query that met an entry; and of each frame the one
    /// with the best quality, by which a picture is too faint or not. The time is now.
    #[must_use]
    pub fn of(verdict: &Verdict, input: Input) -> Option<Self> {
        if verdict.matches.is_empty() && !verdict.held_unread {
            return None;
        }
        let (queries, queries_left_out) = kept_queries(verdict);
        let matches = verdict.matches.iter().map(|found| RecordedMatch {
            found: found.clone(),
            sources: None,
        });
        Some(Self {
            at_ms: clock::now_ms(),
            program: concat!("hashgate ", env!("CARGO_PKG_VERSION")).to_owned(),
            generation: verdict.generation,
            evidence_rules: verdict.evidence_rules,
            input,
            signals: (verdict.signals.iter())
                .map(|signal| (signal.signal_type(), signal.hex()))
                .collect(),
            quality: verdict.quality,
            mode: verdict.mode_name().map(str::to_owned),
            outcome: verdict.outcome,
            action: verdict.action,
            rule: (verdict.matches.iter())
                .find(|found| Some(found.action) == verdict.action)
                .and_then(|found| found.rule.as_deref().map(str::to_owned)),
            quarantined: verdict.quarantined,
            matches: matches.collect(),
            matches_left_out: verdict.matches_left_out,
            banks: verdict.banks.clone(),
            queries,
            queries_left_out,
            error: verdict.error().map(str::to_owned),
            error_outcome: verdict.problem.as_ref().map(|problem| problem.outcome),
            unread: verdict.unread.clone(),
            held_unread: verdict.held_unread,
        })
    }

    /// Says where the entries come from.
    pub fn set_sources(
        &mut self,
        mut look_up: impl FnMut(&BankName, ContentId) -> Option<Vec<SourceRecord>>,
    ) {
        for recorded in &mut self.matches {
            let Match {
                bank, content_id, ..
            } = &recorded.found;
            recorded.sources = look_up(bank, *content_id);
        }
    }

    /// The action's name, or `none`.
    #[must_use]
    pub fn action_name(&self) -> &'static str {
        self.action.map_or("none", Action::name)
    }
}

/// Which of the queries are kept, and how many that met an entry are not.
fn kept_queries(verdict: &Verdict) -> (Vec<Query>, u64) {
    let shown: BTreeSet<(Signal, Variant)> = (verdict.matches.iter())
        .map(|found| (found.query, found.variant))
        .collect();
    let weighs_forms = verdict.matches_left_out > 0
        || (verdict.matches.iter()).any(|found| found.action == Action::Allow)
        || (verdict.banks.iter()).any(|bank| bank.policy.action == Action::Allow);
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    let mut best: BTreeMap<u32, (Quality, usize)> = BTreeMap::new();
    let numbered = || verdict.queries.iter().enumerate();
    for (number, query) in numbered() {
        let is_met = number < verdict.queries_met;
        if shown.contains(&(query.signal, query.variant)) || (weighs_forms && is_met) {
            kept.insert(number);
        }
        let is_given = query.evidence.is_none_or(|evidence| !evidence.is_guess)
            && !query.variant.embedded
            && query.signal.signal_type().family() != Family::Digest;
        if let (true, Some(quality)) = (is_given, query.quality) {
            let held = best.entry(query.variant.frame).or_insert((quality, number));
            if quality > held.0 {
                *held = (quality, number);
            }
        }
    }
    let met = kept.len() as u64;
    kept.extend(best.into_values().map(|(_, number)| number));
    let queries: Vec<Query> = numbered()
        .filter(|(number, _)| kept.contains(number))
        .map(|(_, query)| *query)
        .take(Decision::MAX_QUERIES)
        .collect();
    (queries, met.saturating_sub(Decision::MAX_QUERIES as u64))
}
