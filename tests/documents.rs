//! The documents, held to what they promise: a README that a person reads to its end, a book whose
//! pages each answer a question, a list of commands made from the program, and commands that run.

#[cfg(feature = "full")]
#[path = "documents/commands.rs"]
mod commands;
#[cfg(feature = "full")]
#[path = "documents/shell.rs"]
mod shell;

use std::path::{Path, PathBuf};

/// The most bytes that README.md may have.
const README_BYTES: usize = 9_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The book's pages, by their path in the project, in the order of their names.
fn pages() -> Vec<String> {
    let folder = root().join("docs/src");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    found.sort();
    found
        .iter()
        .filter_map(|path| path.file_name()?.to_str())
        .filter(|name| name.ends_with(".md") && *name != "SUMMARY.md")
        .map(|name| format!("docs/src/{name}"))
        .collect()
}

#[test]
fn the_readme_is_short() {
    let bytes = text("README.md").len();
    assert!(
        bytes <= README_BYTES,
        "README.md has {bytes} bytes and may have {README_BYTES}: move what is reference to docs/src"
    );
}

#[test]
fn the_summary_names_every_page_once() {
    let summary = text("docs/src/SUMMARY.md");
    assert!(pages().len() > 5, "the pages were not found");
    for page in pages() {
        let name = page.trim_start_matches("docs/src/");
        let times = summary.matches(&format!("]({name})")).count();
        assert_eq!(times, 1, "{name} in docs/src/SUMMARY.md");
    }
}

#[test]
fn every_page_opens_with_the_question_that_it_answers() {
    let summary = text("docs/src/SUMMARY.md");
    for page in pages() {
        let text = text(&page);
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("# ") && first.ends_with('?'),
            "{page} opens with {first:?}, which is no question"
        );
        let entry = format!("[{}]", first.trim_start_matches("# "));
        assert!(summary.contains(&entry), "SUMMARY.md has no entry {entry}");
    }
}

/// `HASHGATE_RENEW=1` writes the page anew.
#[cfg(feature = "full")]
#[test]
fn the_page_of_commands_is_what_the_program_says() {
    let made = commands::page(hashgate::cli::command());
    let page = "docs/src/commands.md";
    if std::env::var_os("HASHGATE_RENEW").is_some() {
        std::fs::write(root().join(page), &made).expect("the page can be written");
    }
    assert!(
        text(page) == made,
        "{page} is not what the program says: \
         HASHGATE_RENEW=1 cargo test --release --all-features --test documents"
    );
}

#[cfg(feature = "full")]
#[test]
fn every_command_of_the_readme_and_the_book_runs_as_written() {
    let mut documents = vec!["README.md".to_owned()];
    documents.extend(pages());
    let documents: Vec<(String, Vec<shell::Step>)> = documents
        .into_iter()
        .map(|document| {
            let steps = shell::steps(&text(&document));
            (document, steps)
        })
        .filter(|(_, steps)| !steps.is_empty())
        .collect();
    let count: usize = documents.iter().map(|(_, steps)| steps.len()).sum();
    assert!(count >= 40, "only {count} commands were found");
    let failed: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = documents
            .iter()
            .map(|(document, steps)| scope.spawn(move || shell::run(root(), document, steps)))
            .collect();
        running
            .into_iter()
            .filter_map(|page| page.join().expect("a page's thread ends").err())
            .collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
