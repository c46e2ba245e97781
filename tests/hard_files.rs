//! What becomes of each of the awkward and hostile files, frozen in `expected/hard_outcomes.tsv`.
//!
//! With `HASHGATE_BLESS=1` the table is written anew (keeping its comments) for a person to review.
//!
//! The table is that of the command, which reads every format.
#![cfg(all(feature = "cli", target_os = "linux"))]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use hashgate::media::{Limits, MediaError, decode, decode_frames, sniff};

const HEADER: &str = "file\toutcome\tformat\tsize\tframes\torientation\tcomment\n";

/// One file's line of the table, without the comment.
fn outcome(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let first = decode(bytes, &limits);
    let mut sizes = Vec::new();
    let frames = decode_frames(bytes, &limits, &mut |picture| {
        let pixels = picture.width as usize * picture.height as usize * 3;
        assert_eq!(picture.rgb.len(), pixels);
        if let Some(black) = &picture.over_black {
            assert_eq!(black.len(), pixels);
            assert_ne!(
                *black, picture.rgb,
                "an opaque picture has nothing over black"
            );
        }
        if sizes.is_empty() {
            let alone = first.as_ref().expect("a first frame decodes alone too");
            assert_eq!(*alone, picture);
        }
        sizes.push((picture.width, picture.height));
        ControlFlow::Continue(())
    });
    let format = sniff(bytes).map_or("-", |format| format.name());
    let kind = |error: &MediaError| match error {
        MediaError::Undecodable { .. } => "undecodable",
        MediaError::Unsupported { .. } => "unsupported",
        MediaError::TooLarge { .. } => "too_large",
        _ => "other",
    };
    match (&first, &frames) {
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            format!("{}\t{format}\t-\t-\t-", kind(error))
        }
        (Ok(picture), frames) => {
            let count = match frames {
                Ok(count) if count.left_out => format!("{}+", count.visited),
                Ok(count) => count.visited.to_string(),
                Err(error) => format!("{} then {}", sizes.len(), kind(error)),
            };
            format!(
                "decoded\t{format}\t{}x{}\t{count}\t{}",
                picture.width,
                picture.height,
                picture.orientation.exif()
            )
        }
        (Err(error), Ok(_)) => panic!("decode says {error}, decode_frames decodes it"),
    }
}

/// The most memory this process ever held, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn every_hard_file_has_its_outcome_in_bounded_memory() {
    let Some(data) = common::test_data() else {
        return;
    };
    hashgate::media::isolated::use_program(env!("CARGO_BIN_EXE_hashgate"));
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/hard_outcomes.tsv");
    let mut expected = BTreeMap::new();
    let mut comments = BTreeMap::new();
    if table.is_file() {
        for line in common::tsv(&table) {
            let [file, rest @ .., comment] = line.as_slice() else {
                panic!("{line:?}");
            };
            expected.insert(file.clone(), rest.join("\t"));
            comments.insert(file.clone(), comment.clone());
        }
    }
    let mut found = BTreeMap::new();
    for line in common::tsv(&data.join("hard/MANIFEST.tsv")) {
        let file = line[0].clone();
        let bytes = std::fs::read(data.join("hard").join(&file)).unwrap();
        found.insert(file, outcome(&bytes));
    }
    if std::env::var_os("HASHGATE_BLESS").is_some() {
        let mut text = HEADER.to_owned();
        for (file, outcome) in &found {
            let comment = comments.get(file).map_or("", String::as_str);
            writeln!(text, "{file}\t{outcome}\t{comment}").unwrap();
        }
        std::fs::write(&table, text).unwrap();
    }
    let differing: Vec<_> = found
        .iter()
        .filter(|(file, outcome)| expected.get(*file) != Some(*outcome))
        .map(|(file, outcome)| format!("{file}: {outcome:?}, not {:?}", expected.get(file)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(
        found.len(),
        expected.len(),
        "the table names other files too"
    );

    #[cfg(target_os = "linux")]
    if let Some(peak) = peak_memory() {
        assert!(peak < 700 << 20, "{} MiB were held at the peak", peak >> 20);
    }
}
