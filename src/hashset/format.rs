//! The list formats and their names.

use std::fmt;
use std::str::FromStr;

/// A format of hash lists that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ListFormat {
    /// `pdq`: a PDQ hash a line, then what else is known of it: `hex`, `hex,metadata`, and as the
    /// PDQ command-line tools print it `hex,quality,filename` and `hash=hex,…,quality=…,…`.
    PdqLines,
    /// `tx`: `type hex` or `type:hex` a line, and bare hex where its length says the type: the
    /// local file of python-threatexchange.
    Typed,
    /// `csv`: columns named by a header line.
    Csv,
    /// `md5`: an MD5 digest a line, then what else is known of it, as `md5sum` prints.
    Md5Lines,
    /// `sha1`: a SHA-1 digest a line, as `sha1sum` prints.
    Sha1Lines,
    /// `sha256`: a SHA-256 digest a line, as `sha256sum` prints.
    Sha256Lines,
    /// `jsonl`: a JSON object a record.
    JsonLines,
    /// `ncmec`: XML of NCMEC's hash-sharing API, version 2.
    Ncmec,
    /// `stopncii`: JSON of StopNCII.org.
    StopNcii,
    /// `threatexchange`: JSON of Meta's ThreatExchange.
    ThreatExchange,
    /// `tat`: JSON of Tech Against Terrorism.
    TechAgainstTerrorism,
    /// `vics`: JSON of Project VIC and others in the VICS data model, 1.3 and 2.0.
    Vics,
    /// `bundle`: hashgate's own hash set bundle.
    Bundle,
}

impl ListFormat {
    /// Every format.
    pub const ALL: [Self; 13] = [
        Self::PdqLines,
        Self::Typed,
        Self::Csv,
        Self::Md5Lines,
        Self::Sha1Lines,
        Self::Sha256Lines,
        Self::JsonLines,
        Self::Ncmec,
        Self::StopNcii,
        Self::ThreatExchange,
        Self::TechAgainstTerrorism,
        Self::Vics,
        Self::Bundle,
    ];

    /// The name, as typed on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PdqLines => "pdq",
            Self::Typed => "tx",
            Self::Csv => "csv",
            Self::Md5Lines => "md5",
            Self::Sha1Lines => "sha1",
            Self::Sha256Lines => "sha256",
            Self::JsonLines => "jsonl",
            Self::Ncmec => "ncmec",
            Self::StopNcii => "stopncii",
            Self::ThreatExchange => "threatexchange",
            Self::TechAgainstTerrorism => "tat",
            Self::Vics => "vics",
            Self::Bundle => "bundle",
        }
    }

    /// Whether each record has its source's own id and says whether the source still has it:
    /// such a list is a change to what was known, and an import of it a sync.
    #[must_use]
    pub const fn is_exchange(self) -> bool {
        matches!(
            self,
            Self::Ncmec
                | Self::StopNcii
                | Self::ThreatExchange
                | Self::TechAgainstTerrorism
                | Self::Bundle
        )
    }

    /// Whether a column mapping can be given for it.
    #[must_use]
    pub const fn has_columns(self) -> bool {
        matches!(self, Self::Csv | Self::JsonLines)
    }
}

impl FromStr for ListFormat {
    type Err = UnknownListFormat;
    fn from_str(text: &str) -> Result<Self, UnknownListFormat> {
        UnknownListFormat::or_named(&Self::ALL, Self::name, text)
    }
}

impl fmt::Display for ListFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no list format goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a list format; known are {known}")]
pub struct UnknownListFormat {
    /// What was given.
    pub given: String,
    /// The names that are known.
    pub known: String,
}

impl UnknownListFormat {
    /// The format of this name, in any case.
    pub(super) fn or_named<T: Copy>(
        all: &[T],
        name: impl Fn(T) -> &'static str,
        text: &str,
    ) -> Result<T, Self> {
        let mut found = all.iter().copied();
        let found = found.find(|&format| name(format).eq_ignore_ascii_case(text));
        found.ok_or_else(|| Self {
            given: text.to_owned(),
            known: all
                .iter()
                .map(|&format| name(format))
                .collect::<Vec<_>>()
                .join(", "),
        })
    }
}
