//! Banks: making, naming, changing, deleting them.

use crate::bank::{Bank, BankId, BankName, Policy};
use crate::store::record::{self, State, Touched};
use crate::store::{BankCounts, BankStore, Facts, StoreError, keys};
use rocksdb::{ReadOptions, WriteBatch};

impl BankStore {
    /// Makes a bank. What a policy file lays over the policy is not kept.
    ///
    /// # Errors
    /// [`StoreError::BankExists`] where the name is taken, [`StoreError::PolicyRange`] where a
    /// threshold is wider than a bank's may be.
    pub fn create_bank(&self, name: &BankName, policy: Policy) -> Result<Bank, StoreError> {
        policy.check()?;
        let policy = policy.without_layer();
        let mut writer = self.writer()?;
        if self.bank_id(name)?.is_some() {
            return Err(StoreError::BankExists { name: name.clone() });
        }
        let bank = Bank {
            id: BankId(writer.state.next_bank),
            name: name.clone(),
            policy,
        };
        let next = bank.id.0.checked_add(1);
        let state = State {
            next_bank: next.ok_or(StoreError::Exhausted { what: "bank" })?,
            ..writer.state
        };
        let mut batch = WriteBatch::default();
        self.put_bank(&mut batch, &bank)?;
        self.put_counts(&mut batch, bank.id, &BankCounts::default())?;
        self.commit(&mut writer, batch, state, Touched::Bank(bank.id))?;
        Ok(bank)
    }

