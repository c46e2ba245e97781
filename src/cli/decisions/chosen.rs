//! Which of the decisions are meant, as it is typed.

use super::log::LogArgs;
use crate::bank::{Action, BankName};
use crate::clock::When;
use crate::decisions::Choice;
use crate::hash::{Family, Signal};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Chosen {
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Only those that match this bank; may be given several times
    #[arg(long, value_name = "NAME")]
    bank: Vec<BankName>,

    /// Only those with this action: block, review, report, allow or none; may be given several times
    #[arg(long, value_name = "ACTION", value_parser = ["block", "review", "report", "allow", "none"])]
    action: Vec<String>,

    /// Only those from then on: 2026-01-31, 2026-01-31T12:00:00Z, 7d or 12h (ago)
    #[arg(long, value_name = "TIME")]
    since: Option<When>,

    /// Only those before then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,

    /// Only those of the input with this md5, sha1 or sha256
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    digest: Vec<Signal>,

    /// Only those with this hash: of the input, of a query, or of an entry that it matched
    #[arg(long, value_name = "SIGNAL")]
    hash: Vec<Signal>,
}

/// A digest; bare, one of 64 digits is a sha256 here and no pdq.
fn digest(text: &str) -> Result<Signal, String> {
    let named = match text.len() {
        64 => format!("sha256:{text}"),
        _ => text.to_owned(),
    };
    let signal: Signal = named.parse().map_err(|error| format!("{error}"))?;
    match signal.signal_type().family() {
        Family::Digest => Ok(signal),
        _ => Err(format!(
            "a {} is no digest: use --hash",
            signal.signal_type()
        )),
    }
}

impl Chosen {
    /// The decisions that are meant.
    pub(crate) fn plan(&self) -> Choice {
        // The arguments allow the actions' names and `none`, which is no action.
        let action = |name: &String| name.parse::<Action>().ok();
        let mut choice = Choice::all();
        choice.banks.clone_from(&self.bank);
        choice.actions = self.action.iter().map(action).collect();
        (choice.since, choice.until) = (self.since, self.until);
        choice.digests.clone_from(&self.digest);
        choice.hashes.clone_from(&self.hash);
        choice
    }
}
