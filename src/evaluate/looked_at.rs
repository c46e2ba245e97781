//! The list of pairs that somebody looked at: which of them are the same picture.

use super::plan::LookedAt;
use crate::hash::{HexError, PdqHash};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest list that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Why a list of pairs that somebody looked at cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookedAtError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The list.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is too large to be such a list.
    #[error("{path} is larger than {MOST_BYTES} bytes")]
    TooLarge {
        /// The list.
        path: PathBuf,
    },
    /// It holds no pair.
    #[error("{path} holds no pair")]
    Empty {
        /// The list.
        path: PathBuf,
    },
    /// A line is no pair.
    #[error("{path}: line {line}")]
    Line {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: PairError,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// One of the two hashes is none.
    #[error("the {which} should be a PDQ hash of 64 hexadecimal digits")]
    Hash {
        /// `picture` or `entry`.
        which: &'static str,
        /// What is wrong with it.
        source: HexError,
    },
    /// The relation is unknown.
    #[error("{0:?} is none of same, part and other")]
    Relation(String),
}

/// Reads a list: a line of tab-separated picture, entry, relation and remark each; empty lines, and
/// those that begin with `#`, are left out.
///
/// # Errors
/// Where it cannot be read, is larger than 64 MiB, holds no pair, or a line is no pair.
pub fn read_looked_at(path: &Path) -> Result<Vec<LookedAt>, LookedAtError> {
    let shown = || path.to_owned();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text))
        .map_err(|source| LookedAtError::Read {
            path: shown(),
            source,
        })?;
    if text.len() as u64 > MOST_BYTES {
        return Err(LookedAtError::TooLarge { path: shown() });
    }
    let pairs = parse(&text).map_err(|(line, source)| LookedAtError::Line {
        path: shown(),
        line,
        source,
    })?;
    if pairs.is_empty() {
        return Err(LookedAtError::Empty { path: shown() });
    }
    Ok(pairs)
}

fn parse(text: &str) -> Result<Vec<LookedAt>, (u64, PairError)> {
    (1u64..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(number, line)| pair(line).map_err(|error| (number, error)))
        .collect()
}

fn pair(line: &str) -> Result<LookedAt, PairError> {
    let mut fields = line.split('\t').map(str::trim);
    let mut hash = |which| -> Result<PdqHash, PairError> {
        let field = fields.next().unwrap_or_default();
        field
            .parse()
            .map_err(|source| PairError::Hash { which, source })
    };
    let (picture, entry) = (hash("picture")?, hash("entry")?);
    let same = match fields.next().unwrap_or_default() {
        "same" | "part" => true,
        "other" => false,
        given => return Err(PairError::Relation(given.to_owned())),
    };
    Ok(LookedAt {
        picture,
        entry,
        same,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_remarks_are_left_out() {
        let (one, two) = ("0f".repeat(32), "a5".repeat(32));
        let text = format!(
            "# picture\tentry\trelation\twhat\n\n{one}\t{two}\tsame\tmirrored\n{two}\t{one}\tother\n{one}\t{one}\tpart\t\n"
        );
        let pairs = parse(&text).expect("all lines are well");
        let same: Vec<bool> = pairs.iter().map(|pair| pair.same).collect();
        assert_eq!(same, [true, false, true]);
        assert_eq!(pairs[0].picture.to_string(), one);
        assert_eq!(pairs[0].entry.to_string(), two);
    }

    #[test]
    fn bad_lines_are_named() {
        let hash = "0f".repeat(32);
        for (line, said) in [
            (format!("{hash}\t{hash}\tmaybe"), "\"maybe\" is none"),
            (format!("{hash}\t{hash}"), "\"\" is none"),
            (format!("{hash}\tabc\tsame"), "the entry should be"),
            ("abc".to_owned(), "the picture should be"),
        ] {
            let error = parse(&format!("# list\n{line}\n")).expect_err("a bad line");
            let (number, error) = error;
            assert_eq!(number, 2);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
