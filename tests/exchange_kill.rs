//! Fetches that are killed: whenever that is, the next one goes on, and the store ends with what the source has. Meanwhile the source changes,
//! forgets pages and tokens, refuses, and breaks off its answers.
//!
//! `HASHGATE_KILLS` says how many kills there are for each source; 10 where it says nothing.
#![cfg(all(feature = "exchange", unix))]

mod exchange_home;
mod exchange_support;

use exchange_home::{Home, Watch, check, fetch_at, sides, workspace_in};
use exchange_support::{Fault, Random, Wait};
use hashgate::curation::exchange::{ExchangeError, FetchOptions};
use hashgate::store::BankStore;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Tells a copy of this test program which home to fetch into.
const FOLDER: &str = "HASHGATE_TEST_FETCH_INTO";
/// And at which time.
const NOW: &str = "HASHGATE_TEST_FETCH_AT";
/// And, where it is set, that the source may be down.
const MAY_FAIL: &str = "HASHGATE_TEST_FETCH_MAY_FAIL";

/// A fetch as a process of its own: the other test starts this one alone.
#[test]
fn fetcher() {
    let (Ok(folder), Ok(now)) = (std::env::var(FOLDER), std::env::var(NOW)) else {
        return;
    };
    let workspace = workspace_in(Path::new(&folder));
    let store = BankStore::open_existing(workspace.store()).unwrap();
    let now = now.parse().unwrap();
    let fetched = fetch_at(
        &workspace,
        &store,
        now,
        FetchOptions::default(),
        &Watch::default(),
    );
    match fetched {
        Ok(_) => {}
        Err(ExchangeError::Fetch { .. } | ExchangeError::Later { .. })
            if std::env::var_os(MAY_FAIL).is_some() => {}
        Err(error) => panic!("{error}"),
    }
}

fn begin(folder: &Path, now: u64, may_fail: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["fetcher", "--exact", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(NOW, now.to_string())
        .stdout(Stdio::null());
    if may_fail {
        command.env(MAY_FAIL, "1");
    }
    command.spawn().unwrap()
}

/// What goes wrong at the source while fetches are killed.
const FAULTS: [Fault; 6] = [
    Fault::Status(429, Some(Wait::Seconds(0))),
    Fault::Status(429, Some(Wait::Seconds(1))),
    Fault::Status(503, None),
    Fault::Cut,
    Fault::Close,
    Fault::Truncated,
];

#[test]
fn a_killed_fetch_loses_and_doubles_nothing() {
    let kills = std::env::var("HASHGATE_KILLS").ok();
    let kills: usize = kills.map_or(10, |kills| kills.parse().unwrap());
    for side in sides(4) {
        let side = &*side;
        let mut random = Random::new(23);
        let home = Home::of(side);
        let (folder, mut now) = (home.folder, home.now);
        drop(home.store);
        let (mut killed, mut ended) = (0, 0);
        while killed < kills {
            let count = random.below(120);
            side.steps(&mut random, count);
            let seed = random.next();
            side.server().faults().at_random(seed, 60, &FAULTS);
            for _ in 0..1 + random.below(4) {
                now += 600;
                side.asked_until(now - 5);
                let mut child = begin(folder.path(), now, true);
                for _ in 0..2 {
                    let wait = random.below(200) as u64;
                    std::thread::sleep(Duration::from_millis(wait));
                    // The source changes while it is read.
                    let count = random.below(4);
                    side.steps(&mut random, count);
                }
                match child.try_wait().unwrap() {
                    Some(status) => {
                        assert!(status.success());
                        ended += 1;
                    }
                    None => {
                        child.kill().unwrap();
                        killed += 1;
                    }
                }
                child.wait().unwrap();
                if random.once_in(4) {
                    side.forget_pages();
                }
            }
            side.server().faults().clear();
            now += 600;
            side.asked_until(now - 5);
            assert!(begin(folder.path(), now, false).wait().unwrap().success());
            let workspace = workspace_in(folder.path());
            let store = BankStore::open_read_only(workspace.store()).unwrap();
            check(&store, side, killed as u64);
        }
        eprintln!("{}: {killed} killed, {ended} ended before", side.api());
    }
}
