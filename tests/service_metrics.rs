//! What a node is seen by from outside: its metrics, and the document of its paths.

#![cfg(feature = "service")]

mod common;
mod service_support;

use hashgate::hash::SignalType;
use service_support::{Node, blank, png, publish_known, signal};
use std::collections::BTreeMap;

/// The values of all lines by what stands before them.
fn values(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            (
                name.to_owned(),
                value.parse().unwrap_or_else(|e| panic!("{e}: {line:?}")),
            )
        })
        .collect()
}

#[test]
fn what_was_answered_is_counted_and_no_hash_is_told() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &[],
    );
    node.wait_ready();
    let hash = signal(&png(1), SignalType::Pdq).hex();
    for (bytes, times) in [(png(1), 3), (png(2), 2), (blank(), 1)] {
        for _ in 0..times {
            node.post("/v1/check", &bytes);
        }
    }
    node.post("/v1/check", b"");
    node.get(&format!("/v1/match?signal={hash}"));
    node.get(&format!("/m/lookup?signal_type=pdq&signal={hash}"));
    node.get("/c/bank/KNOWN");
    node.get("/made-up-by-a-caller");
    let answer = node.get("/metrics");
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"));
    let values = values(&text);
    let check = |outcome: &str, action: &str| {
        let name = format!("hashgate_checks_total{{outcome=\"{outcome}\",action=\"{action}\"}}");
        values.get(&name).copied()
    };
    assert_eq!(check("match", "block"), Some(3.0), "{text}");
    assert_eq!(check("no_match", "none"), Some(2.0));
    assert_eq!(check("low_quality", "unjudged"), Some(1.0));
    let answered = |path: &str, status: u16, refused: &str| {
        let name = format!(
            "hashgate_requests_total{{path=\"{path}\",status=\"{status}\",refused=\"{refused}\"}}"
        );
        values.get(&name).copied()
    };
    assert_eq!(answered("/v1/check", 200, ""), Some(5.0));
    assert_eq!(answered("/v1/check", 422, ""), Some(1.0));
    assert_eq!(answered("/v1/check", 400, "bad-request"), Some(1.0));
    assert_eq!(answered("/c/bank/{bank_name}", 200, ""), Some(1.0));
    assert_eq!(answered("other", 404, "no-such-path"), Some(1.0));
    for stage in ["body", "queue", "work"] {
        let name =
            format!("hashgate_check_stage_seconds_count{{stage=\"{stage}\",outcome=\"match\"}}");
        assert_eq!(values.get(&name), Some(&3.0), "{name}");
    }
    for (name, value) in [
        ("hashgate_ready", 1.0),
        ("hashgate_index_generation", 1.0),
        ("hashgate_queue_waiting", 0.0),
        ("hashgate_body_memory_bytes", 0.0),
    ] {
        assert_eq!(values.get(name), Some(&value), "{name}");
    }
    assert!(
        values
            .get("hashgate_index_age_seconds")
            .is_some_and(|age| *age >= 0.0)
    );
    for hidden in [&*hash, "KNOWN", "made-up"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[test]
fn without_an_index_the_metrics_say_so() {
    let node = Node::start(|_| (), &["--roles", "metrics"]);
    let values = values(&node.get("/metrics").text());
    assert_eq!(values.get("hashgate_ready"), Some(&0.0));
    assert_eq!(values.get("hashgate_index_generation"), Some(&0.0));
    assert_eq!(values.get("hashgate_index_age_seconds"), Some(&-1.0));
    assert_eq!(node.post("/v1/check", &png(1)).status, 404);
}

#[test]
fn the_document_names_the_paths_that_are_served() {
    let node = Node::start(|_| (), &[]);
    let document = node.get("/v1/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths");
    let mut served = Vec::new();
    for (path, ways) in paths {
        for way in ways.as_object().expect("ways").keys() {
            let answer = node.connect().send(&way.to_uppercase(), path, &[], b"");
            assert!(
                ![404, 405].contains(&answer.status),
                "{way} {path}: {answer:?}"
            );
            served.push(format!("{way} {path}"));
        }
    }
    served.sort();
    assert_eq!(
        served,
        [
            "get /metrics",
            "get /v1/live",
            "get /v1/match",
            "get /v1/openapi.json",
            "get /v1/ready",
            "get /v1/status",
            "post /v1/authz/{rest}",
            "post /v1/check",
            "post /v1/hash",
            "post /v1/match",
        ]
    );
    let check = &document["paths"]["/v1/check"]["post"];
    for status in ["200", "413", "422", "503"] {
        assert!(check["responses"][status].is_object(), "{status}: {check}");
    }
    let names: Vec<_> = check["parameters"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(names, ["wait", "enforce", "all_queries", "batch", "accel"]);
    // What the document says of a problem is what a problem says.
    let described = &document["components"]["schemas"]["Problem"]["properties"];
    let problem = node.get("/nothing").json();
    let keys = |value: &serde_json::Value| {
        let object = value.as_object().expect("an object");
        object
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(keys(described), keys(&problem));
}
