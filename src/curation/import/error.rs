//! Why a list was not imported.
//!
//! The messages name causes. What an option of a program would change says that program.

use crate::curation::bundle::TrustError;
use crate::curation::import::guard::TooMuchChange;
use crate::hashset::{DetectError, HashsetError, ListFormat};
use crate::store::StoreError;
use std::io;

/// Why a list was not imported. Unless it says otherwise, nothing is changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The list is to be read by its source's ids, or is all that its source has, and what the source is
    /// called is not said.
    #[error(
        "the source of the list has no name, and its records cannot be known again without one"
    )]
    NoSource,
    /// The list could not be opened, read or kept meanwhile.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nothing is in it.
    #[error("the list is empty")]
    Empty,
    /// Its beginning does not tell its format.
    #[error(transparent)]
    Format(#[from] DetectError),
    /// Columns were mapped, and it has none.
    #[error("a list of the format {format} has no columns that could be mapped")]
    NoColumns {
        /// Its format.
        format: ListFormat,
    },
    /// A compressed bundle could not be unpacked.
    #[error("cannot be unpacked")]
    Unpack {
        /// What is wrong.
        source: io::Error,
    },
    /// A bundle has more bytes, unpacked, than [`ImportOptions::max_unpacked`](crate::curation::import::ImportOptions::max_unpacked)
    /// says.
    #[error("the bundle has more than {most} bytes when it is unpacked, and no more are taken")]
    TooLarge {
        /// The most bytes that it may have.
        most: u64,
    },
    /// It is a bundle that is not to be trusted; or the note could not be written that it was taken, and
    /// then its entries are in the bank.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It would change more of the bank than it may.
    #[error(transparent)]
    TooMuchChange(#[from] TooMuchChange),
    /// It could not be read to its end. What came before is in the bank.
    #[error(transparent)]
    List(#[from] HashsetError),
    /// The store failed on the way. What came before is in the bank, and the same list again brings the
    /// rest.
    #[error("what came before it is in the bank; run it again for the rest")]
    Partly {
        /// What failed.
        source: StoreError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
