//! What is doubtful in banks, before it stops an innocent upload or lets a known one pass.
//!
//! It looks at every entry that matches in the index in force, and changes nothing. Rows of lists
//! that cannot be read are named when a list is imported.

use crate::bank::{Action, Bank, BankName, ContentId, ContentItem, ContentState};
use crate::curation::{Notice, Observer, Progress, Unit, Workspace, sample};
use crate::hash::{Distance, Signal, SignalType};
use crate::hashset::SampleError;
use crate::index::{Hit, Index, IndexError, Limited};
use crate::store::{BankStore, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Findings of one kind that are listed; the rest are counted.
const LISTED: usize = 1_000;
/// Bits that are set in a PDQ hash, and how far from that a hash of a picture hardly is.
const PDQ_BITS: i32 = 128;
const PDQ_BITS_OFF: i32 = 8;
/// Entries that one harmless hash is told to meet; memory is bounded by it.
const MOST_MET: usize = 1 << 16;

/// What is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The same hash stands in several entries of the bank.
    Duplicate,
    /// An entry of an `allow` bank lies within the threshold.
    Conflicting,
    /// A hash of a harmless picture lies within the threshold.
    Benign,
    /// Its PDQ quality is under the bank's minimum: it matches nothing by PDQ.
    LowQuality,
    /// Its bits are those of a flat picture, or a pattern.
    Flat,
    /// Many other entries lie within the threshold: perhaps a template that harmless pictures share.
    Cluster,
    /// It has only signals that cannot be computed here.
    Unmatched,
}

impl Kind {
    /// What it means, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Duplicate => "the same hash in several entries of the bank",
            Self::Conflicting => "an entry of an allow bank within the threshold",
            Self::Benign => "a hash of a harmless picture within the threshold",
            Self::LowQuality => "quality under the bank's minimum: no match by PDQ",
            Self::Flat => "the bits of a flat picture or a pattern",
            Self::Cluster => "many other entries within the threshold",
            Self::Unmatched => "only signals that cannot be computed here",
        }
    }
}

/// One finding, as `--format json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is doubtful.
    pub kind: Kind,
    /// The bank.
    pub bank: String,
    /// The entry.
    pub content_id: ContentId,
    /// The hash that it is about, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// With what: another entry, or how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What was found; without its findings the summary that `--format json` ends with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LintReport {
    /// Entries that were looked at.
    pub entries: u64,
    /// Findings of each kind.
    pub counts: BTreeMap<Kind, u64>,
    /// Entries by their PDQ quality, in steps of ten; those of unknown quality are not in it.
    pub qualities: [u64; 11],
    /// PDQ hashes of unknown quality.
    pub unknown_quality: u64,
    /// PDQ hashes by their distance to the nearest other one in the banks, in steps of four bits;
    /// the last step is all that lies farther.
    pub nearest: [u64; 17],
    /// The findings: of each kind at most 1,000, the others are counted only.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

impl LintReport {
    fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.kind).or_default();
        *count += 1;
        if *count <= LISTED as u64 {
            self.findings.push(finding);
        }
    }
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintPlan {
    /// Only these banks; all where none is named.
    pub banks: Vec<BankName>,
    /// Lists of PDQ hashes of harmless pictures: entries that match one are named.
    pub harmless: Vec<PathBuf>,
    /// From how many others within its bank's threshold on an entry is a cluster's.
    pub cluster: usize,
}

impl Default for LintPlan {
    fn default() -> Self {
        Self {
            banks: Vec::new(),
            harmless: Vec::new(),
            cluster: Self::CLUSTER,
        }
    }
}

impl LintPlan {
    /// From how many others within the threshold on an entry is a cluster's, unless set.
    pub const CLUSTER: usize = 20;
    /// The most that callers of the command and of the service may set.
    pub const MAX_CLUSTER: usize = 10_000;

    /// Looks at these banks only.
    #[must_use]
    pub fn banks(mut self, banks: impl IntoIterator<Item = BankName>) -> Self {
        self.banks = banks.into_iter().collect();
        self
    }

    /// Names entries that match a hash of these lists of harmless pictures.
    #[must_use]
    pub fn harmless<P: Into<PathBuf>>(mut self, lists: impl IntoIterator<Item = P>) -> Self {
        self.harmless = lists.into_iter().map(Into::into).collect();
        self
    }

    /// From how many others on an entry is a cluster's.
    #[must_use]
    pub const fn cluster(mut self, others: usize) -> Self {
        self.cluster = others;
        self
    }
}

