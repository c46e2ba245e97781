//! Lists that are easy to misread, and imports that are asked to stop.
#![cfg(feature = "full")]

mod common;

use common::Hashgate;
use std::fmt::Write as _;

/// Made-up PDQ hashes: 128 bits set, and far apart.
fn pdq_lines(count: u32) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let half = format!("{:08x}", number.wrapping_mul(0x9e37_79b9)).repeat(4);
        let inverse: String = half
            .chars()
            .map(|digit| format!("{:x}", 15 - digit.to_digit(16).unwrap()))
            .collect();
        writeln!(text, "{half}{inverse}").unwrap();
        text
    })
}

/// SHA-256 digests of numbers.
fn sha256_lines(count: u32, behind: &str) -> String {
    use sha2::Digest;
    (0..count).fold(String::new(), |mut text, number| {
        for byte in sha2::Sha256::digest(number.to_le_bytes()) {
            write!(text, "{byte:02x}").unwrap();
        }
        text + behind + "\n"
    })
}

fn with_bank() -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "list"]);
    gate
}

#[test]
fn what_was_read_is_said() {
    let gate = with_bank();
    let import = ["import", "--bank", "list", "-"];
    let says = |list: &str, words: &str| {
        let ran = gate.run_with(&import, list);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(words), "{ran:?}");
    };
    says(
        &pdq_lines(50),
        "-: read as pdq: 50 pdq; 50 added, 0 updated, 0 already there, 0 rejected",
    );
    says(&sha256_lines(3, ""), "read as pdq: 3 pdq; 3 added");
    says(
        &sha256_lines(40, "  a b.jpg"),
        "read as sha256: 40 sha256; 40 added",
    );
    let mixed = format!("md5 {}\npdq {}\n", "0a".repeat(16), "0a".repeat(32));
    says(&mixed, "read as tx: 1 pdq, 1 md5; 2 added");
}

