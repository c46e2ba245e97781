//! What a column of a CSV list, or a field of a JSON Lines list, means: by its name, or as the user
//! says.

use crate::hash::SignalType;
use crate::hashset::UnknownColumn;
use crate::hashset::algorithm::{self, Algorithm};
use std::str::FromStr;

/// What one column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    /// The signal type of the row's value.
    Type {
        /// What the column is called.
        name: String,
        /// Whether it can be nothing else: a `type` may also say whether it is a video.
        is_sure: bool,
    },
    /// A hash of the type that the row names, or else of the type that its length says.
    Value,
    /// The same, where no other column holds hashes.
    MayBeValue(String),
    /// A hash of this type.
    Named(SignalType),
    /// A signal of a kind that cannot be computed here.
    Opaque(String),
    /// The quality of the row's PDQ hash.
    Quality,
    /// One label.
    Label,
    /// Several labels.
    Labels(Split),
    /// The source's own id of the record.
    RecordId,
    /// Anything else: kept as `name=value`.
    Metadata(String),
}

/// How the labels of a column are parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// By `,`, `;` and `|`.
    Marks,
    /// By these and by blanks, as the tags of a python-threatexchange dataset are.
    MarksAndBlanks,
}

impl Split {
    /// Gives each label that is not empty.
    pub(super) fn labels(self, text: &str, mut each: impl FnMut(&str)) {
        let ends = |c: char| {
            matches!(c, ',' | ';' | '|') || (self == Self::MarksAndBlanks && c.is_whitespace())
        };
        let labels = text.split(ends).map(str::trim);
        labels.filter(|label| !label.is_empty()).for_each(&mut each);
    }
}

impl Column {
    /// What a column of this name means where nobody says otherwise.
    fn named(name: &str) -> Self {
        let plain = algorithm::plain(name);
        let kind = |is_sure| Self::Type {
            name: name.to_owned(),
            is_sure,
        };
        match plain.as_str() {
            "signaltype" | "hashtype" | "digesttype" | "algorithm" | "algo" | "hashalgorithm"
            | "hashalgo" | "hashingalgorithm" | "digestalgorithm" | "hashfunction" | "hashkind"
            | "signalkind" | "hashname" | "algorithmus" | "hashtyp" => kind(true),
            "type" | "kind" | "typ" => kind(false),
            "signalstr" | "value" | "hash" | "signal" => Self::Value,
            "hashvalue" | "hashdigest" | "hashstring" | "hashhex" | "hashcode" | "hashsum"
            | "filehash" | "digest" | "digestvalue" | "hexdigest" | "checksum" | "signalvalue"
            | "indicator" | "fingerprint" | "hashwert" => Self::MayBeValue(name.to_owned()),
            "quality" | "pdqquality" | "hashquality" => Self::Quality,
            "label" | "category" => Self::Label,
            "labels" | "categories" => Self::Labels(Split::Marks),
            "tag" | "tags" => Self::Labels(Split::MarksAndBlanks),
            "id" | "recordid" => Self::RecordId,
            _ => match Algorithm::named(name) {
                Some(Algorithm::Known(kind)) => Self::Named(kind),
                Some(Algorithm::PhotoDna) => Self::Opaque("photodna".to_owned()),
                Some(Algorithm::Foreign) | None => Self::Metadata(name.to_owned()),
            },
        }
    }
}

/// What the user says that a column means: `MEANING=COLUMN`.
///
/// ```
/// use hashgate::hashset::ColumnMapping;
/// assert!("pdq=hash_field".parse::<ColumnMapping>().is_ok());
/// let error = "hash_field".parse::<ColumnMapping>().unwrap_err().to_string();
/// assert!(error.contains("MEANING=COLUMN"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    means: Column,
    column: String,
}

impl FromStr for ColumnMapping {
    type Err = UnknownColumn;
    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        let unknown = || UnknownColumn {
            given: text.to_owned(),
        };
        let (meaning, column) = text.split_once('=').ok_or_else(unknown)?;
        let (meaning, column) = (meaning.trim(), column.trim());
        let means = match meaning.to_ascii_lowercase().as_str() {
            "type" => Column::Type {
                name: column.to_owned(),
                is_sure: true,
            },
            "value" | "hash" => Column::Value,
            "quality" => Column::Quality,
            "label" => Column::Label,
            "labels" => Column::Labels(Split::Marks),
            "tags" => Column::Labels(Split::MarksAndBlanks),
            "id" => Column::RecordId,
            "photodna" => Column::Opaque("photodna".to_owned()),
            "metadata" => Column::Metadata(column.to_owned()),
            _ => Column::Named(algorithm::signal_type(meaning).ok_or_else(unknown)?),
        };
        if column.is_empty() {
            return Err(unknown());
        }
        Ok(Self {
            means,
            column: column.to_owned(),
        })
    }
}

/// What the columns of a list mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ColumnMap<'a>(pub(super) &'a [ColumnMapping]);

impl ColumnMap<'_> {
    /// What a column means.
    pub(super) fn column(&self, name: &str) -> Column {
        let said = self
            .0
            .iter()
            .find(|said| said.column.eq_ignore_ascii_case(name));
        said.map_or_else(|| Column::named(name), |said| said.means.clone())
    }

    /// A column that the user named and that is not among these.
    pub(super) fn missing(&self, names: &[&str]) -> Option<&str> {
        let is_there = |said: &&ColumnMapping| {
            names
                .iter()
                .any(|name| name.trim().eq_ignore_ascii_case(&said.column))
        };
        let missing = self.0.iter().find(|said| !is_there(said));
        missing.map(|said| said.column.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_the_names_that_lists_give_them() {
        let sure = [
            "signal_type",
            "Hash Type",
            "hash_type",
            "HASHTYPE",
            "Algorithm",
            "ALGO",
            "Signal type",
            "hash-algorithm",
        ];
        for (names, is_sure) in [(&sure[..], true), (&["Type", "KIND"][..], false)] {
            for &name in names {
                let name_of = name.to_owned();
                let want = Column::Type {
                    name: name_of,
                    is_sure,
                };
                assert_eq!(Column::named(name), want, "{name}");
            }
        }
        for (kind, names) in [
            (SignalType::Md5, ["MD5", "MD5 Hash", "Hash (MD5)", "md5sum"]),
            (
                SignalType::Sha1,
                ["SHA1", "SHA-1", "sha1 hash", "Hash SHA-1"],
            ),
            (
                SignalType::Sha256,
                ["SHA256", "SHA-256", "sha_256", "SHA2-256"],
            ),
            (
                SignalType::Pdq,
                ["PDQ", "pdq_hash", "Hash (PDQ)", "PDQ Hash"],
            ),
        ] {
            for name in names {
                assert_eq!(Column::named(name), Column::Named(kind), "{name}");
            }
        }
        assert_eq!(Column::named("Hash"), Column::Value);
        assert_eq!(Column::named("PDQ Quality"), Column::Quality);
        assert_eq!(
            Column::named("PhotoDNA Hash"),
            Column::Opaque("photodna".into())
        );
        for name in ["Hash Value", "digest", "CHECKSUM"] {
            assert_eq!(Column::named(name), Column::MayBeValue(name.into()));
        }
        for name in [
            "Media Type",
            "MD5 match",
            "SHA-512",
            "Image ID",
            "hash,value",
            "",
        ] {
            assert_eq!(Column::named(name), Column::Metadata(name.into()));
        }
    }
}
