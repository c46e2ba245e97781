//! Hashes of uploads: what is kept, for how long, and that it is gone then.

#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::Action;
use hashgate::hash::{Quality, SignalType, Variant};
use hashgate::store::{History, HistoryBase, HistoryError, HistorySettings, Upload, UploadHash};
use std::fs;
use std::path::{Path, PathBuf};
use store_support::signal;

const DAY: u64 = 86_400;
const NOW: u64 = 1_700_000_000;

fn new_folder() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("home/history");
    (outer, folder)
}

fn settings(days: u32) -> HistorySettings {
    HistorySettings {
        days,
        hashes: 4,
        names: true,
    }
}

fn upload(number: u64, at: u64) -> Upload {
    let hash = |kind, n| UploadHash {
        signal: signal(kind, n),
        quality: Quality::new(90),
        variant: Variant::ORIGINAL,
        flatness: Some(3),
        is_small: false,
        is_minor: false,
        is_guess: n % 2 == 0,
        inverted: false,
    };
    Upload {
        at,
        number: 0,
        name: Some(format!("upload-{number}.jpg")),
        name_hex: None,
        bytes: 100 + number,
        generation: 2,
        revision: 7,
        outcome: "match".into(),
        action: Some(Action::Report),
        hashes: (0..6)
            .map(|n| match n {
                0 => hash(SignalType::Sha256, 10 * number + 1),
                _ => hash(SignalType::Pdq, 10 * number + n),
            })
            .collect(),
        left_out: 0,
    }
}

fn base(revision: u64) -> HistoryBase {
    HistoryBase {
        revision,
        mark: Some(revision + 100),
    }
}

fn names(history: &History, now: u64) -> Vec<String> {
    let uploads = history.uploads(now).unwrap();
    uploads
        .map(|upload| upload.unwrap().name.unwrap_or_default())
        .collect()
}

/// All bytes of all files of a folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            all.extend(fs::read(path).unwrap());
        }
    }
    all
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn what_is_kept_is_read_back_bounded_and_in_order() {
    let (_outer, folder) = new_folder();
    let off = History::open(&folder, NOW).err().unwrap();
    assert!(matches!(off, HistoryError::Off { .. }), "{off}");
    let history = History::begin(&folder, settings(30)).unwrap();
    assert_eq!(history.base(), None);
    history
        .remember(base(7), &[upload(2, NOW), upload(1, NOW - 5)])
        .unwrap();
    history.remember(base(9), &[upload(3, NOW)]).unwrap();
    drop(history);
    let history = History::open(&folder, NOW).unwrap();
    assert_eq!(history.settings(), settings(30));
    assert_eq!(history.base(), Some(base(7)), "the oldest index counts");
    let uploads: Vec<Upload> = history.uploads(NOW).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        names(&history, NOW),
        ["upload-1.jpg", "upload-2.jpg", "upload-3.jpg"]
    );
    let mut wanted = upload(1, NOW - 5);
    (wanted.number, wanted.left_out) = (2, 2);
    wanted.hashes.truncate(4);
    assert_eq!(uploads[0], wanted);
    assert_eq!(history.verify(NOW).unwrap(), 3);
    history.set_base(base(12)).unwrap();
    history.remember(base(12), &[]).unwrap();
    assert_eq!(history.base(), Some(base(12)));
    history.remember(base(11), &[upload(4, NOW)]).unwrap();
    assert_eq!(history.base(), Some(base(11)), "an older index judged one");
}

#[test]
fn one_process_at_a_time() {
    let (_outer, folder) = new_folder();
    let history = History::begin(&folder, settings(30)).unwrap();
    for refused in [
        History::open(&folder, NOW),
        History::open_read_only(&folder),
    ] {
        let refused = refused.err().unwrap();
        assert!(matches!(refused, HistoryError::Locked { .. }), "{refused}");
    }
    drop(history);
    History::open_read_only(&folder).unwrap();
}

#[test]
fn names_are_kept_only_where_that_is_set() {
    let (_outer, folder) = new_folder();
    let history = History::begin(
        &folder,
        HistorySettings {
            names: false,
            ..settings(3)
        },
    );
    let history = history.unwrap();
    history.remember(base(1), &[upload(1, NOW)]).unwrap();
    assert_eq!(names(&history, NOW), [""]);
    drop(history);
    assert!(!holds(&bytes(&folder), b"upload-1"));
}

#[test]
fn expired_uploads_are_never_read_and_leave_the_disk() {
    let (_outer, folder) = new_folder();
    let history = History::begin(&folder, settings(2)).unwrap();
    let kept: Vec<Upload> = (0..50).map(|n| upload(n, NOW + n * DAY / 10)).collect();
    history.remember(base(1), &kept).unwrap();
    // At the second: an upload of two days ago is expired, one of a second later is not.
    assert_eq!(names(&history, NOW + 2 * DAY - 1).len(), 50);
    assert_eq!(names(&history, NOW + 2 * DAY).len(), 49);
    assert_eq!(names(&history, NOW + 3 * DAY).len(), 39);
    assert_eq!(history.verify(NOW + 3 * DAY).unwrap(), 39);
    assert!(history.is_expired(&kept[0], NOW + 2 * DAY));
    assert!(!history.is_expired(&kept[0], NOW + 2 * DAY - 1));
    drop(history);
    assert!(holds(&bytes(&folder), b"upload-0.jpg"));
    let history = History::open(&folder, NOW + 3 * DAY).unwrap();
    assert_eq!(history.verify(0).unwrap(), 39, "opening has purged");
    drop(history);
    let left = bytes(&folder);
    for upload in &kept[..11] {
        let name = upload.name.as_ref().unwrap();
        assert!(!holds(&left, name.as_bytes()), "{name} is on the disk");
        assert!(!holds(&left, upload.hashes[1].signal.as_bytes()));
    }
    // Fewer days hold for what is kept already.
    let history = History::begin(&folder, settings(1)).unwrap();
    assert_eq!(history.purge(NOW + 3 * DAY, false).unwrap(), 10);
    assert_eq!(history.purge(NOW + 3 * DAY, true).unwrap(), 29);
    assert_eq!(history.verify(0).unwrap(), 0);
    drop(history);
    assert!(!holds(&bytes(&folder), b"upload-49.jpg"));
}

#[test]
fn the_end_deletes_all() {
    let (_outer, folder) = new_folder();
    assert!(!History::end(&folder).unwrap());
    let history = History::begin(&folder, settings(2)).unwrap();
    let locked = History::end(&folder).err().unwrap();
    assert!(matches!(locked, HistoryError::Locked { .. }), "{locked}");
    drop(history);
    assert!(History::end(&folder).unwrap());
    assert!(!folder.exists());
}

#[test]
fn what_is_no_history_or_open_to_others_is_refused() {
    let (_outer, folder) = new_folder();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let foreign = History::begin(&folder, settings(2)).err().unwrap();
    assert!(matches!(
        foreign,
        HistoryError::Foreign { .. } | HistoryError::Permissions { .. }
    ));
    for (days, hashes) in [(0, 4), (4_000, 4), (3, 0), (3, 5_000)] {
        let settings = HistorySettings {
            days,
            hashes,
            names: true,
        };
        assert!(History::begin(&folder, settings).is_err());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let (_outer, folder) = new_folder();
        drop(History::begin(&folder, settings(2)).unwrap());
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        let open = History::open(&folder, NOW).err().unwrap();
        assert!(open.to_string().contains("chmod 700"), "{open}");
    }
}
