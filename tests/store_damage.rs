//! Damaged files: what was acknowledged is there, or whoever opens the store or reads it is told.

#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::{Action, Policy};
use hashgate::store::{BankStore, StoreError};
use std::fs;
use std::path::{Path, PathBuf};
use store_support::{dump, new_folder, pdq, recount};

/// The files of a store at some moment.
type Files = Vec<(String, Vec<u8>)>;

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut files: Files = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Makes a store of files.
fn restored(files: &Files) -> (tempfile::TempDir, PathBuf) {
    let (outer, folder) = new_folder();
    fs::create_dir_all(&folder).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    (outer, folder)
}

/// The bytes of the one file with this ending that has any.
fn of<'a>(files: &'a mut Files, ending: &str) -> &'a mut Vec<u8> {
    let found = files.iter_mut().filter(|(name, _)| name.ends_with(ending));
    found
        .map(|(_, bytes)| bytes)
        .max_by_key(|bytes| bytes.len())
        .unwrap()
}

/// A store's files as they were after each of some changes, and all that could be read then.
fn history(changes: u64, items: u64) -> Vec<(Files, String)> {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let name = "a".parse().unwrap();
    let bank = store
        .create_bank(&name, Policy::new(Action::Block))
        .unwrap();
    let mut moments = Vec::new();
    for change in 0..changes {
        let batch: Vec<_> = (0..items).map(|n| pdq(change * items + n)).collect();
        store.add(bank.id, &batch).unwrap();
        moments.push((files(&folder), dump(&store)));
    }
    moments
}

/// Opens a store both ways, the reader first; what each can read.
fn opened(folder: &Path) -> [Result<String, StoreError>; 2] {
    let reader = BankStore::open_read_only(folder).map(|store| dump(&store));
    [reader, BankStore::open(folder).map(|store| dump(&store))]
}

#[test]
fn no_flipped_bit_of_the_log_loses_what_was_acknowledged_in_silence() {
    let moments = history(5, 20);
    let (whole, want) = moments.last().unwrap();
    let log = of(&mut whole.clone(), ".log").clone();
    // Where the records begin and end, by how long the log was then.
    let ends = moments
        .iter()
        .map(|(files, _)| of(&mut files.clone(), ".log").len());
    let mut places: Vec<(usize, u8)> = Vec::new();
    for end in ends.filter(|&end| end < log.len()) {
        // The header of the next record: its checksum, length and type.
        places.extend((0..7).flat_map(|at| [1, 4, 0x80].map(move |bit| (end + at, bit))));
    }
    places.extend(
        (0..log.len())
            .step_by(log.len() / 20 + 1)
            .map(|at| (at, 0x10)),
    );
    places.extend([(4, 1), (5, 0x80), (6, 4), (log.len() - 1, 1)]);
    let mut named = 0;
    for (at, bit) in places {
        let mut damaged = whole.clone();
        of(&mut damaged, ".log")[at] ^= bit;
        let (_outer, folder) = restored(&damaged);
        for (who, result) in ["reader", "writer"].iter().zip(opened(&folder)) {
            let error = match result {
                Ok(text) => {
                    assert!(
                        text == *want,
                        "{who}: a flip of {bit:#x} at {at} lost something"
                    );
                    continue;
                }
                Err(error) => error,
            };
            let text = error.to_string();
            assert!(
                matches!(
                    error,
                    StoreError::Lost { .. } | StoreError::DamagedLog { .. }
                ),
                "{text}"
            );
            assert!(text.contains("restore the store from a copy"), "{text}");
            named += usize::from(text.contains(".log is damaged at byte"));
        }
    }
    assert!(named > 120, "{named}");
}

#[test]
fn a_hole_in_the_log_is_not_jumped_over() {
    // Records of more than a block, so that some blocks have only parts of one.
    let moments = history(4, 1_000);
    let (whole, want) = moments.last().unwrap();
    let blocks = of(&mut whole.clone(), ".log").len() / 32_768;
    assert!(blocks > 8);
    for block in 0..blocks {
        for len in [7, 32_768] {
            let mut damaged = whole.clone();
            let from = block * 32_768;
            of(&mut damaged, ".log")[from..from + len].fill(0);
            let (_outer, folder) = restored(&damaged);
            for result in opened(&folder) {
                let error = result.map(|text| text == *want).unwrap_err();
                assert!(matches!(error, StoreError::DamagedLog { .. }), "{error}");
            }
        }
    }
}

