//! What several integration tests need.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::path::{Path, PathBuf};

/// The folder of real test data: `$HASHGATE_TEST_DATA`, else `../shared/data` beside the project.
///
/// `None`, with a line on standard error, where there is none: a test that needs it returns then.
pub fn test_data() -> Option<PathBuf> {
    let folder = match std::env::var_os("HASHGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.join("README.md").is_file() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no test data at {} (set HASHGATE_TEST_DATA to its folder)",
        folder.display()
    );
    None
}

/// The lines of a tab-separated file below its header, each split into its fields.
pub fn tsv(path: &Path) -> Vec<Vec<String>> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}
