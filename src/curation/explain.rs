//! Why something is decided as it is: what the gate explains, and what the store knows that the index does
//! not.
//!
//! Owns [`ExplanationRecord`] and the search for entries that are in the store only. The explanation itself
//! is `gate`'s.

use crate::bank::{BankName, ContentId, ContentItem, ContentState, Origin, Step};
#[cfg(feature = "curation")]
use crate::curation::Workspace;
use crate::gate::{Considered, Explanation, Gate, Match, Outcome, Problem, read_file};
use crate::hash::{Distance, Form, Quality, Reach, SignalType};
use crate::hashset::{self, HashsetError, ListFormat};
use crate::rules::Rules;
#[cfg(feature = "curation")]
use crate::store::{BankStore, StoreError};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::Path;

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The file cannot be read.
    #[error("{input}: {}", problem.message)]
    File {
        /// The file, as it was named.
        input: String,
        /// Why not.
        problem: Problem,
    },
    /// The input is too long to be a hash.
    #[error("{input}")]
    Input {
        /// The input.
        input: String,
        /// What is wrong with it.
        source: HashsetError,
    },
    /// It is neither.
    #[error("{input:?} is no file and no hash (TYPE:HEX)")]
    Neither {
        /// The input.
        input: String,
    },
}

/// What is explained of one input.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explained {
    /// The input, as it was named.
    pub input: String,
    /// What the gate says.
    pub explanation: Explanation,
    /// Entries of the store that have one of its hashes and are not in the index; empty where no store
    /// was asked.
    pub only_in_store: Vec<ContentItem>,
}

/// The store of a workspace, to be asked beside an index; `None` where there is none yet.
///
/// # Errors
/// Where it cannot be read.
#[cfg(feature = "curation")]
pub fn store_of(workspace: &Workspace) -> Result<Option<BankStore>, StoreError> {
    match BankStore::open_read_only(workspace.store()) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Explains the decision about a file, or about a hash (`TYPE:HEX`, or bare hex of a PDQ hash, an MD5 or a
/// SHA-1 digest). A name of a file is taken as one.
///
/// # Errors
/// [`ExplainError`].
pub fn explain(gate: &Gate, input: &str) -> Result<Explained, ExplainError> {
    let explanation = match Path::new(input).exists() {
        true => explain_file(gate, input)?,
        false => explain_hash(gate, input)?,
    };
    Ok(Explained {
        input: input.to_owned(),
        explanation,
        only_in_store: Vec::new(),
    })
}

#[cfg(feature = "curation")]
impl Explained {
    /// Asks a store what it has that the index has not.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn look_in(&mut self, store: &BankStore) -> Result<(), StoreError> {
        self.only_in_store = only_in_store(store, &self.explanation)?;
        Ok(())
    }
}

fn explain_file(gate: &Gate, input: &str) -> Result<Explanation, ExplainError> {
    let mut bytes = Vec::new();
    let most = gate.options().limits.max_file_bytes;
    match read_file(Path::new(input), most, &mut bytes) {
        Ok(()) => Ok(gate.explain(&bytes)),
        Err(problem) => Err(ExplainError::File {
            input: input.to_owned(),
            problem,
        }),
    }
}

fn explain_hash(gate: &Gate, input: &str) -> Result<Explanation, ExplainError> {
    let mut found = None;
    let read = hashset::read(input.as_bytes(), ListFormat::Typed, &mut |row| {
        found = row.ok().and_then(|record| record.signals.first().copied());
        ControlFlow::Break(())
    });
    read.map_err(|source| ExplainError::Input {
        input: input.to_owned(),
        source,
    })?;
    match found {
        Some(asked) => Ok(gate.explain_signal(&asked.signal, asked.quality)),
        None => Err(ExplainError::Neither {
            input: input.to_owned(),
        }),
    }
}

/// Entries that have the very same hash and are not among those that were met.
#[cfg(feature = "curation")]
fn only_in_store(
    store: &BankStore,
    explanation: &Explanation,
) -> Result<Vec<ContentItem>, StoreError> {
    let met: Vec<ContentId> = (explanation.considered.iter())
        .map(|one| one.content_id)
        .collect();
    let mut items: Vec<ContentItem> = Vec::new();
    for signal in &explanation.verdict.signals {
        for id in store.find(signal)? {
            if !met.contains(&id) && !items.iter().any(|item| item.id == id) {
                items.extend(store.item(id)?);
            }
            if items.len() >= Explanation::MOST {
                return Ok(items);
            }
        }
    }
    Ok(items)
}

/// What is explained of one input, as `policy explain --format json` writes it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ExplanationRecord<'a> {
    /// The input, as it was named.
    pub input: &'a str,
    /// What became of it.
    pub outcome: Outcome,
    /// What is done: an action, or `none`.
    pub action: &'static str,
    /// What could not be judged, and why.
    pub error: Option<&'a str>,
    /// The generation of the index that was asked.
    pub index_generation: u64,
    /// The rules by which evidence was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_rules: Option<Rules>,
    /// Entries that it met or nearly met.
    pub considered: Vec<ConsideredRecord<'a>>,
    /// How many more were met.
    pub left_out: u64,
    /// Entries of the store that have one of its hashes and are not in the index.
    pub only_in_store: Vec<StoredRecord<'a>>,
}

