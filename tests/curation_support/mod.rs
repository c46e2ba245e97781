//! What the tests of lists and bundles need: a workspace with a bank, lists, and an observer that stops.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use crate::store_support;
use hashgate::bank::{Action, Policy};
use hashgate::clock::Clock;
use hashgate::curation::export::{ExportForm, ExportOptions, Exporter};
use hashgate::curation::import::{ImportError, ImportOptions, ImportOutcome, ListSource, import};
use hashgate::curation::{Observer, Progress, Silent, Workspace};
use hashgate::hashset::ExportFormat;
use hashgate::store::BankStore;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A workspace with one bank, `list`.
pub(crate) struct Desk {
    _folder: tempfile::TempDir,
    pub(crate) folder: PathBuf,
    pub(crate) workspace: Workspace,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().to_owned();
        let workspace = Workspace::at(folder.join("home")).unwrap();
        workspace.create().unwrap();
        let store = BankStore::open(workspace.store()).unwrap();
        let policy = Policy::new(Action::Block);
        store.create_bank(&"list".parse().unwrap(), policy).unwrap();
        Self {
            _folder: outer,
            folder,
            workspace,
        }
    }

    pub(crate) fn import(
        &self,
        options: ImportOptions,
        text: &str,
    ) -> Result<ImportOutcome, ImportError> {
        let list = ListSource::reader("a list", text.as_bytes());
        import(&self.workspace, options, list, &Silent)
    }

    pub(crate) fn store(&self) -> BankStore {
        BankStore::open_read_only(self.workspace.store()).unwrap()
    }

    /// Everything in the store, as text.
    pub(crate) fn dump(&self) -> String {
        store_support::dump(&self.store())
    }

    /// The hashes of the bank that match.
    pub(crate) fn active(&self) -> BTreeSet<String> {
        let text = self.export(ExportForm::List(ExportFormat::Typed));
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn export(&self, form: ExportForm) -> String {
        let options = ExportOptions::new("list".parse().unwrap(), form);
        let mut out = Vec::new();
        let exporter = Exporter::open(&self.workspace, options).unwrap();
        exporter.write(&mut out, &Silent).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The bank as a bundle in a file, made at a time.
    pub(crate) fn bundle(&self, name: &str, made: u64, days: Option<u32>) -> PathBuf {
        let options = ExportOptions::new("list".parse().unwrap(), ExportForm::Bundle)
            .expires_after_days(days)
            .clock(Clock::fixed(made));
        let path = self.folder.join(name);
        let file = fs::File::create(&path).unwrap();
        let exporter = Exporter::open(&self.workspace, options).unwrap();
        exporter.write(file, &Silent).unwrap();
        path
    }
}

pub(crate) fn options() -> ImportOptions {
    ImportOptions::new("list".parse().unwrap())
}

pub(crate) fn md5(number: u64) -> String {
    format!("{number:032x}")
}

/// A list of MD5 digests, these numbers.
pub(crate) fn digests(numbers: impl IntoIterator<Item = u64>) -> String {
    numbers.into_iter().fold(String::new(), |mut text, number| {
        writeln!(text, "md5 {}", md5(number)).unwrap();
        text
    })
}

/// Records of an exchange with their states.
pub(crate) fn exchange(records: impl IntoIterator<Item = (u8, &'static str)>) -> String {
    let records: Vec<String> = records
        .into_iter()
        .map(|(number, status)| {
            let hash = format!("{number:02x}").repeat(32);
            format!(
                r#"{{"signalType":"ImagePDQ","hashValue":"{hash}","hashStatus":"{status}","caseNumbers":{{}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"count":1,"hasMoreRecords":false,"hashRecords":[{}]}}"#,
        records.join(",")
    )
}

/// Asks to stop once it was asked for the nth time, or told of the nth step.
pub(crate) struct StopAfter {
    asked: AtomicU64,
    most: u64,
}

impl StopAfter {
    pub(crate) fn new(most: u64) -> Self {
        let asked = AtomicU64::new(0);
        Self { asked, most }
    }
}

impl Observer for StopAfter {
    fn progress(&self, _: Progress<'_>) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) >= self.most
    }
}
