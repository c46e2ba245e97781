//! The log of decisions: what is written is read back, what is changed is found, what was
//! acknowledged is there.

mod decision_support;

use decision_support::{copy, decision, file, files, new_folder, open, open_small, read};
use hashgate::decisions::{
    Decision, DecisionError, DecisionLog, Fault, LogOptions, Report, VerifyOptions, head, verify,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn check(folder: &Path) -> Report {
    verify(folder, VerifyOptions::default()).unwrap()
}

/// A log of so many decisions in files of some lines each.
fn small_log(folder: &Path, decisions: u8) {
    let log = open_small(folder, 5_000);
    for number in 0..decisions {
        log.append(&decision(number)).unwrap();
    }
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

#[test]
fn what_is_written_is_read_back() {
    let (_outer, folder) = new_folder();
    let log = open(&folder);
    let wanted: Vec<Decision> = (0..9).map(decision).collect();
    for one in &wanted {
        log.append(one).unwrap();
    }
    let end = log.head();
    drop(log);
    assert_eq!(read(&folder), (wanted, 0));
    assert_eq!(head(&folder).unwrap(), end);
    let report = check(&folder);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.decisions, report.files), (9, 1));
    assert_eq!(report.last, end.link);
}

#[test]
fn what_is_opened_again_goes_on() {
    let (_outer, folder) = new_folder();
    for number in 0..5 {
        let log = open(&folder);
        assert!(log.torn().is_empty());
        log.append(&decision(number)).unwrap();
    }
    assert_eq!(read(&folder), ((0..5).map(decision).collect(), 0));
    assert!(check(&folder).is_sound());
}

#[test]
fn a_group_is_written_whole_and_a_group_without_commit_at_the_end() {
    let (_outer, folder) = new_folder();
    let log = open(&folder);
    for number in 0..20 {
        log.push(&decision(number)).unwrap();
    }
    assert_eq!(
        files(&folder).len(),
        0,
        "nothing is there before the commit"
    );
    log.commit().unwrap();
    assert_eq!(read(&folder).0.len(), 20);
    log.push(&decision(20)).unwrap();
    drop(log);
    assert_eq!(read(&folder), ((0..21).map(decision).collect(), 0));
}

#[test]
fn files_follow_each_other_at_any_size() {
    let one = {
        let (_outer, folder) = new_folder();
        open(&folder).append(&decision(0)).unwrap();
        fs::metadata(file(&folder, 1)).unwrap().len()
    };
    // A line a file, and sizes around what a file of one and of two lines has.
    let sizes = [1, one - 1, one, one + 1, 2 * one, 3 * one + 7, 1 << 20];
    for max in sizes {
        for grouped in [false, true] {
            let (_outer, folder) = new_folder();
            let log = open_small(&folder, max);
            for number in 0..12 {
                log.push(&decision(number)).unwrap();
                if !grouped {
                    log.commit().unwrap();
                }
            }
            drop(log);
            let report = check(&folder);
            assert!(report.is_sound(), "{max}: {report:?}");
            assert_eq!(read(&folder), ((0..12).map(decision).collect(), 0));
            let files = files(&folder);
            assert_eq!(report.files, files.len() as u64);
            let mut before = "0".repeat(64);
            for (number, path) in (1..).zip(&files) {
                let lines = lines(path);
                let first: serde_json::Value = serde_json::from_slice(&lines[0]).unwrap();
                assert_eq!(first["file"], number);
                assert_eq!(
                    first["prev"], before,
                    "a file begins with the last hash before it"
                );
                assert!(lines.len() > 1, "no file without a decision");
                let len = fs::metadata(path).unwrap().len();
                let last_line = lines.last().unwrap().len() as u64;
                assert!(len - last_line < max.max(one), "no line more than fits");
                let last: serde_json::Value =
                    serde_json::from_slice(lines.last().unwrap()).unwrap();
                before = last["sha256"].as_str().unwrap().to_owned();
            }
            // Opened again, it goes on in the last file or in the next one.
            open_small(&folder, max).append(&decision(12)).unwrap();
            assert!(check(&folder).is_sound());
        }
    }
}

