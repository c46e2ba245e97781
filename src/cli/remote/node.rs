//! Which node is asked, by which key, and what is said where it refuses.

use crate::service::asking::Asking;
use crate::service::client::{Address, Client, ClientError, Secret};
use anyhow::{Context, anyhow};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// The variable with the key.
const KEY: &str = "HASHGATE_KEY";
/// How long an answer may take: longer than a node waits for anything.
const PATIENCE: Duration = Duration::from_secs(660);

/// Which node keeps the banks.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Go through the node that keeps the banks: http://HOST:PORT or unix:PATH. Its key is in the variable
    /// `HASHGATE_KEY`, or in --key-file
    #[arg(long, env = "HASHGATE_SERVER", value_name = "URL")]
    server: Option<Address>,

    /// File with the key for --server, closed to other users (0600)
    #[arg(long, value_name = "FILE", requires = "server")]
    key_file: Option<PathBuf>,
}

impl ServerArgs {
    /// The node, where one is named.
    pub(crate) fn asked(&self) -> anyhow::Result<Option<Asking>> {
        let Some(server) = &self.server else {
            return Ok(None);
        };
        let key = match (&self.key_file, std::env::var_os(KEY)) {
            (Some(path), _) => Some(Secret::read(path)?),
            (None, Some(text)) if !text.is_empty() => {
                let text = text.to_str().unwrap_or_default();
                Some(Secret::new(text).context(KEY)?)
            }
            (None, _) => None,
        };
        let client = Client::new(server.clone(), key, PATIENCE);
        Ok(Some(Asking::new(client)?))
    }
}

/// An error of the node, with what helps.
pub(crate) fn said(error: ClientError) -> anyhow::Error {
    let advice = match &error {
        ClientError::Refused { status: 401, .. } => {
            Some("give its key in HASHGATE_KEY or by --key-file")
        }
        ClientError::Refused {
            status: 403, word, ..
        } if word == "scope" => Some("use a key with the scope `curate`"),
        ClientError::Refused {
            status: 404, word, ..
        } if matches!(word.as_str(), "no-such-path" | "no-banks" | "") => {
            Some("is it a node of the role `curate`?")
        }
        ClientError::Refused { word, .. } if word == "has-entries" => {
            Some("say --with-entries to delete them too")
        }
        _ => None,
    };
    match advice {
        Some(advice) => anyhow!("{error}: {advice}"),
        None => error.into(),
    }
}
