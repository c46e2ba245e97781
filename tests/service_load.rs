//! A node under load: senders that stall keep nobody from an answer.

#![cfg(feature = "service")]

mod common;
mod service_support;

use common::wait_until;
use hashgate::bank::Action;
use hashgate::hash::SignalType;
use service_support::{Client, Entries, Node, png, publish_known, publish_to, signal};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn a_sender_that_stalls_is_told_and_others_are_served() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            let said = "[service]\nbody_timeout = 300\n";
            std::fs::write(folder.join("service.toml"), said).expect("a file");
        },
        &["--config", "service.toml"],
    );
    let mut stalled: Vec<Client> = (0..20).map(|_| node.connect()).collect();
    for (number, client) in stalled.iter_mut().enumerate() {
        let kind = match number % 2 {
            0 => "image/png",
            _ => "multipart/form-data; boundary=edge",
        };
        let head = format!(
            "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 90000\r\n\r\n--edge\r\n"
        );
        client.write(head.as_bytes()).expect("sent");
    }
    // Small enough to arrive in time on any machine; the stalled ones take no thread.
    wait_until(
        || node.post("/v1/check", &png(1)).action() == Some("block"),
        "others are served",
    );
    for client in &mut stalled {
        let answer = client.read("POST").expect("an answer");
        assert_eq!((answer.status, answer.action()), (408, Some("unjudged")));
    }
    wait_until(
        || {
            node.get("/metrics")
                .text()
                .contains("hashgate_body_memory_bytes 0.0\n")
        },
        "their memory is free",
    );
}

/// Sets a flag when it goes, for whatever reason.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn publishes_in_the_middle_change_no_other_answer() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &["--workers", "2", "--variants", "none"],
    );
    node.wait_ready();
    let (known, unknown) = (png(1), png(2));
    let entry = |seed: u32| {
        let signals = vec![signal(&png(seed), SignalType::Pdq)];
        (u64::from(seed), signals)
    };
    let over = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let at = node.at;
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let mut client = Client::new(at);
                while !over.load(Ordering::Relaxed) {
                    let blocked = client.send("POST", "/v1/check", &[], &known);
                    assert_eq!((blocked.status, blocked.action()), (200, Some("block")));
                    let passed = client.send("POST", "/v1/check", &[], &unknown);
                    assert_eq!((passed.status, passed.action()), (200, Some("none")));
                    asked.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        // The others end too where this thread fails.
        let ends = Ends(&over);
        let mut generation = 1;
        // 7 is too plain to be judged.
        for turn in [3, 4, 5, 6, 8, 9, 10, 11, 12, 13] {
            let bank = Entries::new("KNOWN", Action::Block, vec![entry(1), entry(turn)]);
            generation = publish_to(&node.index(), &[bank]);
            wait_until(
                || node.get("/v1/ready").json()["generation"] == generation,
                "the new generation",
            );
            let newest = node.post("/v1/check", &png(turn));
            let said = String::from_utf8_lossy(&newest.body);
            assert_eq!(newest.action(), Some("block"), "turn {turn}: {said}");
        }
        drop(ends);
        assert_eq!(generation, 11);
    });
    assert!(asked.load(Ordering::Relaxed) > 0);
    assert_eq!(node.stop(), 0);
}