#[cfg(unix)]
#[test]
fn files_are_closed_to_others_and_an_open_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (_outer, folder) = new_folder();
    small_log(&folder, 9);
    // A tail that is set aside too.
    let last = files(&folder).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend_from_slice(b"{\"v\":1,\"n\":");
    fs::write(&last, bytes).unwrap();
    assert_eq!(open(&folder).torn().len(), 1);
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o750)).unwrap();
    let refused = DecisionLog::open(&folder, LogOptions::default()).unwrap_err();
    assert!(matches!(
        refused,
        DecisionError::Permissions { mode: 0o750, .. }
    ));
    let refused = verify(&folder, VerifyOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("chmod 700"), "{refused}");
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let (_outer, folder) = new_folder();
    let log = open(&folder);
    log.append(&decision(0)).unwrap();
    let refused = DecisionLog::open(&folder, LogOptions::default()).unwrap_err();
    assert!(matches!(refused, DecisionError::Locked { .. }), "{refused}");
    assert_eq!(read(&folder).0.len(), 1);
    assert!(check(&folder).is_sound());
    drop(log);
    open(&folder);
}

#[test]
fn threads_that_share_a_log_lose_nothing() {
    let (_outer, folder) = new_folder();
    let log = open_small(&folder, 20_000);
    let mut places = BTreeSet::new();
    std::thread::scope(|threads| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let log = &log;
                threads.spawn(move || {
                    (0..20)
                        .map(|turn| log.append(&decision(20 * worker + turn)).unwrap().n)
                        .collect::<Vec<u64>>()
                })
            })
            .collect();
        for worker in workers {
            let mine = worker.join().unwrap();
            assert!(mine.is_sorted());
            places.extend(mine);
        }
    });
    assert_eq!(places.len(), 160);
    let names = |decision: &Decision| decision.input.name.clone().unwrap();
    let (decisions, faults) = read(&folder);
    assert_eq!(faults, 0);
    let found: BTreeSet<String> = decisions.iter().map(names).collect();
    assert_eq!(found, (0..160).map(|n| names(&decision(n))).collect());
    assert!(check(&folder).is_sound());
}

#[test]
fn a_tail_torn_at_any_byte_is_set_aside_and_the_log_goes_on() {
    let (_outer, folder) = new_folder();
    open(&folder).append(&decision(0)).unwrap();
    let before = folder.with_file_name("before");
    copy(&folder, &before);
    let acknowledged = fs::metadata(file(&folder, 1)).unwrap().len();
    open(&folder).append(&decision(1)).unwrap();
    let after = fs::read(file(&folder, 1)).unwrap();
    let torn = folder.with_file_name("torn");
    for len in acknowledged..=after.len() as u64 {
        copy(&before, &torn);
        fs::write(file(&torn, 1), &after[..len as usize]).unwrap();
        let tail = len - acknowledged;
        let is_whole = len == after.len() as u64;
        let is_torn = tail > 0 && !is_whole;
        let faults = check(&torn).findings;
        assert_eq!(faults.len(), usize::from(is_torn), "{len}: {faults:?}");
        assert!(
            faults
                .iter()
                .all(|finding| finding.fault == Fault::TornTail)
        );
        let log = open(&torn);
        assert_eq!(log.torn().len(), usize::from(is_torn), "{len}");
        if let [set_aside] = log.torn() {
            assert_eq!(set_aside.bytes, tail);
            let kept = fs::read(&set_aside.kept_as).unwrap();
            assert_eq!(kept, after[acknowledged as usize..len as usize]);
        }
        log.append(&decision(2)).unwrap();
        drop(log);
        let mut wanted = vec![decision(0)];
        wanted.extend(is_whole.then(|| decision(1)));
        wanted.push(decision(2));
        assert_eq!(read(&torn), (wanted, 0), "{len}");
        let text = fs::read_to_string(file(&torn, 1)).unwrap();
        assert_eq!(
            text.contains("torn_tail"),
            is_torn,
            "the log says so itself"
        );
    }
}

