//! A node's memory does not grow with what it has answered, nor with the publishes that it has followed.
//!
//! `HASHGATE_SOAK=10` makes all of it ten times as long: 200,000 requests, 1,000 publishes.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
mod service_support;

use common::wait_until;
use hashgate::bank::Action;
use hashgate::hash::SignalType;
use service_support::{Entries, Node, form, png, publish_known, publish_to, signal};

/// Requests of a round; each hundredth is an upload that is judged.
const REQUESTS: usize = 2_000;
/// Publishes of a round.
const PUBLISHES: u64 = 10;
/// Rounds that fill caches and the allocator's pools, before memory is looked at.
const WARM: u64 = 3;
/// What may be more at the end: less than 100 bytes a request of the long run.
const MOST_MORE: u64 = 16 << 20;

/// Memory that is the process's own, in bytes: files that are mapped are not.
fn own_memory(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: u64 = line
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .expect("a line in KiB");
    1024 * kib
}

#[test]
fn memory_stays_as_it_is_over_many_requests_and_publishes() {
    let rounds: u64 =
        std::env::var("HASHGATE_SOAK").map_or(1, |times| times.parse().expect("a number"));
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &[],
    );
    node.wait_ready();
    let known = png(1);
    let pdq = signal(&known, SignalType::Pdq);
    let (lookup, asked) = (
        format!("/m/lookup?signal_type=pdq&signal={}", pdq.hex()),
        format!("/v1/match?signal={pdq}"),
    );
    let (kind, body) = form(&[("photo", Some("x"), &known)]);
    let round = |number: u64| {
        let mut client = node.connect();
        for request in 0..REQUESTS {
            let answer = match request % 100 {
                0 => client.send("POST", "/v1/check", &[], &known),
                1 => client.send("POST", "/h/hash", &[("Content-Type", &kind)], &body),
                2 => client.send("GET", "/metrics", &[], b""),
                3 => client.send("GET", "/no/such/path", &[], b""),
                odd if odd % 2 == 1 => client.send("GET", &asked, &[], b""),
                _ => client.send("GET", &lookup, &[], b""),
            };
            assert!(matches!(answer.status, 200 | 404), "{answer:?}");
        }
        for publish in 0..PUBLISHES {
            // Another entry each time, and the one that is asked about.
            let other = signal(
                &png((2 + number * PUBLISHES + publish) as u32),
                SignalType::Md5,
            );
            let entries = vec![(16, vec![pdq]), (17, vec![other])];
            let generation = publish_to(
                &node.index(),
                &[Entries::new("KNOWN", Action::Block, entries)],
            );
            wait_until(
                || node.get("/v1/status").json()["generation"].as_u64() >= Some(generation),
                "it follows",
            );
        }
        own_memory(&node)
    };
    let warm = (0..WARM).map(&round).max().expect("some rounds");
    let every: Vec<u64> = (WARM..WARM + 10 * rounds).map(&round).collect();
    let last = every.last().copied().expect("some rounds");
    assert!(
        last < warm + MOST_MORE,
        "{warm} bytes when warm, then {every:?}"
    );
    println!(
        "{} MiB when warm, {} MiB after {} rounds",
        warm >> 20,
        last >> 20,
        every.len()
    );
}
