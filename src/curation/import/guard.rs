//! When a list changes too much to be taken without asking: a source that lost half of its records,
//! or a list of another kind under a known name, must not empty a bank in silence.
//!
//! It knows numbers only. What counts them is `pass`.

use crate::curation::import::options::ImportOptions;
use crate::curation::import::outcome::ImportOutcome;

/// So many entries may always leave a bank.
const ALWAYS: u64 = 10;

/// A list would change more of a bank than it may. Nothing is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooMuchChange {
    /// Too many entries would no longer match.
    #[error(
        "nothing is changed: {stopped} of the {active} entries of the bank would no longer match, more \
         than {max_shrink} % of them"
    )]
    Shrinks {
        /// How many would no longer match.
        stopped: u64,
        /// How many match now.
        active: u64,
        /// The greatest share that may leave, in per cent.
        max_shrink: u8,
    },
    /// Too many entries would be added.
    #[error(
        "nothing is changed: {added} entries would be added, more than the {max_added} that may"
    )]
    Grows {
        /// How many would be added.
        added: u64,
        /// How many may.
        max_added: u64,
    },
}

/// Fails where a list would change too much of a bank with so many active entries.
pub(super) fn check(
    options: &ImportOptions,
    delta: &ImportOutcome,
    active: u64,
) -> Result<(), TooMuchChange> {
    let most = ALWAYS.max(active.saturating_mul(u64::from(options.max_shrink)) / 100);
    if delta.stopped > most && !options.accept_shrink {
        return Err(TooMuchChange::Shrinks {
            stopped: delta.stopped,
            active,
            max_shrink: options.max_shrink,
        });
    }
    match options.max_added {
        Some(max_added) if delta.added > max_added => Err(TooMuchChange::Grows {
            added: delta.added,
            max_added,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ImportOptions {
        ImportOptions::new("known".parse().expect("a name"))
    }

    fn stopping(stopped: u64) -> ImportOutcome {
        ImportOutcome {
            stopped,
            ..ImportOutcome::default()
        }
    }

    #[test]
    fn ten_entries_may_always_leave_and_then_a_share() {
        assert_eq!(check(&options(), &stopping(10), 10), Ok(()));
        assert_eq!(check(&options(), &stopping(20), 200), Ok(()));
        let refused = check(&options(), &stopping(21), 200).expect_err("more than a tenth");
        assert_eq!(
            refused.to_string(),
            "nothing is changed: 21 of the 200 entries of the bank would no longer match, more than 10 % of them"
        );
        let all = options().accept_shrink(true);
        assert_eq!(check(&all, &stopping(200), 200), Ok(()));
        assert_eq!(
            check(&options().max_shrink(100), &stopping(200), 200),
            Ok(())
        );
        assert!(check(&options().max_shrink(0), &stopping(11), 200).is_err());
    }

    #[test]
    fn what_may_be_added_is_counted_whatever_may_leave() {
        let few = options().max_added(5).accept_shrink(true);
        let adding = |added| ImportOutcome {
            added,
            ..ImportOutcome::default()
        };
        assert_eq!(check(&few, &adding(5), 0), Ok(()));
        let (added, max_added) = (6, 5);
        let refused = TooMuchChange::Grows { added, max_added };
        assert_eq!(check(&few, &adding(6), 0), Err(refused));
        assert_eq!(check(&options(), &adding(u64::MAX), 0), Ok(()));
    }
}
