//! All that can happen to fetches, for a long time: sources change, answer rubbish, fail, forget, are read in parts and anew, and the
//! bank is what the source is each time, in no more memory than at first.
//!
//! `HASHGATE_SOAK_SECONDS` says how long; without it each source has some rounds.
#![cfg(all(feature = "exchange", target_os = "linux"))]

mod exchange_home;
mod exchange_support;

use exchange_home::{Home, Watch, sides};
use exchange_support::{Fault, Random, Wait};
use hashgate::curation::exchange::{ExchangeError, FetchOptions};
use hashgate::store::BankStore;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

const FAULTS: [Fault; 6] = [
    Fault::Status(429, Some(Wait::Seconds(0))),
    Fault::Status(503, Some(Wait::Seconds(0))),
    Fault::Cut,
    Fault::Close,
    Fault::Truncated,
    Fault::Garbled,
];
/// Rounds of each source where no time is said.
const ROUNDS: u64 = 12;
/// Rounds after which memory is looked at first.
const SETTLED: u64 = 40;
/// Bytes that may be held more at the end: the sources have grown by thousands of records, and they are in this process.
const GROWN: u64 = 128 << 20;

/// Memory of this process that is no file's, in bytes.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.unwrap().trim().parse::<u64>().unwrap() * 1024
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn sources_are_followed_for_a_long_time() {
    let seconds = std::env::var("HASHGATE_SOAK_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|seconds| seconds.parse().unwrap());
    let ends = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    // Each source twice: only the second answers rubbish too. Where some of a list cannot be read, nothing of it is taken back that merely
    // no longer appears.
    let (clean, rubbish) = (sides(7), sides(9));
    let sides: Vec<_> = (clean.into_iter().map(|side| (side, false)))
        .chain(rubbish.into_iter().map(|side| (side, true)))
        .collect();
    let mut homes: Vec<_> = sides.iter().map(|(side, _)| Home::of(&**side)).collect();
    let (mut fetched, mut failed, mut left_out) = (0, 0, 0);
    let mut at_first = None;
    let mut round = 0;
    while ends.map_or(round < ROUNDS, |ends| Instant::now() < ends) {
        round += 1;
        for ((side, has_rubbish), home) in sides.iter().zip(&mut homes) {
            let side = &**side;
            let mut random = Random::new(round);
            let count = random.below(60);
            match *has_rubbish && random.once_in(4) {
                true => side.steps_with_rubbish(&mut random, count),
                false => side.steps(&mut random, count),
            }
            let per_mille = random.below(80) as u64;
            let seed = random.next();
            side.server().faults().at_random(seed, per_mille, &FAULTS);
            for _ in 0..random.below(3) {
                let watch = Watch {
                    left: Some(AtomicI64::new(1 + random.below(9) as i64)),
                    ..Watch::default()
                };
                match home.fetch_so(side, FetchOptions::default(), &watch) {
                    Ok(_) => fetched += 1,
                    Err(ExchangeError::Later { .. }) => home.now += 600,
                    Err(ExchangeError::Fetch { .. } | ExchangeError::Stopped { .. }) => failed += 1,
                    Err(error) => panic!("{} {round}: {error}", side.api()),
                }
                if random.once_in(3) {
                    side.forget_pages();
                }
                let count = random.below(4);
                side.steps(&mut random, count);
            }
            side.server().faults().clear();
            if random.once_in(5) {
                // The service is started again.
                let folder = home.workspace.store();
                let elsewhere = tempfile::tempdir().unwrap();
                let other = BankStore::open(elsewhere.path().join("store")).unwrap();
                drop(std::mem::replace(&mut home.store, other));
                home.store = BankStore::open_existing(folder).unwrap();
            }
            let done = home.fetch(side);
            done.unwrap_or_else(|error| panic!("{} {round}: {error}", side.api()));
            fetched += 1;
            let missed = home.state().left_out.len();
            left_out += missed;
            if missed > 0 || random.once_in(10) {
                // What chance would not let through three times is there again now.
                home.anew(side).unwrap();
                if !has_rubbish {
                    assert_eq!(home.hashes(), side.live(), "{} {round}", side.api());
                }
            }
            home.check(side, round);
            side.server().forget();
        }
        if round == SETTLED {
            at_first = Some((anonymous(), open_files()));
        }
    }
    eprintln!(
        "{round} rounds: {fetched} fetched, {failed} stopped or failed, {left_out} passed over"
    );
    assert!(fetched > failed / 4 && failed > 0);
    if let Some((memory, files)) = at_first {
        let (now, open) = (anonymous(), open_files());
        eprintln!("memory: {memory} bytes at first, {now} now; open files: {files}, {open}");
        assert!(now < memory + GROWN, "{memory} bytes, then {now}");
        // RocksDB opens and closes tables.
        assert!(open < files + 40, "{files} open files, then {open}");
    }
}
