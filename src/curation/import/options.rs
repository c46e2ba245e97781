//! What an import is asked to do: where to, how lists are read, and how much they may change.
//!
//! Owned here: the options with their defaults, and which of them need another. Not owned: what they come
//! to for one list (`plan`).

use crate::bank::BankName;
use crate::clock::Clock;
use crate::curation::bundle::Trust;
use crate::hashset::{ColumnMapping, ListFormat};

/// What an import is asked to do.
///
/// ```
/// use hashgate::curation::import::ImportOptions;
/// let options = ImportOptions::new("known".parse()?)
///     .labels(["daily".to_owned()])
///     .source("partner")
///     .complete(true)
///     .max_shrink(5);
/// assert!(!options.is_dry_run());
/// # Ok::<(), hashgate::bank::BankNameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImportOptions {
    pub(super) bank: BankName,
    pub(super) format: Option<ListFormat>,
    pub(super) columns: Vec<ColumnMapping>,
    pub(super) labels: Vec<String>,
    pub(super) source: Option<String>,
    pub(super) sync: bool,
    pub(super) complete: bool,
    pub(super) dry_run: bool,
    pub(super) max_shrink: u8,
    pub(super) accept_shrink: bool,
    pub(super) max_added: Option<u64>,
    pub(super) max_unpacked: Option<u64>,
    pub(super) trust: Trust,
    pub(super) rows_told: u64,
    pub(super) clock: Clock,
}

impl ImportOptions {
    /// How much of a bank a list may take out of matching unless told otherwise, in per cent.
    pub const MAX_SHRINK: u8 = 10;
    /// How many rows of a list that were left out are told unless told otherwise.
    pub const ROWS_TOLD: u64 = 100;

    /// An import into this bank, which must exist, with the defaults of all that follows.
    #[must_use]
    pub fn new(bank: BankName) -> Self {
        Self {
            bank,
            format: None,
            columns: Vec::new(),
            labels: Vec::new(),
            source: None,
            sync: false,
            complete: false,
            dry_run: false,
            max_shrink: Self::MAX_SHRINK,
            accept_shrink: false,
            max_added: None,
            max_unpacked: None,
            trust: Trust::None,
            rows_told: Self::ROWS_TOLD,
            clock: Clock::system(),
        }
    }

    /// The bank that the lists go into.
    #[must_use]
    pub const fn bank(&self) -> &BankName {
        &self.bank
    }

    /// The format of the lists. Without it the beginning of each list tells.
    #[must_use]
    pub fn format(mut self, format: impl Into<Option<ListFormat>>) -> Self {
        self.format = format.into();
        self
    }

    /// What columns of a CSV or JSON Lines list mean.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = ColumnMapping>) -> Self {
        self.columns = columns.into_iter().collect();
        self
    }

    /// Labels for every entry, beside those of the list.
    #[must_use]
    pub fn labels(mut self, labels: impl IntoIterator<Item = String>) -> Self {
        self.labels = labels.into_iter().collect();
        self
    }

    /// What the source is called, to know its records again. Without it: the format's name where the
    /// format is one of exchanges, else what the list is called.
    #[must_use]
    pub fn source(mut self, name: impl Into<String>) -> Self {
        self.source = Some(name.into());
        self
    }

    /// The ids of the list are its source's own and stay the same: a record that comes again replaces what
    /// it said before. Needs [`source`](Self::source). Formats of exchanges are always read so.
    #[must_use]
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// The list is all that its source has: what it no longer holds is taken back. Needs
    /// [`source`](Self::source). Bundles are always read so.
    #[must_use]
    pub fn complete(mut self, complete: bool) -> Self {
        self.complete = complete;
        self
    }

    /// A preview: what the lists would change is counted, and nothing is changed.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Whether it is a preview.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The greatest share of a bank's entries, in per cent, that one list may take out of matching
    /// ([`Self::MAX_SHRINK`] unless told). Ten entries it may always.
    #[must_use]
    pub fn max_shrink(mut self, percent: u8) -> Self {
        self.max_shrink = percent;
        self
    }

    /// A list is taken however many entries it takes out of matching.
    #[must_use]
    pub fn accept_shrink(mut self, accept: bool) -> Self {
        self.accept_shrink = accept;
        self
    }

    /// The most entries that one list may add; without it any number.
    #[must_use]
    pub fn max_added(mut self, most: impl Into<Option<u64>>) -> Self {
        self.max_added = most.into();
        self
    }

    /// The most bytes that one bundle may have once it is unpacked, which is kept in a file while it is read; without it any
    /// number.
    #[must_use]
    pub fn max_unpacked(mut self, most: impl Into<Option<u64>>) -> Self {
        self.max_unpacked = most.into();
        self
    }

    /// Whose bundles are taken; without it nobody's.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// How many rows of a list that were left out are told one by one, the first ones
    /// ([`Self::ROWS_TOLD`] unless told); all are counted.
    #[must_use]
    pub fn rows_told(mut self, most: u64) -> Self {
        self.rows_told = most;
        self
    }

    /// Where the time comes from that entries are noted with and bundles expire by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Whether the source must have a name and has none.
    pub(super) fn lacks_source(&self) -> bool {
        (self.sync || self.complete) && self.source.is_none()
    }

    /// Whether a list has to be looked at as a whole before it is taken: it may take too many entries out
    /// of matching, or add too many.
    pub(super) fn needs_look(&self, format: ListFormat) -> bool {
        let may_shrink = self.sync || self.complete || format.is_exchange();
        !self.dry_run && ((may_shrink && !self.accept_shrink) || self.max_added.is_some())
    }
}
