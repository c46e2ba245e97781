//! Opinions whose sender is killed, before, while and after each is sent: nothing that was queued is lost, what may not be
//! repeated arrives at most once, and what is uncertain is told afterwards.
//!
//! `HASHGATE_KILLS` says how many kills there are for each source; 10 where it says nothing.
#![cfg(all(feature = "full", unix))]

mod exchange_home;
mod exchange_support;

use exchange_home::ear::{Fake, Fetched, at, send};
use exchange_home::name;
use exchange_support::{Fault, Plan, Random};
use hashgate::curation::exchange::{Exchanges, Feedback, FeedbackState, NewFeedback, about};
use hashgate::exchange::Opinion;
use hashgate::store::BankStore;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Tells a copy of this test program whose opinions to send.
const FOLDER: &str = "HASHGATE_TEST_TELL_OF";
/// And from which entry on it says something of them.
const FROM: &str = "HASHGATE_TEST_TELL_FROM";
/// How many one process says something of, unless it is killed before.
const EACH: usize = 12;

/// Says something about an entry and sends it, about the next one and sends it, as a process of its own: the other test
/// starts this one alone. What is queued is on disk when it is printed.
#[test]
fn teller() {
    let (Ok(folder), Ok(from)) = (std::env::var(FOLDER), std::env::var(FROM)) else {
        return;
    };
    let workspace = at(Path::new(&folder));
    let store = BankStore::open_existing(workspace.store()).unwrap();
    let bank = store.bank(&name()).unwrap().id;
    let known = Exchanges::of(&workspace).unwrap();
    let exchange = known.get(&name()).unwrap();
    let mut items: Vec<_> = store.items(bank).map(Result::unwrap).collect();
    items.retain(|item| item.state != hashgate::bank::ContentState::Withdrawn);
    let from: usize = from.parse().unwrap();
    println!("\nready");
    for turn in from..from + EACH {
        let mut new = NewFeedback::new(Opinion::True, format!("desk-{turn}"));
        if exchange.api == "stop_ncii" {
            // By it each is known when it arrives.
            new.reasons.push(format!("turn-{turn}"));
        }
        let item = &items[turn % items.len()];
        let said = about(exchange, item, &new).unwrap();
        let said = said.into_iter().map(|said| (item.id, said)).collect();
        for one in Feedback::queue(&store, bank, said, &new.by).unwrap() {
            println!("queued {} {}", one.number, one.by);
        }
        std::io::stdout().flush().unwrap();
        // A few wait together now and then.
        if turn % 3 > 0 {
            send(&workspace, &store, false).unwrap();
        }
    }
    send(&workspace, &store, false).unwrap();
}

fn begin(folder: &Path, from: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["teller", "--exact", "--test-threads=1", "--nocapture"])
        .env(FOLDER, folder)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_is_lost_and_what_must_not_be_is_not_sent_twice() {
    let kills = std::env::var("HASHGATE_KILLS").ok();
    let kills: usize = kills.map_or(10, |kills| kills.parse().unwrap());
    for fake in Fake::all() {
        let there = Fetched::from(fake, 12);
        there.lets_feedback();
        let (fake, server) = (&there.fake, there.fake.server());
        let mut random = Random::new(29);
        // An answer is a while on its way, and some are lost.
        let slow = Fault::Slow(Duration::from_millis(8));
        server
            .faults()
            .at_random(31, 400, &[slow.clone(), slow, Fault::Close, Fault::Cut]);
        let mut queued: BTreeMap<u64, String> = BTreeMap::new();
        let (mut killed, mut ended, mut turn) = (0, 0, 0);
        while killed < kills {
            let mut child = begin(there.folder.path(), turn);
            turn += EACH;
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let is_ready =
                |line: &std::io::Result<String>| line.as_ref().is_ok_and(|line| line == "ready");
            assert!(lines.any(|line| is_ready(&line)));
            if killed % 2 == 0 {
                // In the middle of one: it has arrived, and its answer is not there yet.
                server.plan(Plan::once(Fault::Slow(Duration::from_millis(100))));
                let until = server.count() + 1 + random.below(8);
                while server.count() < until && child.try_wait().unwrap().is_none() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            } else {
                std::thread::sleep(Duration::from_millis(random.below(400) as u64));
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
            for line in lines.map_while(Result::ok) {
                let mut words = line.split(' ');
                if words.next() == Some("queued") {
                    let number = words.next().unwrap().parse().unwrap();
                    queued.insert(number, words.next().unwrap_or_default().to_owned());
                }
            }
        }
        server.faults().clear();
        let store = there.store();
        // Three that fail in a row end a turn; here none fails any more.
        for _ in 0..3 {
            there.send(&store, false).unwrap();
        }
        let all = there.opinions(&store);
        let taken = fake.taken();
        for (number, by) in &queued {
            let one = all.iter().find(|one| one.number == *number);
            assert_eq!(
                one.map(|one| &one.by),
                Some(by),
                "{number} was queued, and is lost"
            );
        }
        let mut uncertain = 0;
        for one in &all {
            let wants = match fake {
                Fake::Ncmec(_) => vec![format!("{} ", one.said.record)],
                Fake::StopNcii(_) => vec![format!(" {}", one.said.reasons[0])],
                Fake::ThreatExchange(_) => one.said.descriptors.clone(),
            };
            let count = |want: &String| match fake {
                Fake::StopNcii(_) => taken.iter().filter(|line| line.ends_with(&**want)).count(),
                _ => taken
                    .iter()
                    .filter(|line| line.starts_with(&**want))
                    .count(),
            };
            let least = wants.iter().map(count).min().unwrap();
            match one.state {
                FeedbackState::Sent if fake.may_repeat() => assert!(least > 0, "{one:?}"),
                FeedbackState::Sent => assert_eq!(least, 1, "{one:?}"),
                FeedbackState::Uncertain if !fake.may_repeat() => {
                    assert!(least < 2, "{one:?}");
                    let why = one.problem.as_deref().unwrap_or_default();
                    uncertain += usize::from(why.contains("the program ended"));
                }
                other => panic!("{other}: {one:?}"),
            }
        }
        // Every second kill was in the middle of one.
        assert_eq!(uncertain > 0, !fake.may_repeat());
        assert!(all.len() > kills, "{}", all.len());
        let api = fake.side().api();
        eprintln!(
            "{api}: {killed} killed, {ended} ended before, {} said, {uncertain} cut off",
            all.len()
        );
    }
}
