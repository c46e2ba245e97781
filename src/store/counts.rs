//! How much a bank holds.

use crate::bank::{ContentSignal, ContentState, OpaqueSignal};
use crate::hash::SignalType;
use crate::store::StoreError;
use std::collections::BTreeMap;

/// How much a bank holds, kept with every change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BankCounts {
    /// Content items: the active, the withdrawn and the disputed.
    pub items: u64,
    /// Items that take part in matching.
    pub active: u64,
    /// Items that were taken back.
    pub withdrawn: u64,
    /// Items that somebody says are not what they are said to be.
    pub disputed: u64,
    /// Hashes of all items, the withdrawn too, by their type. Types without any are left out.
    pub signals: BTreeMap<SignalType, u64>,
    /// How many of these hashes have a reach: see [`BankStore::set_reaches`].
    ///
    /// [`BankStore::set_reaches`]: crate::store::BankStore::set_reaches
    pub calibrated: u64,
    /// Signals that cannot be computed here, of all items, by their kind.
    pub opaque: BTreeMap<String, u64>,
}

impl BankCounts {
    /// Counts an item in.
    pub(super) fn add<'a>(
        &mut self,
        state: ContentState,
        signals: impl Iterator<Item = &'a ContentSignal>,
    ) -> Result<(), StoreError> {
        change(&mut self.items, 1)?;
        change(self.of(state), 1)?;
        self.add_signals(signals)
    }

    /// Counts hashes in that an item has got besides those that it had.
    pub(super) fn add_signals<'a>(
        &mut self,
        signals: impl Iterator<Item = &'a ContentSignal>,
    ) -> Result<(), StoreError> {
        for ContentSignal { signal, reach, .. } in signals {
            change(self.signals.entry(signal.signal_type()).or_default(), 1)?;
            change(&mut self.calibrated, reach.is_some().into())?;
        }
        Ok(())
    }

    /// Counts opaque signals in that an item has got besides those that it had.
    pub(super) fn add_opaque<'a>(
        &mut self,
        opaque: impl Iterator<Item = &'a OpaqueSignal>,
    ) -> Result<(), StoreError> {
        for one in opaque {
            change(self.opaque.entry(one.kind.clone()).or_default(), 1)?;
        }
        Ok(())
    }

    /// Counts opaque signals out.
    pub(super) fn remove_opaque<'a>(
        &mut self,
        opaque: impl Iterator<Item = &'a OpaqueSignal>,
    ) -> Result<(), StoreError> {
        for one in opaque {
            change(self.opaque.entry(one.kind.clone()).or_default(), -1)?;
        }
        self.opaque.retain(|_, count| *count > 0);
        Ok(())
    }

    /// Counts an item out.
    pub(super) fn remove<'a>(
        &mut self,
        state: ContentState,
        signals: impl Iterator<Item = &'a ContentSignal>,
    ) -> Result<(), StoreError> {
        change(&mut self.items, -1)?;
        change(self.of(state), -1)?;
        for ContentSignal { signal, reach, .. } in signals {
            change(self.signals.entry(signal.signal_type()).or_default(), -1)?;
            change(&mut self.calibrated, -i64::from(reach.is_some()))?;
        }
        self.signals.retain(|_, count| *count > 0);
        Ok(())
    }

    /// Counts hashes that got, or lost, a reach.
    pub(super) fn calibrate(&mut self, by: i64) -> Result<(), StoreError> {
        change(&mut self.calibrated, by)
    }

    /// Counts in what other counts say.
    pub(super) fn add_all(&mut self, more: &Self) -> Result<(), StoreError> {
        let add = |count: &mut u64, by: u64| change(count, i64::try_from(by).unwrap_or(i64::MAX));
        add(&mut self.items, more.items)?;
        add(&mut self.active, more.active)?;
        add(&mut self.withdrawn, more.withdrawn)?;
        add(&mut self.disputed, more.disputed)?;
        add(&mut self.calibrated, more.calibrated)?;
        for (&kind, &count) in &more.signals {
            add(self.signals.entry(kind).or_default(), count)?;
        }
        for (kind, &count) in &more.opaque {
            add(self.opaque.entry(kind.clone()).or_default(), count)?;
        }
        Ok(())
    }

    /// Moves an item from one state to the other.
    pub(super) fn turn(&mut self, from: ContentState, to: ContentState) -> Result<(), StoreError> {
        change(self.of(from), -1)?;
        change(self.of(to), 1)
    }

    fn of(&mut self, state: ContentState) -> &mut u64 {
        match state {
            ContentState::Active => &mut self.active,
            ContentState::Withdrawn => &mut self.withdrawn,
            ContentState::Disputed => &mut self.disputed,
        }
    }
}

fn change(count: &mut u64, by: i64) -> Result<(), StoreError> {
    *count = count
        .checked_add_signed(by)
        .ok_or_else(|| StoreError::Corrupt {
            what: "counts",
            key: "of the bank".to_owned(),
            reason: "they do not agree with the items".to_owned(),
        })?;
    Ok(())
}
