//! The benchmarks of the command, small: that they end, say what they promise, are the same each
//! time, and clean up. How long anything takes is not asked.
#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn entries(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Runs `bench search` with its temporary index in `temp`, which must be empty afterwards.
fn search(gate: &Hashgate, temp: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["bench", "search", "--format", "json", "--temp-dir"];
    all.push(temp.to_str().unwrap());
    all.extend(arguments);
    let ran = gate.expect(0, &all);
    assert_eq!(entries(temp), Vec::<String>::new(), "{all:?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

#[test]
fn every_distribution_is_searched_and_checked() {
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    for (kind, radii) in [("pdq", "0,31"), ("dhash", "8,10")] {
        let report = search(
            &gate,
            temp.path(),
            &[
                "--signal-type",
                kind,
                "--radii",
                radii,
                "--distributions",
                "uniform,correlated,clustered,skewed,duplicates",
                "--sizes",
                "1k,9000",
                "--queries",
                "150",
                "--batch",
                "64",
                "--threads",
                "1,2",
                "--check",
                "150",
            ],
        );
        assert_eq!(report["signal_type"], kind);
        let indexes = report["indexes"].as_array().unwrap();
        let seen: Vec<(&str, u64)> = indexes
            .iter()
            .map(|index| {
                let name = index["data"].as_str().unwrap();
                (name, index["hashes"].as_u64().unwrap())
            })
            .collect();
        let laws = ["uniform", "correlated", "clustered", "skewed", "duplicates"];
        let expected: Vec<_> = laws
            .iter()
            .flat_map(|&law| [(law, 1_000), (law, 9_000)])
            .collect();
        assert_eq!(seen, expected);
        for index in indexes {
            assert!(index["bytes_per_hash"].as_f64().unwrap() > 1.0, "{index}");
            let searches = index["searches"].as_array().unwrap();
            assert_eq!(searches.len(), 2);
            for search in searches {
                let number = |key: &str| search[key].as_u64().unwrap();
                let queries = number("queries");
                assert!((2..=150).contains(&queries), "{search}");
                assert!(number("planted") > 0);
                assert!(number("queries_with_hits") >= number("planted"));
                assert!(number("checked") >= queries / 2, "{search}");
                let batches = search["batches"].as_array().unwrap();
                assert_eq!(batches.len(), 2);
                for batch in batches {
                    assert_eq!(batch["queries"], search["queries"]);
                }
            }
        }
    }
    assert_eq!(
        entries(gate.home()),
        Vec::<String>::new(),
        "no home folder is touched"
    );
}

#[test]
fn the_same_seed_makes_the_same_lists_and_given_lists_give_the_same_hits() {
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    let lists = tempfile::tempdir().unwrap();
    let [first, second, other] = ["first", "second", "other"].map(|name| lists.path().join(name));
    let mut reports = Vec::new();
    for (folder, seed) in [(&first, "1"), (&second, "1"), (&other, "2")] {
        let folder = folder.to_str().unwrap();
        let arguments = ["--sizes", "2k", "--radii", "31", "--queries", "200"];
        let more = [
            "--distributions",
            "correlated",
            "--seed",
            seed,
            "--save-hashes",
            folder,
        ];
        reports.push(search(&gate, temp.path(), &[arguments, more].concat()));
    }
    let names = [
        "pdq-correlated-2000.hashes.txt",
        "pdq-correlated-2000.r31.queries.txt",
    ];
    for name in names {
        assert_eq!(read(&first.join(name)), read(&second.join(name)));
        assert_ne!(read(&first.join(name)), read(&other.join(name)));
    }
    let [hashes, queries] = names.map(|name| first.join(name));
    let list = read(&hashes);
    assert_eq!(list.lines().count(), 2_000);
    assert!(list.lines().all(|line| line.len() == 64));
    let asked = read(&queries);
    assert_eq!(asked.lines().collect::<BTreeSet<_>>().len(), 200);

    let (hashes, queries) = (hashes.to_str().unwrap(), queries.to_str().unwrap());
    let given = search(
        &gate,
        temp.path(),
        &["--hashes", hashes, "--query-file", queries, "--radii", "31"],
    );
    let of = |report: &Value| report["indexes"][0]["searches"][0]["hits"].clone();
    assert_eq!(of(&given), of(&reports[0]));

    // Without queries a tenth is held out and asked about.
    let held_out = search(&gate, temp.path(), &["--hashes", hashes, "--radii", "31"]);
    assert_eq!(held_out["indexes"][0]["hashes"], 1_800);
    assert_eq!(held_out["indexes"][0]["searches"][0]["queries"], 400);
    assert_eq!(held_out["indexes"][0]["searches"][0]["planted"], 200);
}

#[test]
fn the_report_goes_to_files_too() {
    let gate = Hashgate::new();
    let folder = tempfile::tempdir().unwrap();
    let (json, html) = (folder.path().join("r.json"), folder.path().join("r.html"));
    let ran = gate.expect(
        0,
        &[
            "bench",
            "search",
            "--sizes",
            "1k",
            "--queries",
            "50",
            "--json",
            json.to_str().unwrap(),
            "--html",
            html.to_str().unwrap(),
        ],
    );
    for column in ["data", "bytes/hash", "p99.9", "hits/query", "exact"] {
        assert!(ran.out.contains(column), "{column}: {}", ran.out);
    }
    assert_eq!(ran.err, "", "progress is for terminals");
    let report: Value = serde_json::from_str(&read(&json)).unwrap();
    assert_eq!(report["bench"], "search");
    let machine = &report["machine"];
    for key in [
        "date",
        "processor",
        "platform",
        "kernel",
        "program_version",
        "command",
    ] {
        assert!(machine[key].as_str().is_some_and(|text| !text.is_empty()));
    }
    let command = machine["command"].as_str().unwrap();
    assert!(
        command.starts_with("hashgate bench search --sizes 1k"),
        "{command}"
    );
    let page = read(&html);
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("<svg") && page.contains("prefers-color-scheme: dark"));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let gate = Hashgate::new();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, "not a hash\n").unwrap();
    let list = list.to_str().unwrap();
    for (arguments, word) in [
        (["--signal-type", "md5"], "digest"),
        (["--radii", "257"], "256 bits"),
        (["--sizes", "0"], "no size"),
        (["--sizes", "many"], "no size"),
        (["--distributions", "odd"], "uniform"),
        (["--hashes", list], "line 1"),
        (["--json", "/nowhere/at/all.json"], "cannot write"),
    ] {
        let ran = gate.expect(2, &[["bench", "search"], arguments].concat());
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn the_pipeline_is_measured_and_its_outcomes_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let temp = folder.path().join("temp");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::create_dir_all(&temp).unwrap();
    for seed in 1..=4 {
        let name = files.join(format!("{seed}.png"));
        picture(seed, 320, 240).save(name).unwrap();
    }
    std::fs::write(files.join("5.jpg"), "no picture").unwrap();
    let gate = Hashgate::new();
    let html = folder.path().join("r.html");
    let ran = gate.expect(
        0,
        &[
            "bench",
            "pipeline",
            files.to_str().unwrap(),
            "--jobs",
            "1,2",
            "--runs",
            "2",
            "--hashes",
            "1k",
            "--format",
            "json",
            "--temp-dir",
            temp.to_str().unwrap(),
            "--html",
            html.to_str().unwrap(),
        ],
    );
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["files"], 5);
    assert_eq!(report["held"], 2);
    assert_eq!(report["index_hashes"], 1_002);
    let outcomes = serde_json::json!({ "match": 2, "no_match": 2, "unsupported": 1 });
    assert_eq!(report["outcomes"], outcomes);
    let jobs = report["jobs"].as_array().unwrap();
    let numbers: Vec<_> = jobs.iter().map(|run| run["jobs"].as_u64()).collect();
    assert_eq!(numbers, [Some(1), Some(2)]);
    for run in jobs {
        assert_eq!(run["seconds"].as_array().unwrap().len(), 2);
    }
    for stage in ["read", "decode", "hash", "search"] {
        assert!(report["stages"][stage].as_f64().unwrap() >= 0.0);
    }
    assert!(read(&html).contains("<svg"));
    assert_eq!(entries(&temp), Vec::<String>::new());
    let nothing = folder.path().join("gone");
    gate.expect(2, &["bench", "pipeline", nothing.to_str().unwrap()]);
}

