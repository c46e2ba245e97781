//! What is in force in an index folder, as a publisher asks before it decides what to publish.

use crate::bank::{Bank, UnreadPolicy};
use crate::index::manifest::Manifest;
use crate::index::{Carried, IndexError};
use std::path::Path;

/// What the manifest in force says of where its generation came from. Reading it opens no segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The generation's number.
    pub generation: u64,
    /// The revision of the store that it was published from.
    pub store_revision: u64,
    /// The mark of that revision, where the publisher gave one.
    pub store_mark: Option<u64>,
    /// What it carries of its entries besides hashes.
    pub carried: Carried,
    /// What is done about uploads that pass, where a part of them was not looked at.
    pub unread: Option<UnreadPolicy>,
    /// The banks and their policies.
    pub banks: Vec<Bank>,
}

impl Base {
    /// Reads it from an index folder.
    ///
    /// # Errors
    /// [`IndexError::NotPublished`] where the folder holds no manifest; otherwise what is wrong
    /// with the manifest.
    pub fn read(folder: &Path) -> Result<Self, IndexError> {
        let manifest = Manifest::read(folder)?;
        Ok(Self {
            generation: manifest.generation,
            store_revision: manifest.store_revision,
            store_mark: manifest.store_mark,
            carried: manifest.carried,
            unread: manifest.unread,
            banks: manifest.banks,
        })
    }
}
