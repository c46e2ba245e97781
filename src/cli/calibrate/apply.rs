//! `calibrate --apply` and `--clear`: reaches into the store and out of it, a batch at a time.

use crate::bank::{Bank, BankId, ContentId, ContentItem};
use crate::cli::bank::PUBLISH_HINT;
use crate::cli::{exit::Exit, home::Home, output};
use crate::evaluate::Reaches;
use crate::hash::{Distance, Reach, Signal};
use crate::index::Index;
use crate::store::{BankStore, NewReach};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// What became of the PDQ hashes of the store.
#[derive(Default)]
struct Summary {
    set: u64,
    changed: u64,
    unchanged: u64,
    /// Those that had one and were not judged now: what they had is taken away.
    cleared: u64,
    /// Those that were not judged, and had none.
    without: u64,
}

/// Writes the reach of every entry that was judged. Stopped anywhere, some entries have theirs and the
/// others what they had; whoever runs it again gets the rest.
pub(super) fn apply(
    index: &Index,
    reaches: &Reaches,
    home: &Home,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let mut summary = Summary::default();
    let is_whole = each_batch(&store, stop, |bank, items| {
        let is_same = index
            .bank(bank.id)
            .is_some_and(|held| held.name == bank.name);
        let held = match is_same {
            true => held(index, bank.id, items),
            false => BTreeSet::new(),
        };
        let mut new = Vec::new();
        for (content, entry) in hashes(items) {
            let reach = held
                .contains(&(entry.signal, content))
                .then(|| reaches.of(bank.id, content, &entry.signal))
                .flatten();
            match (reach, entry.reach) {
                (None, None) => summary.without += 1,
                (None, Some(_)) => {
                    summary.cleared += 1;
                    new.push(change(content, entry.signal, None));
                }
                (Some(reach), Some(had)) if reach == had => summary.unchanged += 1,
                (Some(reach), had) => {
                    match had {
                        None => summary.set += 1,
                        Some(_) => summary.changed += 1,
                    }
                    new.push(change(content, entry.signal, Some(reach)));
                }
            }
        }
        store.set_reaches(bank.id, &new)?;
        Ok(())
    })?;
    writeln!(
        out,
        "\nreach of the store's pdq hashes: {} set, {} changed, {} unchanged, {} taken away, {} without",
        summary.set, summary.changed, summary.unchanged, summary.cleared, summary.without
    )?;
    if summary.without + summary.cleared > 0 {
        writeln!(
            out,
            "Those that have none now are withdrawn, not published yet, or in a bank that is not enabled: they match as if \
             nothing had been calibrated."
        )?;
    }
    finish(
        out,
        is_whole,
        summary.set + summary.changed + summary.cleared,
    )
}

/// Takes every reach away.
pub(super) fn clear(home: &Home, stop: &AtomicBool) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let mut cleared = 0;
    let is_whole = each_batch(&store, stop, |bank, items| {
        let with = hashes(items).filter(|(_, entry)| entry.reach.is_some());
        let new: Vec<_> = with
            .map(|(content, entry)| change(content, entry.signal, None))
            .collect();
        cleared += store.set_reaches(bank.id, &new)?;
        Ok(())
    })?;
    let mut out = output::stdout();
    writeln!(
        out,
        "reach taken away of {}",
        output::plural(cleared, "pdq hash").replace("hashs", "hashes")
    )?;
    finish(&mut out, is_whole, cleared)
}

fn finish(out: &mut dyn Write, is_whole: bool, changed: u64) -> anyhow::Result<Exit> {
    if !is_whole {
        writeln!(out, "interrupted: run it again for the rest")?;
    }
    if changed > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(false, !is_whole))
}

const fn change(content: ContentId, signal: Signal, reach: Option<Reach>) -> NewReach {
    NewReach {
        content,
        signal,
        reach,
    }
}

/// Goes through all items of all banks; says whether it came to the end.
fn each_batch(
    store: &BankStore,
    stop: &AtomicBool,
    mut each: impl FnMut(&Bank, &[ContentItem]) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    for bank in store.banks()? {
        let mut first = ContentId(0);
        loop {
            let items = store.items_from(bank.id, first, BankStore::BATCH)?;
            let Some(last) = items.last() else { break };
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            first = ContentId(last.id.0.saturating_add(1));
            each(&bank, &items)?;
        }
    }
    Ok(true)
}

/// The PDQ hashes of items.
fn hashes(items: &[ContentItem]) -> impl Iterator<Item = (ContentId, &crate::bank::ContentSignal)> {
    let all = items
        .iter()
        .flat_map(|item| item.signals.iter().map(move |entry| (item.id, entry)));
    all.filter(|(_, entry)| entry.signal.as_pdq().is_some())
}

/// Which of the hashes an index holds of the very items. A hash that many items share is looked up once.
fn held(index: &Index, bank: BankId, items: &[ContentItem]) -> BTreeSet<(Signal, ContentId)> {
    let mut wanted: BTreeMap<Signal, BTreeSet<ContentId>> = BTreeMap::new();
    for (content, entry) in hashes(items) {
        wanted.entry(entry.signal).or_default().insert(content);
    }
    let mut held = BTreeSet::new();
    for (signal, contents) in wanted {
        index.visit(&signal, Distance::ZERO, |hit| {
            if hit.bank == bank && contents.contains(&hit.content) {
                held.insert((signal, hit.content));
            }
        });
    }
    held
}
