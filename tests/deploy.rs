//! What stands in `deploy/`: its settings are taken, its unit is one, and it asks for no metric that a node does not have.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
#[cfg(feature = "curation")]
mod curator_support;
mod service_support;

#[cfg(feature = "curation")]
use service_support::form;
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
    let shown = names(&node);
    #[cfg(feature = "curation")]
    let shown = shown.into_iter().chain(shown_by_curator()).collect();
    shown
}

/// The names of the samples that a node shows now.
fn names(node: &Node) -> BTreeSet<String> {
    let text = node.get("/metrics").text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names = samples.filter_map(|line| line.split(['{', ' ']).next());
    names.map(str::to_owned).collect()
}

/// The same of a node that keeps banks and has fetched from an exchange.
#[cfg(feature = "curation")]
fn shown_by_curator() -> BTreeSet<String> {
    let node = curator_support::curator(&[]);
    let sample = serde_json::json!({ "bank": "SAMPLE", "api": "sample", "api_json": {} });
    assert_eq!(node.post_json("/c/exchanges", &sample).status, 201);
    let fetched = "hashgate_exchange_fetches_total";
    common::wait_until(|| names(&node).contains(fetched), "it is fetched");
    names(&node)
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
    // Only a node that keeps banks fetches.
    #[cfg(not(feature = "curation"))]
    asked.retain(|name| !name.starts_with("hashgate_exchange_"));
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

/// The words of a service's `command: […]` in the compose file.
#[cfg(feature = "curation")]
fn command_of(service: &str) -> Vec<String> {
    let text = read("compose.yaml");
    let (_, rest) = text
        .split_once(&format!("\n{service}:"))
        .expect("it is there");
    let line = rest
        .lines()
        .find_map(|line| line.trim().strip_prefix("command: ["));
    let line = line
        .and_then(|line| line.strip_suffix(']'))
        .expect("a list");
    // A quoted word may have commas.
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => words.push(std::mem::take(&mut word)),
            ' ' if word.is_empty() => {}
            c => word.push(c),
        }
    }
    words.push(word);
    words
}

/// The commands for keys in the compose file's head.
#[cfg(feature = "curation")]
fn keys_of_head() -> Vec<Vec<String>> {
    let text = read("compose.yaml");
    let lines = text
        .lines()
        .filter_map(|line| line.split_once("-T curator "));
    let words = lines.map(|(_, said)| said.split(" > ").next().unwrap_or_default());
    words
        .map(|said| said.split(' ').map(str::to_owned).collect())
        .collect()
}

/// Runs a service of the compose file, with folders of this machine in the places of its volumes.
#[cfg(feature = "curation")]
fn run(command: &[String], volumes: &[(&str, &Path)]) -> Node {
    let own = tempfile::tempdir().expect("a folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_hashgate"));
    program
        .current_dir(own.path())
        .stdout(std::process::Stdio::piped());
    let mapped = |text: &str| {
        let mut text = text.replace("0.0.0.0:8710", "127.0.0.1:0");
        for (inside, outside) in volumes {
            text = text.replace(inside, &outside.display().to_string());
        }
        text
    };
    program.args(command.iter().map(|word| mapped(word)));
    // As the image says.
    program.env("HASHGATE_HOME", mapped("/var/lib/hashgate"));
    Node::run(own, program)
}

/// The curator and the two gate nodes, by the words of the compose file: what is added at the one is known at the others,
/// each key opens what it is for, and Prometheus reads them all.
#[cfg(feature = "curation")]
#[test]
fn a_picture_added_at_the_curator_of_the_compose_file_is_held_back_at_its_gates() {
    let curated = tempfile::tempdir().expect("a folder");
    let mut keys = Vec::new();
    for words in keys_of_head() {
        let made = Command::new(env!("CARGO_BIN_EXE_hashgate"))
            .args(&words)
            .env("HASHGATE_HOME", curated.path())
            .output()
            .expect("it runs");
        assert!(made.status.success(), "{words:?}: {made:?}");
        keys.push(format!(
            "Bearer {}",
            String::from_utf8_lossy(&made.stdout).trim()
        ));
    }
    let [uploads, curation, prometheus] = keys.try_into().expect("three keys");
    let curator = run(
        &command_of("  curator"),
        &[("/var/lib/hashgate", curated.path())],
    );
    let decided = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let settings = deploy().join("gate.toml");
    let gates = decided.each_ref().map(|decided| {
        let volumes = [
            ("/etc/hashgate.toml", settings.as_path()),
            ("/curated", curated.path()),
            ("/var/lib/hashgate", decided.path()),
        ];
        run(&command_of("x-gate"), &volumes)
    });
    let as_key = |node: &Node, key: &str, method: &str, path: &str, body: &[u8]| {
        let kind = match path.contains("content") {
            true => form(&[("photo", Some("a.png"), body)]),
            false => ("application/json".to_owned(), body.to_vec()),
        };
        let headers = [("Authorization", key), ("Content-Type", &*kind.0)];
        node.connect().send(method, path, &headers, &kind.1)
    };
    let bank = as_key(
        &curator,
        &curation,
        "POST",
        "/c/banks",
        br#"{"name": "KNOWN"}"#,
    );
    assert_eq!(bank.status, 201, "{bank:?}");
    let path = "/c/bank/KNOWN/content";
    assert_eq!(
        as_key(&curator, &uploads, "POST", path, &png(1)).status,
        403
    );
    let added = as_key(&curator, &curation, "POST", path, &png(1));
    assert_eq!(added.status, 200, "{added:?}");
    for gate in &gates {
        let check = |bytes: &[u8]| {
            let headers = [("Authorization", &*uploads)];
            gate.connect().send("POST", "/v1/check", &headers, bytes)
        };
        // A bank that is made over HTTP asks for people.
        common::wait_until(
            || check(&png(1)).action() == Some("review"),
            "the gate knows it",
        );
        assert_eq!(check(&png(2)).action(), Some("none"));
        assert_eq!(gate.post("/v1/check", &png(2)).status, 401);
        assert_eq!(
            as_key(gate, &curation, "POST", "/c/banks", b"{}").status,
            403
        );
    }
    let watched = read("prometheus.yml");
    for (node, name) in [
        (&curator, "curator"),
        (&gates[0], "gate-1"),
        (&gates[1], "gate-2"),
    ] {
        assert!(watched.contains(&format!("\"{name}:8710\"")), "{watched}");
        let shown = as_key(node, &prometheus, "GET", "/metrics", b"");
        assert!(shown.text().contains("\nhashgate_ready 1.0\n"), "{name}");
        assert_eq!(
            as_key(node, &prometheus, "GET", "/m/index/status", b"").status,
            403
        );
    }
    for node in gates.into_iter().chain([curator]) {
        assert_eq!(node.stop(), 0);
    }
}
