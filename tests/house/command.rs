//! What the command may not know: it parses arguments, calls one room and prints.
//!
//! Owned here: which rooms and which types of the store `cli` keeps its hands off, test code included.
//! They are asked for through the rooms that own the work (`gate`, `curation`, `retrospect`,
//! `measure`), so that a service gets the same work done without the command.

use super::floors::{module_of, paths};
use super::lexer::tokens;

/// Rooms that `cli` does not import.
const ROOMS: [&str; 2] = ["hamming", "segment"];

/// What the store takes in and gives out record by record, and how it writes them.
const RECORDS: [&str; 13] = [
    "Changes",
    "FactRecords",
    "Items",
    "NewItem",
    "NewReach",
    "Preview",
    "Publication",
    "Records",
    "Snapshot",
    "Upload",
    "UploadHash",
    "Uploads",
    "record",
];

/// What a source file of `cli` imports against the rule: a message for each, with its line.
pub(crate) fn violations(file: &str, source: &str) -> Vec<String> {
    let module = module_of(file);
    if module.first().is_none_or(|room| room != "cli") {
        return Vec::new();
    }
    let imports = paths(&module, &tokens(source));
    let is_refused = |path: &[String]| match path {
        [room, ..] if ROOMS.contains(&room.as_str()) => true,
        [room, what, ..] => room == "store" && RECORDS.contains(&what.as_str()),
        // All of the store under one name is all of its records.
        [room] => room == "store",
        [] => false,
    };
    imports
        .iter()
        .filter(|(_, path)| {
            is_refused(path)
                || matches!(path.as_slice(), [room, star] if room == "store" && star == "*")
        })
        .map(|(line, path)| {
            format!(
                "src/{file}:{line}: `cli` imports `crate::{}`: call the room that does this work, \
                 and print what it says",
                path.join("::")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::violations;

    #[test]
    fn the_command_is_caught_with_hashes_segments_and_records_in_its_hands() {
        for source in [
            "use crate::hamming;",
            "use crate::hamming::Kernel;",
            "fn f() { crate::hamming::distance(a, b) }",
            "use crate::{bank::Bank, segment::Segment};",
            "use hashgate::segment::format::VERSION;",
            "use super::super::hamming::naive;",
            "use crate::store::{BankStore, NewItem};",
            "use crate::store::record::State;",
            "use crate::store::*;",
            "use crate::store;",
            "use crate::store::{self, BankStore};",
            "#[cfg(test)] mod tests { use crate::hamming; }",
        ] {
            let found = violations("cli/compare.rs", source);
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            assert!(found[0].starts_with("src/cli/compare.rs:1: `cli` imports"));
        }
    }

    #[test]
    fn whole_operations_are_free_and_so_are_other_rooms() {
        for (file, source) in [
            (
                "cli/bank/add.rs",
                "use crate::store::{BankStore, StoreError, BankCounts, History};",
            ),
            (
                "cli/compare.rs",
                "use crate::gate::Gate; use super::output; // crate::hamming",
            ),
            ("curation/add.rs", "use crate::store::NewItem;"),
            ("index/near.rs", "use crate::hamming::Kernel;"),
        ] {
            assert_eq!(violations(file, source), [""; 0], "{file}: {source}");
        }
    }
}
