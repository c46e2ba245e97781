//! `hashgate publish` through the command: what it says, what it keeps, whom its files are open to;
//! and the ways in which an index is held in memory.
#![cfg(feature = "full")]

mod common;

use common::Hashgate;

/// Hashes by chance: no two are within a policy's threshold of each other.
fn hash(number: u32) -> String {
    let mut state = u64::from(number) + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state ^ (state >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    (0..4).map(|_| format!("{:016x}", next())).collect()
}

fn import(gate: &Hashgate, numbers: std::ops::Range<u32>) {
    let list: String = numbers.map(|number| hash(number) + "\n").collect();
    let ran = gate.run_with(&["import", "--bank", "list", "-"], &list);
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn filled() -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "list", "--action", "block"]);
    import(&gate, 0..40);
    gate
}

#[test]
fn publish_says_what_it_did_and_does_no_more_than_it_must() {
    let gate = filled();
    let says = |arguments: &[&str], words: &[&str]| {
        let ran = gate.expect(0, arguments);
        assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
        for word in words {
            assert!(ran.out.contains(word), "{word:?}: {ran:?}");
        }
    };
    let first =
        ["published generation 1, in full (the first): 40 distinct hashes in 1 segment, 1 bank, "];
    says(&["publish"], &first);
    says(
        &["publish"],
        &["nothing has changed: generation 1 stays, 40 distinct hashes"],
    );
    gate.expect(0, &["match", &hash(40)]);
    import(&gate, 40..42);
    says(
        &["publish"],
        &["published generation 2, what has changed: 2 added, 0 removed; 42 distinct"],
    );
    gate.expect(1, &["match", &hash(40)]);

    gate.expect(0, &["bank", "set", "list", "--enabled", "false"]);
    gate.expect(1, &["match", &hash(40)]);
    says(
        &["publish"],
        &["generation 3, what has changed: 0 added, 0 removed"],
    );
    gate.expect(0, &["match", &hash(40)]);
    gate.expect(0, &["bank", "set", "list", "--enabled", "true"]);
    says(
        &["publish", "--full"],
        &["generation 4, in full (as asked)", "1 segment"],
    );
    gate.expect(1, &["match", &hash(40)]);

    import(&gate, 100..130);
    says(
        &["publish"],
        &["generation 5, in full (30 entries have changed, and 72 are there now)"],
    );
    std::fs::write(gate.home().join("index/manifest"), "").unwrap();
    says(
        &["publish"],
        &["generation 6, in full (the one before is damaged: "],
    );
    gate.expect(1, &["match", &hash(129)]);

    let other = filled();
    let (from, to) = (gate.home().join("index"), other.home().join("index"));
    std::fs::create_dir(&to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    let status = other.expect(0, &["status"]).out;
    assert!(status.contains("or of another one"), "{status}");
    let ran = other.expect(0, &["publish"]);
    assert!(
        ran.out.contains("does not lead on from the one before"),
        "{ran:?}"
    );
    other.expect(0, &["match", &hash(129)]);
    assert!(other.expect(0, &["status"]).out.contains("up to date"));
}

#[test]
fn a_deleted_bank_stops_matching_at_the_next_publish() {
    let gate = filled();
    gate.expect(0, &["publish"]);
    gate.expect(0, &["bank", "delete", "list", "--with-entries"]);
    gate.expect(1, &["match", &hash(3)]);
    let ran = gate.expect(0, &["publish"]);
    assert!(
        ran.out.contains("generation 2, what has changed"),
        "{ran:?}"
    );
    gate.expect(0, &["match", &hash(3)]);
    let ran = gate.expect(0, &["publish", "--full"]);
    assert!(
        ran.out
            .contains(": 0 distinct hashes in 0 segments, 0 banks"),
        "{ran:?}"
    );
}

#[test]
fn however_the_index_is_held_it_answers_the_same() {
    let gate = filled();
    gate.expect(0, &["publish"]);
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("upload.png");
    common::picture(1, 80, 80).save(&upload).unwrap();
    let upload = upload.to_str().unwrap();
    for mode in ["mmap", "populate", "copy"] {
        let ran = gate.expect(1, &["-v", "match", "--index-memory", mode, &hash(7)]);
        assert!(ran.out.contains("list #8 at distance 0"), "{ran:?}");
        let said = ran.err.to_lowercase();
        assert!(
            said.contains("1 segments") && said.contains(&format!("memory {mode}")),
            "{ran:?}"
        );
        let ran = gate.expect(0, &["scan", "--index-memory", mode, upload]);
        assert!(ran.out.contains("1 passed"), "{ran:?}");
    }
    let ran = gate.expect(2, &["scan", "--index-memory", "disk", upload]);
    assert!(
        ran.err.contains("mmap") && ran.err.contains("populate"),
        "{ran:?}"
    );
}

#[cfg(unix)]
#[test]
fn every_file_in_the_home_is_closed_to_others_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let gate = Hashgate::new();
    let run = |arguments: &[&str]| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "umask 000; exec \"$@\"", "sh"]);
        shell.arg(env!("CARGO_BIN_EXE_hashgate")).args(arguments);
        shell.env("HASHGATE_HOME", gate.home().join("home"));
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let list = gate.home().join("list.txt");
    std::fs::write(&list, hash(1)).unwrap();
    run(&["bank", "create", "list"]);
    run(&[
        "import",
        "--bank",
        "list",
        "--publish",
        list.to_str().unwrap(),
    ]);
    run(&["status"]);
    let mut folders = vec![gate.home().join("home")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = folder.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
        for path in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 8, "only {files} files");
}