/// Each held picture matches in every gate, and guesses are asked about where they were asked for.
#[test]
fn gates_are_measured_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let temp = folder.path().join("temp");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::create_dir(&temp).unwrap();
    for (number, side) in [80, 96].into_iter().enumerate() {
        let noise = |x: u32, y: u32| (x * 7919 + y * y * 31 + number as u32 * 977) % 256;
        let picture =
            image::RgbImage::from_fn(side, side, |x, y| image::Rgb([noise(x, y) as u8; 3]));
        picture.save(files.join(format!("{number}.png"))).unwrap();
    }
    let gate = Hashgate::new();
    let ran = gate.expect(
        0,
        &[
            "bench",
            "gate",
            files.to_str().unwrap(),
            "--sizes",
            "100,1k",
            "--variants",
            "none,standard",
            "--runs",
            "1",
            "--format",
            "json",
            "--temp-dir",
            temp.to_str().unwrap(),
        ],
    );
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["files"], &report["held"]), (&2.into(), &1.into()));
    let sizes = report["sizes"].as_array().unwrap();
    let hashes: Vec<_> = sizes.iter().map(|size| size["hashes"].as_u64()).collect();
    assert_eq!(hashes, [Some(101), Some(1_001)]);
    for size in sizes {
        let [none, standard] = [0, 1].map(|gate| &size["gates"][gate]);
        assert_eq!(
            (&none["variants"], &standard["variants"]),
            (&"none".into(), &"standard".into())
        );
        assert_eq!(none["queries"], 1.0);
        assert!(standard["queries"].as_f64().unwrap() > 100.0);
        assert_eq!(none["times_first"], 1.0);
        assert_eq!(none["outcomes"]["match"], 1);
        assert_eq!(standard["outcomes"]["match"], 1);
    }
    assert_eq!(entries(&temp), Vec::<String>::new());
    let nothing = folder.path().join("gone");
    gate.expect(2, &["bench", "gate", nothing.to_str().unwrap()]);
}