#[test]
fn what_was_acknowledged_and_is_cut_off_is_never_written_behind() {
    let (_outer, folder) = new_folder();
    let log = open_small(&folder, 4_000);
    for number in 0..5 {
        log.append(&decision(number)).unwrap();
    }
    drop(log);
    let cut = folder.with_file_name("cut");
    let paths = files(&folder);
    assert!(paths.len() > 1);
    let number = paths.len() as u64;
    let whole = fs::read(file(&folder, number)).unwrap();
    for len in 0..whole.len() {
        copy(&folder, &cut);
        fs::write(file(&cut, number), &whole[..len]).unwrap();
        assert!(!check(&cut).is_sound(), "{len}");
        let refused = DecisionLog::open(&cut, LogOptions::default()).unwrap_err();
        assert!(
            matches!(refused, DecisionError::Lost { .. }),
            "{len}: {refused}"
        );
        assert_eq!(
            fs::read(file(&cut, number)).unwrap(),
            whole[..len],
            "left as it is"
        );
    }
}

/// Changes a copy of a log, and what `verify` says of it.
fn tampered(folder: &Path, change: impl FnOnce(&Path)) -> Report {
    let copied = folder.with_file_name("tampered");
    copy(folder, &copied);
    change(&copied);
    check(&copied)
}

#[test]
fn a_changed_byte_anywhere_is_found() {
    let (_outer, folder) = new_folder();
    small_log(&folder, 4);
    for path in files(&folder) {
        let name = path.file_name().unwrap();
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let report = tampered(&folder, |copied| {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                fs::write(copied.join(name), changed).unwrap();
            });
            assert!(!report.is_sound(), "{} byte {at}", path.display());
        }
    }
}

#[test]
fn lines_that_are_removed_swapped_repeated_or_moved_are_found() {
    let (_outer, folder) = new_folder();
    small_log(&folder, 8);
    assert!(files(&folder).len() > 2);
    for path in files(&folder) {
        let name = path.file_name().unwrap();
        let lines = lines(&path);
        let try_lines = |what: &str, changed: Vec<Vec<u8>>| {
            let report = tampered(&folder, |copied| {
                fs::write(copied.join(name), changed.concat()).unwrap();
            });
            assert!(!report.is_sound(), "{what} in {}", path.display());
            report
        };
        for at in 0..lines.len() {
            let mut changed = lines.clone();
            changed.remove(at);
            try_lines("removed", changed);
            for to in 0..=lines.len() {
                let mut changed = lines.clone();
                changed.insert(to, lines[at].clone());
                let report = try_lines("repeated", changed);
                assert!(report.findings.len() <= 4, "one change, few findings");
                if to != at && to != at + 1 {
                    let mut changed = lines.clone();
                    let line = changed.remove(at);
                    changed.insert(to - usize::from(to > at), line);
                    try_lines("moved", changed);
                }
            }
        }
        let mut changed = lines.clone();
        changed.truncate(1);
        try_lines("all but the first removed", changed);
    }
}

#[test]
fn a_log_cut_at_any_byte_is_found() {
    let (_outer, folder) = new_folder();
    small_log(&folder, 3);
    for path in files(&folder) {
        let name = path.file_name().unwrap();
        let bytes = fs::read(&path).unwrap();
        for len in 0..bytes.len() {
            let report = tampered(&folder, |copied| {
                fs::write(copied.join(name), &bytes[..len]).unwrap();
            });
            assert!(!report.is_sound(), "{} cut to {len}", path.display());
        }
    }
}

#[test]
fn files_that_are_missing_swapped_or_foreign_are_found() {
    let (_outer, folder) = new_folder();
    small_log(&folder, 9);
    let count = files(&folder).len() as u64;
    assert!(count >= 3);
    for number in 1..=count {
        let report = tampered(&folder, |copied| {
            fs::remove_file(file(copied, number)).unwrap()
        });
        let named = |finding: &hashgate::decisions::Finding| {
            finding.fault == Fault::MissingFile
                && finding.path.file_name() == file(&folder, number).file_name()
        };
        assert!(report.findings.iter().any(named), "{number}: {report:?}");
    }
    let report = tampered(&folder, |copied| {
        let (first, second) = (file(copied, 1), file(copied, 2));
        let bytes = fs::read(&first).unwrap();
        fs::copy(&second, &first).unwrap();
        fs::write(&second, bytes).unwrap();
    });
    assert!(!report.is_sound());
    let report = tampered(&folder, |copied| {
        fs::write(copied.join("notes.txt"), "").unwrap()
    });
    assert_eq!(report.findings[0].fault, Fault::Foreign);
    let report = tampered(&folder, |copied| {
        fs::remove_file(copied.join("HEAD")).unwrap()
    });
    assert_eq!(report.findings[0].fault, Fault::NoHead);
    // Files that were put elsewhere: what is left is sound by itself.
    let moved = folder.with_file_name("moved");
    copy(&folder, &moved);
    fs::remove_file(file(&moved, 1)).unwrap();
    let options = VerifyOptions {
        first_file: 2,
        ..VerifyOptions::default()
    };
    assert!(verify(&moved, options).unwrap().is_sound());
}