/// Why banks cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LintError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no index to hold entries against.
    #[error("entries are held against the published index")]
    Index {
        /// Why not.
        source: IndexError,
    },
    /// A list of harmless pictures cannot be read.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// It was asked to stop.
    #[error("stopped before it was done: there is no result")]
    Stopped,
}

/// Looks for what is doubtful in banks. The observer is told where the index is older than the store, and of
/// rows of lists that cannot be used.
///
/// # Errors
/// [`LintError`].
pub fn lint(
    workspace: &Workspace,
    plan: &LintPlan,
    observer: &dyn Observer,
) -> Result<LintReport, LintError> {
    let store = BankStore::open_read_only(workspace.store())?;
    lint_from(workspace, &store, plan, observer)
}

/// As [`lint`], for whoever holds the workspace's store open.
///
/// # Errors
/// [`LintError`].
pub fn lint_from(
    workspace: &Workspace,
    store: &BankStore,
    plan: &LintPlan,
    observer: &dyn Observer,
) -> Result<LintReport, LintError> {
    for name in &plan.banks {
        store.bank(name)?;
    }
    let index = Index::open(workspace.index()).map_err(|source| LintError::Index { source })?;
    if index.stats().store_revision != store.revision() {
        let older = "the index is older than the store: publish first to have all looked at";
        observer.notice(Notice::Doubt(&older));
    }
    let looking = Looking {
        banks: &store.banks()?,
        index: &index,
        plan,
    };
    let mut report = LintReport::default();
    for bank in looking.asked_of() {
        let mut seen: HashMap<Signal, ContentId> = HashMap::new();
        for item in store.items(bank.id) {
            let item = item?;
            if item.state != ContentState::Active {
                continue;
            }
            report.entries += 1;
            if report.entries % 1_000 == 0 {
                if observer.is_stopped() {
                    return Err(LintError::Stopped);
                }
                observer.progress(Progress {
                    what: "looking at entries",
                    done: report.entries,
                    total: None,
                    unit: Unit::Items,
                });
            }
            looking.look_at(&item, bank, &mut seen, &mut report);
        }
    }
    for list in &plan.harmless {
        looking.ask_about(list, &mut report, observer)?;
    }
    Ok(report)
}

/// What entries are held against.
struct Looking<'a> {
    banks: &'a [Bank],
    index: &'a Index,
    plan: &'a LintPlan,
}

