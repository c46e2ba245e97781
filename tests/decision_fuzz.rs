//! The fuzz target of the log of decisions over a sound log, damaged in many ways, the same in every
//! run. The fuzzer itself goes further: see `fuzz/README.md`.

#[path = "../fuzz/bodies/decision_log.rs"]
mod decision_log;
mod decision_support;
mod search_support;

use decision_support::{decision, files, new_folder, open_small};
use search_support::Random;
use std::fs;

#[test]
fn damaged_logs_are_read_or_refused_and_never_panic() {
    let (_outer, folder) = new_folder();
    let log = open_small(&folder, 3_000);
    for number in 0..6 {
        log.append(&decision(number)).unwrap();
    }
    drop(log);
    let mut parts = vec![fs::read(folder.join("HEAD")).unwrap()];
    parts.extend(files(&folder).iter().map(|path| fs::read(path).unwrap()));
    assert_eq!(parts.len(), 4, "three files");
    let sample = decision(9);
    let input = |how: u8, parts: &[Vec<u8>]| [vec![how], parts.join(&0)].concat();
    decision_log::run(&input(0, &parts), &sample);
    let mut random = Random::new(68);
    for turn in 0..800 {
        let mut damaged = parts.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len());
            let part = &mut damaged[at];
            if part.is_empty() {
                continue;
            }
            let place = random.below(part.len());
            match random.below(6) {
                0 => part[place] = random.bytes(1)[0],
                1 => part.truncate(place),
                2 => {
                    part.remove(place);
                }
                3 => {
                    let end = (place + 1 + random.below(900)).min(part.len());
                    let piece = part[place..end].to_vec();
                    part.splice(place..place, piece);
                }
                4 => {
                    // A line less.
                    let mut lines: Vec<&[u8]> =
                        part.split_inclusive(|&byte| byte == b'\n').collect();
                    lines.remove(random.below(lines.len()));
                    *part = lines.concat();
                }
                _ => {
                    damaged.truncate(at.max(1));
                    break;
                }
            }
        }
        decision_log::run(
            &input(if turn % 5 == 0 { 0x80 } else { 0 }, &damaged),
            &sample,
        );
    }
}

#[test]
fn bytes_by_chance_are_no_log_and_never_panic() {
    let mut random = Random::new(69);
    let sample = decision(1);
    let pieces: [&[u8]; 8] = [
        b"{\"v\":1,\"n\":",
        b"1,\"prev\":\"",
        &[b'0'; 64],
        b"\",\"kind\":\"file\",",
        b"\",\"kind\":\"decision\",",
        b",\"sha256\":\"",
        b"\"}\n",
        b"\0",
    ];
    for _ in 0..600 {
        let mut bytes = random.bytes(1);
        for _ in 0..random.below(24) {
            match random.below(4) {
                0 => bytes.extend(random.bytes(3)),
                _ => bytes.extend(pieces[random.below(pieces.len())]),
            }
        }
        decision_log::run(&bytes, &sample);
    }
}
