//! Commands that go through the node which keeps the banks: `--server`, its key, and what is said where one is needed.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use common::wait_until;
use curator_support::{command, curator, program};
use service_support::{Node, png};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a command did: its exit code, and what it said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

fn run(command: &mut Command) -> Said {
    command
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
        .into()
}

/// A command of somebody who has no banks of their own.
fn asking(folder: &Path, server: &str) -> Command {
    let mut command = program(folder);
    command
        .env("HASHGATE_HOME", folder.join("none"))
        .env("HASHGATE_SERVER", server)
        .env_remove("HASHGATE_KEY");
    command
}

#[track_caller]
fn good(node: &Node, arguments: &[&str]) -> String {
    let folder = node.folder.path();
    let mut command = asking(folder, &format!("http://{}", node.at));
    let said = run(command.args(arguments));
    assert_eq!(
        (said.code, said.err.as_str()),
        (Some(0), ""),
        "{arguments:?}: {}",
        said.out
    );
    assert!(!folder.join("none").exists(), "nothing is made here");
    said.out
}

#[track_caller]
fn bad(node: &Node, arguments: &[&str]) -> String {
    let mut command = asking(node.folder.path(), &format!("http://{}", node.at));
    let said = run(command.args(arguments));
    assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.out);
    said.err
}

#[test]
fn banks_are_made_shown_changed_and_deleted_through_a_node() {
    let node = curator(&[]);
    assert!(good(&node, &["bank", "list"]).contains("no banks yet"));
    let made = good(
        &node,
        &[
            "bank",
            "create",
            "known",
            "--action",
            "block",
            "--threshold",
            "20",
        ],
    );
    assert!(
        made.starts_with("created bank known: block within 20 bits of PDQ"),
        "{made}"
    );
    assert!(good(&node, &["bank", "list"]).contains("known"));
    let lines = good(&node, &["bank", "list", "--format", "jsonl"]);
    let bank: serde_json::Value = serde_json::from_str(&lines).expect("a line");
    assert_eq!(bank["threshold"], 20);
    let set = good(
        &node,
        &[
            "bank",
            "set",
            "known",
            "--share",
            "50",
            "--quarantine",
            "100/3600",
        ],
    );
    assert!(
        set.contains("for 50 % of the uploads") && set.contains("quarantined"),
        "{set}"
    );
    assert!(
        !set.contains("publish"),
        "a node publishes by itself: {set}"
    );
    let twice = bad(&node, &["bank", "create", "known"]);
    assert!(
        twice.contains("refused (409): there is a bank known already"),
        "{twice}"
    );
    assert!(bad(&node, &["bank", "set", "other", "--threshold", "3"]).contains("no bank other"));
    assert!(
        good(&node, &["bank", "delete", "known"]).contains("deleted bank known with 0 entries")
    );
}

#[test]
fn pictures_are_hashed_here_and_what_they_become_is_as_on_the_node() {
    let node = curator(&[]);
    let folder = node.folder.path();
    let pictures = folder.join("pictures");
    std::fs::create_dir(&pictures).expect("a folder");
    for seed in 1..4 {
        std::fs::write(pictures.join(format!("{seed}.png")), png(seed)).expect("a picture");
    }
    std::fs::write(pictures.join("4.png"), "no picture").expect("a file");
    good(&node, &["bank", "create", "known", "--action", "block"]);
    let mut command = asking(folder, &format!("http://{}", node.at));
    let said = run(command.args(["bank", "add", "known", "pictures", "--label", "a"]));
    assert_eq!(said.code, Some(2), "a file was no picture: {}", said.err);
    assert!(
        said.out
            .contains("bank known: 3 added, 0 updated, 0 already there, 1 rejected"),
        "{}",
        said.out
    );
    std::fs::remove_file(pictures.join("4.png")).expect("it is there");
    let again = good(&node, &["bank", "add", "known", "pictures", "--label", "a"]);
    assert!(
        again.contains("0 added, 0 updated, 3 already there"),
        "{again}"
    );
    assert!(!again.contains("until you publish"), "{again}");
    wait_until(
        || node.post("/v1/check", &png(2)).action() == Some("block"),
        "it is in force",
    );

    // The same pictures added here are the same entries, but for what their sources are called.
    let own = |arguments: &[&str]| {
        run(program(folder)
            .env("HASHGATE_HOME", folder.join("own"))
            .args(arguments))
    };
    assert_eq!(
        own(&["bank", "create", "known", "--action", "block"]).code,
        Some(0)
    );
    assert_eq!(
        own(&["bank", "add", "known", "pictures", "--label", "a"]).code,
        Some(0)
    );
    let show = ["bank", "show", "known", "--format", "jsonl"];
    let entries = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().skip(1);
        lines
            .map(|line| {
                let mut entry: serde_json::Value = serde_json::from_str(line).expect("a line");
                entry["provenance"]["record"].take();
                entry["provenance"]["added_at"].take();
                entry["changed"].take();
                entry
            })
            .collect()
    };
    let there = entries(&good(&node, &show));
    assert_eq!(there.len(), 3);
    assert_eq!(there, entries(&own(&show).out));
    let text = good(&node, &["bank", "show", "known"]);
    assert!(
        text.contains("#1 from pictures/1.png")
            && text.contains("  pdq:")
            && text.contains("labels: a"),
        "{text}"
    );
}