impl Looking<'_> {
    fn look_at(
        &self,
        item: &ContentItem,
        bank: &Bank,
        seen: &mut HashMap<Signal, ContentId>,
        report: &mut LintReport,
    ) {
        let (banks, index, cluster) = (self.banks, self.index, self.plan.cluster);
        let finding = |kind, signal: Option<&Signal>, detail: Option<String>| Finding {
            kind,
            bank: bank.name.to_string(),
            content_id: item.id,
            signal: signal.map(Signal::short),
            detail,
        };
        if item.signals.is_empty() {
            report.add(finding(Kind::Unmatched, None, None));
        }
        for entry in &item.signals {
            let signal = &entry.signal;
            match seen.get(signal) {
                Some(first) => {
                    let detail = Some(format!("as in #{first}"));
                    report.add(finding(Kind::Duplicate, Some(signal), detail));
                }
                None => {
                    seen.insert(*signal, item.id);
                }
            }
            if signal.signal_type() != SignalType::Pdq {
                continue;
            }
            match entry.quality {
                Some(quality) => {
                    if let Some(step) = report.qualities.get_mut(usize::from(quality.get()) / 10) {
                        *step += 1;
                    }
                    if quality < bank.policy.min_quality {
                        let detail = Some(format!("quality {quality}"));
                        report.add(finding(Kind::LowQuality, Some(signal), detail));
                    }
                }
                None => report.unknown_quality += 1,
            }
            if let Some(detail) = flatness(signal) {
                report.add(finding(Kind::Flat, Some(signal), Some(detail)));
            }
            let radius = Distance(bank.policy.threshold_for(SignalType::Pdq).0);
            let near = index.search_limited(signal, radius, cluster.saturating_add(64));
            let others = near.hits.iter().filter(|hit| hit.content != item.id);
            let nearest = others.clone().map(|hit| hit.distance.0).min();
            let step = nearest.map_or(16, |bits| usize::from(bits) / 4).min(16);
            if let Some(step) = report.nearest.get_mut(step) {
                *step += 1;
            }
            let mut contents: Vec<ContentId> = others.clone().map(|hit| hit.content).collect();
            contents.sort_unstable();
            contents.dedup();
            if contents.len() >= cluster {
                let more = if near.complete { "" } else { " or more" };
                let detail = Some(format!("{}{more} others", contents.len()));
                report.add(finding(Kind::Cluster, Some(signal), detail));
            }
            if bank.policy.action != Action::Allow
                && let Some((other, hit)) = allowed(&near, signal, radius, banks, index)
                && hit.content != item.id
            {
                let detail = Some(format!(
                    "#{} of {}, {} bits away",
                    hit.content, other.name, hit.distance
                ));
                report.add(finding(Kind::Conflicting, Some(signal), detail));
            }
        }
    }

    /// Asks about every PDQ hash of a list of harmless pictures.
    fn ask_about(
        &self,
        list: &Path,
        report: &mut LintReport,
        observer: &dyn Observer,
    ) -> Result<(), LintError> {
        let asked_of: Vec<&Bank> = (self.asked_of())
            .filter(|bank| bank.policy.action != Action::Allow)
            .collect();
        let radius = |bank: &Bank| Distance(bank.policy.threshold_for(SignalType::Pdq).0);
        let widest = asked_of.iter().map(|bank| radius(bank)).max();
        let widest = widest.unwrap_or(Distance(0));
        let mut cut = 0_u64;
        for entry in sample::read(list, observer)? {
            let near = (self.index).search_limited(&entry.hash.into(), widest, MOST_MET);
            cut += u64::from(!near.complete);
            for hit in &near.hits {
                let bank = asked_of.iter().find(|bank| bank.id == hit.bank);
                if let Some(bank) = bank.filter(|bank| hit.distance <= radius(bank)) {
                    report.add(Finding {
                        kind: Kind::Benign,
                        bank: bank.name.to_string(),
                        content_id: hit.content,
                        signal: Some(hit.signal.short()),
                        detail: Some(format!("{} bits away", hit.distance)),
                    });
                }
            }
        }
        if cut > 0 {
            let more = format!(
                "{cut} hashes of {} meet more than {MOST_MET} entries each; the farther ones are not counted",
                list.display()
            );
            observer.notice(Notice::Doubt(&more));
        }
        Ok(())
    }

    /// The banks that are looked at.
    fn asked_of(&self) -> impl Iterator<Item = &Bank> {
        let only = &self.plan.banks;
        (self.banks.iter()).filter(|bank| only.is_empty() || only.contains(&bank.name))
    }
}

/// The nearest entry of an `allow` bank, of which `near` may leave some out.
fn allowed<'a>(
    near: &Limited,
    signal: &Signal,
    radius: Distance,
    banks: &'a [Bank],
    index: &Index,
) -> Option<(&'a Bank, Hit)> {
    let allows: Vec<&Bank> = banks
        .iter()
        .filter(|bank| bank.policy.action == Action::Allow)
        .collect();
    let of = |hit: &Hit| allows.iter().find(|bank| bank.id == hit.bank).copied();
    if near.complete || allows.is_empty() {
        return near.hits.iter().find_map(|hit| Some((of(hit)?, *hit)));
    }
    let mut nearest: Option<Hit> = None;
    index.visit(signal, radius, |hit| {
        if of(&hit).is_some() && nearest.is_none_or(|nearest| hit < nearest) {
            nearest = Some(hit);
        }
    });
    nearest.and_then(|hit| Some((of(&hit)?, hit)))
}

/// What makes a PDQ hash one of a flat picture or of a pattern, if anything does.
fn flatness(signal: &Signal) -> Option<String> {
    let bytes = signal.as_bytes();
    let bits: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    if (bits as i32 - PDQ_BITS).abs() > PDQ_BITS_OFF {
        return Some(format!("{bits} of 256 bits set"));
    }
    let hash = signal.as_pdq()?;
    let what = match hash.is_all_pattern() {
        true => "nothing but a pattern",
        false => "a pattern",
    };
    hash.is_patterned().then(|| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_hashes_and_patterns_are_told_from_pictures() {
        let told = |hex: &str| flatness(&Signal::from_hex(SignalType::Pdq, hex).unwrap());
        assert!(told(&"00".repeat(32)).unwrap().starts_with("0 of 256"));
        assert!(told(&"0f".repeat(32)).unwrap().starts_with("nothing but"));
        let picture = "9c151c3af838278e3ef57c180e3b5a3dd9f5c3f2e0ddc6a8ae0bb04e0de3cc40";
        assert_eq!(told(picture), None);
    }
}
