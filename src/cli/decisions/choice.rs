//! Which of the decisions are meant.

use super::{LogArgs, when::When};
use crate::bank::BankName;
use crate::decisions::Decision;
use crate::hash::{Family, Signal};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Choice {
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

impl Choice {
    /// Whether a decision is one of them.
    pub(crate) fn has(&self, decision: &Decision) -> bool {
        let of_bank = |name: &BankName| {
            let mut matches = decision.matches.iter();
            matches.any(|recorded| recorded.found.bank == *name)
        };
        let is_input = |signal: &Signal| {
            let held = decision.signals.get(&signal.signal_type());
            held.is_some_and(|hex| *hex == signal.hex())
        };
        let has_hash = |signal: &Signal| {
            is_input(signal)
                || decision.queries.iter().any(|query| query.signal == *signal)
                || (decision.matches.iter())
                    .any(|one| one.found.entry == *signal || one.found.query == *signal)
        };
        let action = decision.action_name();
        (self.bank.is_empty() || self.bank.iter().any(of_bank))
            && (self.action.is_empty() || self.action.iter().any(|asked| asked == action))
            && self.since.is_none_or(|since| decision.at_ms >= since.0)
            && self.until.is_none_or(|until| decision.at_ms < until.0)
            && (self.digest.is_empty() || self.digest.iter().any(is_input))
            && (self.hash.is_empty() || self.hash.iter().any(has_hash))
    }
}
