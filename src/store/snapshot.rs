//! Reading the store as it is at one moment.

use crate::bank::{Bank, BankId, ContentId, ContentItem, ContentSignal, ContentState};
use crate::index::{Carried, FactRecord, Facts, HashFacts, IndexRecord};
use crate::store::record::{self, State};
use crate::store::{BankCounts, BankStore, StoreError, keys, options};
use rocksdb::{DB, DBRawIteratorWithThreadMode, ReadOptions};
use std::collections::VecDeque;

/// The store as it was at one moment, whatever is written meanwhile.
pub struct Snapshot<'a> {
    pub(super) store: &'a BankStore,
    inner: rocksdb::Snapshot<'a>,
    /// The banks of that moment, in the order in which they were made.
    pub banks: Vec<Bank>,
    /// The revision of that moment.
    pub revision: u64,
}

impl BankStore {
    /// The store as it is now. A long-lived snapshot keeps what is deleted meanwhile on disk.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, StoreError> {
        let _settled = self.settled();
        let inner = self.db.snapshot();
        let mut options = ReadOptions::default();
        options.set_snapshot(&inner);
        let banks = self.banks_at(options)?;
        let state = inner
            .get_cf(self.family(keys::META)?, keys::STATE)
            .map_err(|source| self.failed("read", source))?;
        let revision = State::decode(&state.unwrap_or_default())?.revision;
        Ok(Snapshot {
            store: self,
            inner,
            banks,
            revision,
        })
    }

    /// Every hash of every active item of every bank, the disabled ones too, as they are now: by
    /// bank, by item, by type and value.
    ///
    /// # Errors
    /// Where the store is damaged, here or at any item. After a damaged item the next one comes;
    /// whoever builds an index of it must not go on without the damaged one.
    pub fn records(
        &self,
    ) -> Result<impl Iterator<Item = Result<IndexRecord, StoreError>> + '_, StoreError> {
        let _settled = self.settled();
        Ok(Records::of(Entries::new(self, options::scan())?))
    }

    /// Every item of a bank, the withdrawn too, in the order of their numbers, as they are now.
    /// Of a bank that does not exist: none.
    pub fn items(&self, bank: BankId) -> Items<'_> {
        let _settled = self.settled();
        Items::new(self, bank, options::scan())
    }
}

impl Snapshot<'_> {
    /// As [`BankStore::records`], at the moment of the snapshot.
    ///
    /// # Errors
    /// As there.
    pub fn records(&self) -> Result<Records<'_>, StoreError> {
        Ok(Records::of(Entries::new(self.store, self.options())?))
    }

    /// As [`Snapshot::records`], each with what an index carries of its item.
    ///
    /// # Errors
    /// As there.
    pub fn fact_records(&self, carried: &Carried) -> Result<FactRecords<'_>, StoreError> {
        let entries = Entries::new(self.store, self.options())?;
        Ok(FactRecords::of(entries, carried))
    }

    /// As [`BankStore::items`], at the moment of the snapshot.
    pub fn items(&self, bank: BankId) -> Items<'_> {
        Items::new(self.store, bank, self.options())
    }

    /// How much a bank held at the moment of the snapshot.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn counts(&self, bank: BankId) -> Result<BankCounts, StoreError> {
        let meta = self.store.family(keys::META)?;
        let key = keys::counts(bank);
        let value = self.store.db.get_pinned_cf_opt(meta, key, &self.look_up());
        let value = value.map_err(|source| self.store.failed("read", source))?;
        record::decode_counts(bank, value.as_deref().unwrap_or_default())
    }

    /// Makes reads see this moment.
    pub(super) fn set(&self, options: &mut ReadOptions) {
        options.set_snapshot(&self.inner);
    }

    /// Reading single keys at this moment.
    pub(super) fn look_up(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        self.set(&mut options);
        options
    }

    fn options(&self) -> ReadOptions {
        let mut options = options::scan();
        self.set(&mut options);
        options
    }
}

/// Every hash of every active item: see [`BankStore::records`].
pub struct Records<'a>(FactRecords<'a>);

impl<'a> Records<'a> {
    /// The hashes of what some entries hold.
    pub(super) fn of(entries: Entries<'a>) -> Self {
        Self(FactRecords::of(entries, &Carried::default()))
    }
}

impl Iterator for Records<'_> {
    type Item = Result<IndexRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|found| found.record))
    }
}

/// Every hash of every active item, with what an index carries of it: see
/// [`Snapshot::fact_records`].
pub struct FactRecords<'a> {
    entries: Entries<'a>,
    carried: Carried,
    ready: VecDeque<FactRecord>,
}

impl<'a> FactRecords<'a> {
    /// The hashes of what some entries hold.
    pub(super) fn of(entries: Entries<'a>, carried: &Carried) -> Self {
        Self {
            entries,
            carried: carried.clone(),
            ready: VecDeque::new(),
        }
    }
}

