//! Takes any bytes for the files of a log of decisions: nothing panics, what is opened is written on
//! soundly, and what was sound stays so.

use hashgate::decisions::{self, Decision, DecisionError, DecisionLog, LogOptions, VerifyOptions};
use std::fs;
use std::ops::ControlFlow;

/// The first byte says how the rest is divided: into the note of the end and up to three files, at
/// bytes that are 0. With the greatest bit set the note is taken from a log that is sound.
pub(crate) fn run(input: &[u8], sample: &Decision) {
    let Some((&how, rest)) = input.split_first() else {
        return;
    };
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("log");
    let options = LogOptions {
        sync: false,
        ..LogOptions::default()
    };
    if how & 0x80 != 0 {
        let log = DecisionLog::open(&folder, options.clone()).expect("a log");
        log.append(sample).expect("written");
    } else {
        fs::create_dir(&folder).expect("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).expect("closed");
    }
    let mut names = vec!["HEAD", "decisions-00000001.jsonl"];
    names.extend(["decisions-00000002.jsonl", "decisions-00000003.jsonl"]);
    let names = names.into_iter().skip(usize::from(how & 0x80 != 0));
    for (name, part) in names.zip(rest.split(|&byte| byte == 0)) {
        fs::write(folder.join(name), part).expect("written");
    }
    let verify = || decisions::verify(&folder, VerifyOptions::default());
    let before = verify();
    let mut read = 0u64;
    let faults = decisions::for_each(&folder, |_, _| {
        read += 1;
        Ok::<_, DecisionError>(ControlFlow::Continue(()))
    });
    if let (Ok(report), Ok(faults)) = (&before, &faults) {
        assert_eq!(report.decisions, read);
        assert_eq!(report.findings.len(), faults.len());
    }
    let opened = DecisionLog::open(&folder, options);
    match (before, opened) {
        (Ok(report), Ok(log)) => {
            let is_sound = report.is_sound();
            log.append(sample).expect("an open log takes a decision");
            drop(log);
            let after = verify().expect("it is there");
            if is_sound {
                assert!(after.is_sound(), "{after:?}");
                assert_eq!(after.decisions, report.decisions + 1);
            }
            assert!(after.decisions >= report.decisions.min(1));
        }
        // What is refused is never sound, but for a folder without a log.
        (Ok(report), Err(error)) => assert!(!report.is_sound(), "{error}"),
        (Err(_), _) => {}
    }
}
