//! Policy by the command: config.toml, `bank set`, roll-out, entries that are out until a date, quarantine,
//! explanations, policies that are tried out.
#![cfg(feature = "full")]

mod common;

use common::Hashgate;
use std::fs;
use std::path::PathBuf;

const A: &str = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
const FAR: &str = "0707ff31ff0b57b0f9c8f5ddfc709c0f4c91d12a699de1e2cc194c63b163640d";

/// A home with the bank `known` of two entries: A with the label `mild`, and FAR,
/// which a second source knows more of.
fn home() -> Hashgate {
    let hashgate = Hashgate::new();
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    let list = |name: &str, rows: &str| -> String {
        let path = hashgate.home().join(name);
        let text = format!("signal_type,signal_str,collab,category,tags\n{rows}");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let first = list(
        "one.csv",
        &format!("pdq,{A},c,media,mild\npdq,{FAR},c,media,\n"),
    );
    let second = list("two.csv", &format!("pdq,{FAR},c,media,again\n"));
    hashgate.expect(0, &["import", "--bank", "known", "--source", "one", &first]);
    hashgate.expect(
        0,
        &["import", "--bank", "known", "--source", "two", &second],
    );
    hashgate
}

fn config(hashgate: &Hashgate, text: &str) -> PathBuf {
    let path = hashgate.home().join("config.toml");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn config_toml_is_put_in_force_by_publish_and_explained() {
    let hashgate = home();
    hashgate.expect(0, &["publish"]);
    hashgate.expect(1, &["match", A]);
    config(
        &hashgate,
        "[bank.known]\nmin_sources = 2\n\n[bank.known.label.mild]\naction = \"review\"\nmin_sources = 0\n",
    );
    let status = hashgate.expect(0, &["status"]);
    assert!(
        status.out.contains("policy   changed since"),
        "{}",
        status.out
    );
    let published = hashgate.expect(0, &["publish"]);
    assert!(
        published
            .out
            .contains("in full (its policy asks for other labels"),
        "{}",
        published.out
    );
    assert!(
        hashgate
            .expect(0, &["publish"])
            .out
            .starts_with("nothing has changed")
    );
    assert!(
        hashgate
            .expect(0, &["status"])
            .out
            .contains("policy   in force")
    );

    let answers = hashgate
        .expect(1, &["match", "--format", "jsonl", A, FAR])
        .json();
    assert_eq!(answers[0]["action"], "review");
    assert_eq!(answers[0]["matches"][0]["rule"], "label mild + bank");
    assert_eq!(answers[1]["action"], "block", "two sources agree");
    // A copy of the index folder decides the same.
    let index = hashgate.home().join("index");
    let ran = hashgate.expect(
        1,
        &[
            "match",
            "--format",
            "jsonl",
            "--index",
            index.to_str().unwrap(),
            A,
        ],
    );
    assert_eq!(ran.json()[0], answers[0]);

    // A change of values alone writes no segment.
    config(
        &hashgate,
        "[bank.known]\nmin_sources = 3\n\n[bank.known.label.mild]\naction = \"report\"\nmin_sources = 0\n",
    );
    let published = hashgate.expect(0, &["publish"]);
    assert!(
        published
            .out
            .contains("what has changed: 0 added, 0 removed"),
        "{}",
        published.out
    );
    let answers = hashgate
        .expect(1, &["match", "--format", "jsonl", A, FAR])
        .json();
    assert_eq!(
        (&answers[0]["action"], &answers[1]["action"]),
        (&"report".into(), &"none".into())
    );

    let told = hashgate.expect(1, &["policy", "explain", &format!("pdq:{A}")]);
    for line in [
        "report\n",
        "known #1, pdq distance 0: report (within 31)",
        "labels that rules name: mild",
        "      action \"block\"",
        "    = action \"report\"",
        "label mild + bank, config.toml:5",
        "    = threshold 31",
    ] {
        assert!(told.out.contains(line), "{line:?} in\n{}", told.out);
    }
    let told = hashgate
        .expect(0, &["policy", "explain", "--format", "json", FAR])
        .json();
    assert_eq!(told[0]["outcome"], "no_match");
    let one = &told[0]["considered"][0];
    assert_eq!(
        one["why_not"],
        "2 agree that it is what it is said to be, 3 are asked for"
    );
    assert_eq!(one["sources"], 2);
    let rules = one["rules"].as_array().unwrap();
    let counts = rules
        .iter()
        .find(|rule| rule["setting"] == "min_sources" && rule["counts"] == true);
    assert_eq!(counts.unwrap()["from"], "config.toml:2");
}

#[test]
fn what_policy_show_prints_says_the_same_when_it_is_read() {
    let hashgate = home();
    hashgate.expect(
        0,
        &[
            "bank",
            "create",
            "other.bank",
            "--action",
            "allow",
            "--share",
            "12.5",
        ],
    );
    config(
        &hashgate,
        "[defaults]\nmin_quality = 20\n[type.pdq]\nthreshold = 11\n[label.mild]\naction = \"review\"\n[carry]\nlabels = [\"x\"]\n",
    );
    let before = hashgate.expect(0, &["policy", "show"]);
    assert!(
        before
            .out
            .contains("min_quality = 20                         # config.toml:2"),
        "{}",
        before.out
    );
    assert!(
        before
            .out
            .contains("share = 12.5                             # store"),
        "{}",
        before.out
    );
    hashgate.expect(0, &["publish"]);
    let in_force = hashgate.expect(0, &["policy", "show", "--in-force"]);
    assert_eq!(in_force.out, before.out);
    config(&hashgate, &before.out);
    assert!(
        hashgate
            .expect(0, &["policy", "check"])
            .out
            .contains("sound")
    );
    let strip = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.split('#').next().unwrap().trim().to_owned())
            .collect()
    };
    let after = hashgate.expect(0, &["policy", "show"]);
    assert_eq!(strip(&after.out), strip(&before.out));
    let answer = hashgate
        .expect(1, &["match", "--format", "jsonl", A])
        .json();
    hashgate.expect(0, &["publish"]);
    let again = hashgate
        .expect(1, &["match", "--format", "jsonl", A])
        .json();
    assert_eq!(
        (&again[0]["action"], &again[0]["matches"][0]["threshold"]),
        (&answer[0]["action"], &11.into())
    );
    let one = hashgate
        .expect(0, &["policy", "show", "other.bank", "--format", "jsonl"])
        .json();
    assert_eq!(one[0]["policy"]["action"], "allow");
    hashgate.expect(2, &["policy", "show", "nobody"]);
}

