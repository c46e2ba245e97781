//! The house, held to its plan: imports run downward only, every file opens with its purpose,
//! `unsafe` stays in its places, the query side links no RocksDB, and no document's link is dead.

#[path = "house/circles.rs"]
mod circles;
#[path = "house/command.rs"]
mod command;
#[path = "golden_support/diff.rs"]
mod diff;
#[path = "house/files.rs"]
mod files;
#[path = "house/floors.rs"]
mod floors;
#[path = "house/lexer.rs"]
mod lexer;
#[path = "house/links.rs"]
mod links;
#[path = "house/tables.rs"]
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the project whose names end so, sorted, relative to it. Build
/// output, hidden folders and links are passed over.
fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        let entries = std::fs::read_dir(&at).unwrap_or_else(|e| panic!("{}: {e}", at.display()));
        for entry in entries {
            let entry = entry.unwrap_or_else(|e| panic!("{}: {e}", at.display()));
            let path = entry.path();
            let kind = entry
                .file_type()
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = entry.file_name();
            let passed_over = name.to_string_lossy().starts_with('.')
                || path.join("CACHEDIR.TAG").is_file()
                || name == "target";
            if kind.is_dir() && !passed_over {
                open.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
        .into_iter()
        .map(|path| path.strip_prefix(folder).unwrap_or(&path).to_owned())
        .collect()
}

/// Each Rust file below `folder`: its path with `/` between the parts, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    files_below(&folder, "rs")
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(folder.join(&file))
                .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            (file.to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

fn assert_none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n  {}\n", found.join("\n  "));
}

#[test]
fn imports_run_downward_only() {
    let sources = sources("src");
    assert!(sources.len() > 10, "the sources were not found");
    let found = sources
        .iter()
        .flat_map(|(file, text)| floors::violations(file, text))
        .collect();
    assert_none("a room may use itself and the floors below it", found);
}

#[test]
fn the_command_leaves_hashes_segments_and_records_to_others() {
    let found = sources("src")
        .iter()
        .flat_map(|(file, text)| command::violations(file, text))
        .collect();
    assert_none("`cli` parses, calls and prints", found);
}

/// The rooms that are there.
fn rooms() -> Vec<&'static str> {
    let is_there = |room: &&str| {
        let file = root().join("src").join(format!("{room}.rs"));
        root().join("src").join(room).is_dir() || file.is_file()
    };
    let names = floors::ROOMS.iter().map(|(name, _)| *name);
    names.filter(is_there).collect()
}

#[test]
fn the_tables_of_floors_are_made_from_the_list() {
    let rooms = rooms();
    let mut tables = 0;
    for file in files_below(root(), "md") {
        let path = root().join(&file);
        let shown = file.display();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{shown}: {e}"));
        let expected = tables::renewed(&text, &rooms).unwrap_or_else(|e| panic!("{shown}: {e}"));
        tables += tables::count(&text);
        if text != expected && std::env::var_os("HASHGATE_RENEW").is_some() {
            std::fs::write(&path, expected).unwrap_or_else(|e| panic!("{shown}: {e}"));
        } else {
            assert!(
                text == expected,
                "{shown}: its table of floors is not that of tests/house/floors.rs (- as it is, + as it has \
                 to be); HASHGATE_RENEW=1 cargo test --test house writes it anew:\n{}",
                diff::unified(&text, &expected)
            );
        }
        assert_none(&shown.to_string(), tables::unsaid(&text));
    }
    assert!(tables >= 1, "ARCHITECTURE.md has no table of floors");
}

#[test]
fn rooms_say_which_floor_they_stand_on() {
    let found = sources("src")
        .iter()
        .filter_map(|(file, text)| tables::wrong_floor(file.strip_suffix("/mod.rs")?, text))
        .collect();
    assert_none("see tests/house/floors.rs", found);
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let sources = sources("src");
    assert!(sources.len() > 10, "the sources were not found");
    assert_none(
        "what two files both need belongs in a third one below both",
        circles::circles(&sources),
    );
}

