//! What stands in `deploy/`: its settings are taken, its unit is one, and it asks for no metric that a node does not have.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
mod service_support;

use service_support::{Node, blank, png, publish_known};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy().join(name)).expect("it is there")
}

/// The names of this program's metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_of_name(c));
    let ours = words.filter(|word| word.starts_with("hashgate_"));
    ours.map(str::to_owned).collect()
}

/// The names of the samples that a node shows, after each way in which it counts.
fn shown() -> BTreeSet<String> {
    let node = Node::start(
        |folder| _ = publish_known(&folder.join("index"), 1),
        &["--decisions=log"],
    );
    for bytes in [png(1), png(2), blank()] {
        node.post("/v1/check", &bytes);
    }
    assert_eq!(node.get("/nothing").status, 404);
    let text = node.get("/metrics").text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names = samples.filter_map(|line| line.split(['{', ' ']).next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_ask_only_for_metrics_that_there_are() {
    let shown = shown();
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("grafana/hashgate.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut asked = BTreeSet::new();
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let of_query = metrics(target["expr"].as_str().expect("a query"));
            assert!(!of_query.is_empty(), "{target}");
            asked.extend(of_query);
        }
    }
    let alerts = read("alerts.yml");
    let of_alerts: Vec<_> = (alerts.lines())
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .collect();
    assert_eq!(of_alerts.len(), alerts.matches("- alert: ").count());
    asked.extend(of_alerts.into_iter().flat_map(metrics));
    let missing: Vec<_> = asked.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?} of {shown:?}");
    // Each gauge and counter is on the dashboard or wakes somebody.
    let unasked: Vec<_> = (shown.difference(&asked))
        .filter(|name| {
            !["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .collect();
    assert!(unasked.is_empty(), "{unasked:?}");
}

#[test]
fn the_settings_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    let output = Node::command(folder.path())
        .arg("--config")
        .arg(deploy().join("gate.toml"))
        .args(["--decisions=decisions", "--check"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("hashgate.service");
    let program = env!("CARGO_BIN_EXE_hashgate");
    let text = read("hashgate.service");
    assert!(text.contains("ExecStart=/usr/bin/hashgate "));
    std::fs::write(&unit, text.replace("/usr/bin/hashgate", program)).expect("it is written");
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output();
    let Ok(verified) = verified else {
        println!("skipped: there is no systemd-analyze; Debian's package systemd brings it");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // Other units of this machine may be complained of.
    let ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("hashgate"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
}
