//! What one item becomes of several sources: hashes, labels and provenance together, within bounds.
//!
//! The hashes that an item ends with do not depend on the order of its sources: all of them, each
//! with the best quality that any source knows.

use crate::bank::{
    ContentItem, ContentSignal, ContentState, OpaqueSignal, Provenance, SourceStatus,
};
use crate::store::BankStore;
use crate::store::item::{NewItem, form_of, once};
use std::borrow::Cow;

/// Why an item was not added, and changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {got} together with what is there already, at most {most} are kept")]
pub struct TooMany {
    /// Of what.
    pub what: &'static str,
    /// How many there would be.
    pub got: usize,
    /// How many there may be.
    pub most: usize,
}

/// An item as it is to be, with all that its sources brought.
pub(super) struct Merged<'a> {
    pub(super) signals: Cow<'a, [ContentSignal]>,
    pub(super) opaque: Cow<'a, [OpaqueSignal]>,
    pub(super) labels: Cow<'a, [String]>,
    pub(super) provenance: Cow<'a, Provenance>,
    pub(super) later: Vec<Provenance>,
}

impl<'a> Merged<'a> {
    /// A new item, whose signals are in order.
    pub(super) fn new(item: &'a NewItem, signals: &'a [ContentSignal]) -> Result<Self, TooMany> {
        let merged = Self {
            signals: Cow::Borrowed(signals),
            opaque: Cow::Borrowed(&item.opaque),
            labels: Cow::Borrowed(&item.labels),
            provenance: Cow::Borrowed(&item.provenance),
            later: Vec::new(),
        };
        check(merged.signals.len(), merged.labels.len(), 1)?;
        check_opaque(merged.opaque.len())?;
        Ok(merged)
    }

    /// An item that is in the store.
    pub(super) fn kept(item: ContentItem) -> Self {
        let signals = match once(&item.signals) {
            Cow::Borrowed(_) => item.signals,
            Cow::Owned(sorted) => sorted,
        };
        Self {
            signals: Cow::Owned(signals),
            opaque: Cow::Owned(item.opaque),
            labels: Cow::Owned(item.labels),
            provenance: Cow::Owned(item.provenance),
            later: item.later,
        }
    }

    /// The state that follows from its sources.
    pub(super) fn due(&self, by_hand: bool) -> ContentState {
        let sources = std::iter::once(&*self.provenance).chain(&self.later);
        ContentState::due(by_hand, sources)
    }

    /// When the newest of its sources came, in seconds since 1970-01-01 UTC.
    pub(super) fn latest(&self) -> u64 {
        let last = self.later.last().unwrap_or(&self.provenance);
        last.added_at
    }

    /// Takes in what another source says of the item, with signals in order; whether that was
    /// anything new. Where it is too much, nothing of it is taken. With `in_any_case` the source
    /// is noted though it says nothing new.
    pub(super) fn take(
        &mut self,
        item: &NewItem,
        signals: &[ContentSignal],
        in_any_case: bool,
    ) -> Result<bool, TooMany> {
        let better = |entry: &&ContentSignal| {
            let found = self
                .signals
                .binary_search_by(|kept| kept.signal.cmp(&entry.signal));
            match found.ok().and_then(|at| self.signals.get(at)) {
                Some(kept) => {
                    kept.quality < entry.quality || form_of(kept.form, entry.form) != kept.form
                }
                None => true,
            }
        };
        let more: Vec<ContentSignal> = signals.iter().filter(better).copied().collect();
        let mut labels: Vec<&String> = Vec::new();
        for label in &item.labels {
            if !self.labels.contains(label) && !labels.contains(&label) {
                labels.push(label);
            }
        }
        let is_new = |one: &&OpaqueSignal| !self.opaque.contains(one);
        let opaque: Vec<OpaqueSignal> = item.opaque.iter().filter(is_new).cloned().collect();
        if more.is_empty() && labels.is_empty() && opaque.is_empty() && !in_any_case {
            return Ok(false);
        }
        let all = match more.is_empty() {
            true => None,
            false => Some(once(&[&self.signals[..], &more].concat()).into_owned()),
        };
        let same = |known: &Provenance| {
            (&known.source, &known.record, &known.metadata)
                == (
                    &item.provenance.source,
                    &item.provenance.record,
                    &item.provenance.metadata,
                )
        };
        let is_known = same(&self.provenance) || self.later.iter().any(same);
        if in_any_case && is_known {
            // It is the same source and record: the source has it again.
            let sources = std::iter::once(self.provenance.to_mut()).chain(&mut self.later);
            for source in sources.filter(|source| same(source)) {
                source.status = SourceStatus::Active;
            }
        }
        check(
            all.as_ref().map_or(self.signals.len(), Vec::len),
            self.labels.len() + labels.len(),
            1 + self.later.len() + usize::from(!is_known),
        )?;
        check_opaque(self.opaque.len() + opaque.len())?;
        if !opaque.is_empty() {
            self.opaque.to_mut().extend(opaque);
            self.opaque.to_mut().sort();
        }
        if let Some(all) = all {
            self.signals = Cow::Owned(all);
        }
        if !labels.is_empty() {
            self.labels.to_mut().extend(labels.into_iter().cloned());
        }
        if !is_known {
            self.later.push(item.provenance.clone());
        }
        Ok(true)
    }
}

pub(super) fn check_opaque(got: usize) -> Result<(), TooMany> {
    let most = BankStore::MAX_SIGNALS;
    match got > most {
        true => Err(TooMany {
            what: "signals of other kinds",
            got,
            most,
        }),
        false => Ok(()),
    }
}

pub(super) fn check(signals: usize, labels: usize, sources: usize) -> Result<(), TooMany> {
    let bounds = [
        ("hashes", signals, BankStore::MAX_SIGNALS),
        ("labels", labels, BankStore::MAX_LABELS),
        ("sources", sources, BankStore::MAX_SOURCES),
    ];
    match bounds.into_iter().find(|&(_, got, most)| got > most) {
        Some((what, got, most)) => Err(TooMany { what, got, most }),
        None => Ok(()),
    }
}