#[test]
fn a_faulty_file_is_named_by_line_and_changes_nothing() {
    let hashgate = home();
    hashgate.expect(0, &["publish"]);
    let path = config(
        &hashgate,
        "[bank.known]\naction = \"review\"\ntreshold = 3\nshare = 200\n",
    );
    for command in [
        &["publish"][..],
        &["policy", "check"],
        &["bank", "set", "known", "--threshold", "3"],
    ] {
        let ran = hashgate.expect(2, command);
        let shown = path.display();
        assert!(
            ran.err.contains(&format!(
                "{shown}:3: unknown key `treshold` in [bank.known]: did you mean `threshold`?"
            )),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains(&format!("{shown}:4: `share`")),
            "{}",
            ran.err
        );
    }
    assert!(
        hashgate
            .expect(0, &["status"])
            .out
            .contains("policy   cannot be put in force: ")
    );
    assert_eq!(
        hashgate
            .expect(1, &["match", "--format", "jsonl", A])
            .json()[0]["action"],
        "block"
    );
    config(&hashgate, "[bank.knwon]\naction = \"review\"\n");
    let ran = hashgate.expect(2, &["publish"]);
    assert!(
        ran.err
            .contains("config.toml:2: there is no bank knwon; there are known"),
        "{}",
        ran.err
    );
    assert!(
        hashgate
            .expect(2, &["policy", "check", "/nowhere.toml"])
            .err
            .contains("/nowhere.toml")
    );
}

