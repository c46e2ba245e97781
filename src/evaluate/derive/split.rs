//! Which pictures may choose a limit: the split by content, and the manifests that say where pictures come from.
//!
//! Owns the rule of the split and the form of a manifest. Refuses to fetch anything.

use super::super::corpus::{self, CorpusFile, Original};
use super::super::plan::Plan;
use crate::gate::read_file;
use crate::hash::hex;
use crate::media::Limits;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// What a picture may be used for. By the SHA-256 of its file: of a hundred parts train has 50, tune 20, test 30.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Limits follow from it.
    Train,
    /// Limits follow from it too; it is apart so that a criterion can be tried on it.
    Tune,
    /// It chooses nothing: what is measured on it is held out.
    Test,
}

impl Split {
    /// The split of a file of this SHA-256.
    #[must_use]
    pub fn of(sha256: &[u8; 32]) -> Self {
        let first = sha256.first_chunk::<8>().copied().unwrap_or_default();
        match u64::from_be_bytes(first) % 100 {
            0..50 => Self::Train,
            50..70 => Self::Tune,
            _ => Self::Test,
        }
    }

    /// The word in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Tune => "tune",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A picture of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The package that it is in.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// Its path below the folder of the corpus.
    pub path: String,
    /// The SHA-256 of its file.
    pub sha256: [u8; 32],
    /// What it may be used for.
    pub split: Split,
}

/// A corpus as a list: tab-separated columns `package`, `version`, `path`, `sha256`, `split`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The pictures, in the order of the list.
    pub pictures: Vec<Listed>,
}

