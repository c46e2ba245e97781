//! Samples of harmless pictures, as lists of hashes in any format that `import` reads, compressed or not.

use crate::cli::output;
use crate::evaluate::BenignEntry;
use crate::hash::{PdqHash, Quality};
use crate::hashset::{self, DetectError};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

/// How much of a list is looked at to tell its format.
const DETECT_BYTES: u64 = 64 * 1024;

/// Reads the PDQ hashes of a list, each once, with its best quality, sorted: a list in another
/// order is the same sample. Bad lines are counted and said.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<BenignEntry>> {
    let shown = path.display();
    let open = || File::open(path).with_context(|| format!("cannot read {shown}"));
    let mut front = Vec::new();
    let unpacked = || {
        let list = hashset::decompress(open()?);
        list.with_context(|| format!("cannot read {shown}"))
    };
    unpacked()?
        .take(DETECT_BYTES)
        .read_to_end(&mut front)
        .with_context(|| format!("cannot read {shown}"))?;
    let format = match hashset::detect(&front) {
        Ok(format) | Err(DetectError::Unclear { format, .. }) => format,
        Err(error) => return Err(error).with_context(|| shown.to_string()),
    };
    let mut entries: BTreeMap<PdqHash, Option<Quality>> = BTreeMap::new();
    let mut bad = None;
    let mut bad_lines = 0u64;
    hashset::read(unpacked()?, format, &mut |row| {
        match row {
            Ok(record) => {
                for entry in record.signals {
                    if let Some(hash) = entry.signal.as_pdq() {
                        let held = entries.entry(hash).or_insert(entry.quality);
                        *held = (*held).max(entry.quality);
                    }
                }
            }
            Err(line) => {
                bad_lines += 1;
                bad.get_or_insert(line);
            }
        }
        ControlFlow::Continue(())
    })
    .with_context(|| shown.to_string())?;
    if let Some(line) = bad {
        let lines = output::plural(bad_lines, "line");
        output::warn(format_args!(
            "hashgate: warning: {shown}: {lines} left out; the first: {line}"
        ));
    }
    if entries.is_empty() {
        bail!("{shown} holds no PDQ hash");
    }
    Ok(entries
        .into_iter()
        .map(|(hash, quality)| BenignEntry { hash, quality })
        .collect())
}
