//! When a list changes too much to be taken without asking: a source that lost half of its records,
//! or a list of another kind under a known name, should not empty a bank in silence.

use super::{ImportArgs, Summary};
use crate::hashset::ListFormat;
use anyhow::bail;

/// So many entries may always leave a bank.
const ALWAYS: u64 = 10;

/// Whether a list has to be looked at before it is taken.
pub(super) fn is_needed(args: &ImportArgs, format: ListFormat) -> bool {
    let may_shrink = args.sync || args.complete || format.is_exchange();
    (may_shrink && !args.accept_shrink) || args.max_added.is_some()
}

/// Fails where a list would change too much of a bank with so many active entries.
pub(super) fn check(args: &ImportArgs, delta: &Summary, active: u64) -> anyhow::Result<()> {
    let most = ALWAYS.max(active.saturating_mul(u64::from(args.max_shrink)) / 100);
    if delta.stopped > most && !args.accept_shrink {
        bail!(
            "nothing is changed: {} of the {active} entries of the bank would no longer match, more \
             than {} % of them; look at it with --dry-run, and say --accept-shrink if that is right",
            delta.stopped,
            args.max_shrink
        );
    }
    if let Some(most) = args.max_added
        && delta.added > most
    {
        bail!(
            "nothing is changed: {} entries would be added, more than --max-added {most}; look at it \
             with --dry-run, and give a greater number if that is right",
            delta.added
        );
    }
    Ok(())
}
