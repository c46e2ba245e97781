//! The list formats and their names.

use crate::hashset::UnknownListFormat;
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
}

impl ListFormat {
    /// Every format.
    pub const ALL: [Self; 6] = [
        Self::PdqLines,
        Self::Typed,
        Self::Csv,
        Self::Md5Lines,
        Self::Sha1Lines,
        Self::Sha256Lines,
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
        }
    }
}

impl FromStr for ListFormat {
    type Err = UnknownListFormat;
    fn from_str(text: &str) -> Result<Self, UnknownListFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownListFormat {
                given: text.to_owned(),
            })
    }
}

impl fmt::Display for ListFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