#[test]
fn bank_set_refuses_what_config_toml_outweighs() {
    let hashgate = home();
    config(
        &hashgate,
        "[defaults]\nthreshold = 12\n[bank.known]\naction = \"review\"\n",
    );
    let refused = hashgate.expect(2, &["bank", "set", "known", "--action", "block"]);
    assert!(
        refused
            .err
            .contains("config.toml:4 sets action of bank known, and outweighs"),
        "{}",
        refused.err
    );
    let refused = hashgate.expect(2, &["bank", "set", "known", "--threshold", "9"]);
    assert!(
        refused.err.contains("config.toml:2 sets threshold"),
        "{}",
        refused.err
    );
    let set = hashgate.expect(
        0,
        &[
            "bank",
            "set",
            "known",
            "--min-sources",
            "2",
            "--share",
            "50",
            "--quarantine",
            "9/60",
        ],
    );
    assert!(set.out.contains("where 2 sources or more agree, for 50 % of the uploads, quarantined after 9 uploads within 60 s"), "{}", set.out);
    hashgate.expect(
        0,
        &[
            "bank",
            "set",
            "known",
            "--share",
            "100",
            "--quarantine",
            "off",
            "--min-sources",
            "0",
        ],
    );
    for wrong in [
        ["--share", "101"],
        ["--share", "1.234"],
        ["--quarantine", "9"],
        ["--quarantine", "0/5"],
        ["--min-sources", "-1"],
    ] {
        hashgate.expect(2, &[&["bank", "set", "known"][..], &wrong].concat());
    }
    assert!(
        hashgate
            .expect(0, &["bank", "show", "known"])
            .out
            .contains("config.toml says more")
    );
}

#[test]
fn an_entry_is_out_until_a_date_and_can_be_brought_back() {
    let hashgate = home();
    let out = hashgate.expect(
        0,
        &["bank", "withdraw", "known", "1", "--until", "2999-01-01"],
    );
    assert!(
        out.out
            .contains("#1: matches nothing until 2999-01-01T00:00:00Z"),
        "{}",
        out.out
    );
    assert!(
        hashgate
            .expect(
                0,
                &["bank", "withdraw", "known", "1", "--until", "2999-01-01"]
            )
            .out
            .contains("already")
    );
    assert!(
        hashgate
            .expect(
                2,
                &["bank", "withdraw", "known", "1", "--until", "2001-01-01"]
            )
            .err
            .contains("not to come")
    );
    hashgate.expect(2, &["bank", "withdraw", "known", "1", "--until", "soon"]);
    hashgate.expect(0, &["publish"]);
    hashgate.expect(0, &["match", A]);
    hashgate.expect(1, &["match", FAR]);
    let told = hashgate.expect(0, &["policy", "explain", A]);
    assert!(
        told.out
            .contains("no match, it is out until 2999-01-01T00:00:00Z"),
        "{}",
        told.out
    );
    let then = hashgate.expect(1, &["policy", "explain", A, "--at", "2999-01-01"]);
    assert!(then.out.contains("block"), "{}", then.out);
    assert!(
        hashgate
            .expect(0, &["bank", "show", "known"])
            .out
            .contains("matches nothing until 2999")
    );
    let audit = hashgate.expect(0, &["audit", "1"]);
    assert!(
        audit
            .out
            .contains("matches nothing until 2999-01-01T00:00:00Z"),
        "{}",
        audit.out
    );
    // Another policy changes nothing about it.
    hashgate.expect(0, &["bank", "set", "known", "--threshold", "20"]);
    hashgate.expect(0, &["publish"]);
    hashgate.expect(0, &["match", A]);
    let back = hashgate.expect(0, &["bank", "reinstate", "known", "1"]);
    assert!(
        back.out.contains("#1: no longer out until a date, active"),
        "{}",
        back.out
    );
    hashgate.expect(0, &["publish"]);
    hashgate.expect(1, &["match", A]);
}

