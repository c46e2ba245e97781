//! What proves to the other side of an exchange who asks: one set for each kind.
//!
//! Owns the file, which only its owner may read, and that no secret is shown.

use crate::curation::Workspace;
use crate::curation::exchange::ExchangeError;
use crate::curation::exchange::api::{Api, Unknown, read};
use crate::curation::exchange::one::read_json;
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
        let file: File = read_json(&path)?.unwrap_or(File {
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

    /// Those that are in force for a kind: what the environment gives, and else what is kept. The environment gives them
    /// each under `HASHGATE_`, the kind and the field (`HASHGATE_NCMEC_USER`), or as python-threatexchange reads them
    /// (`TX_NCMEC_CREDENTIALS`, `TX_STOPNCII_KEYS`, `TX_ACCESS_TOKEN`, `PYTX_TAT_CREDENTIALS`).
    ///
    /// # Errors
    /// [`ExchangeError::Field`] where the environment gives some that are not whole.
    pub fn given(&self, api: Api) -> Result<Option<Map<String, Value>>, ExchangeError> {
        let given = from_environment(api, |name| std::env::var(name).ok())?;
        Ok(given.or_else(|| self.get(api).cloned()))
    }

    /// Whether the environment gives those of a kind.
    #[must_use]
    pub fn are_in_environment(api: Api) -> bool {
        let given = from_environment(api, |name| std::env::var(name).ok());
        !matches!(given, Ok(None))
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

/// What the environment gives for a kind; `None` where it gives nothing.
fn from_environment(
    api: Api,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Map<String, Value>>, ExchangeError> {
    let fields = api.credentials.unwrap_or_default();
    let mut given = Map::new();
    for field in fields {
        let name = format!("HASHGATE_{}_{}", api.name, field.name).to_ascii_uppercase();
        if let Some(value) = variable(&name) {
            given.insert(field.name.to_owned(), Value::String(value));
        }
    }
    let (name, between) = match api.name {
        "ncmec" => ("TX_NCMEC_CREDENTIALS", ':'),
        "stop_ncii" => ("TX_STOPNCII_KEYS", ','),
        "fb_threatexchange" => ("TX_ACCESS_TOKEN", '\0'),
        "tat" => ("PYTX_TAT_CREDENTIALS", ':'),
        _ => return Ok(None),
    };
    if given.is_empty()
        && let Some(text) = variable(name)
    {
        // A password may hold what parts it from the name.
        let most = if between == ':' { 2 } else { 3 };
        let parts = text.trim().splitn(most, between);
        // What python-threatexchange does not know is not in it.
        let named = fields
            .iter()
            .filter(|field| field.name != "feedback_function_key");
        let named = named.zip(parts);
        given.extend(named.map(|(field, part)| (field.name.to_owned(), part.into())));
    }
    match given.is_empty() {
        true => Ok(None),
        false => Ok(Some(read(fields, &given, Unknown::Refused)?)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_gives_them_by_field_or_as_python_threatexchange_reads_them() {
        let of = |api: &str, given: &'static [(&'static str, &'static str)]| {
            let api = Api::named(api).expect("it is known");
            let variable = |name: &str| {
                let found = given.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            from_environment(api, variable)
        };
        let ncmec = of("ncmec", &[("TX_NCMEC_CREDENTIALS", "me:a:b")])
            .unwrap()
            .unwrap();
        assert_eq!(
            (ncmec["user"].as_str(), ncmec["password"].as_str()),
            (Some("me"), Some("a:b"))
        );
        let own = &[
            ("HASHGATE_NCMEC_USER", "me"),
            ("HASHGATE_NCMEC_PASSWORD", "s3cret"),
        ];
        assert_eq!(of("ncmec", own).unwrap().unwrap()["password"], "s3cret");
        assert_eq!(of("ncmec", &[]).unwrap(), None);
        let half = of("ncmec", &own[..1]).unwrap_err().to_string();
        assert!(half.contains("`password`"), "{half}");
        let token = of("threatexchange", &[("TX_ACCESS_TOKEN", "12345678|abc")])
            .unwrap()
            .unwrap();
        assert_eq!(token["api_token"], "12345678|abc");
        if cfg!(feature = "exchange") {
            let keys = of(
                "stop_ncii",
                &[("TX_STOPNCII_KEYS", "a,b,https://example.org/v1")],
            );
            assert_eq!(
                keys.unwrap().unwrap()["base_url_override"],
                "https://example.org/v1"
            );
        }
    }
}
