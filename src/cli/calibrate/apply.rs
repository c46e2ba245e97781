//! `calibrate --apply` and `--clear`: reaches into the store and out of it.

use crate::cli::bank::PUBLISH_HINT;
use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::reaches::{self, ReachOutcome};
use crate::evaluate::Reaches;
use crate::index::Index;
use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

/// Writes the reach of every entry that was judged.
pub(super) fn apply(
    index: &Index,
    reaches: &Reaches,
    home: &Home,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let done = reaches::set(home, index, reaches, stop)?;
    writeln!(
        out,
        "\nreach of the store's pdq hashes: {} set, {} changed, {} unchanged, {} taken away, {} without",
        done.set, done.changed, done.unchanged, done.cleared, done.without
    )?;
    if done.without + done.cleared > 0 {
        writeln!(
            out,
            "Those that have none now are withdrawn, not published yet, or in a bank that is not enabled: they match as if \
             nothing had been calibrated."
        )?;
    }
    Ok(finish(out, &done)?)
}

/// Takes every reach away.
pub(super) fn clear(home: &Home, stop: &AtomicBool) -> anyhow::Result<Exit> {
    let done = reaches::clear(home, stop)?;
    let mut out = output::stdout();
    writeln!(
        out,
        "reach taken away of {}",
        output::plural(done.cleared, "pdq hash").replace("hashs", "hashes")
    )?;
    Ok(finish(&mut out, &done)?)
}

fn finish(out: &mut dyn Write, done: &ReachOutcome) -> io::Result<Exit> {
    if done.is_interrupted {
        writeln!(out, "interrupted: run it again for the rest")?;
    }
    if done.differing() > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(false, done.is_interrupted))
}