#[test]
fn every_source_file_keeps_the_rules_of_the_house() {
    let found = sources("src")
        .iter()
        .flat_map(|(file, text)| files::violations(file, text))
        .collect();
    assert_none("see CONTRIBUTING.md, the house rules", found);
}

#[test]
fn no_file_grows_into_a_warehouse() {
    let found = ["src", "tests", "benches", "examples"]
        .iter()
        .filter(|folder| root().join(folder).is_dir())
        .flat_map(|folder| sources(folder))
        .filter_map(|(file, text)| files::too_long(&file, &text))
        .collect();
    assert_none("one file, one room", found);
}

#[test]
fn documents_link_to_what_is_there() {
    let documents = files_below(root(), "md");
    assert!(!documents.is_empty(), "no document was found");
    let found = documents
        .iter()
        .flat_map(|file| {
            links::broken(root(), file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
        })
        .collect();
    assert_none("a link is dead", found);
}

/// What is built with these features, package by package, build tools included.
fn tree(features: &[&str]) -> String {
    let run = |offline: bool| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(root())
            .args(["tree", "--locked", "--quiet", "--prefix", "none"])
            .args(["--edges", "normal,build", "--format", "{p}"])
            .args(features);
        if offline {
            cargo.arg("--offline");
        }
        cargo.output().expect("cargo runs: it is running this test")
    };
    // Offline first: a test asks the network only where a package was never fetched.
    let mut output = run(true);
    if !output.status.success() {
        output = run(false);
    }
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Packages named `-sys` that are Rust alone: declarations of the system's calls, and `dirs-sys`, which
/// asks where a user's folders are.
const RUST_ONLY: [&str; 3] = ["dirs-sys", "linux-raw-sys", "windows-sys"];

/// Packages that name a compiler or an assembler for a feature that is off here: `re_rav1d` (AV1) would assemble with
/// `nasm-rs`, which takes `cc`, and without its assembly its build script does nothing.
const UNUSED: [&str; 1] = ["cc"];

/// Packages of a tree that bring C or C++ or the tools to build it.
fn foreign(tree: &str) -> Vec<&str> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| {
            matches!(*name, "cc" | "cmake" | "bindgen" | "clang-sys" | "rocksdb")
                || (name.ends_with("-sys") && !RUST_ONLY.contains(name))
        })
        .collect()
}

#[test]
fn the_query_side_brings_no_rocksdb_and_no_c() {
    let lean = tree(&["--no-default-features", "--features", "decode"]);
    assert!(
        lean.contains("image v"),
        "decode should bring image:\n{lean}"
    );
    assert_eq!(foreign(&lean), [""; 0], "{lean}");
    let unasked = tree(&[]);
    assert!(
        unasked.contains("image v"),
        "the default features should decode:\n{unasked}"
    );
    assert_eq!(foreign(&unasked), [""; 0], "{unasked}");
    let bare = tree(&["--no-default-features"]);
    assert!(
        !bare.contains("image v"),
        "without decode there is no image:\n{bare}"
    );
    assert_eq!(foreign(&bare), [""; 0], "{bare}");
}

#[test]
fn the_small_command_and_the_service_bring_no_rocksdb_and_no_c() {
    for (feature, brings) in [("cli", "clap v"), ("service", "hyper v")] {
        let small = tree(&["--no-default-features", "--features", feature]);
        assert!(
            small.contains(brings),
            "{feature} should bring {brings}:\n{small}"
        );
        let brought: Vec<&str> = foreign(&small)
            .into_iter()
            .filter(|name| !UNUSED.contains(name))
            .collect();
        assert_eq!(brought, [""; 0], "{feature}: {small}");
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    assert!(
        manifest.contains("re_rav1d = { version = \"=0.1.3\", default-features = false, features = [\"bitdepth_8\", \"bitdepth_16\"]"),
        "re_rav1d is to be built without its assembly"
    );
}

#[test]
fn the_check_for_rocksdb_can_fail() {
    for feature in ["store", "curation", "full"] {
        let whole = tree(&["--no-default-features", "--features", feature]);
        assert!(
            foreign(&whole).contains(&"librocksdb-sys"),
            "{feature}:\n{whole}"
        );
    }
}
