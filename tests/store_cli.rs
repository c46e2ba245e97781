//! What the command says of a damaged store and of a picture's second source.

#![cfg(feature = "full")]

mod common;

use common::{Hashgate, Ran};
use sha2::Digest;
use std::fs;
use std::path::{Path, PathBuf};

impl Hashgate {
    #[track_caller]
    fn must(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        ran
    }
}

fn log_of(store: &Path) -> PathBuf {
    let entries = fs::read_dir(store).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let logs = paths.filter(|path| path.extension().is_some_and(|end| end == "log"));
    logs.max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

#[test]
fn a_damaged_log_is_told_by_every_command_that_reads_the_store() {
    let gate = Hashgate::new();
    gate.must(0, &["bank", "create", "known", "--action", "block"]);
    // Not so much that the import writes tables: those are not in the log.
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    let lines: Vec<String> = (1..=4_900u64).map(|n| format!("{n:064x}\n")).collect();
    fs::write(&list, lines.concat()).unwrap();
    let list = list.to_str().unwrap();
    let import = ["import", "--format", "sha256", "--bank", "known", list];
    gate.must(0, &import);
    gate.must(0, &["publish"]);
    let ran = gate.must(0, &["verify"]);
    assert!(ran.out.contains("4900 entries"), "{ran:?}");

    let log = log_of(&gate.home().join("store"));
    let whole = fs::read(&log).unwrap();
    for at in [2_000, whole.len() / 2, whole.len() - 2_000] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&log, &damaged).unwrap();
        let ran = gate.must(2, &["verify"]);
        assert!(ran.out.contains("store: DAMAGED: "), "{ran:?}");
        let said = format!("{} is damaged at byte", log.display());
        assert!(ran.out.contains(&said), "{ran:?}");
        let commands: [&[&str]; 5] = [
            &["publish"],
            &["publish", "--full"],
            &["status"],
            &["bank", "list"],
            &import,
        ];
        for command in commands {
            let ran = gate.must(2, command);
            assert!(ran.err.contains(&said), "{command:?}: {ran:?}");
            assert!(ran.err.contains("restore the store from a copy"), "{ran:?}");
        }
        assert_eq!(fs::read(&log).unwrap(), damaged, "nobody touched it");
    }
    fs::write(&log, &whole).unwrap();
    gate.must(0, &["verify"]);
    gate.must(0, &import);
}

#[test]
fn a_picture_of_a_list_of_digests_gets_its_other_hashes() {
    let gate = Hashgate::new();
    gate.must(0, &["bank", "create", "known", "--action", "block"]);
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("known.png");
    image::RgbImage::from_fn(320, 240, |x, y| {
        let wave = |a: u32, b: u32| ((a * x + b * y) % 251) as u8;
        image::Rgb([
            wave(1, 2),
            wave(3, 1) / 2,
            ((x / 40 + y / 30) % 2 * 200) as u8,
        ])
    })
    .save(&picture)
    .unwrap();
    let small = folder.path().join("small.jpg");
    let decoded = image::open(&picture).unwrap();
    let half = decoded.resize(200, 150, image::imageops::FilterType::Triangle);
    half.save(&small).unwrap();
    let [picture, small] = [&picture, &small].map(|path| path.to_str().unwrap());

    let digest = sha2::Sha256::digest(fs::read(picture).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{digest}\n");
    let import = ["import", "--format", "sha256", "--bank", "known", "-"];
    let ran = gate.run_with(&import, &list);
    assert!(ran.out.contains("1 added, 0 updated"), "{ran:?}");
    gate.must(0, &["publish"]);
    gate.must(1, &["scan", picture]);
    gate.must(0, &["scan", small]);

    let add = ["bank", "add", "known", picture];
    let ran = gate.must(0, &add);
    let said = "0 added, 1 updated, 0 already there, 0 rejected";
    assert!(ran.out.contains(said), "{ran:?}");
    assert!(ran.out.contains("hashgate publish"), "{ran:?}");
    let ran = gate.must(0, &["publish"]);
    assert!(ran.out.contains("published generation 2"), "{ran:?}");
    gate.must(1, &["scan", small]);
    gate.must(0, &["verify"]);
    let ran = gate.must(0, &add);
    let said = "0 added, 0 updated, 1 already there, 0 rejected";
    assert!(ran.out.contains(said), "{ran:?}");
    let ran = gate.run_with(&import, &list);
    assert!(ran.out.contains(said), "{ran:?}");
    let ran = gate.must(0, &["bank", "show", "known"]);
    assert!(ran.out.contains("from standard input:1"), "{ran:?}");
    assert!(ran.out.contains("and from "), "{ran:?}");
}
