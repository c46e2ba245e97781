//! What to do about a problem, in the command's own terms: the library says what happened, this file which option helps.

use crate::gate::{Problem, ProblemKind, Verdict};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Outcome;

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
}
