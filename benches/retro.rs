//! How long it takes to hold hashes that have just come against kept hashes of uploads.
//!
//! `HASHGATE_BENCH_UPLOADS` sets the number of uploads (20,000 unless told otherwise), each with a
//! SHA-256 and seven PDQ hashes; `HASHGATE_BENCH_NEW` that of new hashes (1,000), which come to a bank
//! of five times as many. One of them is 20 bits from one upload. Asserts that precisely this upload is
//! found. To know the memory: `/usr/bin/time -v` around it; the filling takes some tens of megabytes.

use hashgate::hash::{PdqHash, Quality, Sha256Digest, Variant};
use hashgate::store::{History, HistoryBase, HistorySettings, Upload, UploadHash};
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn bytes(number: u64) -> [u8; 32] {
    let mut state = number.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut bytes = [0u8; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&random(&mut state).to_be_bytes());
    }
    bytes
}

/// The hash `part` of an upload.
fn of_upload(upload: u64, part: u64) -> [u8; 32] {
    bytes(1_000_000_000_000 + 8 * upload + part)
}

fn upload(number: u64, at: u64) -> Upload {
    let hash = |signal| UploadHash {
        signal,
        quality: Quality::new(90),
        variant: Variant::ORIGINAL,
        flatness: None,
        is_small: false,
        is_minor: false,
        is_guess: false,
        inverted: false,
    };
    let digest = hash(Sha256Digest(of_upload(number, 0)).into());
    let pdq = (1..8).map(|part| hash(PdqHash(of_upload(number, part)).into()));
    Upload {
        at,
        number: 0,
        name: None,
        name_hex: None,
        bytes: 100_000,
        generation: 1,
        revision: 2,
        outcome: "no_match".into(),
        action: None,
        hashes: std::iter::once(digest).chain(pdq).collect(),
        left_out: 0,
    }
}

fn run(home: &Path, arguments: &[&str], list: Option<String>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
    command.arg("--home").arg(home).args(arguments);
    command.stdout(Stdio::piped());
    if let Some(list) = list {
        let file = home.with_file_name("list.txt");
        std::fs::write(&file, list).expect("written");
        command.stdin(std::fs::File::open(&file).expect("a list"));
    }
    let output = command.output().expect("the program runs");
    let out = String::from_utf8(output.stdout).expect("text");
    (output.status.code(), out)
}

fn list(from: u64, count: u64, planted: Option<[u8; 32]>) -> String {
    let mut text = String::new();
    let hashes = (from..from + count - u64::from(planted.is_some())).map(bytes);
    for hash in hashes.chain(planted) {
        text.push_str("pdq:");
        for byte in hash {
            write!(text, "{byte:02x}").expect("in memory");
        }
        text.push('\n');
    }
    text
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn main() {
    let uploads = number("HASHGATE_BENCH_UPLOADS", 20_000);
    let new = number("HASHGATE_BENCH_NEW", 1_000);
    let outer = tempfile::tempdir().expect("a folder");
    let home = outer.path().join("home");
    let done = |(code, out): (Option<i32>, String)| assert_eq!(code, Some(0), "{out}");
    done(run(
        &home,
        &["bank", "create", "known", "--action", "block"],
        None,
    ));
    let import = ["import", "--bank", "known", "-"];
    done(run(&home, &import, Some(list(0, 5 * new, None))));
    done(run(&home, &["publish"], None));
    let settings = HistorySettings {
        days: 30,
        hashes: 16,
        names: false,
    };
    let index = hashgate::index::Index::open(home.join("index")).expect("an index");
    let judged_by = HistoryBase {
        revision: index.stats().store_revision,
        mark: index.stats().store_mark,
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let now = now.as_secs();
    let begun = Instant::now();
    let history = History::begin(&home.join("history"), settings).expect("a history");
    let numbers: Vec<u64> = (0..uploads).collect();
    for part in numbers.chunks(256) {
        let part: Vec<Upload> = part.iter().map(|&number| upload(number, now)).collect();
        history.remember(judged_by, &part).expect("kept");
    }
    drop(history);
    let filled = begun.elapsed().as_secs_f64();
    println!(
        "kept {uploads} uploads in synced groups of 256 in {filled:.2} s: {:.0}/s",
        uploads as f64 / filled
    );
    let mut planted = of_upload(uploads / 2, 3);
    for byte in planted.iter_mut().take(20) {
        *byte ^= 4;
    }
    done(run(&home, &import, Some(list(5 * new, new, Some(planted)))));
    done(run(&home, &["publish"], None));
    let begun = Instant::now();
    let (code, out) = run(&home, &["retro", "--format", "jsonl"], None);
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(code, Some(1), "{out}");
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "one upload, and the summary: {out}");
    assert_eq!(lines[0]["upload"], uploads / 2 + 1);
    assert_eq!(lines[0]["matches"][0]["distance"], 20);
    assert_eq!(lines[1]["summary"]["new_hashes"], new);
    println!(
        "held {new} new hashes against {uploads} uploads ({} hashes) in {seconds:.2} s: {:.0} uploads/s",
        8 * uploads,
        uploads as f64 / seconds
    );
}
