//! A bank as a list that others read, or as a bundle that can be signed.
//!
//! Owned here: which entries go out, and what a bundle says of itself. Not owned: what each form can say
//! of an entry (`hashset`), and where the bytes go.

use crate::bank::{Bank, BankName, ContentItem, ContentState, Policy};
use crate::clock::{Clock, DAY};
use crate::curation::{Observer, Progress, Workspace};
use crate::hashset::{
    BundleHead, BundleWriter, ExportFormat, Exported, ListWriter, UnknownListFormat,
};
use crate::store::{BankStore, StoreError};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// Between two reports to the observer.
const ITEMS_A_REPORT: u64 = 1_000;

/// A form of lists, or a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportForm {
    /// A list that others read.
    List(ExportFormat),
    /// A hash set bundle, which can be signed.
    Bundle,
}

impl ExportForm {
    /// The name, as users type it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List(format) => format.name(),
            Self::Bundle => "bundle",
        }
    }

    /// Whether the form says of an entry that it matches nothing.
    #[must_use]
    pub const fn has_state(self) -> bool {
        match self {
            Self::List(format) => format.has_state(),
            Self::Bundle => true,
        }
    }
}

impl fmt::Display for ExportForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ExportForm {
    type Err = UnknownListFormat;
    fn from_str(text: &str) -> Result<Self, UnknownListFormat> {
        match text.eq_ignore_ascii_case("bundle") {
            true => Ok(Self::Bundle),
            false => text.parse().map(Self::List).map_err(|error| {
                let UnknownListFormat { given, known } = error;
                UnknownListFormat {
                    given,
                    known: known + ", bundle",
                }
            }),
        }
    }
}

/// What an export is asked to do.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    bank: BankName,
    form: ExportForm,
    all: bool,
    feedback: String,
    expires: Option<u32>,
    clock: Clock,
}

impl ExportOptions {
    /// The active entries of this bank in this form.
    #[must_use]
    pub fn new(bank: BankName, form: ExportForm) -> Self {
        Self {
            bank,
            form,
            all: false,
            feedback: "Blocked".to_owned(),
            expires: None,
            clock: Clock::system(),
        }
    }

    /// Entries that match nothing too, marked so: withdrawn and disputed ones. The form must be able to
    /// say it ([`ExportForm::has_state`]).
    #[must_use]
    pub fn all(mut self, all: bool) -> Self {
        self.all = all;
        self
    }

    /// What StopNCII.org is told of every hash: `Blocked` unless told. Other forms do not use it.
    #[must_use]
    pub fn feedback(mut self, feedback: impl Into<String>) -> Self {
        self.feedback = feedback.into();
        self
    }

    /// For how many days a bundle is to be taken; without it for ever.
    #[must_use]
    pub fn expires_after_days(mut self, days: impl Into<Option<u32>>) -> Self {
        self.expires = days.into();
        self
    }

    /// Where the time comes from that a bundle says it was made at.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Why a bank was not exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Entries that match nothing are wanted in a form that cannot say so.
    #[error(
        "{form} cannot say that an entry matches nothing, so that it would match where it is read"
    )]
    NoState {
        /// The form.
        form: ExportForm,
    },
    /// The store failed, or has no such bank.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The observer asked to stop: what was written is no whole list.
    #[error("interrupted: the list is not whole")]
    Interrupted,
}

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportOutcome {
    /// Entries of which something was written.
    pub items: u64,
    /// Lines, rows or records that were written.
    pub records: u64,
    /// Entries that match nothing and were not wanted.
    pub inactive: u64,
    /// Entries of which the form can say nothing.
    pub left_out: u64,
}

enum Writer<'a, W: Write> {
    List(ListWriter<'a, W>),
    Bundle(BundleWriter<W>),
}

impl<W: Write> Writer<'_, W> {
    fn item(&mut self, item: &ContentItem) -> io::Result<()> {
        match self {
            Self::List(writer) => writer.item(item),
            Self::Bundle(writer) => writer.item(item),
        }
    }

    fn finish(self) -> io::Result<Exported> {
        match self {
            Self::List(writer) => writer.finish(),
            Self::Bundle(writer) => writer.finish(),
        }
    }
}

/// A bank that can be exported: all that could refuse it has been asked. So whoever writes to a file opens
/// that file only now.
#[derive(Debug)]
pub struct Exporter {
    options: ExportOptions,
    store: BankStore,
    bank: Bank,
}

impl Exporter {
    /// Opens the store of a workspace for reading.
    ///
    /// # Errors
    /// [`ExportError::NoState`], and [`ExportError::Store`] where there is no such store or bank.
    pub fn open(workspace: &Workspace, options: ExportOptions) -> Result<Self, ExportError> {
        let form = options.form;
        if options.all && !form.has_state() {
            return Err(ExportError::NoState { form });
        }
        let store = BankStore::open_read_only(workspace.store())?;
        let bank = store.bank(&options.bank)?;
        Ok(Self {
            options,
            store,
            bank,
        })
    }

    /// Writes the list. All of it is as the store was when this began.
    ///
    /// # Errors
    /// [`ExportError`]: what was written is no whole list then.
    pub fn write(
        &self,
        out: impl Write,
        observer: &dyn Observer,
    ) -> Result<ExportOutcome, ExportError> {
        let options = &self.options;
        let snapshot = self.store.snapshot()?;
        let mut writer = match options.form {
            ExportForm::List(format) => {
                Writer::List(ListWriter::new(out, format, &options.feedback)?)
            }
            ExportForm::Bundle => {
                let now = options.clock.now();
                let head = BundleHead {
                    version: 1,
                    name: options.bank.to_string(),
                    sequence: snapshot.revision,
                    created: now,
                    expires: (options.expires).map(|days| now + DAY * u64::from(days)),
                    policy: exported(&self.bank.policy),
                };
                Writer::Bundle(BundleWriter::new(out, &head)?)
            }
        };
        let total = self.store.counts(self.bank.id)?.items;
        let (mut inactive, mut seen) = (0, 0);
        for item in snapshot.items(self.bank.id) {
            let item = item?;
            if seen % ITEMS_A_REPORT == 0 {
                observer.progress(Progress::items("entries written", seen, total));
            }
            seen += 1;
            if item.state != ContentState::Active && !options.all {
                inactive += 1;
                continue;
            }
            writer.item(&item)?;
            if observer.is_stopped() {
                return Err(ExportError::Interrupted);
            }
        }
        let done = writer.finish()?;
        Ok(ExportOutcome {
            items: done.items,
            records: done.records,
            inactive,
            left_out: done.left_out,
        })
    }
}

/// A policy as others may read it: entries are known by other numbers elsewhere.
pub(super) fn exported(policy: &Policy) -> Policy {
    Policy {
        paused: Vec::new(),
        ..policy.without_layer()
    }
}