    /// Every bank, in the order in which they were made.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn banks(&self) -> Result<Vec<Bank>, StoreError> {
        self.banks_at(ReadOptions::default())
    }

    /// Every bank as the options see them.
    pub(super) fn banks_at(&self, options: ReadOptions) -> Result<Vec<Bank>, StoreError> {
        let mut entries = self
            .db
            .raw_iterator_cf_opt(self.family(keys::BANKS)?, options);
        let mut banks = Vec::new();
        entries.seek_to_first();
        while let Some((key, value)) = entries.item() {
            let id = keys::parse_u32(key).ok_or_else(|| StoreError::Corrupt {
                what: "key of a bank",
                key: format!("{key:02x?}"),
                reason: format!("expected 4 bytes, got {}", key.len()),
            })?;
            banks.push(record::decode_bank(BankId(id), value)?);
            entries.next();
        }
        entries
            .status()
            .map_err(|source| self.failed("read", source))?;
        Ok(banks)
    }

    /// The bank of this name.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBank`], which lists the names there are.
    pub fn bank(&self, name: &BankName) -> Result<Bank, StoreError> {
        match self.bank_id(name)? {
            Some(id) => self.bank_by_id(id),
            None => {
                let known = self.banks()?.into_iter().map(|bank| bank.name).collect();
                Err(StoreError::no_such_bank(name, known))
            }
        }
    }

    /// The bank with this number.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBankId`] where there is none.
    pub fn bank_by_id(&self, id: BankId) -> Result<Bank, StoreError> {
        let value = self
            .db
            .get_pinned_cf(self.family(keys::BANKS)?, id.0.to_be_bytes())
            .map_err(|source| self.failed("read", source))?
            .ok_or(StoreError::NoSuchBankId { id })?;
        record::decode_bank(id, &value)
    }

    /// Gives a bank another policy, and returns the bank. A policy that it has already is no
    /// change; what a policy file lays over it is not kept.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBank`], [`StoreError::PolicyRange`].
    pub fn set_policy(&self, name: &BankName, policy: Policy) -> Result<Bank, StoreError> {
        policy.check()?;
        let policy = policy.without_layer();
        let mut writer = self.writer()?;
        let mut bank = self.bank(name)?;
        if bank.policy != policy {
            bank.policy = policy;
            let mut batch = WriteBatch::default();
            self.put_bank(&mut batch, &bank)?;
            let state = writer.state;
            self.commit(&mut writer, batch, state, Touched::Bank(bank.id))?;
        }
        Ok(bank)
    }

    /// Gives a bank another name, and returns the bank.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBank`], [`StoreError::BankExists`] where the new name is taken.
    pub fn rename_bank(&self, name: &BankName, new_name: &BankName) -> Result<Bank, StoreError> {
        let mut writer = self.writer()?;
        let mut bank = self.bank(name)?;
        if name == new_name {
            return Ok(bank);
        }
        if self.bank_id(new_name)?.is_some() {
            return Err(StoreError::BankExists {
                name: new_name.clone(),
            });
        }
        bank.name = new_name.clone();
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(keys::BANK_NAMES)?, name.as_str());
        self.put_bank(&mut batch, &bank)?;
        let state = writer.state;
        self.commit(&mut writer, batch, state, Touched::Bank(bank.id))?;
        Ok(bank)
    }

    /// Deletes a bank with everything in it, and says how many items that were. Its number and
    /// theirs are never given out again. It costs the same whatever the bank holds, and happens
    /// wholly or not at all.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBank`].
    pub fn delete_bank(&self, name: &BankName) -> Result<u64, StoreError> {
        let mut writer = self.writer()?;
        let bank = self.bank(name)?;
        let counts = self.counts(bank.id)?;
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(keys::BANKS)?, bank.id.0.to_be_bytes());
        batch.delete_cf(self.family(keys::BANK_NAMES)?, name.as_str());
        batch.delete_cf(self.family(keys::META)?, keys::counts(bank.id));
        let (from, to) = keys::remarks_range(bank.id);
        batch.delete_range_cf(self.family(keys::META)?, &from[..], &to[..]);
        let facts = keys::fact(bank.id, b"");
        let end = [&facts[..], &[0xff; Facts::MAX_NAME + 1]].concat();
        batch.delete_range_cf(self.family(keys::META)?, facts, end);
        let (from, to) = keys::bank_range(bank.id);
        for family in [keys::CONTENT, keys::BY_SIGNAL] {
            batch.delete_range_cf(self.family(family)?, from, to);
        }
        let state = writer.state;
        self.commit(&mut writer, batch, state, Touched::Bank(bank.id))?;
        Ok(counts.items)
    }

    /// How much a bank holds. It is kept with every change, so that asking costs one look-up.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBankId`].
    pub fn counts(&self, bank: BankId) -> Result<BankCounts, StoreError> {
        let value = self
            .db
            .get_pinned_cf(self.family(keys::META)?, keys::counts(bank))
            .map_err(|source| self.failed("read", source))?
            .ok_or(StoreError::NoSuchBankId { id: bank })?;
        record::decode_counts(bank, &value)
    }

    pub(super) fn put_counts(
        &self,
        batch: &mut WriteBatch,
        bank: BankId,
        counts: &BankCounts,
    ) -> Result<(), StoreError> {
        let value = record::encode_counts(counts);
        batch.put_cf(self.family(keys::META)?, keys::counts(bank), value);
        Ok(())
    }

    pub(super) fn put_bank(&self, batch: &mut WriteBatch, bank: &Bank) -> Result<(), StoreError> {
        let id = bank.id.0.to_be_bytes();
        let value = record::encode_bank(bank)?;
        batch.put_cf(self.family(keys::BANKS)?, id, value);
        batch.put_cf(self.family(keys::BANK_NAMES)?, bank.name.as_str(), id);
        Ok(())
    }

    fn bank_id(&self, name: &BankName) -> Result<Option<BankId>, StoreError> {
        let value = self
            .db
            .get_pinned_cf(self.family(keys::BANK_NAMES)?, name.as_str())
            .map_err(|source| self.failed("read", source))?;
        let Some(value) = value else {
            return Ok(None);
        };
        match keys::parse_u32(&value) {
            Some(id) => Ok(Some(BankId(id))),
            None => Err(StoreError::Corrupt {
                what: "name of a bank",
                key: name.to_string(),
                reason: format!("expected 4 bytes, got {}", value.len()),
            }),
        }
    }
}
