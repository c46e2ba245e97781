//! Items on their way into a bank by the hundred thousand, each as the bytes that it will be.
//!
//! Owned here: what is known of such items before the store is asked, packed so tightly that many fit
//! into memory. Not owned: whether they are there already, and how they come on the disk (`arrive`).

use crate::bank::{BankId, ContentId, ContentState};
use crate::store::item::{NewItem, given, identity, other_keys};
use crate::store::keys::SignalKey;
use crate::store::merge::Merged;
use crate::store::record::{Content, ContentEncoder, decode_content};
use crate::store::{BankCounts, BankStore, StoreError};

/// Items for one bank that are to come in together: see [`BankStore::add_gathered`].
///
/// It holds some 130 bytes of an item with one hash, and as much as its text has.
///
/// [`BankStore::add_gathered`]: crate::store::BankStore::add_gathered
pub struct Gathered {
    pub(super) bank: BankId,
    /// The items' values, one behind the other.
    values: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
    /// Every key by which an item is found.
    pub(super) keys: Vec<Key>,
    /// What the items add to the bank's counts.
    pub(super) counts: BankCounts,
    /// From the first item on that only [`BankStore::add`] knows what to do with: all of them, so that
    /// they stay in their order.
    ///
    /// [`BankStore::add`]: crate::store::BankStore::add
    pub(super) others: Vec<NewItem>,
    encoder: ContentEncoder,
}

/// A key by which an item is found.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) key: SignalKey,
    /// Which of the items, from 0.
    pub(super) item: u32,
    /// Whether it is the item's identity.
    pub(super) is_own: bool,
}

impl Gathered {
    /// The most items that are gathered; [`is_full`](Self::is_full) says when to hand them over.
    pub const MOST: usize = 1 << 18;

    /// The most bytes that their values have, but for the last one.
    const MOST_BYTES: usize = 128 << 20;

    /// Nothing yet, for a bank.
    #[must_use]
    pub fn new(bank: BankId) -> Self {
        Self {
            bank,
            values: Vec::new(),
            ends: Vec::new(),
            keys: Vec::new(),
            counts: BankCounts::default(),
            others: Vec::new(),
            encoder: ContentEncoder::default(),
        }
    }

    /// Takes an item in.
    ///
    /// # Errors
    /// [`StoreError::NoSignals`], with its position among those that were gathered.
    pub fn push(&mut self, item: NewItem) -> Result<(), StoreError> {
        if item.signals.is_empty() && item.opaque.is_empty() {
            let position = self.len();
            return Err(StoreError::NoSignals { position });
        }
        if !self.others.is_empty() {
            self.others.push(item);
            return Ok(());
        }
        let signals = given(&item.signals);
        let merged = match Merged::new(&item, &signals) {
            Ok(merged) if merged.due(false) == ContentState::Active => merged,
            _ => {
                self.others.push(item);
                return Ok(());
            }
        };
        self.counts.add(ContentState::Active, signals.iter())?;
        self.counts.add_opaque(merged.opaque.iter())?;
        let value = self.encoder.encode(&Content {
            state: ContentState::Active,
            by_hand: false,
            changed: None,
            opaque: &merged.opaque,
            signals: &merged.signals,
            labels: &merged.labels,
            provenance: &merged.provenance,
            later: &[],
        });
        self.values.extend_from_slice(value);
        let number = self.ends.len() as u32;
        self.ends.push(self.values.len());
        let own = identity(self.bank, &signals, &item.opaque);
        let entry = |key, is_own| Key {
            key,
            item: number,
            is_own,
        };
        self.keys.push(entry(own, true));
        let others = other_keys(self.bank, &signals, &own);
        self.keys.extend(others.map(|key| entry(key, false)));
        Ok(())
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len() + self.others.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no more should be taken in, for the sake of memory.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.ends.len() >= Self::MOST
            || self.others.len() >= BankStore::BATCH
            || self.values.len() >= Self::MOST_BYTES
            // Items with very many hashes.
            || self.keys.len() >= 4 * Self::MOST
    }

    /// How many items are packed.
    pub(super) fn packed(&self) -> usize {
        self.ends.len()
    }

    /// The value of an item; nothing where there is no such item.
    pub(super) fn value(&self, item: u32) -> &[u8] {
        let item = item as usize;
        let from = match item.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(usize::MAX),
            None => 0,
        };
        let to = self.ends.get(item).copied().unwrap_or_default();
        self.values.get(from..to).unwrap_or_default()
    }

    /// An item as it was taken in.
    pub(super) fn item(&self, item: u32) -> Result<NewItem, StoreError> {
        let found = decode_content(self.bank, ContentId(item.into()), self.value(item))?;
        Ok(NewItem {
            signals: found.signals,
            opaque: found.opaque,
            labels: found.labels,
            provenance: found.provenance,
            is_partial: false,
        })
    }

    /// Forgets the items and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.ends.clear();
        self.keys.clear();
        self.counts = BankCounts::default();
        self.others.clear();
    }
}

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathered")
            .field("bank", &self.bank)
            .field("items", &self.len())
            .finish_non_exhaustive()
    }
}