#[test]
fn withdrawn_and_disputed_entries_match_nothing_whatever_rules_say() {
    let hashgate = home();
    config(
        &hashgate,
        "[bank.known]\nmin_sources = 0\nenabled = true\n[bank.known.label.mild]\naction = \"block\"\nenabled = true\nthreshold = 63\n",
    );
    hashgate.expect(0, &["publish"]);
    hashgate.expect(1, &["match", A]);
    hashgate.expect(0, &["bank", "withdraw", "known", "1"]);
    hashgate.expect(0, &["publish"]);
    hashgate.expect(0, &["match", A]);
    let told = hashgate.expect(0, &["policy", "explain", A]);
    assert!(
        told.out
            .contains("#1 has one of its hashes and is in the store only: withdrawn"),
        "{}",
        told.out
    );
}

#[test]
fn a_scan_quarantines_in_the_order_of_the_files_on_any_number_of_threads() {
    let hashgate = Hashgate::new();
    hashgate.expect(
        0,
        &[
            "bank",
            "create",
            "known",
            "--action",
            "block",
            "--quarantine",
            "2/3600",
        ],
    );
    hashgate.expect(
        0,
        &[
            "bank",
            "add",
            "known",
            "examples/pictures/known/butterfly.png",
        ],
    );
    hashgate.expect(0, &["publish"]);
    let folder = hashgate.home().join("uploads");
    fs::create_dir(&folder).unwrap();
    let picture = fs::read("examples/pictures/known/butterfly.png").unwrap();
    for number in 0..8_u8 {
        // Uploads 0 and 1 are the very same.
        let upload = [&picture[..], &[number.max(1)]].concat();
        fs::write(folder.join(format!("{number}.png")), upload).unwrap();
    }
    let folder = folder.to_str().unwrap();
    let scan = |jobs: &str| {
        let lines = hashgate
            .expect(1, &["scan", "--format", "jsonl", "--jobs", jobs, folder])
            .json();
        let actions: Vec<String> = lines
            .iter()
            .filter_map(|line| Some(line.get("action")?.as_str()?.to_owned()))
            .collect();
        (
            actions,
            lines.last().unwrap()["summary"]["quarantined"].clone(),
            lines,
        )
    };
    let (actions, quarantined, lines) = scan("1");
    assert_eq!(
        actions,
        [
            "block", "block", "block", "review", "review", "review", "review", "review"
        ]
    );
    assert_eq!(quarantined, 5);
    assert_eq!(lines[7]["quarantined"], true);
    assert_eq!(lines[7]["matches"][0]["quarantined"], true);
    assert!(lines[0].get("quarantined").is_none());
    for jobs in ["2", "5", "8"] {
        assert_eq!(scan(jobs).0, actions, "{jobs}");
    }
    let text = hashgate.expect(1, &["scan", folder]);
    assert!(
        text.out
            .contains("quarantine: 5 reviewed that would have been blocked"),
        "{}",
        text.out
    );
}