/// What of an item goes into an index, and its state.
fn read(
    carried: &Carried,
    bank: BankId,
    content: ContentId,
    value: &[u8],
    ready: &mut VecDeque<FactRecord>,
) -> Result<ContentState, StoreError> {
    let mut push = |entry: ContentSignal, facts| {
        ready.push_back(FactRecord {
            record: IndexRecord {
                bank,
                content,
                signal: entry.signal,
                quality: entry.quality,
            },
            facts,
            of_hash: HashFacts {
                form: entry.form,
                reach: entry.reach,
            },
        });
    };
    if carried.is_empty() {
        return record::decode_head(content, value, |signal| push(signal, Facts::PLAIN));
    }
    let item = record::decode_content(bank, content, value)?;
    let facts = carried.facts(item.labels.iter().map(String::as_str), item.agreeing());
    item.signals.iter().for_each(|&signal| push(signal, facts));
    Ok(item.state)
}

impl Iterator for FactRecords<'_> {
    type Item = Result<FactRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(Ok(record));
            }
            let (carried, ready) = (&self.carried, &mut self.ready);
            let state = self.entries.next(|bank, content, value| {
                let state = read(carried, bank, content, value, ready);
                if !matches!(state, Ok(ContentState::Active)) {
                    ready.clear();
                }
                state
            })?;
            if let Err(error) = state {
                return Some(Err(error));
            }
        }
    }
}

/// Every item of a bank: see [`BankStore::items`].
pub struct Items<'a> {
    entries: Result<Entries<'a>, Option<StoreError>>,
}

impl<'a> Items<'a> {
    fn new(store: &'a BankStore, bank: BankId, options: ReadOptions) -> Self {
        Self::from(store, bank, ContentId(0), options)
    }

    /// Those from a number on.
    pub(super) fn from(
        store: &'a BankStore,
        bank: BankId,
        first: ContentId,
        mut options: ReadOptions,
    ) -> Self {
        let (_, to) = keys::bank_range(bank);
        options.set_iterate_lower_bound(keys::content(bank, first));
        options.set_iterate_upper_bound(to);
        Self {
            entries: Entries::new(store, options).map_err(Some),
        }
    }
}

impl Iterator for Items<'_> {
    type Item = Result<ContentItem, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.entries {
            Ok(entries) => entries.next(record::decode_content),
            Err(error) => error.take().map(Err),
        }
    }
}

/// The entries of the column family `content`.
pub(super) struct Entries<'a> {
    store: &'a BankStore,
    inner: DBRawIteratorWithThreadMode<'a, DB>,
    /// Before which key the range that is being read ends.
    until: Option<Key>,
    /// The ranges that come after it.
    ranges: std::vec::IntoIter<(Key, Key)>,
    ended: bool,
}

/// A key of the column family `content`.
type Key = [u8; 12];

impl<'a> Entries<'a> {
    /// All that the options let through.
    fn new(store: &'a BankStore, options: ReadOptions) -> Result<Self, StoreError> {
        let mut entries = Self::within(store, options, Vec::new())?;
        entries.inner.seek_to_first();
        Ok(entries)
    }

    /// Those in ranges of keys, each from its first on up to its second, which is left out.
    pub(super) fn within(
        store: &'a BankStore,
        options: ReadOptions,
        ranges: Vec<(Key, Key)>,
    ) -> Result<Self, StoreError> {
        let inner = store
            .db
            .raw_iterator_cf_opt(store.family(keys::CONTENT)?, options);
        Ok(Self {
            store,
            inner,
            until: None,
            ranges: ranges.into_iter(),
            ended: false,
        })
    }

    /// Whether the range that is being read has no entry any more.
    fn is_behind(&self) -> bool {
        match (self.inner.key(), &self.until) {
            (Some(key), Some(until)) => key >= &until[..],
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// What `read` makes of the next entry; `None` behind the last one.
    fn next<T>(
        &mut self,
        read: impl FnOnce(BankId, ContentId, &[u8]) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        if self.ended {
            return None;
        }
        while self.is_behind() {
            let next = match self.inner.status() {
                Ok(()) => self.ranges.next(),
                Err(source) => {
                    self.ended = true;
                    return Some(Err(self.store.failed("read", source)));
                }
            };
            let Some((from, until)) = next else {
                self.ended = true;
                return None;
            };
            self.inner.seek(from);
            self.until = Some(until);
        }
        let (key, value) = self.inner.item()?;
        let result = match keys::parse_content(key) {
            Some((bank, content)) => read(bank, content, value),
            None => Err(StoreError::Corrupt {
                what: "key of a content item",
                key: format!("{key:02x?}"),
                reason: format!("expected 12 bytes, got {}", key.len()),
            }),
        };
        self.inner.next();
        Some(result)
    }
}
