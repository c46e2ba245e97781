//! The table of limits, held to what is made from it: the constants that the code takes, the page of the book, and the
//! versions. What is changed in one place and not in the others fails here.
//!
//! `HASHGATE_RENEW=1 cargo test --test rules` writes the constants and the page anew. A new version's row is written by
//! hand: it says what changed.

use hashgate::rules::{Limit, Rules, Table};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn table() -> Table {
    Table::read().unwrap_or_else(|error| panic!("{error}"))
}

/// A file that is made: compared, or written anew.
fn hold(file: &str, made: &str) {
    let path = root().join(file);
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    if held == made {
        return;
    }
    if std::env::var_os("HASHGATE_RENEW").is_some() {
        std::fs::write(&path, made).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let at = held.lines().zip(made.lines()).position(|(a, b)| a != b);
    panic!(
        "{file} is not what src/rules/table.tsv makes of it, from line {} on: HASHGATE_RENEW=1 writes it anew",
        at.map_or(0, |at| at + 1)
    );
}

/// A constant as rustfmt would have it.
fn constant(limit: &Limit) -> String {
    let is_list = limit.of.starts_with('[');
    let is_float = limit.of.contains('f');
    let number = |text: &str| match is_float && !text.contains('.') {
        true => format!("{text}.0"),
        false => text.to_owned(),
    };
    let values: Vec<String> = limit.value.split(' ').map(number).collect();
    let (name, of) = (limit.constant(), &limit.of);
    let (of, value) = match (is_list, of.contains(';')) {
        (false, _) => (of.clone(), values.concat()),
        (true, true) => (of.clone(), format!("[{}]", values.join(", "))),
        (true, false) => (format!("&{of}"), format!("&[{}]", values.join(", "))),
    };
    let one_line = format!("pub const {name}: {of} = {value};\n");
    let line = match (one_line.chars().count() <= 101, value.split_once('[')) {
        (false, _) if value.len() <= 62 => {
            format!("pub const {name}: {of} =\n    {value};\n")
        }
        (false, Some((before, values))) => {
            let mut lines = vec![String::new()];
            for value in values.trim_end_matches(']').split(", ") {
                let last = lines.last_mut().expect("there is one");
                // Of short values rustfmt puts as many in a line as there is room for.
                if last.len() + value.len() + 2 > 96 {
                    lines.push(format!("{value},"));
                } else if last.is_empty() {
                    *last = format!("{value},");
                } else {
                    *last = format!("{last} {value},");
                }
            }
            let lines: Vec<String> = lines.iter().map(|line| format!("    {line}\n")).collect();
            format!("pub const {name}: {of} = {before}[\n{}];\n", lines.concat())
        }
        _ => one_line,
    };
    format!("/// {}; {}.\n{line}", limit.bounds, limit.unit)
}

fn constants(table: &Table) -> String {
    let number = table.versions.last().map_or(0, |last| last.rules.number);
    let digest = table.digest().map(|byte| format!("0x{byte:02x}"));
    let mut made = format!(
        "//! The limits of `table.tsv` as constants. Made by `HASHGATE_RENEW=1 cargo test --test rules`: change the table,\n\
         //! not this file.\n\n\
         /// The number of this version of the rules.\n\
         pub const VERSION: u32 = {number};\n\
         /// The first eight bytes of the SHA-256 of all names and values.\n\
         pub const DIGEST: [u8; 8] = [{}];\n",
        digest.join(", ")
    );
    for limit in &table.limits {
        made.push_str(&constant(limit));
    }
    made
}

#[test]
fn the_constants_are_those_of_the_table() {
    hold("src/rules/values.rs", &constants(&table()));
}

#[test]
fn a_change_of_any_value_is_a_new_version() {
    let table = table();
    let digest = table.digest();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let last = table.versions.last().expect("there is a first version");
    assert_eq!(
        last.rules.digest,
        digest,
        "the values are no longer those of version {}: add a row to src/rules/versions.tsv with the number {}, the \
         digest {hex}, the date and what changed",
        last.rules.number,
        last.rules.number + 1
    );
    let renewed = std::env::var_os("HASHGATE_RENEW").is_some();
    assert!(
        renewed || Rules::IN_FORCE == last.rules,
        "the constants are of {}, the table of {}: renew the constants",
        Rules::IN_FORCE,
        last.rules
    );
}

/// A cell of a table in Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn page(table: &Table) -> String {
    let mut page = include_str!("expected/rules_head.txt").to_owned();
    page.push_str("## Which versions were there?\n\n| version | since | what changed |\n| --- | --- | --- |\n");
    for version in &table.versions {
        let (rules, words) = (version.rules, cell(&version.words));
        page.push_str(&format!("| `{rules}` | {} | {words} |\n", version.date));
    }
    page.push_str("\n## Which limits are there?\n");
    let mut group = "";
    for limit in &table.limits {
        let own = limit.name.split('.').next().unwrap_or_default();
        if own != group {
            group = own;
            page.push_str(&format!(
                "\n### `{group}`\n\n| limit | value | unit | what it bounds | from | where the value comes from |\n\
                 | --- | --- | --- | --- | --- | --- |\n"
            ));
        }
        let name = limit.name.split('.').nth(1).unwrap_or_default();
        let mut from = vec![limit.basis.to_string(), limit.date.clone()];
        from.extend(limit.data.iter().map(|name| format!("`{name}`")));
        from.extend(limit.command.iter().map(|command| format!("`{command}`")));
        page.push_str(&format!(
            "| `{name}` | {} | {} | {} | {} | {} |\n",
            limit.value,
            cell(&limit.unit),
            cell(&limit.bounds),
            from.join(", "),
            cell(&limit.words)
        ));
    }
    page.push_str("\n## Which data are behind them?\n\n| name | what it is | manifest | its SHA-256 |\n| --- | --- | --- | --- |\n");
    for set in &table.data {
        let sha256 = set
            .sha256
            .as_ref()
            .map_or("-".to_owned(), |hex| format!("`{hex}`"));
        page.push_str(&format!(
            "| `{}` | {} | {} | {sha256} |\n",
            set.name,
            cell(&set.what),
            cell(&set.manifest)
        ));
    }
    page
}