#[test]
fn digests_beside_are_asked_about_where_they_tell_something_and_the_list_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let [files, temp, lists] = ["files", "temp", "lists"].map(|name| folder.path().join(name));
    std::fs::create_dir(&files).unwrap();
    std::fs::create_dir(&temp).unwrap();
    for (number, side) in [80, 96].into_iter().enumerate() {
        let noise = |x: u32, y: u32| (x * 7919 + y * y * 31 + number as u32 * 977) % 256;
        let picture =
            image::RgbImage::from_fn(side, side, |x, y| image::Rgb([noise(x, y) as u8; 3]));
        picture.save(files.join(format!("{number}.png"))).unwrap();
    }
    let gate = Hashgate::new();
    let bench = |code, digests: &str| {
        let mut arguments = vec!["bench", "gate", files.to_str().unwrap(), "--sizes", "100"];
        arguments.extend(["--variants", "none", "--runs", "1", "--format", "json"]);
        arguments.extend(["--temp-dir", temp.to_str().unwrap(), "--digests", digests]);
        arguments.extend(["--save-hashes", lists.to_str().unwrap()]);
        gate.expect(code, &arguments)
    };
    // What is known has its MD5 asked about too, or both have.
    for (digests, hashes, queries) in [("md5,sha256", 103, 2.5), ("md5", 102, 2.0)] {
        let report: Value = serde_json::from_str(&bench(0, digests).out).unwrap();
        let size = &report["sizes"][0];
        assert_eq!(size["hashes"], hashes);
        assert_eq!(size["gates"][0]["queries"], queries, "{digests}");
        let known = files.join("0.png");
        assert_eq!(size["gates"][0]["matched"], serde_json::json!([known]));
        let list = read(&lists.join("pdq-correlated-100.hashes.txt"));
        assert_eq!(list.lines().count(), 101);
    }
    assert!(bench(2, "phash").err.contains("md5, sha1 or sha256"));
}

/// Asked to stop, the benchmark ends with code 2 and leaves no folder behind.
#[cfg(unix)]
#[test]
fn a_stop_cleans_up() {
    use std::process::{Command, Stdio};
    let gate = Hashgate::new();
    let temp = tempfile::tempdir().unwrap();
    let mut child = common::watched(
        gate.command()
            .args(["bench", "search", "--sizes", "200k", "--radii", "100"])
            .args(["--distributions", "uniform", "--seconds", "600"])
            .args(["--temp-dir", temp.path().to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    common::wait_until(
        || {
            assert!(child.try_wait().unwrap().is_none(), "ended by itself");
            !entries(temp.path()).is_empty()
        },
        "it makes its folder",
    );
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(entries(temp.path()), Vec::<String>::new());
}
