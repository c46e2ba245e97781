//! The kinds of hash and of content by HMA's names, and hashes as its clients write them.

use crate::hash::{Distance, Family, Signal, SignalType, Threshold};
use crate::service::hma::Refusal;

/// A kind of hash by the name that a client used: MD5 goes by `video_md5` there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) of: SignalType,
}

/// MD5 of a file's bytes, by HMA's name.
pub(super) const VIDEO_MD5: Kind = Kind {
    name: "video_md5",
    of: SignalType::Md5,
};
/// PDQ.
pub(super) const PDQ: Kind = Kind {
    name: SignalType::Pdq.name(),
    of: SignalType::Pdq,
};

impl Kind {
    /// The kind of this name, as it is spelled.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name == VIDEO_MD5.name {
            return Some(VIDEO_MD5);
        }
        let mut all = SignalType::ALL.into_iter();
        let of = all.find(|kind| kind.name() == name)?;
        Some(Self {
            name: of.name(),
            of,
        })
    }

    /// How far a match may be: HMA's 31 bits of PDQ, equality of digests, and for other kinds the usual threshold.
    pub(super) const fn radius(self) -> Distance {
        match self.of.family() {
            Family::Pdq => Distance(31),
            Family::Hash64 => Distance(Threshold::HASH64_DEFAULT.0),
            Family::Digest => Distance(0),
        }
    }

    /// A hash of this kind; capital digits do no harm.
    pub(super) fn read(self, text: &str) -> Option<Signal> {
        let text = match self.of {
            SignalType::Pdq => text,
            _ => text.trim(),
        };
        Signal::from_hex(self.of, &text.to_ascii_lowercase()).ok()
    }

    /// As [`Kind::read`], for a lookup.
    pub(super) fn read_or_refuse(self, text: &str) -> Result<Signal, Refusal> {
        self.read(text).ok_or_else(|| {
            let what = match self.of {
                SignalType::Pdq => "PDQ hash".to_owned(),
                _ => format!("{} hash", self.name),
            };
            Refusal::bad(format!("invalid signal: invalid {what}"))
        })
    }
}

/// What an upload is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Photo,
    Video,
}

impl Content {
    pub(super) fn named(name: &str) -> Result<Self, Refusal> {
        match name {
            "photo" => Ok(Self::Photo),
            "video" => Ok(Self::Video),
            _ => Err(Refusal::bad(format!("no such content_type: '{name}'"))),
        }
    }

    /// The kinds that are computed of it: those that are named, or the usual ones. Of a video only its bytes are read.
    pub(super) fn kinds(
        self,
        named: Option<&[&str]>,
        of_photos: &[SignalType],
    ) -> Result<Vec<Kind>, Refusal> {
        let mut kinds: Vec<Kind> = Vec::new();
        let Some(named) = named else {
            if self == Self::Video {
                return Ok(vec![VIDEO_MD5]);
            }
            for &of in of_photos {
                let name = of.name();
                if !kinds.iter().any(|kind| kind.of == of) {
                    kinds.push(Kind { name, of });
                }
            }
            return Ok(kinds);
        };
        for name in named
            .iter()
            .map(|name| name.trim())
            .filter(|name| !name.is_empty())
        {
            let fits = |kind: &Kind| self == Self::Photo || kind.of.family() == Family::Digest;
            let kind = Kind::named(name).filter(fits).ok_or_else(|| {
                Refusal::bad(format!("signal type '{name}' doesn't exist or is disabled"))
            })?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        match kinds.is_empty() {
            true => Err(Refusal::bad("empty signal type selection")),
            false => Ok(kinds),
        }
    }
}
