//! `import`, through a node: the list is sent, and the job asked about until it is over.

use crate::bank::BankName;
use crate::cli::remote::node::said;
use crate::curation::import::ImportOutcome;
use crate::service::asking::{Asking, escaped};
use crate::service::client::ClientError;
use crate::service::told::{Step, Told};
use anyhow::{Context, anyhow, bail};
use axum::http::Method;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Milliseconds that the node is asked to wait for the end of a job before it is asked again.
const WAIT: u64 = 1_000;

/// A list and what is asked of it.
pub(crate) struct Sent<'a> {
    pub(crate) bank: &'a BankName,
    /// What the list is called.
    pub(crate) name: &'a str,
    pub(crate) file: &'a Path,
    /// The options, by the names that they have there.
    pub(crate) options: Vec<(&'static str, String)>,
    pub(crate) dry_run: bool,
}

/// Sends a list and waits until it was looked at or brought in. Lines that the node tells go to `tell`, and what it refuses a look is an
/// error only where it is to be brought in.
pub(crate) fn import(
    node: &Asking,
    sent: &Sent<'_>,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<ImportOutcome> {
    let mut path = format!(
        "/v1/banks/{}/imports?commit={}&wait={WAIT}&name={}",
        escaped(sent.bank.as_str()),
        !sent.dry_run,
        escaped(sent.name)
    );
    for (name, value) in &sent.options {
        path.push_str(&format!("&{name}={}", escaped(value)));
    }
    let at = (Method::POST, path.as_str());
    let begun: Result<Told, ClientError> = if sent.file.as_os_str() == "-" {
        node.upload(at, (io::stdin(), None))
    } else {
        let file = File::open(sent.file).with_context(|| sent.name.to_owned())?;
        let facts = file.metadata()?;
        node.upload(at, (file, facts.is_file().then_some(facts.len())))
    };
    let mut told = begun.map_err(said)?;
    let job = format!("/v1/jobs/{}", escaped(&told.job));
    let mut is_stopped = false;
    while !told.step.is_over() {
        if stop.load(Ordering::Relaxed) && !is_stopped {
            is_stopped = true;
            let _: Told = node.get((Method::DELETE, &job)).map_err(said)?;
        }
        let asked = format!("{job}?wait={WAIT}");
        told = match node.get((Method::GET, &asked)) {
            // It had not begun, and is forgotten.
            Err(ClientError::Refused { status: 404, .. }) if is_stopped => {
                bail!("stopped before it began")
            }
            told => told.map_err(said)?,
        };
    }
    // Nothing more is asked about it. Where that fails it is forgotten after a while.
    let _: Result<Told, ClientError> = node.get((Method::DELETE, &job));
    told.notes.iter().for_each(|line| tell(line));
    if let Some(refused) = &told.refused {
        tell(&format!("it would be refused: {refused}"));
    }
    let outcome = told.outcome.map(serde_json::from_value::<ImportOutcome>);
    match (outcome, told.error) {
        (Some(Ok(outcome)), _) => Ok(outcome),
        (_, Some(error)) => Err(anyhow!(error)),
        _ if told.step == Step::Stopped => bail!("stopped before its end"),
        _ => bail!("the node's answer has no outcome: is it of this version?"),
    }
}
