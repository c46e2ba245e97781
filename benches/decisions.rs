//! How many decisions a second the log takes: one by one and in groups, with and without waiting
//! for the disk, from one thread and from several; and how fast it is verified.
//!
//! `HASHGATE_BENCH_DECISIONS` sets the number of each run (2,000 unless told otherwise; runs that wait
//! for the disk one by one take a twentieth). The folder stands where `TMPDIR` says: the disk is what
//! is measured. Each run asserts that the log is whole and has every decision.

use hashgate::decisions::{Decision, DecisionLog, LogOptions, VerifyOptions, verify};
use std::time::Instant;

fn sample() -> Decision {
    let line = include_str!("../tests/golden/decisions-v1/decisions-00000001.jsonl");
    let line = line.lines().nth(1).expect("a decision");
    serde_json::from_str(line).expect("a decision")
}

fn run(name: &str, count: u64, threads: u64, group: u64, sync: bool) {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("decisions");
    let options = LogOptions {
        sync,
        ..LogOptions::default()
    };
    let log = DecisionLog::open(&folder, options).expect("a log");
    let decision = sample();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for number in 0..count / threads {
                    if group == 1 {
                        log.append(&decision).expect("written");
                    } else {
                        log.push(&decision).expect("taken");
                        if (number + 1) % group == 0 {
                            log.commit().expect("written");
                        }
                    }
                }
                log.commit().expect("written");
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    drop(log);
    let begun = Instant::now();
    let report = verify(&folder, VerifyOptions::default()).expect("a log");
    let verified = begun.elapsed().as_secs_f64();
    assert!(report.is_sound(), "{report:?}");
    let decisions = count / threads * threads;
    assert_eq!(report.decisions, decisions);
    println!(
        "{name:<44} {decisions:>9} in {seconds:>7.3} s: {:>9.0}/s; verified {:>9.0}/s",
        decisions as f64 / seconds,
        decisions as f64 / verified
    );
}

fn main() {
    let count = std::env::var("HASHGATE_BENCH_DECISIONS");
    let count = count.map_or(2_000, |text| text.parse().expect("a number"));
    let few = (count / 20).max(16);
    run("one by one, waiting for the disk", few, 1, 1, true);
    run("one by one from 16 threads, waiting", few, 16, 1, true);
    run("groups of 16, waiting", count, 1, 16, true);
    run("groups of 256, waiting", count, 1, 256, true);
    run("groups of 4096, waiting", count, 1, 4_096, true);
    run("one by one, not waiting", count, 1, 1, false);
    run("groups of 256, not waiting", count, 1, 256, false);
}
