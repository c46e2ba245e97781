//! What the command adds to what the library says: which option or command helps.
//!
//! The library's errors and problems speak of causes. It does not know how its user calls it.

use crate::decisions::DecisionError;
use crate::gate::{Problem, ProblemKind, Verdict};
use crate::handover::HandoverError;
#[cfg(feature = "curation")]
use crate::hashset::{DetectError, ListFormat};
use crate::retrospect::RecordError;
#[cfg(feature = "curation")]
use crate::retrospect::RetroError;
#[cfg(feature = "curation")]
use crate::store::HistoryError;
use std::error::Error;
use std::fmt;

/// A problem in words, with the option that changes it.
pub(crate) fn problem(problem: &Problem) -> String {
    let option = match problem.kind {
        ProblemKind::FileBytes => "--max-file-bytes",
        ProblemKind::Frames => "--max-frames",
        _ => return problem.message.clone(),
    };
    format!("{} ({option})", problem.message)
}

/// Adds to a verdict's problem which option changes it: what is recorded and written says so.
pub(crate) fn add_to(verdict: &mut Verdict) {
    if let Some(held) = &mut verdict.problem {
        held.message = problem(held);
    }
}

/// An error with the advice that belongs to it, on one line.
pub(crate) struct Advised<'a>(pub(crate) &'a anyhow::Error);

impl fmt::Display for Advised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = self.0.chain().find_map(advice).unwrap_or_default();
        write!(f, "{}{advice}", said(self.0))
    }
}

/// An error and its causes, each once: some say their cause themselves.
fn said(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if said.ends_with(&text) {
            continue;
        }
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&text);
    }
    said
}

/// What helps against one cause.
fn advice(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    #[cfg(feature = "curation")]
    if let Some(advice) = of_history(cause) {
        return Some(advice);
    }
    if let Some(HandoverError::NoSummary { .. }) = cause.downcast_ref() {
        return Some(": give the whole of what hashgate scan --format jsonl wrote");
    }
    match cause.downcast_ref::<RecordError>() {
        Some(RecordError::Decisions(error)) => of_decisions(error),
        _ => of_decisions(cause.downcast_ref()?),
    }
}

/// What helps where the format of a list to import cannot be told.
#[cfg(feature = "curation")]
pub(crate) fn of_format(error: &DetectError) -> String {
    match error {
        DetectError::Unclear { format, .. } => match format {
            ListFormat::Csv | ListFormat::Typed => {
                format!("; --format {format} has them read as PDQ hashes without this warning")
            }
            _ => {
                ": say --format sha256, or --format pdq to have them read as PDQ hashes".to_owned()
            }
        },
        DetectError::Unknown { .. } => {
            let names = ListFormat::ALL.map(ListFormat::name).join(", ");
            format!(": say --format ({names})")
        }
    }
}

#[cfg(feature = "curation")]
fn of_history(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = match (cause.downcast_ref(), cause.downcast_ref()) {
        (Some(RecordError::History(error)), _) | (_, Some(RetroError::History(error))) => error,
        (_, Some(RetroError::NotNoted { .. })) => return Some(": use --all-entries"),
        _ => cause.downcast_ref::<HistoryError>()?,
    };
    match error {
        HistoryError::Off { .. } => Some(": hashgate history on --days N begins that"),
        HistoryError::Corrupt { .. } => {
            Some("; hashgate history off removes all that is kept, history on begins anew")
        }
        _ => None,
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
    use crate::gate::Outcome;
    #[cfg(feature = "curation")]
    use anyhow::Context;

    #[test]
    fn the_option_follows_from_the_kind() {
        let of = |kind| Problem::new(Outcome::TooLarge, kind, "too much".to_owned());
        assert_eq!(
            problem(&of(ProblemKind::FileBytes)),
            "too much (--max-file-bytes)"
        );
        assert_eq!(problem(&of(ProblemKind::Frames)), "too much (--max-frames)");
        assert_eq!(problem(&of(ProblemKind::Side)), "too much");
    }

    #[cfg(feature = "curation")]
    #[test]
    fn a_list_that_cannot_be_told_is_helped_by_its_format() {
        let unclear = |format| DetectError::Unclear {
            format,
            values: 40,
            balanced: 2,
        };
        let said = of_format(&unclear(ListFormat::PdqLines));
        assert!(
            said.contains("--format sha256") && said.contains("--format pdq"),
            "{said}"
        );
        assert!(of_format(&unclear(ListFormat::Csv)).contains("--format csv"));
        assert!(of_format(&unclear(ListFormat::Typed)).contains("--format tx"));
        let seen = "its first line is \"x\"".to_owned();
        let unknown = DetectError::Unknown { seen };
        assert!(!unknown.to_string().contains("--format"), "{unknown}");
        assert!(of_format(&unknown).contains("--format (pdq, tx, csv"));
    }

    #[cfg(feature = "curation")]
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