#[test]
fn bare_sha256_digests_are_pointed_out_until_they_are_named() {
    let gate = with_bank();
    let list = sha256_lines(40, "");
    let ran = gate.run_with(&["import", "--bank", "list", "-"], &list);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in [
        "warning",
        "read as pdq",
        "SHA-256",
        "--format sha256",
        "--format pdq",
        "first 40",
    ] {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    for format in ["sha256", "pdq"] {
        let gate = with_bank();
        let ran = gate.run_with(
            &["import", "--bank", "list", "--format", format, "-"],
            &list,
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        let words = format!("read as {format}: 40 {format}; 40 added");
        assert!(ran.out.contains(&words), "{ran:?}");
        assert_eq!(ran.err, "");
    }
}

#[test]
fn the_exit_code_says_whether_a_list_was_understood() {
    let gate = with_bank();
    let import = ["import", "--bank", "list", "-"];
    let (md5, sha1) = ("0a".repeat(16), "0b".repeat(20));
    let ends = |code: i32, list: &str, words: &str| {
        let ran = gate.run_with(&import, list);
        assert_eq!(ran.code, code, "{list:?}: {ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(words), "{words}: {ran:?}");
    };
    // Saved by an old Mac program; the same again is no fault.
    let table = format!("MD5;SHA1\r{md5};{sha1};\r");
    ends(0, &table, "1 md5, 1 sha1; 1 added");
    ends(0, &table, "0 added, 0 updated, 1 already there, 0 rejected");
    // A row that is refused does not keep the others out.
    ends(
        2,
        &format!("sep=;\r\nMD5;SHA1\r\n{md5}0;\r\n{};\r\n", "0c".repeat(16)),
        "1 added",
    );
    // Nothing in it was understood.
    ends(2, "MD5;SHA1\r\n", "no row of it was understood");
    ends(
        2,
        &format!("type,hash\nSHA-512,{}\n", "0d".repeat(32)),
        "\"SHA-512\" is not a signal type",
    );
    ends(
        2,
        "{\"@odata.context\":\"x\",\"Records\":[]}",
        "no row of it was understood",
    );
    ends(2, "Name;Size\n1;2\n", "its first line is \"Name;Size\"");
    ends(2, "Name;Size\n1;2\n", "say --format (pdq, tx,");
    // A page of an exchange may be empty.
    ends(0, "{\"hashRecords\":[]}", "0 added");
}

#[test]
fn lists_of_the_field_end_as_they_should() {
    let Some(data) = common::test_data() else {
        return;
    };
    for (name, code, words) in [
        (
            "icse.csv",
            2,
            "22 added, 0 updated, 0 already there, 1 rejected",
        ),
        ("excel-cr-only.csv", 0, "6 added"),
        ("excel-sep-line.csv", 0, "6 added"),
        ("excel-unicode-text.txt", 0, "6 added"),
        ("md5-cr-only.txt", 0, "2 added"),
        ("miniature-1.5MiB.json", 0, "6 added"),
    ] {
        let gate = with_bank();
        let path = data.join("field/lists").join(name);
        let import = ["import", "--bank", "list", path.to_str().unwrap()];
        let ran = gate.expect(code, &import);
        assert!(ran.out.contains(words), "{name}: {ran:?}");
        if code == 2 {
            assert!(
                ran.err.contains(":13: not imported: not a md5 hash"),
                "{ran:?}"
            );
        } else {
            let again = gate.expect(0, &import);
            assert!(again.out.contains("0 added"), "{name}: {again:?}");
        }
    }
}

#[test]
fn real_pdq_lists_are_read_as_such() {
    let Some(data) = common::test_data() else {
        return;
    };
    let gate = with_bank();
    for name in ["benign_pdq.tsv", "threatexchange/haystack.txt"] {
        let path = data.join(name);
        let mut hashes = std::collections::BTreeSet::new();
        let text = std::fs::read_to_string(&path).unwrap();
        hashes.extend(text.lines().filter_map(|line| line.get(..64)));
        // Without the header and the qualities, which would say what they are.
        let bare: String = hashes.iter().map(|hash| format!("{hash}\n")).collect();
        let ran = gate.run_with(&["import", "--bank", "list", "-"], &bare);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let words = format!("read as pdq: {} pdq", hashes.len());
        assert!(ran.out.contains(&words), "{name}: {ran:?}");
    }
}

#[test]
fn entries_that_can_never_match_by_pdq_are_counted() {
    let gate = with_bank();
    let list: String = pdq_lines(4)
        .lines()
        .zip([49, 50, 0, 100])
        .map(|(hash, quality)| format!("{hash},{quality},a.jpg\n"))
        .collect();
    let import = ["import", "--bank", "list", "-"];
    let ran = gate.run_with(&import, &list);
    assert_eq!(ran.code, 0, "{ran:?}");
    let words = "4 added, 0 updated, 0 already there, 0 rejected; \
                 2 under the bank's minimum quality of 50: they will not match by pdq\n";
    assert!(ran.out.contains(words), "{ran:?}");
    gate.expect(0, &["bank", "set", "list", "--min-quality", "0"]);
    let ran = gate.run_with(&import, &list);
    assert!(!ran.out.contains("quality"), "{ran:?}");
}

#[test]
fn a_mistyped_home_is_not_made() {
    let gate = Hashgate::new();
    let home = gate.home().join("hoem");
    let home = home.to_str().unwrap();
    let commands: [&[&str]; 4] = [
        &["import", "--bank", "list", "-"],
        &["bank", "set", "list", "--action", "block"],
        &["bank", "delete", "list"],
        &["bank", "add", "list", "."],
    ];
    for command in commands {
        let ran = gate.expect(2, &[&["--home", home], command].concat());
        assert!(ran.err.contains("bank create"), "{command:?}: {ran:?}");
        assert!(!std::path::Path::new(home).exists(), "{command:?}");
    }
}

#[cfg(target_os = "linux")]
mod pipes {
    use super::*;
    use common::Watched;
    use std::io::Write as _;
    use std::process::{ChildStdin, Stdio};

    fn import(gate: &Hashgate) -> (Watched, ChildStdin) {
        let mut child = common::watched(
            gate.command()
                .args(["import", "--bank", "list", "-"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        let stdin = child.stdin.take().unwrap();
        (child, stdin)
    }

    /// Writes, and waits until the program has read it.
    fn write(stdin: &mut ChildStdin, text: &str) {
        stdin.write_all(text.as_bytes()).unwrap();
        let is_read = || rustix::io::ioctl_fionread(&*stdin).unwrap() == 0;
        common::wait_until(is_read, "the program reads");
    }

    /// Ends the program with a signal as Ctrl-C sends it; the code, and its output.
    fn interrupt(child: Watched) -> (Option<i32>, String) {
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        let output = child.output();
        let out = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), out)
    }

    #[test]
    fn a_pipe_is_read_far_enough_to_tell_the_format() {
        let gate = with_bank();
        let (child, mut stdin) = import(&gate);
        write(&mut stdin, "# x\n");
        write(&mut stdin, &pdq_lines(3)[..100]);
        write(&mut stdin, &pdq_lines(3)[100..]);
        drop(stdin);
        let output = child.output();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.contains("read as pdq: 3 pdq; 3 added"), "{out}");
        assert_eq!(output.status.code(), Some(0));
    }

    #[test]
    fn a_quiet_pipe_does_not_keep_an_import_from_ending() {
        let gate = with_bank();
        let (child, mut stdin) = import(&gate);
        write(&mut stdin, "# nothing yet\n");
        let (code, out) = interrupt(child);
        assert_eq!(code, Some(2), "{out}");
        assert!(out.contains("interrupted: run it again"), "{out}");

        let (child, mut stdin) = import(&gate);
        // More than is looked at to tell the format, and a line that is cut off.
        let list = pdq_lines(1_200);
        write(&mut stdin, &list);
        write(&mut stdin, &list[..40]);
        let (code, out) = interrupt(child);
        assert_eq!(code, Some(2), "{out}");
        assert!(
            out.contains(" 0 rejected"),
            "a cut line is no bad line: {out}"
        );
        assert!(out.contains("interrupted: run it again"), "{out}");
    }

    #[test]
    fn bad_lines_and_comments_do_not_keep_an_import_from_ending() {
        for line in ["no hash\n", "# no hash\n"] {
            let gate = with_bank();
            let (mut child, mut stdin) = import(&gate);
            // Whoever writes must not wait for who does not read.
            let mut errors = child.stderr.take().unwrap();
            let drained = std::thread::spawn(move || {
                std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
            });
            let lines = line.repeat(10_000);
            write(&mut stdin, &pdq_lines(1));
            let writer =
                std::thread::spawn(move || while stdin.write_all(lines.as_bytes()).is_ok() {});
            let (code, out) = interrupt(child);
            assert_eq!(code, Some(2), "{out}");
            assert!(out.contains("interrupted: run it again"), "{out}");
            writer.join().unwrap();
            drained.join().unwrap();
        }
    }
}
