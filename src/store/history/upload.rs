//! What the history keeps, as values: uploads with their hashes, and for how long.

use crate::bank::Action;
use crate::clock::DAY;
use crate::hash::{Quality, Signal, Variant};
use crate::store::history::HistoryError;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Days after which an upload is forgotten; of those that are kept already too.
    pub days: u32,
    /// Most hashes of one upload.
    pub hashes: u32,
    /// Whether uploads' names are kept.
    pub names: bool,
}

impl Settings {
    /// Most days.
    pub const MAX_DAYS: u32 = 3_650;
    /// Most hashes of one upload.
    pub const MAX_HASHES: u32 = 2_048;

    /// Whether they are within their bounds.
    ///
    /// # Errors
    /// [`HistoryError::Setting`].
    pub fn check(&self) -> Result<(), HistoryError> {
        for (what, given, most) in [
            ("number of days", self.days, Self::MAX_DAYS),
            ("number of hashes", self.hashes, Self::MAX_HASHES),
        ] {
            if !(1..=most).contains(&given) {
                let least = 1;
                return Err(HistoryError::Setting {
                    what,
                    given,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }

    /// The last second whose uploads are expired at a time.
    pub(super) fn expired_up_to(&self, now: u64) -> Option<u64> {
        now.checked_sub(u64::from(self.days) * DAY)
    }
}

/// From which revision of the store on its entries are news to the uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The revision that the index showed by which the uploads were judged.
    pub revision: u64,
    /// Its mark, where the index has one.
    pub mark: Option<u64>,
}

/// One hash of an upload, and which form of it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadHash {
    /// The hash.
    pub signal: Signal,
    /// PDQ quality.
    pub quality: Option<Quality>,
    /// The form.
    pub variant: Variant,
    /// How much of the picture is flat, in hundredths, where that is known.
    pub flatness: Option<u8>,
    /// Whether it is but a small part of the upload.
    pub is_small: bool,
    /// Whether it is so little of it that patterns are met there.
    pub is_minor: bool,
    /// Whether it is a guess at an original.
    pub is_guess: bool,
    /// Whether black stands for white.
    pub inverted: bool,
}

/// An upload that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// When it was judged: seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Its number, given by [`History::remember`](crate::store::History::remember).
    pub number: u64,
    /// How it was named, where names are kept.
    pub name: Option<String>,
    /// The name's bytes in hexadecimal, where it is no UTF-8.
    pub name_hex: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// The generation of the index that judged it.
    pub generation: u64,
    /// The store's revision that this showed.
    pub revision: u64,
    /// What became of it, by name.
    pub outcome: String,
    /// What policy said to do.
    pub action: Option<Action>,
    /// Its hashes.
    pub hashes: Vec<UploadHash>,
    /// Hashes that there was no room for.
    pub left_out: u32,
}