/// What is wrong with a manifest, or with the files that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A line is not as it has to be.
    #[error("line {line} of the manifest: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong, and the repair.
        reason: String,
    },
    /// A file is not the one that is listed.
    #[error("{path} is not the file of the manifest: {reason}; fetch the corpus again")]
    File {
        /// The file, below the corpus.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

const HEADER: &str = "package\tversion\tpath\tsha256\tsplit";
/// Most pictures of a manifest.
const MOST: usize = 1 << 20;

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError::Line`]: a line without its five fields, a path that leaves the folder, a digest that is none, a
    /// split that does not follow from the digest, a path twice, more than 1,048,576 lines.
    pub fn read(text: &str) -> Result<Self, ManifestError> {
        let wrong = |line, reason: String| ManifestError::Line { line, reason };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            let columns = HEADER.replace('\t', ", ");
            return Err(wrong(
                1,
                format!("begin with the columns {columns}, tabs between them"),
            ));
        }
        let mut seen = BTreeMap::new();
        let mut pictures = Vec::new();
        for (line, text) in (2..).zip(lines) {
            if pictures.len() >= MOST {
                return Err(wrong(line, format!("more than {MOST} pictures: divide it")));
            }
            let fields: Vec<&str> = text.split('\t').collect();
            let [package, version, path, sha256, split] = fields[..] else {
                return Err(wrong(line, format!("{} fields, not five", fields.len())));
            };
            let is_inside = !path.is_empty()
                && Path::new(path)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
            if !is_inside {
                return Err(wrong(line, format!("{path:?} is no path below the corpus")));
            }
            let digest: [u8; 32] = hex::decode(sha256)
                .map_err(|error| wrong(line, format!("{sha256:?} is no SHA-256: {error}")))?;
            let due = Split::of(&digest);
            if split != due.name() {
                let reason = format!("the split {split:?}: by its digest it is {due}");
                return Err(wrong(line, reason));
            }
            if let Some(first) = seen.insert(path, line) {
                return Err(wrong(line, format!("{path} is in line {first} too")));
            }
            pictures.push(Listed {
                package: package.to_owned(),
                version: version.to_owned(),
                path: path.to_owned(),
                sha256: digest,
                split: due,
            });
        }
        Ok(Self { pictures })
    }

    /// The files of a folder that it names, each with the digest that is listed.
    ///
    /// # Errors
    /// [`ManifestError::File`] where one is missing or another, so that nothing is derived from what nobody listed.
    pub fn files(&self, folder: &Path) -> Result<Vec<CorpusFile>, ManifestError> {
        let most = Limits::default().max_file_bytes;
        let file = |listed: &Listed| {
            let path = folder.join(&listed.path);
            let wrong = |reason: String| ManifestError::File {
                path: listed.path.clone(),
                reason,
            };
            let mut bytes = Vec::new();
            read_file(&path, most, &mut bytes).map_err(|problem| wrong(problem.message))?;
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            if digest != listed.sha256 {
                return Err(wrong("its SHA-256 is another".to_owned()));
            }
            Ok(CorpusFile {
                path,
                name: listed.path.clone(),
            })
        };
        self.pictures.par_iter().map(file).collect()
    }
}

/// What each picture may be used for, and which are the same picture.
pub(super) struct Splits {
    /// By the numbers of the pictures. A picture of which another file is in test is in test too.
    pub(super) splits: Vec<Split>,
    /// For each picture, the numbers of those that are the same, itself among them, sorted.
    pub(super) same: Vec<Vec<u32>>,
}

pub(super) fn of(originals: &[Original], plan: &Plan) -> Splits {
    let seen: BTreeMap<_, _> = (plan.looked_at.iter())
        .flat_map(|pair| {
            let (one, other) = (pair.picture.0, pair.entry.0);
            [((one, other), pair.same), ((other, one), pair.same)]
        })
        .collect();
    let is_same = |one: &Original, other: &Original| {
        let saw = seen.get(&(one.pdq.0, other.pdq.0)).copied();
        saw.unwrap_or_else(|| corpus::apart(one, &other.pdq) <= plan.same_within)
    };
    let same: Vec<Vec<u32>> = originals
        .par_iter()
        .map(|one| {
            let others = (0..).zip(originals);
            // Nearly symmetric: the forms of one are not quite those of the other.
            let others = others.filter(|(_, other)| is_same(one, other) || is_same(other, one));
            others.map(|(place, _)| place).collect()
        })
        .collect();
    let own: Vec<Split> = (originals.iter())
        .map(|original| Split::of(&original.digest))
        .collect();
    let strictest = |places: &Vec<u32>, own_split: Split| {
        let splits = places.iter().filter_map(|&place| own.get(place as usize));
        match splits.into_iter().any(|split| *split == Split::Test) {
            true => Split::Test,
            false => own_split,
        }
    };
    Splits {
        splits: (same.iter().zip(&own))
            .map(|(places, own)| strictest(places, *own))
            .collect(),
        same,
    }
}

/// Which pictures they are.
pub(super) fn digest_of(originals: &[Original]) -> String {
    let mut digest = Sha256::new();
    for original in originals {
        digest.update(original.digest);
    }
    hex::encode(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, first: u8, split: &str) -> String {
        let mut digest = [0; 32];
        digest[7] = first;
        format!(
            "clip-art\t1.0-1\t{path}\t{}\t{split}\n",
            hex::encode(&digest)
        )
    }

    #[test]
    fn a_manifest_is_read_and_its_faults_are_named() {
        let text = format!(
            "{HEADER}\n{}{}{}",
            line("a/b.png", 0, "train"),
            line("c.png", 60, "tune"),
            line("d.png", 99, "test")
        );
        let read = Manifest::read(&text).expect("it is right");
        assert_eq!(read.pictures.len(), 3);
        assert_eq!(read.pictures[1].split, Split::Tune);
        for (wrong, says) in [
            (line("a.png", 0, "test"), "it is train"),
            (line("../a.png", 0, "train"), "no path below"),
            (line("/a.png", 0, "train"), "no path below"),
            (
                line("a.png", 0, "train").replace("0000", "zz00"),
                "no SHA-256",
            ),
            (line("a.png", 0, "train").repeat(2), "in line 2 too"),
            ("a\tb\n".to_owned(), "2 fields"),
        ] {
            let error = Manifest::read(&format!("{HEADER}\n{wrong}")).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(Manifest::read("").is_err());
    }

    #[test]
    fn files_are_those_that_are_listed_or_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.png"), b"picture").expect("it is written");
        let digest: [u8; 32] = Sha256::digest(b"picture").into();
        let split = Split::of(&digest);
        let text = format!("{HEADER}\np\t1\ta.png\t{}\t{split}\n", hex::encode(&digest));
        let manifest = Manifest::read(&text).expect("it is right");
        assert_eq!(manifest.files(folder.path()).expect("it is there").len(), 1);
        std::fs::write(folder.path().join("a.png"), b"another").expect("it is written");
        let error = manifest.files(folder.path()).unwrap_err();
        assert!(
            error.to_string().contains("fetch the corpus again"),
            "{error}"
        );
    }

    #[test]
    fn half_of_all_digests_are_train_and_three_tenths_test() {
        let mut counts = BTreeMap::new();
        for number in 0..10_000u32 {
            let digest: [u8; 32] = Sha256::digest(number.to_le_bytes()).into();
            *counts.entry(Split::of(&digest)).or_insert(0u32) += 1;
        }
        assert!(
            (4_800..5_200).contains(&counts[&Split::Train]),
            "{counts:?}"
        );
        assert!((2_800..3_200).contains(&counts[&Split::Test]), "{counts:?}");
    }
}
