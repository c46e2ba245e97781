//! index

use crate::bank::{BankId, ContentId};
use crate::hash::{Quality, Signal};

/// One hash of one content item, as an index takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRecord {
    /// The bank that the item is in.
    pub bank: BankId,
    /// The item.
    pub content: ContentId,
    /// Its hash.
    pub signal: Signal,
    /// The hash's quality, where known.
    pub quality: Option<Quality>,
}