#[test]
fn entries_are_withdrawn_audited_and_brought_back_through_a_node() {
    let node = curator(&[]);
    let folder = node.folder.path();
    std::fs::write(folder.join("1.png"), png(1)).expect("a picture");
    good(&node, &["bank", "create", "known", "--action", "block"]);
    good(&node, &["bank", "add", "known", "1.png"]);
    wait_until(
        || node.post("/v1/check", &png(1)).action() == Some("block"),
        "it is in force",
    );
    let gone = good(&node, &["bank", "withdraw", "known", "1"]);
    assert_eq!(gone, "#1: withdrawn by hand, withdrawn\n");
    assert_eq!(
        node.post("/v1/check", &png(1)).action(),
        Some("none"),
        "it is in force when it is said"
    );
    let known = good(&node, &["audit", "1"]);
    assert!(
        known.contains("#1 in bank known: withdrawn by hand") && known.contains("in force since"),
        "{known}"
    );
    assert!(bad(&node, &["audit", "9"]).contains("there is no entry 9"));
    assert!(
        good(&node, &["bank", "reinstate", "known", "1"])
            .contains("no longer withdrawn by hand, active")
    );
    let paused = good(
        &node,
        &["bank", "withdraw", "known", "1", "--until", "2090-01-01"],
    );
    assert!(
        paused.contains("matches nothing until 2090-01-01"),
        "{paused}"
    );
    assert!(bad(&node, &["bank", "withdraw", "known", "1", "9"]).contains("nothing is changed"));
    assert!(bad(&node, &["bank", "delete", "known"]).contains("say --with-entries"));
    assert!(good(&node, &["bank", "delete", "known", "--with-entries"]).contains("with 1 entries"));
}

#[test]
fn lists_are_imported_and_published_through_a_node() {
    let node = curator(&[]);
    let folder = node.folder.path();
    good(&node, &["bank", "create", "known", "--action", "block"]);
    let csv = |numbers: std::ops::Range<u32>| {
        let rows = numbers.map(|number| format!("{number},{number:032x}\n"));
        format!("id,md5\n{}", rows.collect::<String>())
    };
    std::fs::write(folder.join("list.csv"), csv(0..100)).expect("a list");
    let of_partner = [
        "import",
        "--bank",
        "known",
        "--format",
        "csv",
        "--source",
        "partner",
        "--complete",
    ];
    let import = |more: &[&str]| -> Vec<String> {
        of_partner
            .iter()
            .chain(more)
            .map(|&text| text.to_owned())
            .collect()
    };
    let arguments = |more: &[&str]| import(more);
    let run_good = |more: &[&str]| {
        let all = arguments(more);
        good(&node, &all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let looked = run_good(&["--dry-run", "list.csv"]);
    assert!(
        looked.contains("nothing is changed, but would be: list.csv")
            && looked.contains("100 added"),
        "{looked}"
    );
    let done = run_good(&["list.csv"]);
    assert!(
        done.starts_with("list.csv: read as csv: 100 md5; 100 added"),
        "{done}"
    );
    assert!(!done.contains("until you publish"), "{done}");
    std::fs::write(folder.join("half.csv"), csv(0..50)).expect("a list");
    let all = arguments(&["half.csv"]);
    let refused = bad(&node, &all.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        refused.contains("50 of the 100 entries of the bank would no longer match"),
        "{refused}"
    );
    let mut command = asking(folder, &format!("http://{}", node.at));
    let looked = run(command.args(arguments(&["--dry-run", "half.csv"])));
    assert!(
        looked
            .err
            .contains("it would be refused: nothing is changed"),
        "{}",
        looked.err
    );
    assert!(run_good(&["--accept-shrink", "half.csv"]).contains("50 no longer match"));
    // A row that cannot be used is told, and a list of which nothing is understood fails.
    std::fs::write(
        folder.join("rows.txt"),
        format!("md5 {:032x}\nmd5 oops\n", 500),
    )
    .expect("a list");
    let mut command = asking(folder, &format!("http://{}", node.at));
    let said = run(command.args(["import", "--bank", "known", "rows.txt"]));
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("rows.txt:2") && said.out.contains("1 added"),
        "{}{}",
        said.out,
        said.err
    );
    assert!(bad(&node, &["import", "--bank", "known", "missing.txt"]).contains("missing.txt"));
    assert!(bad(&node, &["import", "--bank", "other", "rows.txt"]).contains("no bank other"));
    // Standard input is a list too.
    let mut command = asking(folder, &format!("http://{}", node.at));
    let list = std::fs::File::open(folder.join("rows.txt")).expect("a list");
    let piped = command
        .args(["import", "--bank", "known", "-"])
        .stdin(list)
        .output();
    assert!(
        Said::from(piped.expect("it runs"))
            .out
            .contains("already there")
    );

    let published = good(&node, &["publish"]);
    assert!(
        published.contains("generation") && published.contains("1 bank"),
        "{published}"
    );
    let status = good(&node, &["status"]);
    assert!(
        status.contains("up to date with the store") && status.contains(&node.at.to_string()),
        "{status}"
    );
    let line = good(&node, &["status", "--format", "jsonl"]);
    let line: serde_json::Value = serde_json::from_str(&line).expect("a line");
    assert_eq!(
        (&line["up_to_date"], &line["banks"][0]["bank"]),
        (&true.into(), &"known".into())
    );
}

#[test]
fn a_key_comes_from_the_environment_or_from_a_closed_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = |name: &str, scopes: &str| {
        let made = run(program(folder.path()).args(["key", "create", name, "--scopes", scopes]));
        assert_eq!(made.code, Some(0), "{}", made.err);
        made.out.trim().to_owned()
    };
    let (good, weak) = (key("desk", "curate"), key("gate", "gate"));
    let keys = folder.path().join("home/keys.json");
    let serve = command(folder.path(), &["--keys", keys.to_str().expect("text")]);
    let node = Node::run(folder, serve);
    let folder = node.folder.path();
    let server = format!("http://{}", node.at);
    let list = || {
        let mut command = asking(folder, &server);
        command.args(["bank", "list"]);
        command
    };
    let none = run(&mut list());
    assert!(
        none.err.contains("refused (401)") && none.err.contains("HASHGATE_KEY"),
        "{}",
        none.err
    );
    let wrong = run(list().env("HASHGATE_KEY", "hg_wrong"));
    assert!(
        wrong.err.contains("refused (401)") && !wrong.err.contains("hg_wrong"),
        "{}",
        wrong.err
    );
    let weak = run(list().env("HASHGATE_KEY", &weak));
    assert!(weak.err.contains("the scope `curate`"), "{}", weak.err);
    assert_eq!(run(list().env("HASHGATE_KEY", &good)).code, Some(0));

    let file = folder.join("desk.key");
    std::fs::write(&file, format!("{good}\n")).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode));
        mode(0o644).expect("permissions");
        let open = run(list().arg("--key-file").arg(&file));
        assert!(open.err.contains("chmod 600"), "{}", open.err);
        mode(0o600).expect("permissions");
    }
    assert_eq!(run(list().arg("--key-file").arg(&file)).code, Some(0));
    // Nobody gives a key where others can see it.
    let help = run(program(folder).args(["bank", "list", "--help"]));
    assert!(
        !help.out.contains("--key ") && help.out.contains("--key-file"),
        "{}",
        help.out
    );
}

