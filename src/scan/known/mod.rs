//! What one scan is held against where there is no published index: lists and known pictures, gathered
//! into an index in memory.
//!
//! Owned here: which rows and pictures become entries, which of them count, and where each came from.
//! Nothing of it is written anywhere. Refused: keeping a bank (that is `store`), and deciding about an
//! upload (that is `gate`).
//!
//! Rows count as after an import. What a source took back matches nothing, nor does what somebody
//! disputes. A picture or a set of hashes that comes twice is one entry.

mod entries;
mod error;
mod lists;
mod pictures;

pub use entries::Sources;
pub use error::KnownError;
pub use lists::ListRead;
pub use pictures::{PictureRead, PicturesRead};

use crate::bank::{Bank, BankId, Policy, UnreadPolicy};
use crate::gate::Forms;
use crate::hash::SignalType;
use crate::index::{Carried, Index, PublishOptions};
use crate::media::Limits;
use entries::Entries;
use std::sync::Arc;

/// The bank of what lists bring.
const LISTS: BankId = BankId(1);
/// The bank of known pictures.
const PICTURES: BankId = BankId(2);

/// How what is known is gathered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KnownOptions {
    /// Bounds on what decoding a known picture may cost.
    pub limits: Limits,
    /// Which forms of a known picture are kept beside it.
    pub forms: Forms,
    /// Hashes of known pictures besides `pdq`, `md5`, `sha1` and `sha256`.
    pub signals: Vec<SignalType>,
    /// Most hashes that are gathered, and most rows and pictures that bring them: 20 million unless set.
    pub most_hashes: u64,
    /// What is done about uploads that pass, where a part of them was not looked at; `None`: nothing is said.
    pub unread: Option<UnreadPolicy>,
}

impl Default for KnownOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            forms: Forms::STANDARD,
            signals: Vec::new(),
            most_hashes: 20_000_000,
            unread: None,
        }
    }
}

impl KnownOptions {
    /// Bounds on what decoding a known picture may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which forms of a known picture are kept beside it.
    #[must_use]
    pub fn forms(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self
    }

    /// Hashes of known pictures besides `pdq`, `md5`, `sha1` and `sha256`.
    #[must_use]
    pub fn signals(mut self, signals: impl Into<Vec<SignalType>>) -> Self {
        self.signals = signals.into();
        self
    }

    /// What is done about uploads that pass, where a part of them was not looked at.
    #[must_use]
    pub fn unread(mut self, policy: Option<UnreadPolicy>) -> Self {
        self.unread = policy;
        self
    }

    /// Most hashes that are gathered.
    #[must_use]
    pub fn most_hashes(mut self, hashes: u64) -> Self {
        self.most_hashes = hashes;
        self
    }
}

/// Lists and known pictures, on their way into an index in memory.
///
/// ```
/// # use hashgate::bank::{Action, Policy};
/// # use hashgate::gate::{Gate, GateOptions};
/// # use hashgate::scan::{Known, KnownOptions};
/// # use std::sync::atomic::AtomicBool;
/// let banks = Known::banks(&Policy::new(Action::Review));
/// let mut known = Known::new(banks.to_vec(), Default::default(), KnownOptions::default());
/// let read = known.add_list("hashsets/samples/tx.txt".as_ref(), &AtomicBool::new(false), &mut |_| {})?;
/// assert!(read.entries > 0);
/// let (index, sources) = known.into_index()?;
/// let gate = Gate::over(index, GateOptions::default());
/// # Ok::<(), hashgate::scan::KnownError>(())
/// ```
pub struct Known {
    banks: Vec<Bank>,
    carried: Carried,
    options: KnownOptions,
    entries: Entries,
}

impl Known {
    /// The name of the bank that holds what lists bring.
    pub const LISTS: &str = "lists";
    /// The name of the bank that holds known pictures.
    pub const PICTURES: &str = "known";

    /// The two banks, [`Known::LISTS`] and [`Known::PICTURES`], both with one policy. Lay a policy file
    /// over them where they are to differ.
    ///
    /// # Panics
    /// Never: the two names are valid ones.
    #[must_use]
    pub fn banks(policy: &Policy) -> [Bank; 2] {
        let bank = |id, name: &str| Bank {
            id,
            name: name.parse().expect("a valid name"),
            policy: policy.clone(),
        };
        [bank(LISTS, Self::LISTS), bank(PICTURES, Self::PICTURES)]
    }

    /// Begins with nothing known. `banks` are those of [`Known::banks`], with the policies that are to
    /// count; `carried` is what these ask of entries besides hashes.
    #[must_use]
    pub fn new(banks: Vec<Bank>, carried: Carried, options: KnownOptions) -> Self {
        Self {
            banks,
            carried,
            entries: Entries::new(options.most_hashes),
            options,
        }
    }

    /// How many entries there are that match.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.entries.standing()
    }

    /// Whether nothing that is known matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Builds the index, and says where its entries came from.
    ///
    /// # Errors
    /// [`KnownError::Empty`] where nothing is known, [`KnownError::Index`] where the index cannot be built.
    pub fn into_index(self) -> Result<(Index, Arc<Sources>), KnownError> {
        if self.is_empty() {
            return Err(KnownError::Empty);
        }
        let options = PublishOptions {
            carried: (!self.carried.is_empty()).then_some(&self.carried),
            unread: self.options.unread,
            ..PublishOptions::default()
        };
        let (records, sources) = self.entries.into_records(&self.carried);
        let index = Index::in_memory(&self.banks, records, &options)?;
        Ok((index, Arc::new(sources)))
    }
}
