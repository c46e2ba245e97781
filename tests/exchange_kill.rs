//! Fetches that are killed: whenever that is, the next one goes on, and the store ends with what the source has.
//!
//! `HASHGATE_KILLS` says how many kills there are for each source; 10 where it says nothing.
#![cfg(all(feature = "exchange", unix))]

mod exchange_home;
mod exchange_support;

use exchange_home::{Home, Watch, check, fetch_at, sides, workspace_in};
use exchange_support::Random;
use hashgate::curation::exchange::FetchOptions;
use hashgate::store::BankStore;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Tells a copy of this test program which home to fetch into.
const FOLDER: &str = "HASHGATE_TEST_FETCH_INTO";
/// And at which time.
const NOW: &str = "HASHGATE_TEST_FETCH_AT";

/// A fetch as a process of its own: the other test starts this one alone.
#[test]
fn fetcher() {
    let (Ok(folder), Ok(now)) = (std::env::var(FOLDER), std::env::var(NOW)) else {
        return;
    };
    let workspace = workspace_in(Path::new(&folder));
    let store = BankStore::open_existing(workspace.store()).unwrap();
    let now = now.parse().unwrap();
    fetch_at(
        &workspace,
        &store,
        now,
        FetchOptions::default(),
        &Watch::default(),
    )
    .unwrap();
}

fn begin(folder: &Path, now: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["fetcher", "--exact", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(NOW, now.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

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
            for _ in 0..1 + random.below(4) {
                now += 600;
                side.asked_until(now - 5);
                let mut child = begin(folder.path(), now);
                std::thread::sleep(Duration::from_millis(random.below(400) as u64));
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
                let count = random.below(3);
                side.steps(&mut random, count);
            }
            now += 600;
            side.asked_until(now - 5);
            assert!(begin(folder.path(), now).wait().unwrap().success());
            let workspace = workspace_in(folder.path());
            let store = BankStore::open_read_only(workspace.store()).unwrap();
            check(&store, side, killed as u64);
        }
        eprintln!("{}: {killed} killed, {ended} ended before", side.api());
    }
}
