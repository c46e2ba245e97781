//! The import itself: the store is opened once, and lists go into one of its banks, one by one.

use crate::bank::Bank;
use crate::curation::bundle::{self, Trust, TrustError};
use crate::curation::import::error::ImportError;
use crate::curation::import::guard;
use crate::curation::import::options::ImportOptions;
use crate::curation::import::outcome::ImportOutcome;
use crate::curation::import::pass::Pass;
use crate::curation::import::plan::{self, Plan};
use crate::curation::import::row::LeftOutRow;
use crate::curation::import::source::ListSource;
use crate::curation::{Notice, Observer, Workspace};
use crate::hashset::ListFormat;
use crate::store::BankStore;
use std::sync::Arc;

/// Brings lists into a bank. While it lives, no other process writes to the store, unless it only previews.
#[derive(Debug)]
pub struct Importer {
    workspace: Workspace,
    options: ImportOptions,
    store: Arc<BankStore>,
    bank: Bank,
    /// How many entries and records were changed so far.
    changed: u64,
}

impl Importer {
    /// Opens the store of a workspace. It is not made where it is missing.
    ///
    /// # Errors
    /// [`ImportError::NoSource`], and [`ImportError::Store`] where there is no such store or bank, or
    /// another writer.
    pub fn open(workspace: &Workspace, options: ImportOptions) -> Result<Self, ImportError> {
        if options.lacks_source() {
            return Err(ImportError::NoSource);
        }
        let store = match options.dry_run {
            true => BankStore::open_read_only(workspace.store())?,
            false => BankStore::open_existing(workspace.store())?,
        };
        Self::on(workspace, Arc::new(store), options)
    }

    /// As [`open`](Self::open), for whoever holds the store open. Others may change the store between two batches of
    /// [`BankStore::BATCH`] entries, or where entries are only added two loads of up to
    /// [`Gathered::MOST`](crate::store::Gathered::MOST): a look at a list counts what it would change as the store is then.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn on(
        workspace: &Workspace,
        store: Arc<BankStore>,
        options: ImportOptions,
    ) -> Result<Self, ImportError> {
        if options.lacks_source() {
            return Err(ImportError::NoSource);
        }
        let bank = store.bank(&options.bank)?;
        Ok(Self {
            workspace: workspace.clone(),
            options,
            store,
            bank,
            changed: 0,
        })
    }

    /// The bank that the lists go into.
    #[must_use]
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// Brings one list in, after a look at what it would change where the options or the format call
    /// for that. Rows that cannot be used are counted and told to the observer, each as a
    /// [`Notice::LeftOut`]; they fail nothing.
    ///
    /// Asked to stop, it keeps what it has read so far and says so in its outcome. The same list again
    /// then ends as if nothing had stopped it.
    ///
    /// # Errors
    /// [`ImportError`]. Other lists can be imported all the same.
    pub fn import(
        &mut self,
        list: ListSource<'_>,
        observer: &dyn Observer,
    ) -> Result<ImportOutcome, ImportError> {
        let tell = |row: LeftOutRow<'_>| observer.notice(Notice::LeftOut(&row));
        self.import_telling(list, observer, &tell)
    }

    /// As [`import`](Self::import); rows that cannot be used are given to `rows`, and not to the observer.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub fn import_telling(
        &mut self,
        mut list: ListSource<'_>,
        observer: &dyn Observer,
        rows: &dyn Fn(LeftOutRow<'_>),
    ) -> Result<ImportOutcome, ImportError> {
        let now = self.options.clock.now();
        let folder = self.workspace.folder();
        let Some(format) = plan::format(&self.options, &mut list, observer)? else {
            return Ok(ImportOutcome::stopped_early(self.options.dry_run));
        };
        if format == ListFormat::Bundle && self.options.trust == Trust::None {
            // Nothing in it could change that: it is not even unpacked.
            return Err(TrustError::NoSigner.into());
        }
        let needs_look = self.options.needs_look(format);
        if needs_look {
            match list.keep(folder, observer) {
                Err(_) if observer.is_stopped() => {
                    return Ok(ImportOutcome::stopped_early(self.options.dry_run));
                }
                kept => kept?,
            }
        }
        let bundle = match format {
            ListFormat::Bundle => {
                let most = self.options.max_unpacked.unwrap_or(u64::MAX);
                let file = match list.keep_unpacked(folder, most, observer) {
                    Err(_) if observer.is_stopped() => {
                        return Ok(ImportOutcome::stopped_early(self.options.dry_run));
                    }
                    kept => kept.map_err(|source| ImportError::Unpack { source })?,
                };
                let file = file.ok_or(ImportError::TooLarge { most })?;
                let trust = &self.options.trust;
                Some(bundle::accept(file, trust, &self.workspace, now)?)
            }
            _ => None,
        };
        let own_name = bundle.as_ref().map(|bundle| bundle.head.name.as_str());
        let plan = Plan::new(&self.options, format, list.name(), own_name);
        let mut pass = Pass {
            store: &self.store,
            bank: &self.bank,
            options: &self.options,
            plan: &plan,
            observer,
            now,
            is_preview: self.options.dry_run,
            rows: Some(rows),
        };
        if needs_look {
            (pass.is_preview, pass.rows) = (true, None);
            let delta = pass.run(&mut list)?;
            if delta.interrupted {
                return Ok(delta);
            }
            self.guard(&delta)?;
            (pass.is_preview, pass.rows) = (false, Some(rows));
        }
        let done = pass.run(&mut list)?;
        self.changed += done.changed();
        if let Some(bundle) = bundle.filter(|_| !done.interrupted && !done.preview) {
            bundle::note_taken(&bundle, &self.workspace)?;
        }
        Ok(done)
    }

    /// Checks what a look at a list has counted against how much it may change.
    ///
    /// # Errors
    /// [`ImportError::TooMuchChange`], and [`ImportError::Store`].
    pub fn guard(&self, delta: &ImportOutcome) -> Result<(), ImportError> {
        let active = self.store.counts(self.bank.id)?.active;
        Ok(guard::check(&self.options, delta, active)?)
    }

    /// Ends the import. After a large one this writes the store's log into its tables, so that whoever
    /// opens it next need not wait. Everything imported is on the disk without it too.
    pub fn finish(self) {
        if self.changed > BankStore::BATCH as u64
            && let Err(error) = self.store.flush()
        {
            tracing::warn!(%error, "opening the store next will take longer");
        }
    }
}

/// Brings one list into a bank of a workspace: [`Importer::open`], [`Importer::import`] and
/// [`Importer::finish`].
///
/// # Errors
/// [`ImportError`].
pub fn import(
    workspace: &Workspace,
    options: ImportOptions,
    list: ListSource<'_>,
    observer: &dyn Observer,
) -> Result<ImportOutcome, ImportError> {
    let mut importer = Importer::open(workspace, options)?;
    let outcome = importer.import(list, observer);
    importer.finish();
    outcome
}