#[test]
fn a_write_that_was_cut_off_opens_and_a_cut_of_more_is_refused() {
    let moments = history(10, 3);
    let lens: Vec<usize> = moments
        .iter()
        .map(|(files, _)| of(&mut files.clone(), ".log").len())
        .collect();
    for (at, pair) in moments.windows(2).enumerate() {
        let [(before, want), (after, _)] = pair else {
            panic!("two moments");
        };
        // Killed in the middle of the write behind the first of the two, whatever was written of
        // it: what is there of it, and what of it is damaged.
        let part = lens[at + 1] - lens[at];
        for end in (lens[at]..lens[at + 1]).step_by(part / 5 + 1) {
            for change in [0, 0x20] {
                let mut killed = before.clone();
                let log = of(&mut killed, ".log");
                log.extend_from_slice(&of(&mut after.clone(), ".log")[lens[at]..end]);
                if end > lens[at] + 8 {
                    log[lens[at] + 8] ^= change;
                }
                let (_outer, folder) = restored(&killed);
                for result in opened(&folder) {
                    assert!(result.unwrap() == *want, "cut at {end}");
                }
                let store = BankStore::open(&folder).unwrap();
                let bank = store.banks().unwrap().remove(0);
                store.add(bank.id, &[pdq(1_000)]).unwrap();
                drop(store);
                let store = BankStore::open(&folder).unwrap();
                let counts = store.counts(bank.id).unwrap();
                assert_eq!(counts, recount(&store, bank.id));
                assert_eq!(counts.items, 3 * (at as u64 + 1) + 1);
            }
        }
        // The same cut where the second was acknowledged.
        for end in [0, lens[at], lens[at + 1] - 1] {
            let mut lost = after.clone();
            of(&mut lost, ".log").truncate(end);
            let (_outer, folder) = restored(&lost);
            for result in opened(&folder) {
                let error = result.unwrap_err();
                assert!(matches!(error, StoreError::Lost { .. }), "{error}");
                assert!(error.to_string().contains("cut off or gone"), "{error}");
            }
        }
    }
}

#[test]
fn a_written_but_unacknowledged_change_counts() {
    let moments = history(2, 3);
    let mut files = moments[1].0.clone();
    *of(&mut files, "acknowledged") = of(&mut moments[0].0.clone(), "acknowledged").clone();
    let (_outer, folder) = restored(&files);
    for result in opened(&folder) {
        assert!(result.unwrap() == moments[1].1);
    }
    fs::remove_file(folder.join("CURRENT")).unwrap();
    for result in opened(&folder) {
        let error = result.unwrap_err();
        assert!(error.to_string().contains("nothing can be read"), "{error}");
    }
}

#[test]
fn without_the_acknowledged_revision_verifying_says_so_and_a_writer_makes_it_anew() {
    let moments = history(3, 4);
    let (whole, want) = moments.last().unwrap();
    let named = |files: &Files| {
        let at = files.iter().position(|(name, _)| name == "acknowledged");
        at.unwrap()
    };
    for kind in 0..3 {
        let mut files = whole.clone();
        let at = named(&files);
        match kind {
            0 => drop(files.remove(at)),
            1 => files[at].1[9] ^= 1,
            _ => files[at].1.fill(0xff),
        }
        let (_outer, folder) = restored(&files);
        let reader = BankStore::open_read_only(&folder).unwrap();
        let error = reader.verify().unwrap_err();
        assert!(
            matches!(error, StoreError::Unacknowledged { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("hashgate bank set"), "{error}");
        assert_eq!(reader.records().unwrap().count(), 12);
        // Without it only a log that is cut off is read.
        if kind != 1 {
            let mut damaged = files.clone();
            of(&mut damaged, ".log")[300] ^= 1;
            let (_outer, folder) = restored(&damaged);
            for result in opened(&folder) {
                let error = result.unwrap_err();
                assert!(matches!(error, StoreError::Database { .. }), "{error}");
                assert!(error.to_string().contains("restore the store"), "{error}");
            }
        }
        drop(BankStore::open(&folder).unwrap());
        for result in opened(&folder) {
            assert!(result.unwrap() == *want, "it is whole again");
        }
    }
}

#[test]
fn a_flipped_bit_of_a_table_is_found_or_changes_nothing() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let name = "a".parse().unwrap();
    let bank = store
        .create_bank(&name, Policy::new(Action::Block))
        .unwrap();
    let batch: Vec<_> = (0..3_000).map(pdq).collect();
    store.add(bank.id, &batch).unwrap();
    let want = dump(&store);
    store.flush().unwrap();
    drop(store);
    let whole = files(&folder);
    let tables: Vec<usize> = (0..whole.len())
        .filter(|&at| whole[at].0.ends_with(".sst"))
        .collect();
    assert!(tables.len() >= 4);
    let (mut found, mut unpublished) = (0, 0);
    for table in tables {
        let len = whole[table].1.len();
        for at in (0..len).step_by(len / 12 + 1) {
            let mut damaged = whole.clone();
            damaged[table].1[at] ^= 2;
            let (_outer, folder) = restored(&damaged);
            let checked = BankStore::open_read_only(&folder).and_then(|store| {
                let records = store.records()?.collect::<Result<Vec<_>, _>>();
                unpublished += usize::from(records.is_err());
                store.verify().map(|_| store)
            });
            match checked {
                Ok(store) => assert!(dump(&store) == want, "byte {at} of table {table}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("restore the store from a copy"), "{text}");
                    let file = folder.to_str().unwrap();
                    assert!(text.contains(file), "{text}");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 25 && unpublished > 5, "{found}, {unpublished}");
}
