//! Who is behind a hash: banks and content items.

use crate::bank::{BankId, ContentId};
use crate::hash::{Form, Quality, Reach};
use crate::segment::HashFacts;
use crate::segment::format::FormRow;
use crate::segment::packed::{Packing, Record};

/// One content item behind a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The bank.
    pub bank: BankId,
    /// The content item.
    pub content: ContentId,
    /// The hash's quality there, where known.
    pub quality: Option<Quality>,
    /// What is known of the hash there.
    pub of_hash: HashFacts,
}

/// The postings of one signal type.
#[derive(Clone, Copy)]
pub struct Postings<'a> {
    pub(super) packing: Packing,
    pub(super) banks: &'a [u32],
    pub(super) primary: &'a [u8],
    pub(super) extra: &'a [u8],
    pub(super) multi_ids: &'a [u32],
    pub(super) multi_starts: &'a [u32],
    pub(super) hashes: usize,
    pub(super) reaches: &'a [u8],
    pub(super) forms: &'a [FormRow],
}

impl<'a> Postings<'a> {
    /// The postings of hash number `id`, ordered by bank and content; none outside the column.
    pub fn of(&self, id: u32) -> impl Iterator<Item = Posting> + use<'a> {
        let this = *self;
        let primary = this
            .packing
            .get(this.primary, id as usize)
            .filter(|_| (id as usize) < this.hashes);
        let mut range = 0..0;
        if primary.is_some_and(|record| record.more)
            && let Ok(place) = this.multi_ids.binary_search(&id)
            && let (Some(&start), Some(&end)) = (
                this.multi_starts.get(place),
                this.multi_starts.get(place + 1),
            )
        {
            range = start as usize..end as usize;
        }
        let extra = range.map_while(move |number| {
            let record = this.packing.get(this.extra, number)?;
            Some((this.hashes.saturating_add(number), record))
        });
        let primary = primary.map(|record| (id as usize, record));
        let all = primary.into_iter().chain(extra);
        all.filter_map(move |(number, record)| this.resolve(number, record))
    }

    /// How many postings hash number `id` has.
    #[must_use]
    pub fn count(&self, id: u32) -> usize {
        match self.multi_ids.binary_search(&id) {
            Ok(place) => {
                let at = |place: usize| self.multi_starts.get(place).copied().unwrap_or(0);
                1 + at(place + 1).saturating_sub(at(place)) as usize
            }
            Err(_) => usize::from((id as usize) < self.hashes),
        }
    }

    /// What is known of the hash of posting `number`.
    fn of_hash(&self, number: usize) -> HashFacts {
        let row = (self.forms)
            .binary_search_by_key(&(number as u64), |row| row.posting.into())
            .ok()
            .and_then(|place| self.forms.get(place));
        HashFacts {
            form: row.and_then(|row| Form::from_code(row.form)),
            reach: (self.reaches.get(number)).and_then(|&code| Reach::from_code(code)),
        }
    }

    fn resolve(&self, number: usize, record: Record) -> Option<Posting> {
        Some(Posting {
            bank: BankId(*self.banks.get(record.bank_index as usize)?),
            content: ContentId(record.content),
            quality: Quality::new(record.quality),
            of_hash: self.of_hash(number),
        })
    }
}
