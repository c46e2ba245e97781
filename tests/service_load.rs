//! A node under load: senders that stall keep nobody from an answer.

#![cfg(feature = "service")]

mod common;
mod service_support;

use common::wait_until;
use service_support::{Client, Node, png, publish_known};

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
            "POST /v1/check HTTP/1.1\r\nHost: node\r\nContent-Type: {kind}\r\nContent-Length: 90000\r\n\r\n--edge\r\n"
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
