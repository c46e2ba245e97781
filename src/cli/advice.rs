//! What the command adds to an error of the library: which option or command helps.
//!
//! The library's errors speak of causes; it does not know how its user calls it.

use crate::decisions::DecisionError;
use crate::handover::HandoverError;
use crate::retrospect::{RecordError, RetroError};
use crate::store::HistoryError;
use std::error::Error;
use std::fmt;

/// An error with the advice that belongs to it, on one line.
pub(crate) struct Advised<'a>(pub(crate) &'a anyhow::Error);

impl fmt::Display for Advised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = self.0.chain().find_map(advice).unwrap_or_default();
        write!(f, "{:#}{advice}", self.0)
    }
}

/// What helps against one cause.
fn advice(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    let of_history = match cause.downcast_ref::<RecordError>() {
        Some(RecordError::History(error)) => Some(error),
        Some(RecordError::Decisions(error)) => return of_decisions(error),
        None => match cause.downcast_ref::<RetroError>() {
            Some(RetroError::NotNoted { .. }) => return Some(": use --all-entries"),
            Some(RetroError::History(error)) => Some(error),
            _ => cause.downcast_ref::<HistoryError>(),
        },
    };
    match (of_history, cause.downcast_ref::<HandoverError>()) {
        (Some(HistoryError::Off { .. }), _) => Some(": hashgate history on --days N begins that"),
        (Some(HistoryError::Corrupt { .. }), _) => {
            Some("; hashgate history off removes all that is kept, history on begins anew")
        }
        (_, Some(HandoverError::NoSummary { .. })) => {
            Some(": give the whole of what hashgate scan --format jsonl wrote")
        }
        _ => of_decisions(cause.downcast_ref()?),
    }
}

fn of_decisions(error: &DecisionError) -> Option<&'static str> {
    match error {
        DecisionError::Locked { .. } => Some(" (--decisions=DIR)"),
        DecisionError::Missing { .. } => Some(": hashgate scan --decisions begins one"),
        DecisionError::Head { .. } => Some(
            ": run hashgate decisions verify, then move the folder away, all of it; a new log begins in \
             its place",
        ),
        DecisionError::Lost { .. } => Some(
            "; run hashgate decisions verify, then move the folder away, all of it; a new log begins in \
             its place",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn advice_stands_behind_the_cause_however_deep_that_is() {
        let off = || HistoryError::Off {
            folder: "home/history".into(),
        };
        let said = "no hashes of uploads are kept in home/history: hashgate history on --days N begins that";
        for error in [
            anyhow::Error::from(off()),
            RecordError::from(off()).into(),
            RetroError::from(off()).into(),
        ] {
            assert_eq!(Advised(&error).to_string(), said);
        }
        let deep = Err::<(), _>(RecordError::from(off())).context("above");
        let deep = deep.expect_err("it is one");
        assert_eq!(Advised(&deep).to_string(), format!("above: {said}"));
        let other = anyhow::anyhow!("something else");
        assert_eq!(Advised(&other).to_string(), "something else");
    }
}
