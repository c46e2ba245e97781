//! The table of limits as a program reads it: to print it, to make the constants from it, and to hold what is derived
//! against it.
//!
//! Nothing here runs while an upload is judged.

use crate::rules::Rules;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The rows are made by a command of this project, and the value follows from them.
    Derived,
    /// It was chosen by data, and the rows are not at hand.
    Measured,
    /// It was chosen by hand.
    Chosen,
}

impl Basis {
    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Derived => "derived",
            Self::Measured => "measured",
            Self::Chosen => "chosen",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Self::Derived, Self::Measured, Self::Chosen];
        all.into_iter().find(|basis| basis.name() == word)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One limit, as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its name: a group, a dot, and a name in the group.
    pub name: String,
    /// The type of the constant: a number of Rust, `[type; n]`, or `[type]` for a list of any length.
    pub of: String,
    /// The value, or the values with a blank between them.
    pub value: String,
    /// What it counts.
    pub unit: String,
    /// What it bounds.
    pub bounds: String,
    /// Where the value comes from.
    pub basis: Basis,
    /// The data sets behind it, by their names in `data.tsv`.
    pub data: Vec<String>,
    /// The command that gives it, where there is one.
    pub command: Option<String>,
    /// When it was set: `YYYY-MM-DD`.
    pub date: String,
    /// What else is to be known of it.
    pub words: String,
}

impl Limit {
    /// The constant's name in `values.rs`.
    #[must_use]
    pub fn constant(&self) -> String {
        self.name.replace('.', "_").to_uppercase()
    }

    /// The value as a number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.value.parse().ok()
    }
}

/// A data set that limits come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// Its name in the table.
    pub name: String,
    /// What is in it.
    pub what: String,
    /// Its manifest, or `not kept`.
    pub manifest: String,
    /// The SHA-256 of the manifest; `None` where it was not kept.
    pub sha256: Option<String>,
}

/// A version of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Number and digest.
    pub rules: Rules,
    /// Since when: `YYYY-MM-DD`.
    pub date: String,
    /// What it changed.
    pub words: String,
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {reason}")]
pub struct RulesError {
    /// The file.
    pub file: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and how to mend it.
    pub reason: String,
}

/// The three tables.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// The limits, in the order of the file.
    pub limits: Vec<Limit>,
    /// The data sets.
    pub data: Vec<DataSet>,
    /// The versions, oldest first.
    pub versions: Vec<Version>,
}

const LIMITS: &str = "src/rules/table.tsv";
const DATA: &str = "src/rules/data.tsv";
const VERSIONS: &str = "src/rules/versions.tsv";

impl Table {
    /// The tables that this program was built from.
    ///
    /// # Errors
    /// [`RulesError`] where one cannot be read; a test holds them to this.
    pub fn read() -> Result<Self, RulesError> {
        Self::of(
            include_str!("table.tsv"),
            include_str!("data.tsv"),
            include_str!("versions.tsv"),
        )
    }

    /// The tables of these texts.
    ///
    /// # Errors
    /// [`RulesError`]: a line without all of its columns, a word that is not known, a value that is not of its type, a
    /// name that is there twice, a data set that nobody says, versions out of order.
    pub fn of(limits: &str, data: &str, versions: &str) -> Result<Self, RulesError> {
        let data = rows(DATA, data, ["name", "what", "manifest", "sha256"])?;
        let data: Vec<DataSet> = data.into_iter().map(|(_, row)| data_set(row)).collect();
        let columns = [
            "name", "type", "value", "unit", "bounds", "basis", "data", "command", "date", "words",
        ];
        let mut names = BTreeSet::new();
        let mut read = Vec::new();
        for (line, row) in rows(LIMITS, limits, columns)? {
            let wrong = |reason: String| RulesError {
                file: LIMITS,
                line,
                reason,
            };
            let limit = limit(row).map_err(wrong)?;
            if !names.insert(limit.constant()) {
                return Err(wrong(format!(
                    "{} is there twice: name it otherwise",
                    limit.name
                )));
            }
            for name in &limit.data {
                if !data.iter().any(|set| set.name == *name) {
                    return Err(wrong(format!(
                        "{DATA} has no data set {name:?}: add it there"
                    )));
                }
            }
            read.push(limit);
        }
        let mut known: Vec<Version> = Vec::new();
        for (line, row) in rows(VERSIONS, versions, ["number", "digest", "date", "words"])? {
            let version = version(row);
            let next = known.last().map_or(1, |last| last.rules.number + 1);
            match version.filter(|version| version.rules.number == next) {
                Some(version) => known.push(version),
                None => {
                    return Err(RulesError {
                        file: VERSIONS,
                        line,
                        reason: format!(
                            "give the number {next}, 16 hexadecimal digits, a date and words"
                        ),
                    });
                }
            }
        }
        Ok(Self {
            limits: read,
            data,
            versions: known,
        })
    }