#[test]
fn a_log_written_anew_is_found_by_a_head_noted_elsewhere_only() {
    let (_outer, folder) = new_folder();
    small_log(&folder, 6);
    let noted = head(&folder).unwrap().link;
    let expect = |folder: &Path| {
        let options = VerifyOptions {
            expect: Some(noted.sha256),
            ..VerifyOptions::default()
        };
        verify(folder, options).unwrap()
    };
    let later = open_small(&folder, 5_000);
    later.append(&decision(7)).unwrap();
    drop(later);
    let report = expect(&folder);
    assert!(report.is_sound());
    assert_eq!(
        report.expected,
        Some(noted.n),
        "what was noted is still there"
    );
    // Whoever can write the folder can write another log, with a note of its own.
    let other = folder.with_file_name("other");
    small_log(&other, 6);
    let report = expect(&other);
    assert!(report.is_sound(), "in itself");
    assert_eq!(report.expected, None);
    // The old note beside the new log shows it.
    fs::copy(folder.join("HEAD"), other.join("HEAD")).unwrap();
    assert!(!check(&other).is_sound());
}

#[test]
fn a_log_without_its_note_takes_nothing() {
    let (_outer, folder) = new_folder();
    open(&folder).append(&decision(0)).unwrap();
    for damage in [true, false] {
        if damage {
            fs::write(folder.join("HEAD"), "x").unwrap();
        } else {
            fs::remove_file(folder.join("HEAD")).unwrap();
        }
        let refused = DecisionLog::open(&folder, LogOptions::default()).unwrap_err();
        assert!(matches!(refused, DecisionError::Head { .. }), "{refused}");
        assert!(head(&folder).is_err());
    }
    let (_outer, folder) = new_folder();
    let missing = verify(&folder, VerifyOptions::default()).unwrap_err();
    assert!(
        matches!(missing, DecisionError::Missing { .. }),
        "{missing}"
    );
}

#[test]
fn a_record_that_is_too_long_is_refused_and_the_log_goes_on() {
    let (_outer, folder) = new_folder();
    let log = open(&folder);
    let mut long = decision(0);
    long.input.name = Some("x".repeat(5 << 20));
    let refused = log.append(&long).unwrap_err();
    assert!(
        matches!(refused, DecisionError::TooLong { .. }),
        "{refused}"
    );
    log.append(&decision(1)).unwrap();
    // Where it is the sources that are too long, they are left out.
    let mut long = decision(2);
    long.set_sources(|_, _| {
        Some(vec![
            hashgate::decisions::SourceRecord {
                source: "y".repeat(3 << 20),
                record: None,
            };
            2
        ])
    });
    log.append(&long).unwrap();
    drop(log);
    let (decisions, faults) = read(&folder);
    assert_eq!((decisions.len(), faults), (2, 0));
    assert!(decisions[1].matches.iter().all(|one| one.sources.is_none()));
}

/// A folder is kept for ever as version 1 wrote it, the decisions of 0 to 2 in files of 3,000 bytes.
#[test]
fn version_1_is_read_for_ever() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decisions-v1");
    let (_outer, folder) = new_folder();
    copy(&golden, &folder);
    let report = check(&folder);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(
        report.last.sha256.to_string(),
        "53e0b1eda2df640cb2f5d672e77c6efd4673f0ea674ea74ca06b52bde29b3dab"
    );
    // No version of the rules was written then.
    let mut wanted: Vec<Decision> = (0..3).map(decision).collect();
    for decision in &mut wanted {
        decision.evidence_rules = None;
    }
    assert_eq!(read(&folder), (wanted, 0));
    // And written on.
    open(&folder).append(&decision(3)).unwrap();
    assert!(check(&folder).is_sound());
    assert_eq!(read(&folder).0.len(), 4);
}
