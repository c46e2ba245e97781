//! Why settings cannot be used.
//!
//! Owns the words for it. What is checked, `settings` says.

use std::path::PathBuf;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A word that names no role.
    #[error(
        "{given:?} is no role: use gate, match, hash, metrics, curate, admin and remember, joined by commas"
    )]
    Role {
        /// What was given.
        given: String,
    },
    /// A text that is no address.
    #[error(
        "{given:?} is no address to listen at: give IP:PORT (127.0.0.1:8710), [IP6]:PORT or unix:PATH, and roles behind \
         `=` if you like"
    )]
    Address {
        /// What was given.
        given: String,
    },
    /// A text that names no variants or no isolation.
    #[error("`{name}` in [service]: {problem}")]
    Word {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A number out of its range.
    #[error("`{name}` is {given}, and may be {least} to {most}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What was given.
        given: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The section says something that is not known or cannot be.
    #[error("{}:{line}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing is named where something must be.
    #[error("`{name}` is empty: name at least one, or leave it out")]
    Empty {
        /// The setting.
        name: &'static str,
    },
    /// A role of one listener, or an address, that is named twice.
    #[error("{given} is named twice")]
    Twice {
        /// What is named twice.
        given: String,
    },
    /// A socket in a folder that is not there.
    #[error("{at}: there is no such folder")]
    NoFolder {
        /// The address.
        at: String,
    },
    /// Everybody could call.
    #[error(
        "{at} can be reached from other machines, and there are no keys: make one with `hashgate key create NAME --keys \
         FILE` and give --keys FILE, or listen at 127.0.0.1 or unix:PATH, behind a proxy that knows who calls"
    )]
    Public {
        /// The address.
        at: String,
    },
    /// This build has no store.
    #[error(
        "this build keeps no banks, so it cannot serve the role curate: install hashgate with the feature `full` \
         (`curation` beside `service`)"
    )]
    NoStore,
    /// This build sends no traces.
    #[error(
        "this build sends no traces, and `traces` in [service] asks for it: install hashgate with the feature `full` \
         (`otlp` beside `service`)"
    )]
    NoTraces,
    /// This build speaks no TLS.
    #[error(
        "this build speaks no TLS, and `tls_cert` in [service] asks for it: install hashgate with the feature `full` (`tls` \
         beside `service`), or put a proxy before it"
    )]
    NoTls,
    /// One of a certificate and its key.
    #[error("`tls_cert` and `tls_key` go together: give both, or neither")]
    HalfTls,
    /// The banks to be kept are not named.
    #[error(
        "the role curate keeps the banks of a home folder: give --home DIR, or `home` in [service]"
    )]
    NoHome,
    /// The index is not that of the banks.
    #[error(
        "the role curate publishes to {}: leave out --index and `index`, which name {}",
        own.display(),
        index.display()
    )]
    OtherIndex {
        /// The home folder's index.
        own: PathBuf,
        /// The index that is named.
        index: PathBuf,
    },
    /// A setting that only keys give a meaning.
    #[error(
        "`{name}` in [service] means something only where there are `keys`: give them, or leave it out"
    )]
    NoKeys {
        /// The setting.
        name: &'static str,
    },
}