    /// The first eight bytes of the SHA-256 of all names and values, a line each, in the order of the table.
    #[must_use]
    pub fn digest(&self) -> [u8; 8] {
        let mut digest = Sha256::new();
        for limit in &self.limits {
            digest.update(format!("{}\t{}\n", limit.name, limit.value));
        }
        let digest = digest.finalize();
        std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
    }

    /// A limit by its name.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.name == name)
    }
}

/// The lines of a table behind its header, each with its number and as many fields as there are columns.
fn rows<const N: usize>(
    file: &'static str,
    text: &str,
    columns: [&str; N],
) -> Result<Vec<(usize, [String; N])>, RulesError> {
    let wrong = |line, reason| RulesError { file, line, reason };
    let mut lines = text.lines();
    if lines.next() != Some(&*columns.join("\t")) {
        return Err(wrong(
            1,
            format!("begin with the columns {}", columns.join(", ")),
        ));
    }
    let mut read = Vec::new();
    for (line, text) in (2..).zip(lines) {
        let fields: Vec<String> = text.split('\t').map(str::to_owned).collect();
        let count = fields.len();
        let is_full = fields.iter().all(|field| !field.trim().is_empty());
        match <[String; N]>::try_from(fields) {
            Ok(fields) if is_full => read.push((line, fields)),
            _ => {
                let reason =
                    format!("{count} fields, or an empty one: write {N}, with `-` for none");
                return Err(wrong(line, reason));
            }
        }
    }
    Ok(read)
}

fn data_set([name, what, manifest, sha256]: [String; 4]) -> DataSet {
    DataSet {
        name,
        what,
        manifest,
        sha256: Some(sha256).filter(|sha256| sha256 != "-"),
    }
}

fn version([number, digest, date, words]: [String; 4]) -> Option<Version> {
    let rules = format!("{number}-{digest}").parse().ok()?;
    Some(Version { rules, date, words }).filter(|version| is_date(&version.date))
}

fn limit(fields: [String; 10]) -> Result<Limit, String> {
    let [
        name,
        of,
        value,
        unit,
        bounds,
        basis,
        data,
        command,
        date,
        words,
    ] = fields;
    let basis = Basis::of(&basis)
        .ok_or_else(|| format!("{basis:?} is no basis: write derived, measured or chosen"))?;
    if !is_date(&date) {
        return Err(format!("{date:?} is no date: write YYYY-MM-DD"));
    }
    check(&of, &value)?;
    let is_named = |name: &str| {
        let is_word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        !name.is_empty() && name.bytes().all(is_word)
    };
    if !(name.split_once('.')).is_some_and(|(group, own)| is_named(group) && is_named(own)) {
        return Err(format!(
            "{name:?} is no name: write group.name in small letters"
        ));
    }
    let command = Some(command).filter(|command| command != "-");
    if basis == Basis::Derived && command.is_none() {
        return Err(format!("{name} is derived: say by which command"));
    }
    Ok(Limit {
        name,
        of,
        value,
        unit,
        bounds,
        basis,
        data: match &*data {
            "-" => Vec::new(),
            some => some.split('+').map(str::to_owned).collect(),
        },
        command,
        date,
        words,
    })
}

