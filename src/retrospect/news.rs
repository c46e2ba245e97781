//! What has come since the uploads were judged, as a small index of its own.

use crate::index::{Index, PublishOptions, publish};
use crate::retrospect::RetroError;
use crate::store::{HistoryBase, Snapshot};
use std::fmt;
use std::path::Path;

/// Where more than one in so many entries is news, the index in force is asked itself.
const LARGE_SHARE: u64 = 4;
/// What the names of folders begin with in which news are indexed.
const FOLDER: &str = "retro-";

/// From when on entries are news.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub enum Since<'a> {
    /// From where the last one ended, or from the index that judged the uploads.
    #[default]
    LastTime,
    /// From this generation of the index on.
    Generation {
        /// Its number.
        generation: u64,
        /// Finds which revision of the store a generation shows, in the note of what was published when.
        revision_of: &'a RevisionOf<'a>,
    },
    /// All entries count, old ones too.
    Everything,
}

/// Finds which revision of the store a generation shows; `None` where nobody noted that.
type RevisionOf<'a> =
    dyn Fn(u64) -> Result<Option<u64>, Box<dyn std::error::Error + Send + Sync>> + 'a;

impl fmt::Debug for Since<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastTime => f.write_str("LastTime"),
            Self::Generation { generation, .. } => write!(f, "Generation({generation})"),
            Self::Everything => f.write_str("Everything"),
        }
    }
}

/// What the uploads were held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// Nothing: nothing has come.
    Nothing,
    /// So many hashes that have come.
    Hashes(u64),
    /// All entries of the index in force, and why.
    All(WhyAll),
}

/// Why the uploads were held against all entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyAll {
    /// That was asked for.
    Asked,
    /// The store does not know any more what has changed since.
    NotLogged,
    /// A large share of the entries is news.
    LargeShare,
    /// The index in force was not published from this store.
    OtherStore,
}

impl fmt::Display for WhyAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "that was asked for",
            Self::NotLogged => "the store's log of changes does not reach back",
            Self::LargeShare => "more than a quarter of the entries has changed",
            Self::OtherStore => "the index in force is not of this home's store",
        })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing has come since"),
            Self::Hashes(hashes) => write!(f, "{hashes} hashes have come"),
            Self::All(why) => write!(f, "all entries, since {why}"),
        }
    }
}

/// What has come, and the index of it where it has one of its own.
pub(super) struct Indexed {
    pub(super) news: News,
    /// Let go of before its folder goes.
    pub(super) index: Option<Index>,
    _folder: Option<tempfile::TempDir>,
}

impl Indexed {
    /// News without an index of their own.
    pub(super) const fn bare(news: News) -> Self {
        Self {
            news,
            index: None,
            _folder: None,
        }
    }

    /// What has come since the uploads were judged. `base`: where the last one ended. Folders are made
    /// in `scratch`.
    pub(super) fn of(
        since: Since<'_>,
        base: Option<HistoryBase>,
        snapshot: &Snapshot<'_>,
        scratch: &Path,
    ) -> Result<Self, RetroError> {
        let base = match (since, base) {
            (Since::Everything, _) => return Ok(Self::bare(News::All(WhyAll::Asked))),
            (
                Since::Generation {
                    generation,
                    revision_of,
                },
                _,
            ) => {
                let revision = revision_of(generation).map_err(RetroError::Ledger)?;
                let revision = revision.ok_or(RetroError::NotNoted { generation })?;
                let mark = snapshot.mark_of(revision)?;
                HistoryBase { revision, mark }
            }
            (Since::LastTime, Some(base)) => base,
            (Since::LastTime, None) => return Ok(Self::bare(News::Nothing)),
        };
        let changes = match base.mark {
            Some(mark) => snapshot.changes_since(base.revision, mark)?,
            None => None,
        };
        let Some(changes) = changes else {
            return Ok(Self::bare(News::All(WhyAll::NotLogged)));
        };
        let mut active = 0u64;
        for bank in &snapshot.banks {
            active += snapshot.counts(bank.id)?.active;
        }
        if changes.items() == 0 {
            return Ok(Self::bare(News::Nothing));
        }
        if changes.items().saturating_mul(LARGE_SHARE) > active {
            return Ok(Self::bare(News::All(WhyAll::LargeShare)));
        }
        let folder = tempfile::Builder::new().prefix(FOLDER).tempdir_in(scratch);
        let folder = folder.map_err(|source| RetroError::Io {
            doing: "make a folder in",
            path: scratch.to_owned(),
            source,
        })?;
        let records = changes.records()?;
        let options = PublishOptions::default();
        let published = publish(folder.path(), &snapshot.banks, records, &options)?;
        if published.hashes == 0 {
            return Ok(Self::bare(News::Nothing));
        }
        Ok(Self {
            news: News::Hashes(published.hashes),
            index: Some(Index::open(folder.path())?),
            _folder: Some(folder),
        })
    }
}

/// Removes what one that was killed has left in `scratch`: only one runs at a time.
pub(super) fn remove_left_over(scratch: &Path) -> Result<(), RetroError> {
    let failed = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| RetroError::Io {
            doing,
            path,
            source,
        }
    };
    for entry in std::fs::read_dir(scratch).map_err(failed("read", scratch))? {
        let entry = entry.map_err(failed("read", scratch))?;
        if entry.file_name().to_string_lossy().starts_with(FOLDER) {
            let path = entry.path();
            std::fs::remove_dir_all(&path)
                .map_err(failed("remove what an earlier retro left:", &path))?;
        }
    }
    Ok(())
}