#[test]
fn a_socket_is_an_address_and_what_is_none_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("curator.sock");
    let at = format!("unix:{}", socket.display());
    let serve = command(folder.path(), &["--listen", &format!("{at}=curate")]);
    let node = Node::run(folder, serve);
    wait_until(|| socket.exists(), "it listens there");
    let folder = node.folder.path();
    let made = run(asking(folder, &at).args(["bank", "create", "known"]));
    assert_eq!(made.code, Some(0), "{}", made.err);
    for (server, said) in [
        ("https://curator:8710", "https is not spoken here"),
        ("curator:8710", "no address of a node"),
        ("http://127.0.0.1:1", "cannot be reached"),
        ("unix:/nowhere.sock", "/nowhere.sock cannot be reached"),
    ] {
        let asked = run(asking(folder, server).args(["bank", "list"]));
        assert_eq!(asked.code, Some(2));
        assert!(asked.err.contains(said), "{server}: {}", asked.err);
    }
    // A node that keeps none has no such paths.
    let gate = Node::start(
        |folder| {
            service_support::publish_known(&folder.join("index"), 1);
        },
        &[],
    );
    let asked = run(asking(folder, &format!("http://{}", gate.at)).args(["bank", "list"]));
    assert!(
        asked.err.contains("is it a node of the role `curate`?"),
        "{}",
        asked.err
    );
}

#[test]
fn a_command_that_finds_the_banks_held_names_the_node_and_the_way_through_it() {
    let node = curator(&[]);
    let folder = node.folder.path();
    std::fs::write(folder.join("list.txt"), format!("md5 {:032x}\n", 1)).expect("a list");
    let way = format!("--server http://{}", node.at);
    for arguments in [
        &["bank", "create", "known"][..],
        &["bank", "set", "known", "--threshold", "3"],
        &["bank", "delete", "known"],
        &["bank", "withdraw", "known", "1"],
        &["bank", "add", "known", "list.txt"],
        &["import", "--bank", "known", "list.txt"],
    ] {
        let held = run(program(folder).args(arguments));
        assert_eq!(held.code, Some(2), "{arguments:?}");
        assert!(
            held.err.contains(&format!("(process {})", node.id())),
            "{}",
            held.err
        );
        assert!(held.err.contains(&way), "{}", held.err);
    }
    // What reads goes on.
    assert_eq!(run(program(folder).args(["bank", "list"])).code, Some(0));
}