fn is_date(text: &str) -> bool {
    let shape = text
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    shape.eq(*b"0000-00-00")
}

/// Whether a value is of its type.
fn check(of: &str, value: &str) -> Result<(), String> {
    let inner = of.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let (one, count) = match inner.map(|inner| inner.split_once("; ")) {
        None => (of, Some(1)),
        Some(Some((one, count))) => {
            let count = count.parse().map_err(|_| format!("{of:?} has no length"))?;
            (one, Some(count))
        }
        Some(None) => (inner.unwrap_or_default(), None),
    };
    let is_one = |text: &str| match one {
        "u8" => text.parse::<u8>().is_ok(),
        "u16" => text.parse::<u16>().is_ok(),
        "i16" => text.parse::<i16>().is_ok(),
        "u32" => text.parse::<u32>().is_ok(),
        "u64" | "usize" => text.parse::<u64>().is_ok(),
        "f32" | "f64" => text.parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    };
    let values: Vec<&str> = value.split(' ').collect();
    if !values.iter().all(|value| is_one(value)) || count.is_some_and(|count| count != values.len())
    {
        return Err(format!("{value:?} is not of the type {of}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [&str; 3] = [
        "name\ttype\tvalue\tunit\tbounds\tbasis\tdata\tcommand\tdate\twords\n",
        "name\twhat\tmanifest\tsha256\n",
        "number\tdigest\tdate\twords\n",
    ];

    fn read(limits: &str, versions: &str) -> Result<Table, RulesError> {
        let [head, data, head_of_versions] = HEADS;
        Table::of(
            &format!("{head}{limits}"),
            &format!("{data}set\tpictures\tM.tsv\t-\n"),
            &format!("{head_of_versions}{versions}"),
        )
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let good = "a.b\tf32\t0.5\tbits\twhat\tchosen\tset\t-\t2026-11-27\twords\n";
        let table = read(good, "1\t0123456789abcdef\t2026-11-27\tfirst\n").expect("it is right");
        assert_eq!(table.limit("a.b").and_then(Limit::number), Some(0.5));
        assert_eq!(table.limits[0].constant(), "A_B");
        for (wrong, says) in [
            (good.replace("\twords", ""), "9 fields"),
            (good.replace("\twords", "\t "), "empty"),
            (good.replace("chosen", "guessed"), "no basis"),
            (good.replace("chosen", "derived"), "by which command"),
            (good.replace("0.5", "half"), "type f32"),
            (good.replace("f32\t0.5", "u8\t256"), "type u8"),
            (good.replace("f32\t0.5", "[u8; 2]\t1 2 3"), "type [u8; 2]"),
            (good.replace("\tset\t", "\tother\t"), "no data set"),
            (good.replace("2026-11-27", "today"), "no date"),
            (good.replace("a.b", "a"), "no name"),
            (format!("{good}{good}"), "twice"),
        ] {
            let error = read(&wrong, "").unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.line >= 2 && error.file == LIMITS);
        }
        let error = read(good, "2\t0123456789abcdef\t2026-11-27\tfirst\n").unwrap_err();
        assert_eq!((error.file, error.line), (VERSIONS, 2));
        assert!(Table::of("other\n", HEADS[1], HEADS[2]).is_err());
    }

    #[test]
    fn the_digest_follows_from_names_and_values_alone() {
        let good = "a.b\tf32\t0.5\tbits\twhat\tchosen\tset\t-\t2026-11-27\twords\n";
        let digest = |text: &str| read(text, "").expect("it is right").digest();
        assert_eq!(digest(good), digest(&good.replace("words", "better words")));
        assert_ne!(digest(good), digest(&good.replace("0.5", "0.51")));
        assert_ne!(digest(good), digest(&good.replace("a.b", "a.c")));
    }
}