#[test]
fn the_page_of_the_book_is_the_table() {
    hold("docs/src/rules.md", &page(&table()));
}

/// Manifests that the test data hold are those that the table names.
#[test]
fn the_manifests_are_those_that_limits_come_from() {
    use sha2::{Digest, Sha256};
    let Some(folder) = std::env::var_os("HASHGATE_TEST_DATA").map(PathBuf::from) else {
        assert!(
            std::env::var_os("HASHGATE_REQUIRE_DATA").is_none(),
            "HASHGATE_TEST_DATA is not set"
        );
        return;
    };
    let table = table();
    let mut checked = 0;
    for set in &table.data {
        let Some(held) = &set.sha256 else { continue };
        let manifests = [folder.join(&set.manifest), root().join(&set.manifest)];
        let manifest = manifests.iter().find(|path| path.exists());
        let manifest = manifest.unwrap_or_else(|| panic!("{} is missing", set.manifest));
        let bytes = std::fs::read(manifest).expect("it can be read");
        let sha256: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(sha256, *held, "{} is another manifest", set.name);
        checked += 1;
    }
    assert!(checked >= 2, "{checked} manifests were checked");
}

/// The sources take each limit from the table: a constant that nothing takes is a limit that the code has elsewhere.
#[test]
fn every_limit_is_taken_by_the_code() {
    fn read(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with("rules/values.rs")
            {
                text.push_str(&std::fs::read_to_string(&path).expect("it can be read"));
            }
        }
    }
    let mut code = String::new();
    read(&root().join("src"), &mut code);
    let names: Vec<&str> = code
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    for limit in table().limits {
        let constant = limit.constant();
        assert!(names.contains(&&*constant), "nothing takes {}", limit.name);
    }
}