#[test]
fn a_shadow_policy_is_reported_and_not_acted_on() {
    let hashgate = Hashgate::new();
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    hashgate.expect(0, &["bank", "add", "known", "examples/pictures/known"]);
    config(&hashgate, "[carry]\nsources = true\n");
    hashgate.expect(0, &["publish"]);
    let file = hashgate.home().join("other.toml");
    fs::write(&file, "[bank.known]\nmin_sources = 2\n").unwrap();
    let file = file.to_str().unwrap();
    let scan = |extra: &[&str]| {
        hashgate
            .expect(
                1,
                &[
                    &[
                        "scan",
                        "--ordered",
                        "--format",
                        "jsonl",
                        "examples/pictures/uploads",
                    ][..],
                    extra,
                ]
                .concat(),
            )
            .json()
    };
    let (plain, shadowed) = (scan(&[]), scan(&["--shadow", file]));
    assert_eq!(plain.len(), shadowed.len());
    let mut differs = 0;
    for (plain, mut shadowed) in plain.into_iter().zip(shadowed) {
        if let Some(summary) = shadowed.get("summary") {
            assert_eq!(summary["shadow"]["differs"], differs);
            assert_eq!(summary["shadow"]["changes"]["block -> pass"], differs);
            assert_eq!(summary["shadow"]["actions"]["block"], 0);
            assert!(plain["summary"].get("shadow").is_none());
            continue;
        }
        let shadow = shadowed.as_object_mut().unwrap().remove("shadow").unwrap();
        assert_eq!(plain, shadowed, "what is in force decides as before");
        assert_eq!(shadow["differs"], plain["action"] == "block");
        differs += u32::from(plain["action"] == "block");
    }
    assert!(differs > 5);
    let text = hashgate.expect(1, &["scan", "--shadow", file, "examples/pictures/uploads"]);
    assert!(
        text.out.contains(&format!(
            "it would decide {differs} otherwise: {differs} block -> pass"
        )),
        "{}",
        text.out
    );
    assert!(text.out.contains("shadow: pass"));
    hashgate.expect(
        2,
        &[
            "scan",
            "--format",
            "csv",
            "--shadow",
            file,
            "examples/pictures/uploads",
        ],
    );
    fs::write(file, "[label.x]\naction = \"report\"\n").unwrap();
    let refused = hashgate.expect(2, &["scan", "--shadow", file, "examples/pictures/uploads"]);
    assert!(
        refused
            .err
            .contains("asks for the label \"x\", which the index does not carry"),
        "{}",
        refused.err
    );
    let entry = hashgate
        .expect(0, &["bank", "show", "known", "--format", "jsonl"])
        .json();
    let hash = entry[1]["signals"][0].as_str().unwrap().to_owned();
    fs::write(file, "[bank.known]\naction = \"report\"\n").unwrap();
    let ran = hashgate.expect(1, &["match", "--format", "jsonl", "--shadow", file, &hash]);
    assert_eq!(ran.json()[0]["action"], "block");
    assert_eq!(ran.json()[0]["shadow"]["action"], "report");
    assert!(
        ran.err.contains("it would decide 1 of 1 otherwise"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_is_explained_as_it_is_scanned() {
    let hashgate = Hashgate::new();
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    hashgate.expect(0, &["bank", "create", "harmless", "--action", "allow"]);
    hashgate.expect(0, &["bank", "add", "known", "examples/pictures/known"]);
    hashgate.expect(
        0,
        &[
            "bank",
            "add",
            "harmless",
            "examples/pictures/known/butterfly.png",
        ],
    );
    hashgate.expect(0, &["publish"]);
    let lines = hashgate
        .expect(
            1,
            &[
                "scan",
                "--ordered",
                "--mode",
                "exact",
                "--format",
                "jsonl",
                "examples/pictures/uploads",
            ],
        )
        .json();
    for line in lines.iter().filter(|line| line.get("path").is_some()) {
        let path = line["path"].as_str().unwrap();
        let ran = hashgate.run(&["policy", "explain", "--format", "json", path]);
        let told = &ran.json()[0];
        assert_eq!(
            (&told["outcome"], &told["action"]),
            (&line["outcome"], &line["action"]),
            "{path}"
        );
    }
    let told = hashgate.expect(
        0,
        &["policy", "explain", "examples/pictures/known/butterfly.png"],
    );
    assert!(
        told.out.contains("bank harmless allows: its #"),
        "{}",
        told.out
    );
    hashgate.expect(2, &["policy", "explain", "no such thing"]);
}
