//! A node that keeps banks fetches from the exchanges that were named on its machine.

#![cfg(all(feature = "exchange", feature = "service"))]

mod common;
mod curator_support;
mod exchange_home;
mod exchange_support;
mod service_support;

use common::wait_until;
use curator_support::{command, raw};
use exchange_home::{Home, Side, name, sides};
use exchange_support::{Fault, Plan, Random};
use serde_json::Value;
use service_support::Node;
use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970").as_secs()
}

/// A node whose home has the exchange of a source.
fn node(side: &dyn Side) -> Node {
    let Home { folder, store, .. } = Home::of(side);
    drop(store);
    let command = command(folder.path(), &[]);
    Node::run(folder, command)
}

fn status(node: &Node) -> Value {
    node.get(&format!("/c/exchange/{}/status", name())).json()
}

fn metric(node: &Node, part: &str) -> Option<u64> {
    let text = node.get("/metrics").text();
    let line = text.lines().find(|line| line.contains(part));
    let value = line.and_then(|line| line.rsplit_once(' '));
    value.and_then(|(_, value)| value.parse::<f64>().ok().map(|value| value as u64))
}

#[test]
fn what_a_source_has_matches_soon_after_the_node_starts() {
    for side in sides(7) {
        let side = &*side;
        side.steps(&mut Random::new(3), 40);
        side.asked_until(now() - 5);
        let node = node(side);
        wait_until(
            || status(&node)["up_to_date"] == true,
            "the source is fetched",
        );
        let live = side.live();
        let pdq: Vec<_> = live.iter().filter(|(kind, _)| kind == "pdq").collect();
        assert!(pdq.len() > 3, "{}: {live:?}", side.api());
        let matches = |hash: &str| {
            let found = raw(&node, hash);
            found["matches"]
                .as_array()
                .is_some_and(|found| !found.is_empty())
        };
        // What others say is none of it is kept, and does not match.
        let matching = || pdq.iter().filter(|(_, hash)| matches(hash)).count();
        wait_until(|| 2 * matching() > pdq.len(), "it matches");
        let exchange = format!("exchange=\"{}\"", name());
        let text = node.get("/metrics").text();
        let of_it: Vec<_> = text
            .lines()
            .filter(|line| line.contains(&exchange))
            .collect();
        assert!(of_it.len() >= 4, "{of_it:?}");
        assert_eq!(metric(&node, "outcome=\"well\""), Some(1), "{of_it:?}");
        assert!(metric(&node, "what=\"added\"") > Some(3), "{of_it:?}");
        assert_eq!(node.stop(), 0);
    }
}

#[test]
fn a_source_that_refuses_is_told_and_hinders_nobody() {
    for side in sides(7) {
        let side = &*side;
        side.steps(&mut Random::new(3), 20);
        side.server()
            .plan(Plan::once(Fault::Status(401, None)).forever());
        let node = node(side);
        wait_until(
            || metric(&node, "outcome=\"failed\"") == Some(1),
            "the failure is counted",
        );
        let told = status(&node);
        assert_eq!(told["last_fetch_succeeded"], false, "{told}");
        assert_eq!(told["up_to_date"], false, "{told}");
        let open = [told.to_string(), node.get("/metrics").text()];
        assert!(!open.iter().any(|text| text.contains(side.secret())));
        assert_eq!(node.get("/v1/ready").status, 200, "{}", side.api());
        assert_eq!(node.stop(), 0);
    }
}
