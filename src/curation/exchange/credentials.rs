//! What proves to the other side of an exchange who asks: one set for each kind.
//!
//! Owns the file, which only its owner may read, and that no secret is shown.

use crate::curation::Workspace;
use crate::curation::exchange::api::{Api, Unknown, read};
use crate::curation::exchange::{ExchangeError, registry};
use crate::files;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Secrets by the kinds of exchange that they are for.
pub struct Credentials {
    path: PathBuf,
    by_api: BTreeMap<String, Map<String, Value>>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    credentials: BTreeMap<String, Map<String, Value>>,
}

const VERSION: u32 = 1;

/// Refuses a file that others may read.
fn check_closed(path: &Path) -> Result<(), ExchangeError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if let Ok(facts) = std::fs::metadata(path) {
            let mode = facts.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                let path = path.to_owned();
                return Err(ExchangeError::Open { path, mode });
            }
        }
    }
    Ok(())
}

impl Credentials {
    /// Reads those of a workspace; none where there is no file.
    ///
    /// # Errors
    /// [`ExchangeError::Open`] where others may read them, [`ExchangeError::Read`] and [`ExchangeError::Damaged`].
    pub fn of(workspace: &Workspace) -> Result<Self, ExchangeError> {
        let path = workspace.exchange_credentials();
        check_closed(&path)?;
        let file: File = registry::read_json(&path)?.unwrap_or(File {
            version: VERSION,
            ..File::default()
        });
        match file.version {
            VERSION => Ok(Self {
                path,
                by_api: file.credentials,
            }),
            other => Err(ExchangeError::Damaged {
                path,
                problem: format!("it is of version {other}, and this program reads {VERSION}"),
            }),
        }
    }

    /// Whether there are some for this kind.
    #[must_use]
    pub fn has(&self, api: Api) -> bool {
        self.by_api.contains_key(api.name)
    }

    /// Those of a kind, by the names of its fields.
    #[must_use]
    pub fn get(&self, api: Api) -> Option<&Map<String, Value>> {
        self.by_api.get(api.name)
    }

    /// Sets those of a kind; an empty object removes them. When it returns, they are on disk.
    ///
    /// # Errors
    /// [`ExchangeError::Field`] where they do not fit the kind's fields or it has none, [`ExchangeError::Write`].
    pub fn set(&mut self, api: Api, given: &Map<String, Value>) -> Result<(), ExchangeError> {
        let mut by_api = self.by_api.clone();
        match given.is_empty() {
            true => {
                by_api.remove(api.name);
            }
            false => {
                let fields = api.credentials.unwrap_or_default();
                by_api.insert(api.name.to_owned(), read(fields, given, Unknown::Refused)?);
            }
        }
        let file = File {
            version: VERSION,
            credentials: by_api,
        };
        files::replace(&self.path, |to| {
            to.write_all(&serde_json::to_vec_pretty(&file)?)
        })?;
        self.by_api = file.credentials;
        Ok(())
    }
}

/// For which kinds there are some.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Credentials");
        told.field("path", &self.path)
            .field("of", &self.by_api.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