/// An entry that an input met or nearly met.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ConsideredRecord<'a> {
    /// Its bank.
    pub bank: &'a BankName,
    /// Its number.
    pub content_id: ContentId,
    /// The type of its hash that was met.
    pub signal_type: SignalType,
    /// That hash.
    pub hash: String,
    /// The hash's quality, where known.
    pub quality: Option<Quality>,
    /// Which form of the entry the hash is of; null for the entry as it was given.
    pub entry_form: Option<Form>,
    /// How far out it may safely reach, where it was calibrated.
    pub reach: Option<Reach>,
    /// The hash of the input.
    pub query: String,
    /// The form of the input.
    pub variant: String,
    /// Bits between the two hashes.
    pub distance: Distance,
    /// The entry's labels, of those that the index carries.
    pub labels: &'a [String],
    /// How many sources agree, where the index carries that.
    pub sources: Option<u32>,
    /// What it matches as.
    #[serde(rename = "match")]
    pub found: Option<&'a Match>,
    /// Why it is no match.
    pub why_not: Option<String>,
    /// All that policy says of it.
    pub rules: Vec<RuleRecord<'a>>,
}

/// One thing that policy says of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuleRecord<'a> {
    /// What is set.
    pub setting: &'static str,
    /// To what.
    pub value: String,
    /// Of what the rule speaks.
    pub scope: &'a str,
    /// Where it stands: `store`, or a line of a file.
    pub from: String,
    /// Whether it is the one that counts.
    pub counts: bool,
}

/// An entry that is in the store only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoredRecord<'a> {
    /// Its number.
    pub content_id: ContentId,
    /// Whether it would take part in matching.
    pub state: ContentState,
    /// How many agree that it is what it is said to be.
    pub agreeing: usize,
    /// What its sources call it.
    pub labels: &'a [String],
}

impl<'a> From<&'a Explained> for ExplanationRecord<'a> {
    fn from(explained: &'a Explained) -> Self {
        let Explanation {
            verdict,
            considered,
            left_out,
        } = &explained.explanation;
        Self {
            input: &explained.input,
            outcome: verdict.outcome,
            action: verdict.action_name(),
            error: verdict.error(),
            index_generation: verdict.generation,
            evidence_rules: verdict.evidence_rules,
            considered: considered.iter().map(ConsideredRecord::from).collect(),
            left_out: *left_out,
            only_in_store: (explained.only_in_store.iter())
                .map(|item| StoredRecord {
                    content_id: item.id,
                    state: item.due_state(),
                    agreeing: item.agreeing(),
                    labels: &item.labels,
                })
                .collect(),
        }
    }
}

impl<'a> From<&'a Considered> for ConsideredRecord<'a> {
    fn from(one: &'a Considered) -> Self {
        Self {
            bank: &one.bank,
            content_id: one.content_id,
            signal_type: one.entry.signal_type(),
            hash: one.entry.hex(),
            quality: one.entry_quality,
            entry_form: one.entry_form,
            reach: one.reach,
            query: one.query.hex(),
            variant: one.variant.to_string(),
            distance: one.distance,
            labels: &one.labels,
            sources: one.sources,
            found: one.result.as_ref().ok(),
            why_not: (one.result.as_ref().err()).map(ToString::to_string),
            rules: one.steps.iter().map(RuleRecord::from).collect(),
        }
    }
}

impl<'a> From<&'a Step> for RuleRecord<'a> {
    fn from(step: &'a Step) -> Self {
        Self {
            setting: step.set.name(),
            value: step.set.to_string().trim_matches('"').to_owned(),
            scope: &step.scope,
            from: match &step.from {
                Origin::Store => "store".to_owned(),
                file @ Origin::File { .. } => file.to_string(),
            },
            counts: step.counts,
        }
    }
}
